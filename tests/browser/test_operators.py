# SPDX-License-Identifier: Apache-2.0
"""Operators see which host is trusted and why; others see no panel."""

from __future__ import annotations

import pytest
import yaml

from tests.browser import pages
from tests.browser.conftest import PROFILE
from tools.cloud import lab

HOSTS, PROFILES = "/admin/trusted_hosts/", "/admin/trusted_profiles/"


def test_table_of_hosts_shows_trust(cloud, page_of, shot):
    page = page_of("admin")
    text = pages.details(page, cloud.url, HOSTS)
    for host in lab.HOSTS:
        assert host in text
    assert f"{PROFILE} v1: trusted" in text
    assert "software: for trials only" in text
    shot(page, "trusted-hosts")


def test_host_shows_findings_and_history(cloud, page_of, shot):
    page = page_of("admin")
    page.goto(f"{cloud.url}{HOSTS}")
    page.click(f"#trusted_hosts a:has-text('{lab.HOSTS[0]}')")
    page.click("summary:has-text('in its favour')")
    assert page.locator("section table tbody tr").first.is_visible()
    plot = page.locator("svg.trusted-launch-history").first
    assert plot.get_attribute("role") == "img"
    assert plot.locator("title").first.text_content()
    page.click(f"summary:has-text('{PROFILE}')")
    assert page.locator("figcaption table tbody tr").first.is_visible()
    shot(page, "trusted-host")


def test_host_is_asked_to_attest(cloud, page_of):
    host = lab.HOSTS[0]
    before = lab.tier(cloud.admin, host, PROFILE)["issued_at"]
    page = page_of("admin")
    page.goto(f"{cloud.url}{HOSTS}")
    page.locator(f"#trusted_hosts tr:has-text('{host}')").locator(
        "button:has-text('Re-attest Now')").click()
    page.locator(".alert:has-text('Asked to Attest')").first.wait_for()
    lab.wait("a new result", lambda: lab.tier(
        cloud.admin, host, PROFILE)["issued_at"] > before)


def test_profile_shows_its_document(cloud, page_of, shot):
    page = page_of("admin")
    assert PROFILE in pages.details(page, cloud.url, PROFILES)
    shot(page, "trusted-profiles")
    page.click(f"#trusted_profiles a:has-text('{PROFILE}')")
    page.locator("pre:has-text('schema')").wait_for()
    shot(page, "trusted-profile")


@pytest.fixture
def second_version(cloud):
    """Another version of the profile, not in force."""
    document = cloud.admin.trusted.profile_show(PROFILE)["document"]
    found = cloud.admin.trusted.profile_versions(PROFILE)
    if len(found) < 2:
        document["require"] = document["require"][:-1]
        cloud.admin.trusted.profile_version_create(
            PROFILE, document, activate=False)


def test_versions_are_compared(cloud, page_of, shot, second_version):
    page = page_of("admin")
    page.goto(f"{cloud.url}{PROFILES}{PROFILE}/diff")
    page.locator(".tl-removed").first.wait_for()
    shot(page, "trusted-profile-diff")
    page.select_option("#trusted-launch-to", "1")
    page.click("form button:has-text('Compare')")
    page.locator("text=There is no difference.").wait_for()


def test_change_is_previewed(cloud, page_of, shot):
    page = page_of("admin")
    page.goto(f"{cloud.url}{PROFILES}{PROFILE}/preview")
    document = yaml.safe_load(page.input_value("#id_document"))
    document["require"].append({"tpm": {"manufacturers": ["IFX"]}})
    page.fill("#id_document", yaml.safe_dump(document))
    page.click("form button:has-text('Preview')")
    place = page.locator("#trusted-launch-preview")
    assert "not trusted" in place.inner_text()
    shot(page, "trusted-profile-preview")


@pytest.mark.parametrize(("document", "said"), [
    ("{", "neither YAML nor JSON"), ("- 1", "no mapping"),
    ("schema: 1", "profile.invalid")])
def test_bad_document_is_said_to_be_one(cloud, page_of, document, said):
    page = page_of("admin")
    page.goto(f"{cloud.url}{PROFILES}{PROFILE}/preview")
    page.fill("#id_document", document)
    page.click("form button:has-text('Preview')")
    page.locator(f".alert:has-text('{said}')").first.wait_for()


@pytest.mark.parametrize("path", [HOSTS, PROFILES,
                                  f"{HOSTS}{lab.HOSTS[0]}/",
                                  f"{PROFILES}{PROFILE}/preview"])
def test_member_has_no_such_panel(cloud, page_of, path):
    page = page_of("alice")
    answer = page.goto(f"{cloud.url}{path}")
    assert answer.status in (401, 403, 404) or "/auth/login" in page.url
    assert "schema" not in page.content()


@pytest.mark.parametrize("path", [f"{HOSTS}nobody/", f"{PROFILES}nothing/"])
def test_unknown_name_is_not_found(cloud, page_of, path):
    assert page_of("admin").goto(f"{cloud.url}{path}").status == 404
