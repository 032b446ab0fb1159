# SPDX-License-Identifier: Apache-2.0
"""A person ticks a box, and sees later in words what was proven."""

from __future__ import annotations

import json
import re

import pytest

from nova_trusted_launch.client import verification
from nova_trusted_launch.wire import encoding
from tests.browser import pages
from tests.browser.conftest import DEMANDING, PROFILE, TRUSTED
from tools.cloud import lab

USERS = ("alice", "admin")


@pytest.mark.parametrize("user", USERS)
def test_ticked_launch_becomes_active(launched, user):
    assert launched(user).server.status == "ACTIVE", \
        launched(user).server.fault


def test_host_finds_wish_and_token_in_the_metadata(cloud, launched):
    # A host of a cell can not read the hints that the scheduler reads.
    server = cloud.alice.compute.get_server(launched("alice").server.id)
    assert server.metadata["trusted_launch"] == PROFILE
    assert server.metadata["trusted_launch_token"]


@pytest.mark.parametrize("user", USERS)
def test_launch_needs_no_more_than_three_requests(launched, user):
    asked = launched(user).requests
    assert 1 <= len(asked) <= 3, asked


@pytest.mark.parametrize("user", USERS)
def test_tab_says_verified(cloud, launched, page_of, shot, user):
    server = launched(user).server
    page = page_of(user)
    place = pages.open_tab(page, cloud.url, server.id)
    text = place.inner_text()
    assert "VERIFIED since" in text and "NOT VERIFIED" not in text
    assert f"{PROFILE} version 1" in text
    assert "REFUTED" not in text
    rows = place.locator("#trusted-launch-statements tbody tr")
    outcomes = dict(row.split("\t")[:2] for row in rows.all_inner_texts())
    assert {outcomes[what].strip() for what in (
        "Signature", "Instance", "Project", "Profile", "Log")} == {"proven"}
    shot(page, "instance-tab")


def test_shown_number_is_the_one_of_the_guest(cloud, launched):
    made = launched("alice")
    assert cloud.alice.nonce(made.server.id) == made.nonce
    report = verification.verify_server(
        cloud.alice.trusted, verification.Expectation(
            made.server.id, nonce=encoding.unb64(made.nonce, "nonce")))
    assert report.verified, report.statements


def test_browser_compares_the_number_by_itself(cloud, launched, page_of):
    made = launched("alice")
    page = page_of("alice")
    place = pages.open_tab(page, cloud.url, made.server.id)
    asked = pages.requests_of(page, "")
    for number, words in ((made.nonce, "This is the number"),
                          (made.nonce[::-1], "another number"),
                          ("no number!", "not base64url")):
        page.fill("#trusted-launch-known-nonce", number)
        place.locator("button:has-text('Compare')").click()
        place.locator(f"#trusted-launch-nonce-outcome:has-text('{words}')"
                      ).wait_for()
    assert not asked


def test_receipt_and_proof_are_saved(cloud, launched, page_of):
    made = launched("alice")
    page = page_of("alice")
    pages.open_tab(page, cloud.url, made.server.id)
    saved = {}
    for what in ("receipt", "proof"):
        with page.expect_download() as download:
            page.click(f"button:has-text('Save {what}')")
        saved[what] = download.value.path().read_text()
    proof = json.loads(saved["proof"])
    assert proof["receipt"] == saved["receipt"]
    assert proof["inclusion"]["index"] == proof["index"]
    assert proof["jwks"]["keys"] and proof["checkpoint"].count(".") == 2


def test_table_of_instances_shows_a_mark(cloud, launched, page_of, shot):
    made = launched("alice")
    page = page_of("alice")
    page.goto(f"{cloud.url}/project/instances/")
    mark = page.locator(
        f"tr[data-object-id='{made.server.id}'] .trusted-launch-mark")
    mark.wait_for()
    assert mark.get_attribute("role") == "img"
    assert "receipt of" in mark.get_attribute("aria-label")
    shot(page, "instances")


def test_log_that_grew_is_noticed_as_such(cloud, launched, page_of):
    pages.open_tab(page_of("alice"), cloud.url, launched("alice").server.id)
    launched("admin")
    place = pages.open_tab(page_of("alice"), cloud.url,
                           launched("alice").server.id)
    assert "The log only grew" in place.inner_text()


def test_log_that_was_changed_is_noticed(cloud, launched, page_of):
    page = page_of("alice")
    pages.open_tab(page, cloud.url, launched("alice").server.id)
    page.evaluate("""() => Object.keys(localStorage)
        .filter(k => k.startsWith('trusted-launch-log:'))
        .forEach(k => localStorage.setItem(k, JSON.stringify({
            ...JSON.parse(localStorage.getItem(k)), root: 'ab'.repeat(32)
        })))""")
    place = pages.open_tab(page, cloud.url, launched("alice").server.id)
    text = place.inner_text()
    page.evaluate("() => localStorage.clear()")
    assert "NOT VERIFIED" in text and "the log was changed" in text


