# SPDX-License-Identifier: Apache-2.0
"""A real browser on a real Horizon, on the cloud of
``tools/cloud.sh up --with horizon``.

A cloud or a Horizon that is not up is an error, not a reason to skip.  With
``NTL_SCREENSHOTS`` the pictures of the documentation are made anew there.
"""

from __future__ import annotations

import contextlib
import functools
import os
import pathlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from PIL import Image
from playwright import sync_api as playwright

from tests.browser import pages
from tools.cloud import lab

PROFILE = "baseline"
TRUSTED, DEMANDING = "browser.plain", "browser.trusted"
CHROMIUM = os.environ.get("NTL_CHROMIUM", "/usr/bin/chromium")


@dataclass
class Lab:
    """The cloud, as its API shows it, and where Horizon is."""

    admin: lab.User
    alice: lab.User
    url: str
    passwords: dict[str, str] = field(repr=False)

    def user(self, name: str) -> lab.User:
        """Return the account of that name."""
        return {"admin": self.admin, "alice": self.alice}[name]


def _environment(user: str) -> dict[str, str]:
    return dict(re.findall(r"export (\w+)=(.*)", lab.tool("env", user)))


@pytest.fixture(scope="session")
def cloud():
    found = {name: _environment(name) for name in ("alice", "admin")}
    os.environ.update({k: v for k, v in found["admin"].items()
                       if k != "PATH"})
    port = re.search(r"127\.0\.0\.1:(\d+)", lab.tool("url", "horizon"))[1]
    made = Lab(lab.User("admin"), lab.User("alice"),
               f"http://localhost:{port}",
               {name: e["OS_PASSWORD"] for name, e in found.items()})
    lab.ensure_approved(made.admin)
    lab.ensure_profile(made.admin, PROFILE, lab.HOSTS[0])
    lab.ensure_flavor(made.admin, TRUSTED, {})
    lab.ensure_flavor(made.admin, DEMANDING,
                      {"trusted_launch:profile": PROFILE})
    for host in lab.HOSTS:
        # An earlier run may have ended between the taint and the healing.
        if lab.tier(made.admin, host, PROFILE).get(
                "tier") == "contraindicated":
            lab.heal(made.admin, host, PROFILE)
        lab.attested(made.admin, host, PROFILE)
    _remove(made)
    yield made
    _remove(made)


def _remove(made: Lab) -> None:
    for user in (made.admin, made.alice):
        user.remove(*(s.name for s in user.compute.servers(details=False)
                      if s.name.startswith("browser-")))


@pytest.fixture(scope="session")
def browser():
    with playwright.sync_playwright() as engine:
        opened = engine.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


def contexts(cloud: Lab, browser: Any) -> Callable[[str], Any]:
    """Return a function: a user's context, logged in once."""
    @functools.cache
    def context(user: str) -> Any:
        made = browser.new_context(viewport={"width": 1200, "height": 800})
        made.set_default_timeout(lab.PATIENCE * 1000)
        # Who is in several projects comes back to the last one.
        made.add_cookies([{
            "name": "recent_project", "url": cloud.url,
            "value": cloud.user(user).conn.current_project_id}])
        page = made.new_page()
        pages.log_in(page, cloud.url, user, cloud.passwords[user])
        page.close()
        return made

    return context


@contextlib.contextmanager
def opening(context: Callable[[str], Any]) -> Iterator[Callable[[str], Any]]:
    """Open pages; a script's error on one of them fails the test."""
    opened, mistakes = [], []

    def page(user: str) -> Any:
        made = context(user).new_page()
        made.on("pageerror", lambda error: mistakes.append(str(error)))
        opened.append(made)
        return made

    yield page
    for made in opened:
        made.close()
    assert mistakes == []


@pytest.fixture(scope="session")
def signed_in(cloud, browser):
    """Contexts that stay for all tests."""
    return contexts(cloud, browser)


@pytest.fixture
def page_of(signed_in):
    """Pages of these."""
    with opening(signed_in) as page:
        yield page


@pytest.fixture(scope="session")
def shot():
    """Return a function that takes a picture for the documentation."""
    folder = os.environ.get("NTL_SCREENSHOTS")

    def take(page: Any, name: str, of: str = "") -> None:
        if folder:
            page.wait_for_timeout(500)
            path = pathlib.Path(folder) / f"{name}.png"
            page.evaluate("window.scrollTo(0, 0)")
            if of:
                page.locator(of).first.screenshot(path=path)
            else:
                page.screenshot(path=path, full_page=True)
            # A page has few colours: a third of the size.
            Image.open(path).convert("RGB").quantize(64).save(
                path, optimize=True)

    return take


@dataclass(frozen=True)
class Launched:
    """A server that was launched in the dialog, and its secret number."""

    user: str
    server: Any
    nonce: str
    requests: list[str]


@pytest.fixture(scope="session")
def launched(cloud, signed_in, shot):
    """Return a function: a user's trusted server, launched in the dialog."""
    @functools.cache
    def launch(user: str) -> Launched:
        page = signed_in(user).new_page()
        asked = pages.requests_of(page, "trusted-launch/")
        dialog = pages.Dialog(page, cloud.url)
        dialog.fill(f"browser-{user}", "guest", TRUSTED)
        dialog.tick()
        nonce = dialog.nonce()
        shot(page, "launch-step", ".modal-content")
        dialog.submit()
        requests = [r for r in asked if "/marks" not in r]
        page.close()
        server = lab.wait("the server is there", lambda: next(
            iter(cloud.user(user).compute.servers(name=f"browser-{user}")),
            None))
        server = cloud.user(user).settled(server.id, "ACTIVE", "ERROR")
        return Launched(user, server, nonce, requests)

    return launch


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.is_relative_to(pathlib.Path(__file__).parent):
            item.add_marker(pytest.mark.cloud)
