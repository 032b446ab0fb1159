# SPDX-License-Identifier: Apache-2.0
"""Without the service every page is there and says so; launching goes on."""

from __future__ import annotations

import pytest

from tests.browser import pages
from tests.browser.conftest import (
    DEMANDING,
    TRUSTED,
    contexts,
    opening,
)
from tools.cloud import lab

OPERATORS = ("/admin/trusted_hosts/", "/admin/trusted_profiles/",
             "/admin/trusted_hosts/host-a/",
             "/admin/trusted_profiles/baseline/",
             "/admin/trusted_profiles/baseline/diff",
             "/admin/trusted_profiles/baseline/preview")


@pytest.fixture(scope="module", params=["stopped", "not in the catalogue"])
def away(request, cloud, launched):
    """Take the service away in one of two ways; log in after that."""
    launched("alice")
    identity = cloud.admin.conn.identity
    service = identity.find_service("attestation", ignore_missing=False)
    if request.param == "stopped":
        lab.tool("stop", "attestation")
    else:
        identity.update_service(service, is_enabled=False)
    yield request.param
    if request.param == "stopped":
        lab.tool("start", "attestation")
    else:
        identity.update_service(service, is_enabled=True)


@pytest.fixture(scope="module")
def logged_in(away, cloud, browser):
    """Contexts of people who logged in in this state."""
    return contexts(cloud, browser)


@pytest.fixture
def fresh(logged_in):
    """Pages of these."""
    with opening(logged_in) as page:
        yield page


def test_h1_member_still_launches(cloud, fresh, shot, away):
    page = fresh("alice")
    dialog = pages.Dialog(page, cloud.url)
    dialog.fill("browser-away", "guest", TRUSTED)
    text = page.inner_text("#trusted-launch-away")
    assert "not available" in text
    assert page.is_disabled("#trusted-launch-tick")
    if away == "stopped":
        shot(page, "launch-step-away", ".modal-content")
    else:
        assert "no attestation service" in text
    dialog.submit()
    server = lab.wait("the server is there", lambda: next(
        iter(cloud.alice.compute.servers(name="browser-away")), None))
    server = cloud.alice.settled(server.id, "ACTIVE", "ERROR")
    cloud.alice.remove(server.id)
    assert server.status == "ACTIVE", server.fault


def test_h1_demanding_flavor_is_warned_of(cloud, fresh):
    page = fresh("alice")
    dialog = pages.Dialog(page, cloud.url)
    dialog.fill("browser-away", "guest", DEMANDING)
    assert "as long as it is away" in dialog.messages()


def test_h1_tab_says_that_nothing_can_be_said(cloud, fresh, launched):
    page = fresh("alice")
    text = pages.open_tab(page, cloud.url,
                          launched("alice").server.id).inner_text()
    assert "Nothing can be said" in text
    assert "VERIFIED" not in text


@pytest.mark.parametrize("path", OPERATORS)
def test_h1_operators_see_why_there_is_nothing(cloud, fresh, path):
    page = fresh("admin")
    answer = page.goto(f"{cloud.url}{path}")
    assert answer.status == 200
    assert page.locator("#trusted-launch-problem").is_visible()


@pytest.mark.parametrize("path", [
    "/project/instances/", "/project/images/", "/admin/instances/",
    "/identity/", "/project/key_pairs"])
def test_h1_horizons_own_pages_are_there(cloud, fresh, path):
    page = fresh("admin")
    assert page.goto(f"{cloud.url}{path}").status == 200
    page.locator("#content_body").wait_for()
