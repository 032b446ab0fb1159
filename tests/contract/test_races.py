# SPDX-License-Identifier: Apache-2.0
"""Many at once, in one process and in several: the store decides for one.

64 attempts each.  Run over SQLite, PostgreSQL and MariaDB.
"""

from __future__ import annotations


import pytest

from attestation_service import records as r
from nova_trusted_launch.wire.receipts import leaf_hash, node_hash
from tests.contract import race, samples

PROCESSES = 4
ATTEMPTS = 64


@pytest.fixture
def rush(sql_store):
    """Return a function that does a deed in 64 threads at once."""
    return lambda deed: race.in_threads(sql_store, deed, ATTEMPTS)


@pytest.fixture(params=["threads", "processes"])
def wide_rush(request, url, rush):
    """The same, and once more from several processes."""
    if request.param == "threads":
        return rush
    return lambda deed: race.in_processes(
        url, deed, PROCESSES, ATTEMPTS // PROCESSES)


def test_b3_one_of_64_spends_the_nonce(sql_store, wide_rush):
    with sql_store.unit() as unit:
        unit.challenges.issue(samples.challenge(), most_open=1,
                              now=samples.NOW)
    assert wide_rush("spend") == {"done": 1, "StaleEvidence": 63}


def test_b3_the_same_without_delete_returning(sql, sql_store):
    """As on MySQL, which has no DELETE ... RETURNING."""
    with sql_store.unit() as unit:
        unit.challenges.issue(samples.challenge(), most_open=1,
                              now=samples.NOW)
    sql.engine.dialect.delete_returning = False
    sql.engine.dialect.update_returning = False
    assert race.in_threads(sql_store, "spend", ATTEMPTS) == {
        "done": 1, "StaleEvidence": 63}
    assert race.in_threads(sql_store, "append", 16) == {"done": 16}


@pytest.mark.parametrize("deed", ["enrol_host", "enrol_tpm"])
def test_d6_one_of_64_enrols_the_host_or_tpm(sql_store, wide_rush, deed):
    outcomes = wide_rush(deed)
    assert outcomes["done"] == 1
    # MariaDB may settle the quarrel by ending some ("try again").
    assert outcomes["Conflict"] + outcomes["Unavailable"] == 63
    with sql_store.unit() as unit:
        assert len(unit.attesters.list(r.Page(99))) == 1


def test_one_of_64_takes_the_enrolment(sql_store, rush):
    with sql_store.unit() as unit:
        unit.attesters.begin(samples.enrolment(), most_open=1,
                             now=samples.NOW)
    assert rush("take") == {"done": 1, "Forbidden": 63}


def test_i4_no_more_challenges_than_allowed(sql_store, rush):
    with sql_store.unit() as unit:
        unit.attesters.add(samples.attester())
    assert rush("issue") == {"done": 5, "LimitReached": 59}


def test_a_key_is_used_no_more_than_its_launches(sql_store, rush):
    with sql_store.unit() as unit:
        unit.keys.add(samples.key())
    assert rush("use") == {"done": 2, "Forbidden": 62}


def test_e2_one_of_64_instances_gets_the_token(sql_store, rush):
    with sql_store.unit() as unit:
        unit.launches.add(samples.launch())
    assert rush("bind") == {"done": 1, "Forbidden": 63}


def test_one_of_64_first_releases_makes_the_lease(sql_store, rush):
    outcomes = rush("lease")
    assert outcomes["done"] == 1
    assert outcomes["Conflict"] + outcomes["Unavailable"] == 63


def test_one_of_64_decides_the_release(sql_store, rush):
    with sql_store.unit() as unit:
        unit.releases.add(samples.release())
    assert rush("close") == {"done": 1, "Conflict": 63}


def test_one_of_64_claims_the_event(sql_store, rush):
    with sql_store.unit() as unit:
        unit.outbox.put(samples.event())
    assert rush("claim") == {"done": 1, "Unknown": 63}


def test_versions_of_a_profile_have_their_own_numbers(sql_store, rush):
    with sql_store.unit() as unit:
        unit.profiles.add(samples.profile())
    assert rush("version") == {"done": 64}
    with sql_store.unit() as unit:
        assert [v.version for v in unit.profiles.versions("p1")] == list(
            range(1, 65))


def test_64_receipts_are_numbered_without_a_gap(sql_store, wide_rush):
    assert wide_rush("append") == {"done": 64}
    with sql_store.unit() as unit:
        assert unit.log.size() == 64
        nodes = [leaf_hash(unit.log.load(i).jwt) for i in range(64)]
        while len(nodes) > 1:
            nodes = [node_hash(*pair) for pair in zip(
                nodes[::2], nodes[1::2], strict=True)]
        assert unit.log.node(6, 0) == nodes[0]


def test_64_results_have_their_own_numbers(sql_store, rush):
    assert rush("save") == {"done": 64}
    with sql_store.unit() as unit:
        assert unit.results.sequence() == 64
        history = unit.results.history("a1", r.Page(99))
        assert [s.sequence for s in history] == list(range(64, 0, -1))
        latest = unit.results.latest(r.Page(99))
        assert latest[-1].sequence == 64
        assert len({s.result.host for s in latest}) == len(latest)
