# SPDX-License-Identifier: Apache-2.0
"""A host asks for an instance's keys and gets a reason, also in a race."""

from __future__ import annotations

import dataclasses
import datetime
import itertools

import pytest

from attestation_service import records as r
from attestation_service.core import errors
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.release import Action
from nova_trusted_launch.wire.results import TrustTier
from tests.fakes.cloud import Cloud


@pytest.fixture(autouse=True)
def placed(cloud, host):
    cloud.nova.place("vm-1", "host-1")


def refused(asked, code, **lies):
    """Answer, and see that the refusal is told and kept."""
    with pytest.raises(errors.Refusal) as caught:
        asked.answer(**lies)
    assert caught.value.code is code
    kept = asked.kept
    assert (kept.state, kept.code, kept.detail) == (
        r.ReleaseState.REFUSED, str(code), str(caught.value))
    (event,) = [e for e in asked.host.cloud.events()
                if e.payload.get("release_id") == kept.id]
    assert (event.event_type, event.payload["code"]) == (
        "release.refused", str(code))
    assert asked.host.cloud.store.tables.log.size() == 0
    return kept


def test_a_refused_release_still_tells_what_the_host_is(cloud, host):
    cloud.profile("boot", {"schema": 1, "require": [{"pcr": {
        "bank": "sha256", "index": 0, "values": ["11" * 32]}}]})
    kept = refused(host.ask(profile="boot"), Code.RELEASE_NOT_AFFIRMING)
    assert kept.project_id == "p1"
    assert "PCR 0 has none of the reference values" in kept.detail
    tiers = {s.result.profile: s.result.tier
             for s in cloud.flows.results.latest(r.Page(9))}
    assert tiers["boot"] is TrustTier.CONTRAINDICATED
    assert cloud.placement.traits == {"host-1": {"gold"}}


def test_a_refused_release_leaves_nothing_else(cloud, host):
    before = dict(cloud.vault.secrets)
    refused(host.ask(), Code.RELEASE_NO_PROFILE)
    assert cloud.vault.secrets == before
    assert cloud.store.tables.leases.rows == {}
    assert cloud.store.tables.keys.rows == {}


def test_refused_evidence_is_kept_as_a_refusal(cloud, host):
    host.release(profile="gold")
    asked = host.ask(action=Action.POWER_ON)
    with pytest.raises(errors.UnauthenticEvidence):
        asked.answer(signature=host.tpm.sign(b"other"))
    kept = asked.kept
    assert (kept.state, kept.code) == (r.ReleaseState.REFUSED,
                                       "evidence.unauthentic")
    # Whose it was is known from the lease, though Nova was not asked.
    assert kept.project_id == "p1"


def test_refused_evidence_for_a_first_start_is_seen_by_its_project(
        cloud, host):
    asked = host.ask(profile="gold")
    with pytest.raises(errors.UnauthenticEvidence):
        asked.answer(signature=host.tpm.sign(b"other"))
    assert asked.kept.project_id == "p1"


def test_a_host_without_the_instance_shows_nothing_to_its_project(
        cloud, host):
    cloud.nova.place("vm-1", "host-2")
    asked = host.ask(profile="gold")
    with pytest.raises(errors.UnauthenticEvidence):
        asked.answer(signature=host.tpm.sign(b"other"))
    assert asked.kept.project_id is None


def test_release_of_an_unknown_id(cloud, host):
    asked = host.ask(profile="gold")
    asked.release = dataclasses.replace(asked.release, id="nosuch")
    with pytest.raises(errors.Unknown) as caught:
        asked.answer()
    assert caught.value.code is Code.RELEASE_UNKNOWN


def test_open_releases_are_bounded():
    cloud = Cloud(open_releases=2)
    host = cloud.host()
    host.ask()
    host.ask()
    host.challenge()
    with pytest.raises(errors.LimitReached):
        host.ask()


# What happens between decision and commit, and what is decided then.
CHANGES = {
    "retired": (Code.ATTESTER_RETIRED, lambda c, h: c.flows.attesters.retire(
        h.id, c.clock.now + datetime.timedelta(seconds=1))),
    "profile version": (
        Code.RELEASE_NOT_AFFIRMING,
        lambda c, h: c.flows.profiles.add_version(
            "gold", {"schema": 1, "require": [{"hardware-root": {
                "required": True}}]}, activate=True, user_id="op",
            now=c.clock())),
    "profile retired": (
        Code.PROFILE_UNKNOWN,
        lambda c, h: c.flows.profiles.retire("gold", c.clock())),
    "profile not shared any more": (
        Code.PROFILE_UNKNOWN,
        lambda c, h: c.flows.profiles.update(
            "gold", {"projects": ["p2"]}, c.clock())),
    "key deleted": (Code.KEY_UNKNOWN, lambda c, h: c.flows.keys.delete(
        c.image_key.id, "p1")),
    "token deleted": (
        Code.TOKEN_UNKNOWN,
        lambda c, h: c.flows.launches.delete(c.launch.id, "p1")),
    "token spent": (
        Code.TOKEN_SPENT,
        lambda c, h: c.store.tables.launches.bind(c.launch.id, "vm-9")),
    "lease closed": (
        Code.RELEASE_CLOSED,
        lambda c, h: c.store.tables.leases.rows.update({
            "vm-1": r.Lease(
                "vm-1", "p1", "host-1", ("gold",), None, None, None, "d",
                None, "n", b"", c.clock(), c.clock())})),
}


