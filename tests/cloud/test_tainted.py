# SPDX-License-Identifier: Apache-2.0
"""Hosts that have changed get no keys, on whichever way Nova asks."""

from __future__ import annotations

import pytest

from tests.cloud.conftest import PLAIN, PROFILE, TRAIT
from tools.cloud import lab


@pytest.fixture(scope="module")
def bad(running, taint):
    """The running server's host, tainted."""
    return taint(running.host)


@pytest.fixture
def other(bad):
    """A host that is good, or was before a test of this module."""
    return next(host for host in lab.HOSTS if host != bad)


def test_smoke_tainted_host_is_no_longer_affirming(cloud, bad):
    """Its evidence is refused, and speaks against it at once."""
    cloud.admin.trusted.attester_attest(bad)
    lab.wait("the host is contraindicated", lambda: lab.tier(
        cloud.admin, bad, PROFILE)["tier"] == "contraindicated")
    assert "register 4" in cloud.admin.trusted.attester_explain(
        bad, PROFILE)["results"][0]["findings"][0]["detail"]


def test_smoke_tainted_host_is_not_chosen(cloud, bad, server_of):
    for name in ("first", "second"):
        server = server_of(name)
        assert server.status == "ACTIVE", cloud.why(server)
        assert server.compute_host != bad


def test_smoke_g1_stop_taint_start_is_refused(cloud, running, bad):
    cloud.stopped(running.server)
    again = cloud.started_again(
        running.server, "power-on",
        lambda: cloud.admin.compute.start_server(running.server.id))
    assert again.status == "SHUTOFF"
    assert cloud.releases(running.server)[0]["code"]


def test_g2_hard_reboot_on_a_tainted_host_is_refused(cloud, running, bad):
    again = cloud.started_again(
        running.server, "reboot", lambda:
        cloud.admin.compute.reboot_server(running.server, "HARD"))
    assert cloud.releases(running.server)[0]["code"]
    assert running.server.id not in lab.in_host(
        bad, "virsh", "-q", "list", "--uuid")
    assert again.status in ("SHUTOFF", "ERROR")


def test_g3_forced_host_is_refused_at_release(cloud, bad, server_of):
    server = server_of("forced", host=bad)
    assert server.status == "ERROR"
    assert "register" in cloud.why(server)


def test_g6_trait_set_by_hand_does_not_help(cloud, bad, server_of):
    placement = cloud.admin.conn.placement
    provider = placement.find_resource_provider(bad)
    trait = "CUSTOM_TRUSTED_LAUNCH_E2E"
    headers = {"OpenStack-API-Version": "placement 1.6"}
    placement.put(f"/traits/{trait}", headers=headers)
    url = f"/resource_providers/{provider.id}/traits"
    now = placement.get(url, headers=headers).json()
    placement.put(url, headers=headers, json={
        **now, "traits": sorted({*now["traits"], trait})})
    server = server_of("trait", cloud.plain, TRAIT, host=bad)
    assert server.status == "ERROR", server.compute_host
    assert "register" in cloud.why(server)


@pytest.mark.parametrize("ask", ["hint", "property"])
def test_g3_forced_host_is_refused_however_it_was_asked(
        cloud, bad, server_of, ask):
    image, more = cloud.plain, {}
    if ask == "hint":
        more["scheduler_hints"] = {"trusted_launch": PROFILE}
    else:
        image = cloud.admin.upload("e2e-asked", lab.PLAIN_DISK, {
            "trusted_launch_profile": PROFILE})
    server = server_of("forced-asked", image, PLAIN, host=bad, **more)
    assert server.status == "ERROR", server.compute_host
    assert "register" in cloud.why(server)


def test_smoke_all_tainted_is_refused_with_the_reason(
        cloud, bad, other, taint, server_of):
    # Scheduled before the service hears of it, refused at the release.
    lab.attested(cloud.admin, other, PROFILE, after=lab.tier(
        cloud.admin, other, PROFILE)["issued_at"])
    taint(other)
    server = server_of("nowhere")
    assert server.status == "ERROR"
    assert "register" in cloud.why(server)
    # What the tenant is shown says it in words, though no host was left.
    fault = cloud.admin.server(server.id).fault["message"]
    assert "No host is left" in fault
    assert "evidence.unauthentic" in fault
