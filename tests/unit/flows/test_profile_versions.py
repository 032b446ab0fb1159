# SPDX-License-Identifier: Apache-2.0
"""Operators write profiles, which change by new versions."""

from __future__ import annotations

import datetime

import pytest

from attestation_service import records as r
from attestation_service.core import errors
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


def names(seen):
    return [s.profile.name for s in seen]


def test_create(cloud, profiles):
    seen = create(cloud)
    assert seen.profile == r.Profile("gold", "for all", 1, None,
                                     cloud.clock(), cloud.clock())
    assert (seen.document, seen.hosts_affirming) == (PROFILE, 0)
    assert profiles.show("gold", None, cloud.clock()) == seen
    assert profiles.versions("gold") == [r.ProfileVersion(
        "gold", 1, PROFILE, cloud.clock(), "op")]
    assert cloud.agents.asked == [None]


def test_create_without_putting_it_in_force(cloud, profiles):
    seen = create(cloud, activate=False)
    assert (seen.profile.active_version, seen.document) == (None, None)
    assert profiles.show("gold", None, cloud.clock()) == seen
    assert cloud.agents.asked == []


@pytest.mark.parametrize("name", [
    "", "-gold", ".gold", "gold/1", "go ld", "gold\n", "g" * 65, "g\u00f6ld",
    None, 7])
def test_names_are_plain(cloud, name):
    with pytest.raises(errors.Invalid):
        create(cloud, name)


@pytest.mark.parametrize("name", ["g", "Gold-2.1_x", "g" * 64, "9"])
def test_names_that_are_fine(cloud, name):
    create(cloud, name)


@pytest.mark.parametrize("name", ["gold", "GOLD", "Gold"])
def test_a_name_like_another_is_taken(cloud, name):
    create(cloud)
    with pytest.raises(errors.Conflict) as caught:
        create(cloud, name)
    assert caught.value.code is Code.PROFILE_TAKEN


def test_names_must_differ_in_more_than_marks(cloud):
    create(cloud, "a-b")
    for name in ("a.b", "a_b", "A-B"):
        with pytest.raises(errors.Conflict):
            create(cloud, name)
    create(cloud, "ab")


def test_lookalikes_are_found_on_every_page(cloud, monkeypatch):
    monkeypatch.setattr(
        "attestation_service.flows.provision.profiles._PAGE", 2)
    for name in "abcde":
        create(cloud, name)
    for name in "ABCDE":
        with pytest.raises(errors.Conflict):
            create(cloud, name)


@pytest.mark.parametrize("description", [None, 7, "x" * 1025])
def test_descriptions_are_bounded_text(cloud, profiles, description):
    with pytest.raises(errors.Invalid):
        create(cloud, description=description)
    create(cloud, "other", description="x" * 1024)
    with pytest.raises(errors.Invalid):
        profiles.update("other", {"description": description},
                        cloud.clock())


def test_a_wrong_document_creates_nothing(cloud, profiles):
    with pytest.raises(errors.Invalid) as caught:
        create(cloud, document={"schema": 1, "require": []})
    assert caught.value.code is Code.PROFILE_INVALID
    with pytest.raises(errors.Unknown):
        profiles.show("gold", None, cloud.clock())


def test_versions(cloud, profiles):
    create(cloud)
    now = cloud.tick(seconds=1)
    second = profiles.add_version("gold", STRICT, activate=False,
                                  user_id="op2", now=now)
    assert second == r.ProfileVersion("gold", 2, STRICT, now, "op2")
    assert profiles.version("gold", 2) == second
    assert profiles.show("gold", None, now).document == PROFILE
    cloud.agents.asked.clear()
    third = profiles.add_version("gold", STRICT, activate=True,
                                 user_id="op", now=now)
    seen = profiles.show("gold", None, now)
    assert (seen.profile.active_version, seen.document,
            seen.profile.updated_at) == (third.version, STRICT, now)
    assert cloud.agents.asked == [None]
    assert [v.version for v in profiles.versions("gold")] == [1, 2, 3]


@pytest.mark.parametrize("call", [
    lambda p, now: p.add_version("gold", PROFILE, activate=True,
                                 user_id="op", now=now),
    lambda p, now: p.update("gold", {}, now),
    lambda p, now: p.retire("gold", now),
    lambda p, now: p.show("gold", None, now),
    lambda p, now: p.versions("gold"),
    lambda p, now: p.version("gold", 1)])
