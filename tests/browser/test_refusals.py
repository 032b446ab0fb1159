# SPDX-License-Identifier: Apache-2.0
"""A host that has changed: the person sees the reason and what to do."""

from __future__ import annotations

import pytest

from tests.browser import pages
from tests.browser.conftest import PROFILE, TRUSTED
from tools.cloud import lab


@pytest.fixture(scope="module")
def tainted(cloud, launched):
    """The host of alice's server, tainted, and her server refused there."""
    server = launched("alice").server
    host = cloud.admin.server(server.id).compute_host
    cloud.alice.compute.stop_server(server.id)
    cloud.alice.settled(server.id, "SHUTOFF")
    lab.taint(host)
    cloud.alice.compute.start_server(server.id)
    lab.wait("the start is refused", lambda: lab.release_reason(
        cloud.alice, server.id))
    cloud.alice.settled(server.id)
    cloud.admin.trusted.attester_attest(host)
    lab.wait("the host is not trusted any more", lambda: lab.tier(
        cloud.admin, host, PROFILE)["tier"] != "affirming")
    yield host
    lab.heal(cloud.admin, host, PROFILE)


def test_tab_says_why_the_start_was_refused(
        cloud, launched, page_of, shot, tainted):
    page = page_of("alice")
    place = pages.open_tab(page, cloud.url, launched("alice").server.id)
    text = place.locator(".trusted-launch-refusal").inner_text()
    last = cloud.alice.trusted.releases_list(
        instance_id=launched("alice").server.id)[0]
    assert last["state"] == "refused" and last["host"] == tainted
    for told in (tainted, last["code"], last["detail"], last["advice"]):
        assert told in text
    shot(page, "instance-refused")


def test_panel_says_what_is_wrong_with_the_host(
        cloud, page_of, shot, tainted):
    page = page_of("admin")
    text = pages.details(page, cloud.url, "/admin/trusted_hosts/")
    row = next(line for line in text.splitlines() if tainted in line)
    assert "not trusted" in row
    text = pages.details(page, cloud.url, f"/admin/trusted_hosts/{tainted}/")
    assert "not trusted" in text and "register" in text
    shot(page, "trusted-host-tainted")


def test_dialog_counts_the_host_no_more(cloud, page_of, tainted):
    page = page_of("alice")
    dialog = pages.Dialog(page, cloud.url)
    dialog.fill("browser-count", "guest", TRUSTED)
    dialog.tick()
    assert "1 host now" in page.inner_text("#trusted-launch-profile")
