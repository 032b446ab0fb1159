# SPDX-License-Identifier: Apache-2.0
"""Looking at results, the snapshot, the log, and what is forgotten."""

from __future__ import annotations

import dataclasses
import datetime

import pytest

from attestation_service import records as r
from attestation_service.core import errors
from attestation_service.flows.settings import Settings
from nova_trusted_launch.wire import receipts
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.receipts import CHECKPOINT_TYPE, Checkpoint
from nova_trusted_launch.wire.release import Action
from nova_trusted_launch.wire.results import TrustTier
from nova_trusted_launch.wire.snapshot import (
    SNAPSHOT_TYPE,
    Snapshot,
    SnapshotEntry,
)
from tests.fakes.cloud import Cloud

STRICT = {"schema": 1, "require": [{"hardware-root": {"required": True}}]}


def snapshot(cloud, since=0):
    return Snapshot.from_claims(cloud.signer.verify(
        cloud.flows.snapshot(since, cloud.clock()), SNAPSHOT_TYPE))


def entries(found):
    return [(e.host, e.profile, e.tier) for e in found.entries]


def test_latest_and_history(cloud, host):
    (first,) = host.attest()
    cloud.tick(seconds=1)
    (second,) = host.attest()
    flow = cloud.flows.results
    assert flow.latest(r.Page(9)) == [second]
    assert flow.latest(r.Page(9, filters={"host": "host-9"})) == []
    assert flow.history("host-1", r.Page(9)) == [second, first]
    assert flow.history(host.id, r.Page(1)) == [second]
    with pytest.raises(errors.Unknown):
        flow.history("host-9", r.Page(9))


def test_explain(cloud, host):
    cloud.profile("strict", STRICT)
    host.attest()
    told = cloud.flows.explain("host-1", None)
    assert told.attester == cloud.flows.attesters.find(host.id)
    assert {s.result.profile: s.result.tier for s in told.results} == {
        "gold": TrustTier.AFFIRMING, "strict": TrustTier.CONTRAINDICATED}
    assert [k.attester_id for k in told.evidence] == [host.id]
    (only,) = cloud.flows.explain(host.id, "strict").results
    (finding,) = only.result.findings
    assert (finding.expected, finding.actual) == ("hardware", "software")
    assert finding.action
    with pytest.raises(errors.Unknown):
        cloud.flows.explain("host-9", None)


def test_snapshot(cloud, host):
    cloud.profile("strict", STRICT)
    stored = host.attest()
    found = snapshot(cloud)
    assert found == Snapshot(
        0, 2, cloud.clock(), cloud.clock() + cloud.settings.snapshot_life,
        tuple(SnapshotEntry(
            "host-1", s.result.profile, s.result.tier,
            int(s.result.expires_at.timestamp())) for s in stored))


def test_snapshot_since(cloud, host):
    host.attest()
    first = snapshot(cloud)
    cloud.host("host-2").attest()
    delta = snapshot(cloud, first.sequence)
    assert (delta.base, delta.sequence) == (1, 2)
    assert entries(delta) == [("host-2", "gold", TrustTier.AFFIRMING)]
    assert entries(snapshot(cloud, delta.sequence)) == []


def test_snapshot_tells_what_is_gone(cloud, host):
    host.attest()
    cloud.flows.attesters.retire(host.id, cloud.clock())
    assert entries(snapshot(cloud, 1)) == [
        ("host-1", "gold", TrustTier.NONE)]


def test_snapshot_since_the_future_is_whole(cloud, host):
    """The database was restored from a backup: numbers begin again."""
    host.attest()
    found = snapshot(cloud, 99)
    assert (found.base, len(found.entries)) == (0, 1)


def test_snapshot_of_nothing(cloud):
    assert snapshot(cloud) == Snapshot(
        0, 0, cloud.clock(), cloud.clock() + cloud.settings.snapshot_life,
        ())


# The log.

@pytest.fixture
def logged(cloud, host):
    cloud.nova.place("vm-1", "host-1")
    host.release(profile="gold")
    for _ in range(6):
        host.release(action=Action.POWER_ON)
    return [s.jwt for s in reversed(
        cloud.flows.receipts.list(r.Page(99)))]


def checkpoint(cloud):
    return Checkpoint.from_claims(cloud.signer.verify(
        cloud.flows.transparency.checkpoint(cloud.clock()), CHECKPOINT_TYPE))


def test_an_empty_log(cloud):
    assert checkpoint(cloud) == Checkpoint(
        "host-attestation", 0, receipts.EMPTY_ROOT, cloud.clock())
    assert cloud.flows.transparency.leaves(0, 9) == []


def test_every_receipt_is_included(cloud, logged):
    head = checkpoint(cloud)
    assert head.size == 7
    for index, jwt in enumerate(logged):
        leaf, path = cloud.flows.transparency.inclusion(index, head.size)
        assert leaf == receipts.leaf_hash(jwt)
        receipts.verify_inclusion(leaf, index, head.size, path, head.root)