def test_forged_answer_of_the_dashboard_is_refuted(
        cloud, launched, page_of):
    """One letter of the receipt is another on its way to the browser."""
    page = page_of("alice")

    def forge(route):
        answer = route.fetch()
        body = answer.json()
        head, claims, signature = body["receipts"][0]["receipt"].split(".")
        claims = ("A" if claims[40] != "A" else "B").join(
            (claims[:40], claims[41:]))
        body["receipts"][0]["receipt"] = ".".join((head, claims, signature))
        route.fulfill(response=answer, json=body)

    page.route(re.compile("trusted-launch/instances/"), forge)
    place = pages.open_tab(page, cloud.url, launched("alice").server.id)
    text = place.inner_text()
    assert "NOT VERIFIED" in text and "the signature is wrong" in text


@pytest.mark.parametrize("lease", [None, {}])
def test_receipt_without_a_lease_is_not_verified(
        cloud, launched, page_of, lease):
    page = page_of("alice")

    def forge(route):
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "lease": lease})

    page.route(re.compile("trusted-launch/instances/"), forge)
    text = pages.open_tab(
        page, cloud.url, launched("alice").server.id).inner_text()
    assert "Closed." in text and "VERIFIED" not in text


def test_what_could_not_be_compared_is_not_verified(
        cloud, launched, page_of):
    """The page itself fails before it has looked at the log."""
    page = page_of("alice")
    page.add_init_script("""
        const keys = Object.keys;
        Object.keys = function (thing) {
          if (thing && 'baseline' in thing) { throw new Error('broken'); }
          return keys(thing);
        };""".replace("baseline", PROFILE))
    text = pages.open_tab(
        page, cloud.url, launched("alice").server.id).inner_text()
    assert "Not checked." in text and "VERIFIED" not in text


def test_unticked_launch_is_horizons_own(cloud, page_of):
    page = page_of("alice")
    asked = pages.requests_of(page, "trusted-launch/launches")
    dialog = pages.Dialog(page, cloud.url)
    dialog.fill("browser-untrusted", "guest", TRUSTED)
    dialog.submit()
    server = lab.wait("the server is there", lambda: next(
        iter(cloud.alice.compute.servers(name="browser-untrusted")), None))
    server = cloud.alice.settled(server.id, "ACTIVE", "ERROR")
    text = pages.open_tab(page, cloud.url, server.id).inner_text()
    cloud.alice.remove(server.id)
    assert server.status == "ACTIVE"
    assert asked == []
    assert "not a trusted instance" in text


def test_wish_of_a_closed_dialog_counts_for_nothing(cloud, page_of):
    page = page_of("alice")
    dialog = pages.Dialog(page, cloud.url)
    dialog.fill("browser-wish", "guest", TRUSTED)
    dialog.tick()
    first = dialog.nonce()
    dialog.cancel()
    dialog.open()
    dialog.trusted()
    assert not page.is_checked("#trusted-launch-tick")
    dialog.tick()
    assert dialog.nonce() != first


def test_flavor_that_demands_it_fixes_the_profile(cloud, page_of, shot):
    page = page_of("alice")
    dialog = pages.Dialog(page, cloud.url)
    dialog.fill("browser-demanding", "guest", DEMANDING)
    text = dialog.trusted().inner_text()
    assert "The flavor demands it." in text
    assert page.is_checked("#trusted-launch-tick")
    assert page.is_disabled("#trusted-launch-tick")
    assert PROFILE in page.inner_text("#trusted-launch-profile-fixed")
    assert dialog.finish.is_enabled()
    shot(page, "launch-step-flavor", ".modal-content")


def test_step_is_there_within_300_ms(cloud, page_of):
    """On a cached page, and the best of five: the machine does more."""
    page = page_of("alice")
    dialog = pages.Dialog(page, cloud.url)
    times = []
    for _number in range(5):
        dialog.trusted()
        times.append(page.evaluate("""() => {
            const all = performance.getEntriesByType('resource').filter(
                e => e.name.includes('/api/trusted-launch/options'));
            return all[all.length - 1].duration; }"""))
        dialog.cancel()
        dialog.open()
    assert min(times) < 300, times


def test_keyboard_reaches_and_ticks_the_box(cloud, page_of):
    page = page_of("alice")
    dialog = pages.Dialog(page, cloud.url)
    dialog.trusted()
    page.focus("#trusted-launch-tick")
    page.keyboard.press("Space")
    page.locator("#trusted-launch-profile").wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == \
        "trusted-launch-profile"
