# SPDX-License-Identifier: Apache-2.0
"""Operators bring reference values, and policies are compiled of them."""

from __future__ import annotations

import dataclasses
import datetime

import pytest

from attestation_service import records as r
from attestation_service.core import errors
from attestation_service.flows import policies
from attestation_service.flows.policies import Policies
from nova_trusted_launch.wire.codes import Code
from tests.fakes.cloud import PROFILE, Cloud
from tests.unit.flows.operating import STRICT, create

SECOND = datetime.timedelta(seconds=1)


@pytest.fixture
def cloud():
    return Cloud()


@pytest.fixture
def profiles(cloud):
    return cloud.flows.profiles


def values(cloud, name="boots", **changes):
    return dataclasses.replace(r.ReferenceSet(
        name, "digest", "measured on host-1", cloud.clock(), None,
        {"00" * 32: ("sha256:0",)}), **changes)


def by_reference(*sets):
    return {"schema": 1, "require": [{"any-of": [{"pcr": {
        "bank": "sha256", "index": 0, "reference_values": list(sets)}}]}]}


def test_reference_values(cloud):
    flow = cloud.flows.reference_values
    made = flow.create(values(cloud))
    assert flow.show("boots") == made
    assert flow.list(r.Page(9)) == [dataclasses.replace(made, values={})]
    flow.delete("boots")
    with pytest.raises(errors.Unknown) as caught:
        flow.show("boots")
    assert caught.value.code is Code.REFERENCE_VALUES_UNKNOWN
    with pytest.raises(errors.Unknown):
        flow.delete("boots")


@pytest.mark.parametrize("changes", [
    {"name": ""}, {"name": "a\nb"}, {"kind": "other"}, {"provenance": ""},
    {"provenance": "x" * 1025}, {"values": {}}, {"values": {"00": ()}},
    {"values": {"00" * 32: "path"}},
    {"expires_at": datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)}])
def test_wrong_reference_values_are_refused(cloud, changes):
    with pytest.raises(errors.Invalid):
        cloud.flows.reference_values.create(values(cloud, **changes))


def test_reference_values_that_expire_now_are_refused(cloud):
    flow = cloud.flows.reference_values
    with pytest.raises(errors.Invalid):
        flow.create(values(cloud, expires_at=cloud.clock()))
    flow.create(values(cloud, expires_at=cloud.clock() + SECOND))


def test_reference_values_never_change(cloud):
    cloud.flows.reference_values.create(values(cloud))
    with pytest.raises(errors.Conflict) as caught:
        cloud.flows.reference_values.create(values(cloud, provenance="x"))
    assert caught.value.code is Code.REFERENCE_VALUES_TAKEN


def test_reference_values_in_use_stay(cloud, profiles):
    for name in ("boots", "more"):
        cloud.flows.reference_values.create(values(cloud, name))
    create(cloud, document=by_reference("boots", "more"))
    create(cloud, "other")
    for name in ("boots", "more"):
        with pytest.raises(errors.Conflict, match="'gold' version 1"):
            cloud.flows.reference_values.delete(name)
    profiles.add_version("gold", by_reference("more"), activate=True,
                         user_id="op", now=cloud.clock())
    cloud.flows.reference_values.delete("boots")
    # The old version cannot come into force any more.
    with pytest.raises(errors.Invalid):
        profiles.update("gold", {"active_version": 1}, cloud.clock())


# Compiled policies.

def in_force(cloud, made, now=None):
    with cloud.store.unit() as unit:
        return made.in_force(unit, now or cloud.clock())


def test_policies_are_compiled_once(cloud, monkeypatch):
    create(cloud, document=STRICT)
    made = Policies(SECOND)
    (first,) = in_force(cloud, made)
    assert (first.name, first.version, first.valid_for) == (
        "gold", 1, SECOND)
    assert in_force(cloud, made)[0] is first


def test_policies_follow_what_is_in_force(cloud, profiles):
    cloud.flows.reference_values.create(values(cloud))
    create(cloud, document=by_reference("boots"))
    made = Policies(SECOND)
    (first,) = in_force(cloud, made)
    assert in_force(cloud, made)[0] is first
    profiles.add_version("gold", PROFILE, activate=True, user_id="op",
                         now=cloud.clock())
    assert in_force(cloud, made)[0].version == 2
    profiles.update("gold", {"active_version": 1}, cloud.clock())
    assert in_force(cloud, made)[0] is first
    profiles.retire("gold", cloud.clock())
    assert in_force(cloud, made) == []


def test_policies_whose_reference_values_ended_are_unanswerable(cloud):
    until = cloud.clock() + SECOND
    cloud.flows.reference_values.create(values(cloud, expires_at=until))
    create(cloud, document=by_reference("boots"))
    made = Policies(SECOND)
    (good,) = in_force(cloud, made)
    assert (good.registers, good.valid_until) == ({0}, until)
    (ended,) = in_force(cloud, made, until)
    assert (ended.name, ended.version, ended.registers) == (
        "gold", 1, frozenset())
    assert in_force(cloud, made)[0] is good
    cloud.store.tables.reference_values.rows.clear()
    (gone,) = in_force(cloud, made)
    assert gone.rules[0].why.endswith("no reference values 'boots'")
    assert gone.rules[0].to_document() == {}


def test_policies_do_not_pile_up(cloud, monkeypatch):
    monkeypatch.setattr(policies, "_MOST_KEPT", 2)
    for name in "abc":
        create(cloud, name)
    made = Policies(SECOND)
    for _ in range(3):
        assert len(in_force(cloud, made)) == 3
        assert len(made._kept) <= 2
