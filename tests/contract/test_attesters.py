# SPDX-License-Identifier: Apache-2.0
"""The contract of ``ports.Attesters``."""

from __future__ import annotations

import dataclasses

import pytest

from attestation_service import records as r
from attestation_service.core import errors
from nova_trusted_launch.wire.codes import Code
from tests.contract import samples


def test_an_enrolment_is_taken_once(store):
    with store.unit() as unit:
        unit.attesters.begin(samples.enrolment(), most_open=1,
                             now=samples.NOW)
    with store.unit() as unit:
        assert unit.attesters.take(
            "e1", samples.at(59)) == samples.enrolment()
    with store.unit() as unit, pytest.raises(errors.Forbidden) as refused:
        unit.attesters.take("e1", samples.NOW)
    assert refused.value.code is Code.ENROLMENT_EXPIRED


@pytest.mark.parametrize("name, now", [
    pytest.param("e1", samples.at(60), id="expired"),
    pytest.param("other", samples.NOW, id="unknown")])
def test_no_enrolment_to_take(store, name, now):
    with store.unit() as unit:
        unit.attesters.begin(samples.enrolment(), most_open=1,
                             now=samples.NOW)
        with pytest.raises(errors.Forbidden):
            unit.attesters.take(name, now)


def test_open_enrolments_of_one_tpm_are_bounded(store):
    same = samples.hashed("one TPM")
    with store.unit() as unit:
        for name in ("e1", "e2"):
            unit.attesters.begin(
                samples.enrolment(name, ek_digest=same), most_open=2,
                now=samples.NOW)
        with pytest.raises(errors.LimitReached):
            unit.attesters.begin(samples.enrolment("e3", ek_digest=same),
                                 most_open=2, now=samples.NOW)
        unit.attesters.begin(samples.enrolment("other"), most_open=2,
                             now=samples.NOW)
        unit.attesters.begin(samples.enrolment("e3", ek_digest=same),
                             most_open=2, now=samples.at(60))


def test_an_attester_comes_back_as_it_was(store):
    with store.unit() as unit:
        unit.attesters.add(samples.attester())
    with store.unit() as unit:
        assert unit.attesters.load("a1") == samples.attester()
        assert unit.attesters.find("a1") == samples.attester()
        assert unit.attesters.find("host-a1") == samples.attester()


@pytest.mark.parametrize("method", ["load", "find"])
def test_an_unknown_attester(store, method):
    with store.unit() as unit, pytest.raises(errors.Unknown) as refused:
        getattr(unit.attesters, method)("host-a1")
    assert refused.value.code is Code.ATTESTER_UNKNOWN


@pytest.mark.parametrize("changes", [
    pytest.param({"host": "host-a1"}, id="same host"),
    pytest.param({"ek_digest": samples.hashed("a1")}, id="same TPM")])
@pytest.mark.parametrize("state", [r.AttesterState.PENDING,
                                   r.AttesterState.APPROVED])
def test_a_taken_host_or_tpm_is_refused(store, changes, state):
    with store.unit() as unit:
        unit.attesters.add(samples.attester(state=state))
    with store.unit() as unit:
        with pytest.raises(errors.Conflict) as refused:
            unit.attesters.add(samples.attester("a2", **changes))
        # The unit of work is still good for something else.
        unit.attesters.add(samples.attester("a3"))
    assert refused.value.code is Code.ATTESTER_TAKEN
    with store.unit() as unit:
        assert [a.id for a in unit.attesters.list(r.Page(9))] == ["a1", "a3"]


def test_names_that_only_look_alike_are_others(store):
    names = ["Host", "host", "host ", "hóst"]
    with store.unit() as unit:
        for number, name in enumerate(names):
            unit.attesters.add(samples.attester(f"a{number}", host=name))
    with store.unit() as unit:
        assert [unit.attesters.find(name).host for name in names] == names
        with pytest.raises(errors.Unknown):
            unit.attesters.find("HOST")
        assert [a.host for a in unit.attesters.list(
            r.Page(9, filters={"host": "host"}))] == ["host"]


def test_a_retired_one_gives_host_and_tpm_back(store):
    old = samples.attester()
    retired = samples.attester(state=r.AttesterState.RETIRED,
                               updated_at=samples.at(1))
    new = samples.attester("a2", host="host-a1",
                           ek_digest=samples.hashed("a1"))
    with store.unit() as unit:
        unit.attesters.add(old)
        unit.attesters.save(retired, was=old)
        unit.attesters.add(new)
    with store.unit() as unit:
        assert unit.attesters.find("host-a1") == new
        assert unit.attesters.load("a1") == retired


def test_a_change_of_a_changed_attester_is_refused(store):
    old = samples.attester()
    with store.unit() as unit:
        unit.attesters.add(old)
        unit.attesters.save(samples.attester(
            labels={"rack": "8"}, updated_at=samples.at(1)), was=old)
        with pytest.raises(errors.Conflict) as refused:
            unit.attesters.save(samples.attester(
                state=r.AttesterState.RETIRED, updated_at=samples.at(2)),
                was=old)
        assert unit.attesters.load("a1").labels == {"rack": "8"}
    assert refused.value.code is Code.REQUEST_CONFLICT


def test_a_boot_is_recorded_and_no_edit_takes_it_back(store):
    old = samples.attester()
    position = {"offset": 2 ** 40, "pcr": "aa"}
    with store.unit() as unit:
        unit.attesters.add(old)
        unit.attesters.record_boot("a1", samples.counters(), position,
                                   samples.at(5))
    edited = samples.attester(labels={}, updated_at=samples.at(9))
    with store.unit() as unit:
        unit.attesters.save(edited, was=old)
        assert unit.attesters.load("a1") == dataclasses.replace(
            edited, counters=samples.counters(), ima_position=position,
            last_seen_at=samples.at(5))
        unit.attesters.record_boot("a1", samples.counters(8), None,
                                   samples.at(6))
        assert unit.attesters.load("a1").ima_position is None


def test_attesters_are_listed_by_host_in_pages(store):
    with store.unit() as unit:
        for name in ("c", "a", "b", "é"):
            unit.attesters.add(samples.attester(name))
    with store.unit() as unit:
        def listed(limit, marker=None, **filters):
            return [a.id for a in unit.attesters.list(
                r.Page(limit, marker, filters))]
        assert listed(9) == ["a", "b", "c", "é"]
        assert listed(2) == ["a", "b"]
        assert listed(2, "b") == ["c", "é"]
        assert listed(9, "é") == []
        assert listed(9, host="host-b") == ["b"]
        assert listed(9, state=r.AttesterState.APPROVED) == [
            "a", "b", "c", "é"]
        assert listed(9, state=r.AttesterState.PENDING) == []
        with pytest.raises(errors.Invalid):
            listed(9, "nothing")
