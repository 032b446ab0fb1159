# SPDX-License-Identifier: Apache-2.0
"""E1 to E3, E6, E8, E10: keys that must not be released, in the flows.

The service is whole but for its edges, and every TPM signs truthfully: each
test tells one lie.  Nothing is released, nothing is logged, and the refusal is
kept with its code.
"""

from __future__ import annotations

import contextlib
import dataclasses

import pytest

from attestation_service import records as r
from attestation_service.core import errors
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.release import Action, SealedKey
from tests.fakes.cloud import Cloud, unseal
from tests.fakes.tpm import TpmRefused

SECRET, DIGEST, OTHER_DIGEST = b"s" * 32, b"d" * 32, b"e" * 32


@pytest.fixture
def cloud():
    made = Cloud()
    made.profile()
    made.nova.place("vm-1", "host-1")
    return made


@pytest.fixture
def host(cloud):
    return cloud.host()


@contextlib.contextmanager
def refusing(cloud, code):
    """Expect a refusal after which nothing more is released than before."""
    logged = cloud.store.tables.log.size()
    leases = dict(cloud.store.tables.leases.rows)
    used = {k.id: k.launches_used for k in cloud.store.tables.keys.rows
            .values()}
    with pytest.raises(errors.Refusal) as caught:
        yield
    assert caught.value.code is code
    assert cloud.store.tables.log.size() == logged
    assert cloud.store.tables.leases.rows == leases
    assert {k.id: k.launches_used for k in cloud.store.tables.keys.rows
            .values()} == used


def refused(asked, code, **lies):
    with refusing(asked.host.cloud, code):
        asked.answer(**lies)
    assert asked.kept.state is r.ReleaseState.REFUSED
    assert asked.kept.code == str(code)


# E1: asked by a host that does not have the instance, for another project's
# key, for another image.

def test_e1_instance_on_another_host_refused(cloud, host):
    cloud.nova.place("vm-1", "host-2", "host-3")
    refused(host.ask(profile="gold"), Code.RELEASE_WRONG_PLACE)


def test_e1_instance_that_nova_does_not_know_refused(cloud, host):
    refused(host.ask("vm-9", profile="gold"), Code.RELEASE_WRONG_PLACE)


def test_e1_key_of_another_project_refused(cloud, host):
    key = cloud.key("p2")
    refused(host.ask(profile="gold", key_id=key.id),
            Code.RELEASE_WRONG_PROJECT)


def test_e1_instance_of_another_project_refused(cloud, host):
    key = cloud.key("p1")
    cloud.nova.place("vm-1", "host-1", project="p2")
    refused(host.ask(profile="gold", key_id=key.id),
            Code.RELEASE_WRONG_PROJECT)


def test_e1_instance_that_changed_its_project_refused(cloud, host):
    host.release(profile="gold")
    cloud.nova.place("vm-1", "host-1", project="p2")
    refused(host.ask(action=Action.POWER_ON), Code.RELEASE_WRONG_PROJECT)


@pytest.mark.parametrize(("nova", "asked"), [
    ("image-2", "image-2"), ("image-2", "image-1"), ("image-1", "image-2"),
    (None, "image-1"), (None, None)])
def test_e1_key_for_another_image_refused(cloud, host, nova, asked):
    key = cloud.key(image_id="image-1")
    cloud.nova.place("vm-1", "host-1", image=nova)
    refused(host.ask(profile="gold", key_id=key.id, image_id=asked),
            Code.RELEASE_WRONG_IMAGE)


def test_e1_the_digest_is_the_registered_one(cloud, host):
    """Whatever Glance or the host say: the host compares with this one."""
    key = cloud.key(image_digest=DIGEST)
    asked = host.ask(profile="gold", key_id=key.id)
    assert asked.answer().image_digest == DIGEST


def test_e1_disk_key_of_another_instance_by_its_id_refused(cloud, host):
    host.release(profile="gold")
    disk = cloud.flows.instances.show("vm-1", None).lease.disk_key_id
    cloud.nova.place("vm-2", "host-1")
    refused(host.ask("vm-2", profile="gold", key_id=disk), Code.KEY_UNKNOWN)


