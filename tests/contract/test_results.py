# SPDX-License-Identifier: Apache-2.0
"""The contracts of ``ports.Results`` and ``ports.KeptEvidence``."""

from __future__ import annotations

import dataclasses
import datetime

import pytest

from attestation_service import records as r
from attestation_service.core import errors
from nova_trusted_launch.wire.results import TrustTier
from nova_trusted_launch.wire.snapshot import SnapshotEntry
from tests.contract import samples


def latest(unit, limit=99, marker=None, **filters):
    return list(unit.results.latest(r.Page(limit, marker, filters)))


def history(unit, attester_id="a1", limit=99, marker=None, **filters):
    return [s.sequence for s in unit.results.history(
        attester_id, r.Page(limit, marker, filters))]


def test_a_result_comes_back_as_it_was(store):
    with store.unit() as unit:
        (saved,) = unit.results.save(samples.result())
    assert saved == dataclasses.replace(samples.result(), sequence=1)
    with store.unit() as unit:
        assert latest(unit) == [saved]
        assert list(unit.results.history("a1", r.Page(9))) == [saved]
        assert unit.results.sequence() == 1


def test_without_results_the_sequence_is_zero(store):
    with store.unit() as unit:
        assert unit.results.sequence() == 0
        assert latest(unit) == []
        assert unit.results.entries(0) == (0, [])


def test_a_newer_result_takes_the_place_of_the_older(store):
    with store.unit() as unit:
        unit.results.save(samples.result())
        unit.results.save(samples.result(profile_name="p2"))
        (newer,) = unit.results.save(samples.result(
            tier=TrustTier.CONTRAINDICATED))
    with store.unit() as unit:
        assert [s.sequence for s in latest(unit)] == [2, 3]
        assert latest(unit, profile="p1") == [newer]
        assert history(unit) == [3, 2, 1]


def test_only_what_is_in_force_is_known(store):
    with store.unit() as unit:
        good = unit.results.save(samples.result())[0].result
        unit.results.save(samples.result(profile_name="p2",
                                         tier=TrustTier.CONTRAINDICATED))
        unit.results.save(samples.result(attester_id="a2", host="h2"))
    before = good.expires_at - datetime.timedelta(microseconds=1)
    with store.unit() as unit:
        assert unit.results.tiers("a1", before) == {
            "p1": TrustTier.AFFIRMING, "p2": TrustTier.CONTRAINDICATED}
        assert unit.results.tiers("a1", good.expires_at) == {}
        assert unit.results.tiers("nobody", before) == {}
        unit.results.drop(samples.at(1), profile="p1")
        assert unit.results.tiers("a1", samples.at(2)) == {
            "p2": TrustTier.CONTRAINDICATED}


def test_a_host_that_enrolled_again_has_one_latest_result(store):
    with store.unit() as unit:
        unit.results.save(samples.result())
        unit.results.drop(samples.at(1), attester_id="a1")
        (newer,) = unit.results.save(samples.result(attester_id="a2"))
        unit.results.drop(samples.at(2), attester_id="a1")
        assert latest(unit, host="host-a1") == [newer]


def test_latest_results_are_filtered_and_paged_by_sequence(store):
    with store.unit() as unit:
        for host in ("h1", "h2", "h3"):
            for profile in ("p1", "p2"):
                unit.results.save(samples.result(
                    host, profile, attester_id=f"a-{host}"))
        unit.results.save(samples.result("h1", "p1", attester_id="a-h1"))

        def listed(*args, **filters):
            return [s.sequence for s in latest(unit, *args, **filters)]
        assert listed() == [2, 3, 4, 5, 6, 7]
        assert listed(2) == [2, 3]
        # The entry that was last may be gone: the number counts.
        assert listed(2, "1") == [2, 3]
        assert listed(9, "4") == [5, 6, 7]
        assert listed(host="h2") == [3, 4]
        assert listed(attester_id="a-h1") == [2, 7]
        assert listed(profile="p1", since=3) == [5, 7]
        assert listed(since=7) == []
        with pytest.raises(errors.Invalid):
            listed(9, "p1")


def test_history_is_filtered_and_paged_newest_first(store):
    with store.unit() as unit:
        for _ in range(3):
            unit.results.save(samples.result())
            unit.results.save(samples.result(profile_name="p2"))
        unit.results.save(samples.result(attester_id="a2"))
        assert history(unit) == [6, 5, 4, 3, 2, 1]
        assert history(unit, limit=2) == [6, 5]
        assert history(unit, marker="5", limit=2) == [4, 3]
        assert history(unit, profile="p1") == [5, 3, 1]
        assert history(unit, "a2") == [7]