def test_the_log_only_grows(cloud, logged, host):
    first = checkpoint(cloud)
    host.release(action=Action.POWER_ON)
    second = checkpoint(cloud)
    receipts.verify_consistency(
        first.size, first.root, second.size, second.root,
        cloud.flows.transparency.consistency(first.size, second.size))


def test_leaves(cloud, logged):
    hashes = [receipts.leaf_hash(jwt) for jwt in logged]
    leaves = cloud.flows.transparency.leaves
    assert leaves(0, 99) == hashes
    assert leaves(2, 3) == hashes[2:5]
    assert leaves(7, 3) == []


@pytest.mark.parametrize("call", [
    lambda log: log.inclusion(0, 8), lambda log: log.inclusion(7, 7),
    lambda log: log.inclusion(-1, 7), lambda log: log.inclusion(0, -1),
    lambda log: log.consistency(3, 8), lambda log: log.consistency(4, 3),
    lambda log: log.consistency(-1, 3), lambda log: log.leaves(8, 1),
    lambda log: log.leaves(-1, 1)])
def test_beyond_the_log_there_is_nothing(cloud, logged, call):
    with pytest.raises(errors.Unknown) as caught:
        call(cloud.flows.transparency)
    assert caught.value.code is Code.LOG_RANGE


def test_the_origin_is_configured():
    cloud = Cloud(log_origin="cloud.example/log")
    assert checkpoint(cloud).origin == "cloud.example/log"


# Housekeeping.

def test_expired_challenges_and_enrolments_are_forgotten(cloud, host):
    host.challenge()
    other = cloud.host("host-2", enrol=False)
    cloud.flows.enrol.begin(other.enrolment(), "agents", cloud.clock())
    cloud.tick(days=1)
    kept = host.challenge()
    cloud.flows.housekeep(cloud.clock())
    tables = cloud.store.tables
    assert list(tables.challenges.rows) == [kept.nonce]
    assert tables.attesters.enrolments == {}


def test_old_history_is_forgotten(cloud, host):
    host.attest()
    cloud.tick(seconds=cloud.settings.history_life.total_seconds())
    cloud.flows.housekeep(cloud.clock())
    assert len(cloud.flows.results.history(host.id, r.Page(9))) == 1
    cloud.tick(seconds=1)
    cloud.flows.housekeep(cloud.clock())
    assert cloud.flows.results.history(host.id, r.Page(9)) == []


def test_g6_traits_of_a_silent_host_are_taken_away(cloud, host):
    cloud.profile("long", {**STRICT, "valid_for": 86400, "require": [
        {"tpm": {"manufacturers": ["IFX"]}}]})
    cloud.host("host-2")
    host.attest()
    cloud.tick(seconds=599)
    cloud.flows.housekeep(cloud.clock())
    assert cloud.placement.traits == {"host-1": {"gold", "long"}}
    cloud.tick(seconds=1)
    cloud.flows.housekeep(cloud.clock())
    assert cloud.placement.traits == {"host-1": {"long"}}
    host.attest()
    assert cloud.placement.traits == {"host-1": {"gold", "long"}}


def test_what_was_silent_long_ago_is_left_alone(cloud, host):
    cloud.profile("other")
    host.attest()
    cloud.tick(seconds=600)
    cloud.tick(seconds=cloud.settings.silence.total_seconds() - 1)
    cloud.flows.housekeep(cloud.clock())
    assert cloud.placement.traits == {"host-1": set()}
    cloud.placement.traits["host-1"] = {"gold"}
    cloud.tick(seconds=1)
    cloud.flows.housekeep(cloud.clock())
    assert cloud.placement.traits == {"host-1": {"gold"}}


def test_traits_of_a_retired_profile_are_taken_away(cloud, host):
    host.attest()
    cloud.flows.profiles.retire("gold", cloud.clock())
    cloud.flows.housekeep(cloud.clock())
    assert cloud.placement.traits == {"host-1": set()}


def test_placement_down_does_not_stop_housekeeping(cloud, host):
    host.attest()
    cloud.placement.down = True
    cloud.tick(days=1)
    cloud.flows.housekeep(cloud.clock())


def test_a_key_must_be_sealed_to_something():
    with pytest.raises(ValueError, match="register"):
        Settings(sealed_registers=frozenset())


def test_jwks(cloud):
    assert cloud.flows.jwks() == cloud.signer.jwks()


def test_lives_are_those_that_are_set():
    short = datetime.timedelta(seconds=7)
    cloud = Cloud(challenge_life=short, release_life=2 * short,
                  session_life=3 * short, snapshot_life=4 * short)
    cloud.profile()
    host = cloud.host()
    cloud.nova.place("vm-1", "host-1")
    now = cloud.clock()
    assert host.challenge().expires_at == now + short
    asked = host.ask(profile="gold")
    assert asked.challenge.expires_at == now + 2 * short
    released = asked.answer()
    assert released.sealed_key.expiration == 21
    assert released.expires_at == now + 3 * short
    assert snapshot(cloud).expires_at == now + 4 * short
    assert dataclasses.replace(cloud.settings) == cloud.settings
