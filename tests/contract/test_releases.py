# SPDX-License-Identifier: Apache-2.0
"""The contracts of ``ports.Keys``, Launches, Releases and Leases."""

from __future__ import annotations

import dataclasses

import pytest

from attestation_service import records as r
from attestation_service.core import errors
from nova_trusted_launch.wire.codes import Code
from tests.contract import samples


def ids(listed):
    return [item.id for item in listed]


def test_a_key_comes_back_as_it_was(store):
    disk = samples.key(
        "disk", purpose=r.KeyPurpose.DISK, instance_id="i1",
        policy=r.ReleasePolicy(None))
    with store.unit() as unit:
        unit.keys.add(samples.key())
        unit.keys.add(disk)
    with store.unit() as unit:
        assert unit.keys.load("key-1") == samples.key()
        assert unit.keys.load("disk") == disk


def test_a_key_is_used_as_often_as_its_policy_says(store):
    with store.unit() as unit:
        unit.keys.add(samples.key())
        unit.keys.use("key-1")
        unit.keys.use("key-1")
    with store.unit() as unit:
        with pytest.raises(errors.Forbidden) as refused:
            unit.keys.use("key-1")
        assert unit.keys.load("key-1").launches_used == 2
    assert refused.value.code is Code.RELEASE_EXHAUSTED


def test_a_key_without_a_number_is_used_for_ever(store):
    with store.unit() as unit:
        unit.keys.add(samples.key(policy=r.ReleasePolicy("p1")))
        for _ in range(5):
            unit.keys.use("key-1")
        assert unit.keys.load("key-1").launches_used == 5


@pytest.mark.parametrize("method", ["load", "use", "delete"])
def test_an_unknown_key(store, method):
    with store.unit() as unit:
        unit.keys.add(samples.key())
        unit.keys.delete("key-1")
        with pytest.raises(errors.Unknown) as refused:
            getattr(unit.keys, method)("key-1")
    assert refused.value.code is Code.KEY_UNKNOWN


def test_keys_are_listed_by_age_in_pages(store):
    with store.unit() as unit:
        unit.keys.add(samples.key("b", created_at=samples.at(2)))
        unit.keys.add(samples.key("c", created_at=samples.at(1)))
        unit.keys.add(samples.key("a", created_at=samples.at(2),
                                  project_id="project-2"))
        unit.keys.add(samples.key("d", created_at=samples.at(3),
                                  purpose=r.KeyPurpose.DISK,
                                  instance_id="i1"))
        assert ids(unit.keys.list(r.Page(9))) == ["c", "a", "b", "d"]
        assert ids(unit.keys.list(r.Page(2, "c"))) == ["a", "b"]
        assert ids(unit.keys.list(r.Page(9, filters={
            "project_id": "project-1"}))) == ["c", "b", "d"]
        assert ids(unit.keys.list(r.Page(9, "b", {
            "purpose": r.KeyPurpose.DISK}))) == ["d"]
        assert ids(unit.keys.list(r.Page(9, filters={
            "instance_id": "i1"}))) == ["d"]
        with pytest.raises(errors.Invalid):
            unit.keys.list(r.Page(9, "e"))


def test_a_launch_is_bound_to_one_instance(store):
    with store.unit() as unit:
        unit.launches.add(samples.launch())
        assert unit.launches.load("launch-1") == samples.launch()
        unit.launches.bind("launch-1", "i1")
    with store.unit() as unit:
        unit.launches.bind("launch-1", "i1")
        with pytest.raises(errors.Forbidden) as refused:
            unit.launches.bind("launch-1", "I1")
        assert unit.launches.load("launch-1") == samples.launch(
            instance_id="i1")
    assert refused.value.code is Code.TOKEN_SPENT


@pytest.mark.parametrize("call", [
    lambda launches: launches.load("launch-1"),
    lambda launches: launches.bind("launch-1", "i1"),
    lambda launches: launches.delete("launch-1")])
def test_an_unknown_launch(store, call):
    with store.unit() as unit:
        unit.launches.add(samples.launch())
        unit.launches.delete("launch-1")
        with pytest.raises(errors.Unknown) as refused:
            call(unit.launches)
    assert refused.value.code is Code.LAUNCH_UNKNOWN


def test_launches_are_listed_by_age_in_pages(store):
    with store.unit() as unit:
        unit.launches.add(samples.launch("b"))
        unit.launches.add(samples.launch("a", image_id=None,
                                         image_digest=None))
        unit.launches.add(samples.launch("c", project_id="project-2",
                                         created_at=samples.at(-1)))
        unit.launches.bind("a", "i1")
        assert ids(unit.launches.list(r.Page(9))) == ["c", "a", "b"]
        assert ids(unit.launches.list(r.Page(1, "c"))) == ["a"]
        assert ids(unit.launches.list(r.Page(9, filters={
            "project_id": "project-1", "instance_id": "i1"}))) == ["a"]