def test_a_snapshot_has_the_tier_of_every_host(store):
    with store.unit() as unit:
        unit.results.save(samples.result("h1"))
        unit.results.save(samples.result("h2", tier=TrustTier.WARNING))
        unit.results.save(samples.result("h1", expires_at=samples.at(900)))
    expiry = int(samples.at(900).timestamp())
    with store.unit() as unit:
        newest, entries = unit.results.entries(0)
        assert newest == 3
        assert list(entries) == [
            SnapshotEntry("h2", "p1", TrustTier.WARNING, expiry - 300),
            SnapshotEntry("h1", "p1", TrustTier.AFFIRMING, expiry)]
        newest, entries = unit.results.entries(2)
        assert (newest, [e.host for e in entries]) == (3, ["h1"])
        assert unit.results.entries(3) == (3, [])


def test_withdrawn_results_are_told_once(store):
    with store.unit() as unit:
        unit.results.save(samples.result("h1", "p1"))
        unit.results.save(samples.result("h1", "p2"))
        unit.results.save(samples.result("h2", "p1", attester_id="a2"))
        unit.results.drop(samples.at(9), attester_id="a1", profile="p1")
    with store.unit() as unit:
        assert unit.results.sequence() == 4
        assert [(s.result.host, s.result.profile) for s in latest(unit)] == [
            ("h1", "p2"), ("h2", "p1")]
        assert unit.results.entries(3) == (4, [SnapshotEntry(
            "h1", "p1", TrustTier.NONE, int(samples.at(9).timestamp()))])
        unit.results.drop(samples.at(10), profile="p1")
        # h1 was withdrawn before: only h2 is news.
        assert [e.host for e in unit.results.entries(4)[1]] == ["h2"]
        unit.results.drop(samples.at(11), attester_id="a1")
        assert [e.profile for e in unit.results.entries(5)[1]] == ["p2"]
        assert unit.results.sequence() == 6
        assert latest(unit) == []
        # History tells what was signed, not what became of it.
        assert history(unit) == [2, 1]


def test_a_result_after_a_withdrawal_counts(store):
    with store.unit() as unit:
        unit.results.save(samples.result())
        unit.results.drop(samples.at(1), attester_id="a1")
        (again,) = unit.results.save(samples.result())
        assert latest(unit) == [again]
        assert unit.results.entries(2)[1][0].tier is TrustTier.AFFIRMING


def test_what_ended_is_found_by_when(store):
    with store.unit() as unit:
        for host, seconds in (("h1", 10), ("h2", 20), ("h3", 30)):
            unit.results.save(samples.result(
                host, attester_id=host, expires_at=samples.at(seconds)))
        unit.results.drop(samples.at(15), attester_id="h3")

        def ended(after, until):
            return sorted(unit.results.ended(samples.at(after),
                                             samples.at(until)))
        assert ended(0, 9) == []
        assert ended(9, 10) == [("h1", "p1")]
        assert ended(10, 20) == [("h2", "p1"), ("h3", "p1")]
        assert ended(20, 99) == []


def test_an_undone_unit_gives_its_numbers_back(store):
    with pytest.raises(ZeroDivisionError), store.unit() as unit:
        unit.results.save(samples.result())
        raise ZeroDivisionError
    with store.unit() as unit:
        assert latest(unit) == []
        assert unit.results.save(samples.result())[0].sequence == 1


def test_history_is_forgotten_and_the_latest_stays(store):
    with store.unit() as unit:
        for seconds in (0, 1, 2):
            unit.results.save(samples.result(issued_at=samples.at(seconds)))
        assert unit.results.forget_older(samples.at(1)) == 1
        assert history(unit) == [3, 2]
        unit.results.forget_older(samples.at(99))
        assert [s.sequence for s in latest(unit)] == [3]


def test_evidence_is_kept_newest_first_and_bounded(store):
    with store.unit() as unit:
        for number in range(4):
            unit.kept_evidence.save(samples.kept(
                f"k{number}", received_at=samples.at(number)), keep=3)
        unit.kept_evidence.save(samples.kept("other", attester_id="a2"),
                                keep=3)
    with store.unit() as unit:
        assert list(unit.kept_evidence.list("a1")) == [
            samples.kept(f"k{n}", received_at=samples.at(n))
            for n in (3, 2, 1)]
        assert [k.id for k in unit.kept_evidence.list("a2")] == ["other"]
        assert list(unit.kept_evidence.list("a3")) == []


def test_old_evidence_is_forgotten(store):
    with store.unit() as unit:
        for number in range(3):
            unit.kept_evidence.save(samples.kept(
                f"k{number}", received_at=samples.at(number)), keep=3)
        assert unit.kept_evidence.forget_older(samples.at(2)) == 2
        assert [k.id for k in unit.kept_evidence.list("a1")] == ["k2"]
        assert unit.kept_evidence.forget_older(samples.at(2)) == 0


def test_long_evidence_is_kept_whole(store):
    # Does not compress: several chunks, more than a packet of MariaDB.
    noise = b"".join(samples.hashed(str(n)) for n in range(600_000))
    for size in (0, 1, len(noise)):
        with store.unit() as unit:
            unit.kept_evidence.save(samples.kept(
                str(size), envelope=noise[:size]), keep=1)
            assert unit.kept_evidence.list("a1")[0].envelope == noise[:size]
