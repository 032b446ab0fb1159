# SPDX-License-Identifier: Apache-2.0
"""E3, E5, E6, E8 to E10: keys that must not be released any more, or here.

The service is whole but for its edges, and every TPM signs truthfully: each
test tells one lie.
"""

from __future__ import annotations

import dataclasses

import pytest

from attestation_service import records as r
from attestation_service.core import errors
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.release import Action, SealedKey
from tests.attacks.refusals import refused, refusing
from tests.fakes.cloud import unseal
from tests.fakes.tpm import TpmRefused


@pytest.fixture
def host(cloud):
    return cloud.host()


# E3: after expiry, after delete, after the host was revoked.

def test_e3_release_answered_after_its_expiry_refused(cloud, host):
    asked = host.ask(profile="gold")
    cloud.clock.now = asked.release.expires_at
    refused(asked, Code.RELEASE_EXPIRED)


def test_e3_release_answered_just_before_its_expiry(cloud, host):
    asked = host.ask(profile="gold")
    cloud.clock.now = asked.release.expires_at
    cloud.tick(microseconds=-1)
    asked.keys()


def test_e3_key_after_its_expiry_refused(cloud, host):
    key = cloud.key(expires_at=cloud.clock() + cloud.settings.release_life)
    host.release(profile="gold", key_id=key.id)
    cloud.clock.now = key.policy.expires_at
    refused(host.ask(action=Action.POWER_ON), Code.RELEASE_EXPIRED)


def test_e3_key_after_its_deletion_refused(cloud, host):
    key = cloud.key()
    host.release(profile="gold", key_id=key.id)
    cloud.flows.keys.delete(key.id, "p1")
    refused(host.ask(action=Action.POWER_ON), Code.KEY_UNKNOWN)


def test_e3_instance_deleted_in_nova_refused(cloud, host):
    host.release(profile="gold")
    cloud.nova.place("vm-1", "host-1", deleted=True)
    refused(host.ask(action=Action.POWER_ON), Code.RELEASE_CLOSED)


@pytest.mark.parametrize("action", Action)
def test_e3_closed_lease_never_opens_again(cloud, host, action):
    host.release(profile="gold")
    cloud.flows.instances.close("vm-1", cloud.clock())
    refused(host.ask(profile="gold", action=action), Code.RELEASE_CLOSED)


def test_e3_host_revoked_between_request_and_answer_refused(cloud, host):
    asked = host.ask(profile="gold")
    cloud.flows.attesters.retire(host.id, cloud.clock())
    refused(asked, Code.ATTESTER_RETIRED)
    assert cloud.flows.results.latest(r.Page(9)) == []


@pytest.mark.parametrize(("state", "code"), [
    (r.AttesterState.RETIRED, Code.ATTESTER_RETIRED),
    (r.AttesterState.PENDING, Code.ATTESTER_PENDING)])
def test_e3_host_that_is_not_approved_may_not_ask(cloud, host, state, code):
    rows = cloud.store.tables.attesters.rows
    rows[host.id] = dataclasses.replace(rows[host.id], state=state)
    with refusing(cloud, code):
        host.ask(profile="gold")


def test_e3_launches_used_up_refused(cloud, host):
    key = cloud.key(launches=1)
    host.release(profile="gold", key_id=key.id)
    cloud.nova.place("vm-2", "host-1")
    refused(host.ask("vm-2", profile="gold", key_id=key.id),
            Code.RELEASE_EXHAUSTED)


# E5: PCR changed between quote and unseal.

def test_e5_pcr_extended_between_quote_and_unseal(cloud, host):
    asked = host.ask(profile="gold")
    released = asked.answer()
    host.tpm.extend(9, b"\1" * 32)
    with pytest.raises(TpmRefused, match="0x99d"):
        unseal(host.tpm, released, asked.request.nonce_tpm)


# E6: the answer replayed to the same host in a new session.

def test_e6_answer_in_another_session_of_the_same_tpm(cloud, host):
    asked = host.ask(profile="gold")
    released = asked.answer()
    unseal(host.tpm, released, asked.request.nonce_tpm)
    for nonce in (asked.request.nonce_tpm, host.tpm.start_session()):
        with pytest.raises(TpmRefused, match="0x5db"):
            unseal(host.tpm, released, nonce)


def test_e6_answer_after_the_session_expired(cloud, host):
    asked = host.ask(profile="gold")
    released = asked.answer()
    host.tpm.clock += 61_000
    with pytest.raises(TpmRefused, match="0x9a3"):
        unseal(host.tpm, released, asked.request.nonce_tpm)


def test_e6_authorization_of_another_release(cloud, host):
    cloud.nova.place("vm-2", "host-1")
    first, second = host.ask(profile="gold"), host.ask("vm-2",
                                                       profile="gold")
    mine, other = first.answer(), second.answer()
    mixed = dataclasses.replace(mine, sealed_key=SealedKey(**{
        **{name: getattr(mine.sealed_key, name)
           for name in SealedKey.__slots__},
        "policy_signature": other.sealed_key.policy_signature}))
    with pytest.raises(TpmRefused, match="0x5db"):
        unseal(host.tpm, mixed, second.request.nonce_tpm)