def test_e1_other_key_after_the_launch_refused(cloud, host):
    first, second = cloud.key(), cloud.key()
    host.release(profile="gold", key_id=first.id)
    refused(host.ask(action=Action.POWER_ON, key_id=second.id),
            Code.RELEASE_WRONG_IMAGE)


def test_e1_release_of_another_attester_does_not_exist(cloud, host):
    cloud.nova.place("vm-1", "host-1", "host-2")
    thief, asked = cloud.host("host-2"), host.ask(profile="gold")
    own = thief.ask(profile="gold")
    own.release = asked.release
    with refusing(cloud, Code.RELEASE_UNKNOWN):
        own.answer()
    assert asked.kept.state is r.ReleaseState.OPEN


def test_e1_another_user_may_neither_ask_nor_answer(cloud, host):
    asked = host.ask(profile="gold")
    host.user_id = "mallory"
    with refusing(cloud, Code.REQUEST_FORBIDDEN):
        host.ask(profile="gold")
    with refusing(cloud, Code.REQUEST_FORBIDDEN):
        asked.answer()


# E2: token of another launch, used twice, altered profile.

def test_e2_token_used_for_a_second_instance_refused(cloud, host):
    launch, _ = cloud.token()
    host.release(profile="gold", launch_id=launch.id)
    cloud.nova.place("vm-2", "host-1")
    refused(host.ask("vm-2", profile="gold", launch_id=launch.id),
            Code.TOKEN_SPENT)


def test_e2_token_of_another_launch_later_refused(cloud, host):
    first, second = cloud.token()[0], cloud.token()[0]
    host.release(profile="gold", launch_id=first.id)
    refused(host.ask(action=Action.POWER_ON, launch_id=second.id),
            Code.TOKEN_MISMATCH)


def test_e2_token_brought_later_refused(cloud, host):
    host.release(profile="gold")
    launch, _ = cloud.token()
    refused(host.ask(action=Action.POWER_ON, launch_id=launch.id),
            Code.TOKEN_MISMATCH)


def test_e2_token_of_another_project_refused(cloud, host):
    launch, _ = cloud.token("p2")
    refused(host.ask(profile="gold", launch_id=launch.id),
            Code.TOKEN_UNKNOWN)


def test_e2_token_that_does_not_exist_refused(cloud, host):
    refused(host.ask(profile="gold", launch_id="t9"), Code.TOKEN_UNKNOWN)


def test_e2_expired_token_refused(cloud, host):
    launch, _ = cloud.token(expires_in=30)
    cloud.tick(seconds=30)
    refused(host.ask(profile="gold", launch_id=launch.id),
            Code.TOKEN_EXPIRED)


def test_e2_weaker_profile_than_the_tokens_refused(cloud, host):
    cloud.profile("platinum", {"schema": 1, "require": [
        {"hardware-root": {"required": True}}]})
    launch, _ = cloud.token(profile="platinum")
    refused(host.ask(profile="gold", launch_id=launch.id),
            Code.RELEASE_NOT_AFFIRMING)


def test_e2_token_left_out_where_the_key_demands_it_refused(cloud, host):
    key = cloud.key(demand_token=True)
    refused(host.ask(profile="gold", key_id=key.id), Code.TOKEN_DEMANDED)


@pytest.mark.parametrize("named", [{"image_id": "image-2"},
                                   {"image_digest": OTHER_DIGEST}])
def test_e2_token_for_another_image_refused(cloud, host, named):
    key = cloud.key(image_digest=DIGEST)
    launch, _ = cloud.token(**named)
    refused(host.ask(profile="gold", key_id=key.id, launch_id=launch.id),
            Code.TOKEN_MISMATCH)


def test_e2_rebuild_with_an_evil_image_never_learns_the_nonce(cloud, host):
    key = cloud.key(image_id="image-1", demand_token=True)
    launch, _ = cloud.token()
    host.release(profile="gold", key_id=key.id, launch_id=launch.id)
    cloud.nova.place("vm-1", "host-1", image="evil")
    for asked in ({"image_id": "evil"},
                  {"image_id": "evil", "launch_id": launch.id},
                  {"image_id": "evil", "key_id": key.id}):
        with pytest.raises(errors.Forbidden):
            host.ask(action=Action.REBUILD, **asked).answer()
    assert cloud.store.tables.log.size() == 1


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
