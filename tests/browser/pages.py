# SPDX-License-Identifier: Apache-2.0
"""Horizon's pages as a person uses them."""

from __future__ import annotations

from typing import Any


def log_in(page: Any, url: str, user: str, password: str) -> None:
    """Log in; the page after it is there when this returns."""
    page.goto(f"{url}/auth/login/")
    page.fill("#id_username", user)
    page.fill("#id_password", password)
    page.click("#loginBtn")
    page.wait_for_url(lambda address: "/auth/login" not in address)


def requests_of(page: Any, part: str) -> list[str]:
    """Note each request of this page whose address has the part in it."""
    found: list[str] = []
    page.on("request", lambda r: found.append(f"{r.method} {r.url}")
            if f"/api/{part}" in r.url else None)
    return found


def open_tab(page: Any, url: str, server_id: str) -> Any:
    """Open an instance's tab; return its place once it says something."""
    page.goto(f"{url}/project/instances/{server_id}/")
    page.click("ul.nav-tabs a:has-text('Trusted launch')")
    place = page.locator(".trusted-launch-instance")
    place.locator(".alert").first.wait_for()
    return place


def details(page: Any, url: str, path: str) -> str:
    """Open a page; return its text."""
    page.goto(f"{url}{path}")
    return page.locator("#content_body").inner_text()


class Dialog:
    """The dialog "Launch Instance", opened from the table of instances."""

    def __init__(self, page: Any, url: str) -> None:
        self.page = page
        page.goto(f"{url}/project/instances/")
        self.open()

    def open(self) -> None:
        """Open it; its steps are there when this returns."""
        self.page.click("#instances__action_launch-ng")
        self._step("Trusted Launch").wait_for()
        self.page.locator(".trusted-launch-step").wait_for(state="attached")
        self.page.wait_for_load_state("networkidle")

    def cancel(self) -> None:
        """Close it."""
        self.page.click(".ng-wizard .modal-footer button:has-text('Cancel')")
        self.page.locator(".ng-wizard").wait_for(state="detached")

    def _step(self, title: str) -> Any:
        return self.page.locator(
            f".ng-wizard .nav-item a:has-text('{title}')").first

    def go(self, title: str) -> None:
        """Go to a step."""
        self._step(title).click()

    def choose(self, step: str, name: str) -> None:
        """Take a row of a step's table of what is available."""
        self.go(step)
        # The row of exactly that name: "m1" is a part of "m1.large".
        row = self.page.locator(".step:not(.ng-hide) tr").filter(
            has=self.page.get_by_text(name, exact=True))
        missing = self._step(step).locator(".hz-icon-required:not(.ng-hide)")
        # Horizon makes its lists again when an answer comes late.
        for _attempt in range(10):
            row.locator("button:visible").last.click()
            self.page.wait_for_timeout(500)
            if not missing.count():
                return
        raise AssertionError(f"{step}: {name} can not be chosen")

    def fill(self, name: str, image: str, flavor: str) -> None:
        """Fill in what every launch needs; the only network is chosen."""
        self.page.fill("input[name=name]", name)
        self.choose("Source", image)
        self.choose("Flavor", flavor)
        self.trusted()

    def trusted(self) -> Any:
        """Go to our step and wait until the service has answered."""
        self.go("Trusted Launch")
        place = self.page.locator(".trusted-launch-step")
        place.locator(".fa-spinner").wait_for(state="detached")
        return place

    def tick(self) -> None:
        """Tick the box, as a person does: on its label."""
        self.page.click("label[for=trusted-launch-tick]")
        self.page.locator("#trusted-launch-profile").wait_for()

    def nonce(self) -> str:
        """Return the secret number that is shown."""
        return self.page.input_value("#trusted-launch-nonce")

    def messages(self) -> str:
        """Return what our step says of the choices."""
        return self.page.locator("#trusted-launch-messages").inner_text()

    @property
    def finish(self) -> Any:
        """The button that launches."""
        return self.page.locator(".ng-wizard button.finish")

    def submit(self) -> None:
        """Launch; the dialog has closed when this returns."""
        self.finish.click()
        self.page.locator(".ng-wizard").wait_for(state="detached")