def test_what_is_unknown(cloud, profiles, call):
    with pytest.raises(errors.Unknown) as caught:
        call(profiles, cloud.clock())
    assert caught.value.code is Code.PROFILE_UNKNOWN


def test_update_changes_what_is_named(cloud, profiles):
    create(cloud)
    cloud.agents.asked.clear()
    now = cloud.tick(seconds=1)
    profile = profiles.update("gold", {"description": "new"}, now).profile
    assert (profile.description, profile.projects, profile.active_version,
            profile.updated_at) == ("new", None, 1, now)
    profile = profiles.update("gold", {"projects": ["p1", "p2"]},
                              now).profile
    assert (profile.description, profile.projects) == ("new", ("p1", "p2"))
    assert profiles.update("gold", {"projects": None},
                           now).profile.projects is None
    assert cloud.agents.asked == []


def test_update_activates(cloud, profiles):
    create(cloud)
    profiles.add_version("gold", STRICT, activate=False, user_id="op",
                         now=cloud.clock())
    cloud.agents.asked.clear()
    seen = profiles.update("gold", {"active_version": 2}, cloud.clock())
    assert (seen.profile.active_version, seen.document) == (2, STRICT)
    assert cloud.agents.asked == [None]
    with pytest.raises(errors.Unknown):
        profiles.update("gold", {"active_version": 3}, cloud.clock())
    profiles.update("gold", {"active_version": 2}, cloud.clock())
    assert cloud.agents.asked == [None]


@pytest.mark.parametrize("off", [
    lambda p, now: p.update("gold", {"active_version": None}, now),
    lambda p, now: p.retire("gold", now)])
def test_out_of_force_nothing_is_known_by_it(cloud, profiles, off):
    create(cloud)
    create(cloud, "silver")
    cloud.host().attest()
    off(profiles, cloud.tick(seconds=1))
    seen = profiles.show("gold", None, cloud.clock())
    assert (seen.profile.active_version, seen.document,
            seen.hosts_affirming) == (None, None, 0)
    assert [s.result.profile for s in cloud.flows.results.latest(
        r.Page(9))] == ["silver"]


def test_without_a_bus_it_is_in_force_all_the_same(cloud, profiles):
    cloud.agents.down = True
    assert create(cloud).profile.active_version == 1


def test_projects_see_what_they_may_use(cloud, profiles):
    create(cloud, "all")
    create(cloud, "ours", projects=("p1", "p2"))
    create(cloud, "theirs", projects=("p3",))
    create(cloud, "nobody", projects=())
    now = cloud.clock()
    assert names(profiles.list(r.Page(9), "p1", now)) == ["all", "ours"]
    assert names(profiles.list(r.Page(9), None, now)) == [
        "all", "nobody", "ours", "theirs"]
    profiles.show("ours", "p2", now)
    with pytest.raises(errors.Unknown):
        profiles.show("theirs", "p1", now)


def test_pages_hold_what_may_be_seen(cloud, profiles, monkeypatch):
    monkeypatch.setattr(
        "attestation_service.flows.provision.profiles._PAGE", 2)
    for i in range(7):
        create(cloud, f"n{i}", projects=("p1",) if i % 2 else ("p2",))
    now = cloud.clock()
    assert names(profiles.list(r.Page(2), "p1", now)) == ["n1", "n3"]
    assert names(profiles.list(r.Page(2, "n3"), "p1", now)) == ["n5"]
    assert names(profiles.list(r.Page(9), "p2", now)) == [
        "n0", "n2", "n4", "n6"]
    assert names(profiles.list(r.Page(1), None, now)) == ["n0"]


def test_hosts_that_satisfy_it_are_counted(cloud, profiles, monkeypatch):
    monkeypatch.setattr(
        "attestation_service.flows.provision.profiles._PAGE", 2)
    create(cloud)
    create(cloud, "strict", document=STRICT)
    for i in range(3):
        cloud.host(f"h{i}").attest()
    now = cloud.clock()
    assert [(s.profile.name, s.hosts_affirming)
            for s in profiles.list(r.Page(9), None, now)] == [
        ("gold", 3), ("strict", 0)]
    assert profiles.show("gold", None, now).hosts_affirming == 3
    assert profiles.show("gold", None, now + 600 * SECOND
                         ).hosts_affirming == 0
    assert profiles.show("strict", None, now).hosts_affirming == 0