def test_a_release_is_decided_once(store):
    decided = samples.release(
        state=r.ReleaseState.REFUSED, project_id="project-1",
        code="release.not_affirming", detail="PCR 4 is ä", log_index=None)
    with store.unit() as unit:
        unit.releases.add(samples.release())
        assert unit.releases.load("release-1") == samples.release()
        unit.releases.close(decided)
    with store.unit() as unit:
        with pytest.raises(errors.Conflict) as refused:
            unit.releases.close(dataclasses.replace(
                decided, state=r.ReleaseState.GRANTED, log_index=3))
        assert unit.releases.load("release-1") == decided
    assert refused.value.code is Code.RELEASE_BAD_STATE


def test_an_unknown_release(store):
    with store.unit() as unit, pytest.raises(errors.Unknown) as refused:
        unit.releases.load("release-1")
    assert refused.value.code is Code.RELEASE_UNKNOWN


def test_releases_are_listed_newest_first_in_pages(store):
    with store.unit() as unit:
        unit.releases.add(samples.release("a"))
        unit.releases.add(samples.release("c", created_at=samples.at(1)))
        unit.releases.add(samples.release("b", created_at=samples.at(1),
                                          instance_id="i2"))
        unit.releases.add(samples.release(
            "d", created_at=samples.at(2), project_id="project-1",
            attester_id="a2", state=r.ReleaseState.GRANTED))

        def listed(limit=9, marker=None, **filters):
            return ids(unit.releases.list(r.Page(limit, marker, filters)))
        assert listed() == ["d", "c", "b", "a"]
        assert listed(2, "c") == ["b", "a"]
        assert listed(instance_id="i2") == ["b"]
        assert listed(project_id="project-1") == ["d"]
        assert listed(state=r.ReleaseState.OPEN) == ["c", "b", "a"]
        assert listed(attester_id="a2") == ["d"]


def test_a_lease_is_added_and_replaced(store):
    first = samples.lease()
    moved = samples.lease(host="host-a2", profiles=("p1",), image_id=None,
                          image_digest=None, image_key_id=None,
                          launch_id=None)
    with store.unit() as unit:
        assert unit.leases.load("i1") is None
        unit.leases.save(first, was=None)
    with store.unit() as unit:
        assert unit.leases.load("i1") == first
        unit.leases.save(moved, was=first)
        unit.leases.save(moved, was=moved)
        assert unit.leases.load("i1") == moved


@pytest.mark.parametrize("was", [
    pytest.param(None, id="as the first"),
    pytest.param(samples.lease(host="host-a2"), id="on another host"),
    pytest.param(samples.lease(disk_key_id="disk-2"), id="another disk")])
def test_a_lease_that_changed_meanwhile_is_not_replaced(store, was):
    with store.unit() as unit:
        unit.leases.save(samples.lease(), was=None)
    with store.unit() as unit:
        with pytest.raises(errors.Conflict) as refused:
            unit.leases.save(samples.lease(disk_key_id="disk-3"), was=was)
        assert unit.leases.load("i1") == samples.lease()
    assert refused.value.code is Code.REQUEST_CONFLICT


def test_a_lease_that_is_not_there_is_not_replaced(store):
    with store.unit() as unit:
        with pytest.raises(errors.Conflict):
            unit.leases.save(samples.lease(), was=samples.lease())
        assert unit.leases.load("i1") is None


def test_a_closed_lease_never_opens_again(store):
    closed = samples.lease(closed_at=samples.at(5))
    with store.unit() as unit:
        unit.leases.save(samples.lease(), was=None)
        assert unit.leases.close("i1", samples.at(5)) == closed
        assert unit.leases.close("i1", samples.at(6)) == closed
        assert unit.leases.close("i2", samples.at(6)) is None
    with store.unit() as unit:
        for was in (None, samples.lease(), closed):
            with pytest.raises(errors.Forbidden) as refused:
                unit.leases.save(samples.lease(), was=was)
            assert refused.value.code is Code.RELEASE_CLOSED
        assert unit.leases.load("i1") == closed


def test_leases_are_listed_by_instance_in_pages(store):
    with store.unit() as unit:
        for name, changes in (("b", {}), ("a", {"project_id": "project-2"}),
                              ("c", {"host": "host-a2"})):
            unit.leases.save(samples.lease(name, **changes), was=None)
        unit.leases.close("b", samples.at(1))

        def listed(limit=9, marker=None, **filters):
            return [item.instance_id for item in unit.leases.list(
                r.Page(limit, marker, filters))]
        assert listed() == ["a", "b", "c"]
        assert listed(1, "a") == ["b"]
        assert listed(project_id="project-1") == ["b", "c"]
        assert listed(host="host-a1") == ["a", "b"]
        assert listed(open=True) == ["a", "c"]
        assert listed(open=False) == ["b"]