def test_e6_session_swapped_after_the_quote(cloud, host):
    """The quote binds nonceTPM: another session's quote is another's."""
    asked, other = host.ask(profile="gold"), host.ask(profile="gold")
    mixed = dataclasses.replace(
        other.evidence(), nonce=asked.challenge.nonce)
    with refusing(cloud, Code.EVIDENCE_STALE):
        cloud.flows.answer_release(asked.release.id, mixed, "agents",
                                   cloud.clock())


def test_e6_evidence_replayed_refused(cloud, host):
    asked = host.ask(profile="gold")
    evidence = asked.evidence()
    cloud.flows.answer_release(asked.release.id, evidence, "agents",
                               cloud.clock())
    with refusing(cloud, Code.EVIDENCE_STALE):
        cloud.flows.answer_release(asked.release.id, evidence, "agents",
                                   cloud.clock())
    assert asked.kept.state is r.ReleaseState.GRANTED


def test_e6_answered_release_is_not_answered_again(cloud, host):
    asked, other = host.ask(profile="gold"), host.ask(profile="gold")
    asked.answer()
    other.release = asked.release
    with refusing(cloud, Code.RELEASE_BAD_STATE):
        other.answer()
    assert asked.kept.state is r.ReleaseState.GRANTED


# E8: an old policy version replayed.

STRICT = {"schema": 1, "require": [{"pcr": {
    "bank": "sha256", "index": 0, "values": ["11" * 32]}}]}


def test_e8_result_of_an_old_version_does_not_count(cloud, host):
    asked = host.ask(profile="gold")
    host.attest()
    cloud.flows.profiles.add_version(
        "gold", STRICT, activate=True, user_id="operator",
        now=cloud.clock())
    refused(asked, Code.RELEASE_NOT_AFFIRMING)


def test_e8_challenge_of_an_old_version_is_judged_by_the_new(cloud, host):
    asked = host.ask(profile="gold")
    cloud.flows.profiles.add_version(
        "gold", {"schema": 1, "require": [{"pcr": {
            "bank": "sha256", "index": 23, "values": ["00" * 32]}}]},
        activate=True, user_id="operator", now=cloud.clock())
    # Register 23 was not asked for by the old version: unknown, so no.
    refused(asked, Code.RELEASE_NOT_AFFIRMING)


def test_e8_retired_profile_refused(cloud, host):
    host.release(profile="gold")
    cloud.flows.profiles.retire("gold", cloud.clock())
    refused(host.ask(action=Action.POWER_ON), Code.PROFILE_UNKNOWN)


def test_e8_receipt_names_the_version_that_decided(cloud, host):
    cloud.flows.profiles.add_version(
        "gold", {**STRICT, "require": [{"any-of": [
            {"tpm": {"manufacturers": ["IFX"]}}, *STRICT["require"]]}]},
        activate=True, user_id="operator", now=cloud.clock())
    released = host.ask(profile="gold").answer()
    claims = cloud.signer.verify(released.receipt,
                                 "trusted-launch-receipt+jwt")
    assert claims["profiles"] == {"gold": 2}


# E9 and E10: what others can do with the sealed object.

def test_e9_sealed_object_has_no_way_out_but_its_policy(cloud, host):
    public = host.ask(profile="gold").answer().sealed_key.public
    attributes = int.from_bytes(public[6:10], "big")
    # adminWithPolicy and noDA; no userWithAuth, fixedTPM, fixedParent.
    assert attributes == 1 << 7 | 1 << 10


def test_e10_answer_stolen_and_tried_on_another_tpm(cloud, host):
    thief = cloud.host("host-2")
    thief.tpm.values = dict(host.tpm.values)
    asked = host.ask(profile="gold")
    released = asked.answer()
    for nonce in (asked.request.nonce_tpm, thief.tpm.start_session()):
        with pytest.raises(TpmRefused, match="0x1df"):
            unseal(thief.tpm, released, nonce)


@pytest.mark.parametrize("ek", ["ek-p384", "ek-rsa2048"])
def test_e10_whatever_the_kind_of_tpm(cloud, host, ek):
    thief = cloud.host("host-2", ek=ek)
    asked = host.ask(profile="gold")
    released = asked.answer()
    with pytest.raises((TpmRefused, ValueError, errors.MalformedEvidence)):
        unseal(thief.tpm, released, asked.request.nonce_tpm)


# Promise 6: once trusted, always trusted.

def test_g7_everything_taken_away_after_boot_changes_nothing(cloud, host):
    cloud.profile("platinum", {"schema": 1, "require": [
        {"label": {"name": "region", "values": ["eu"]}}]})
    cloud.flows.attesters.label(host.id, {"region": "eu"}, cloud.clock())
    host.release(profile="platinum")
    cloud.flows.attesters.label(host.id, {}, cloud.tick(seconds=1))
    for asked in ({}, {"profile": "gold"}):
        refused(host.ask(action=Action.POWER_ON, **asked),
                Code.RELEASE_NOT_AFFIRMING)
