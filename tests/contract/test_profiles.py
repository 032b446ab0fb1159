# SPDX-License-Identifier: Apache-2.0
"""The contracts of ``ports.Profiles`` and ``ports.ReferenceValues``."""

from __future__ import annotations

import dataclasses

import pytest

from attestation_service import records as r
from attestation_service.core import errors
from nova_trusted_launch.wire.codes import Code
from tests.contract import samples

DOCUMENT = {"rules": [{"pcr": 4, "is": ["aa"]}], "größe": 1.5, "none": None}


def test_a_profile_comes_back_as_it_was(store):
    everybodys = samples.profile("p2", projects=None, active_version=4)
    with store.unit() as unit:
        unit.profiles.add(samples.profile())
        unit.profiles.add(everybodys)
    with store.unit() as unit:
        assert unit.profiles.load("p1") == samples.profile()
        assert unit.profiles.load("p2") == everybodys


def test_a_taken_profile_name_is_refused(store):
    with store.unit() as unit:
        unit.profiles.add(samples.profile())
    with store.unit() as unit:
        with pytest.raises(errors.Conflict) as refused:
            unit.profiles.add(samples.profile(description="mine"))
        assert unit.profiles.load("p1") == samples.profile()
    assert refused.value.code is Code.PROFILE_TAKEN


def test_versions_count_up_and_stay(store):
    with store.unit() as unit:
        unit.profiles.add(samples.profile())
        first = unit.profiles.add_version("p1", DOCUMENT, samples.NOW, "me")
        second = unit.profiles.add_version("p1", {}, samples.at(1), "you")
    assert first == r.ProfileVersion("p1", 1, DOCUMENT, samples.NOW, "me")
    assert second == r.ProfileVersion("p1", 2, {}, samples.at(1), "you")
    with store.unit() as unit:
        assert unit.profiles.load_version("p1", 1) == first
        assert list(unit.profiles.versions("p1")) == [first, second]


@pytest.mark.parametrize("call", [
    lambda profiles: profiles.load("P1"),
    lambda profiles: profiles.load("p1 "),
    lambda profiles: profiles.versions("p2"),
    lambda profiles: profiles.load_version("p1", 2),
    lambda profiles: profiles.load_version("p2", 1),
    lambda profiles: profiles.add_version("p2", {}, samples.NOW, "me"),
    lambda profiles: profiles.save(samples.profile("p2"))])
def test_an_unknown_profile(store, call):
    with store.unit() as unit:
        unit.profiles.add(samples.profile())
        unit.profiles.add_version("p1", {}, samples.NOW, "me")
    with store.unit() as unit, pytest.raises(errors.Unknown) as refused:
        call(unit.profiles)
    assert refused.value.code is Code.PROFILE_UNKNOWN


def test_only_versions_in_force_are_active(store):
    with store.unit() as unit:
        for name in ("p2", "p1", "p3"):
            unit.profiles.add(samples.profile(name))
            unit.profiles.add_version(name, {"name": name}, samples.NOW, "")
            unit.profiles.add_version(name, DOCUMENT, samples.NOW, "")
        unit.profiles.save(samples.profile("p2", active_version=2))
        unit.profiles.save(samples.profile("p1", active_version=1))
    with store.unit() as unit:
        assert list(unit.profiles.active()) == [("p1", 1), ("p2", 2)]
        unit.profiles.save(samples.profile("p2", active_version=None))
        assert list(unit.profiles.active()) == [("p1", 1)]


def test_a_saved_profile_keeps_its_versions(store):
    changed = samples.profile(description="new", projects=None,
                              active_version=1, updated_at=samples.at(1))
    with store.unit() as unit:
        unit.profiles.add(samples.profile())
        unit.profiles.add_version("p1", {}, samples.NOW, "")
        unit.profiles.save(changed)
    with store.unit() as unit:
        assert unit.profiles.load("p1") == changed
        assert unit.profiles.add_version(
            "p1", {}, samples.NOW, "").version == 2


def test_profiles_are_listed_by_name_in_pages(store):
    with store.unit() as unit:
        for name in ("b", "a", "c", "B"):
            unit.profiles.add(samples.profile(name))
    with store.unit() as unit:
        def listed(limit, marker=None):
            return [p.name for p in unit.profiles.list(
                r.Page(limit, marker))]
        assert listed(9) == ["B", "a", "b", "c"]
        assert listed(2, "B") == ["a", "b"]
        with pytest.raises(errors.Invalid):
            listed(9, "A")


def test_a_reference_set_comes_back_as_it_was(store):
    with store.unit() as unit:
        unit.reference_values.add(samples.reference_set())
    with store.unit() as unit:
        assert unit.reference_values.load("s1") == samples.reference_set()
        assert unit.reference_values.created_at("s1") == samples.NOW


def test_reference_sets_are_immutable_and_can_be_deleted(store):
    again = samples.reference_set(created_at=samples.at(1), values={})
    with store.unit() as unit:
        unit.reference_values.add(samples.reference_set())
        with pytest.raises(errors.Conflict) as refused:
            unit.reference_values.add(again)
        assert refused.value.code is Code.REFERENCE_VALUES_TAKEN
        unit.reference_values.delete("s1")
        for method in ("load", "created_at", "delete"):
            with pytest.raises(errors.Unknown) as unknown:
                getattr(unit.reference_values, method)("s1")
            assert unknown.value.code is Code.REFERENCE_VALUES_UNKNOWN
        unit.reference_values.add(again)
        assert unit.reference_values.load("s1") == again
        assert unit.reference_values.created_at("s1") == samples.at(1)


def test_a_large_reference_set(store):
    many = {samples.hashed(str(i)).hex(): (f"/usr/lib/file-{i}",)
            for i in range(40_000)}
    large = samples.reference_set(values=many, expires_at=None)
    with store.unit() as unit:
        unit.reference_values.add(large)
    with store.unit() as unit:
        assert unit.reference_values.load("s1") == large


def test_reference_sets_are_listed_without_values(store):
    with store.unit() as unit:
        for name in ("s2", "s1"):
            unit.reference_values.add(samples.reference_set(name))
    with store.unit() as unit:
        assert list(unit.reference_values.list(r.Page(9))) == [
            dataclasses.replace(samples.reference_set(name), values={})
            for name in ("s1", "s2")]
        assert [s.name for s in unit.reference_values.list(
            r.Page(9, "s1"))] == ["s2"]