@pytest.fixture
def asked(cloud, host):
    """A release with everything: profile, image key, token."""
    cloud.image_key = cloud.key()
    cloud.launch, _ = cloud.token()
    return host.ask(profile="gold", key_id=cloud.image_key.id,
                    launch_id=cloud.launch.id)


def while_it_is_decided(cloud, monkeypatch, change):
    """Let something happen between each decision and its commit."""
    sign = cloud.signer.sign_policy

    def meanwhile(digest):
        change()
        return sign(digest)

    monkeypatch.setattr(cloud.signer, "sign_policy", meanwhile)


@pytest.mark.parametrize("change", CHANGES)
def test_e3_what_changes_while_it_is_decided_refuses(
        cloud, host, asked, change, monkeypatch):
    code, happen = CHANGES[change]
    before = set(cloud.vault.secrets)
    while_it_is_decided(cloud, monkeypatch, lambda: happen(cloud, host))
    refused(asked, code)
    # Secrets that were made for it are gone again.
    assert set(cloud.vault.secrets) <= before


@pytest.mark.parametrize("times", [1, 4])
def test_what_changes_and_does_not_matter_is_decided_again(
        cloud, host, asked, monkeypatch, times):
    before = set(cloud.vault.secrets)
    others = [f"other-{n}" for n in range(times)]

    def another_profile():
        if others:
            cloud.profile(others.pop(), {"schema": 1, "require": [
                {"hardware-root": {"required": True}}]})

    while_it_is_decided(cloud, monkeypatch, another_profile)
    asked.keys()
    assert cloud.store.tables.log.size() == 1
    # One key for the disk, of the decision that was kept.
    assert len(set(cloud.vault.secrets) - before) == 1


def test_e3_what_goes_on_changing_refuses(cloud, host, asked, monkeypatch):
    before = set(cloud.vault.secrets)
    labels = iter(range(99))
    seconds = map(datetime.timedelta, itertools.repeat(0), itertools.count(1))
    while_it_is_decided(cloud, monkeypatch, lambda: (
        cloud.flows.attesters.label(host.id, {"a": str(next(labels))},
                                    cloud.clock.now + next(seconds))))
    refused(asked, Code.REQUEST_CONFLICT)
    assert next(labels) == 5
    assert set(cloud.vault.secrets) <= before


def test_what_evidence_changes_does_not_refuse(cloud, host, monkeypatch):
    asked = host.ask(profile="gold", key_id=cloud.key().id)
    decisions = []
    while_it_is_decided(cloud, monkeypatch, lambda: (
        decisions.append(1), host.attest(), host.ask("vm-2")))
    asked.keys()
    assert len(decisions) == 1


def test_two_first_releases_at_once_make_one_disk_key(
        cloud, host, monkeypatch):
    other = cloud.host("host-2")
    cloud.nova.place("vm-1", "host-1", "host-2")
    slow, fast = host.ask(profile="gold"), other.ask(profile="gold")
    sign = cloud.signer.sign_policy

    keys = []

    def meanwhile(digest):
        monkeypatch.undo()
        keys.append(fast.keys())
        return sign(digest)

    monkeypatch.setattr(cloud.signer, "sign_policy", meanwhile)
    keys.append(slow.keys())
    first, second = keys
    assert first.disk_key == second.disk_key
    lease = cloud.flows.instances.show("vm-1", None).lease
    assert lease.host == "host-1"
    assert list(cloud.store.tables.keys.rows) == [lease.disk_key_id]


def test_the_last_launch_is_used_once(cloud, host, monkeypatch):
    key = cloud.key(launches=1)
    cloud.nova.place("vm-2", "host-1")
    slow = host.ask("vm-1", profile="gold", key_id=key.id)
    fast = host.ask("vm-2", profile="gold", key_id=key.id)
    while_it_is_decided(cloud, monkeypatch, lambda: (
        monkeypatch.undo(), fast.answer()))
    with pytest.raises(errors.Forbidden) as caught:
        slow.answer()
    assert caught.value.code is Code.RELEASE_EXHAUSTED
    assert slow.kept.code == "release.exhausted"
