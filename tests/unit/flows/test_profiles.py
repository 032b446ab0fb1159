# SPDX-License-Identifier: Apache-2.0
"""Operators write profiles and bring reference values."""

from __future__ import annotations

import dataclasses
import datetime

import pytest

from attestation_service import records as r
from attestation_service.core import errors
from attestation_service.flows import policies
from attestation_service.flows.policies import Policies
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.results import TrustTier
from tests.fakes.cloud import PROFILE, Cloud
from tests.fakes.logs import ima_file

STRICT = {"schema": 1, "require": [{"hardware-root": {"required": True}}]}
SECOND = datetime.timedelta(seconds=1)


@pytest.fixture
def cloud():
    return Cloud()


@pytest.fixture
def profiles(cloud):
    return cloud.flows.profiles


def create(cloud, name="gold", **changes):
    return cloud.flows.profiles.create(**{
        "name": name, "description": "for all", "document": PROFILE,
        "projects": None, "activate": True, "user_id": "op",
        "now": cloud.clock(), **changes})


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


# Reference values.

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


# Preview and draft.

def test_preview_says_what_a_document_would_break(cloud):
    create(cloud, document={"schema": 1, "require": [{"label": {
        "name": "region", "values": ["eu"]}}, {"hardware-root": {
            "required": True}}]})
    host = cloud.host()
    cloud.host("host-2", enrol=False).enrol(approve=False)
    cloud.host("host-3")
    host.attest()
    before = cloud.store.units, dict(cloud.store.tables.results.rows)
    changes = cloud.flows.preview(PROFILE, None, cloud.clock())
    assert [(c.host, c.before, c.after) for c in changes] == [
        ("host-1", TrustTier.CONTRAINDICATED, TrustTier.AFFIRMING),
        ("host-3", None, TrustTier.NONE)]
    assert [f.rule for f in changes[0].findings] == ["tpm"]
    assert changes[1].findings == ()
    assert cloud.store.tables.results.rows == before[1]


def test_preview_of_one_host(cloud):
    create(cloud)
    cloud.host().attest()
    cloud.host("host-2").attest()
    (change,) = cloud.flows.preview(STRICT, "host-2", cloud.clock())
    assert (change.host, change.before, change.after) == (
        "host-2", TrustTier.AFFIRMING, TrustTier.CONTRAINDICATED)
    with pytest.raises(errors.Unknown):
        cloud.flows.preview(STRICT, "host-9", cloud.clock())


def test_preview_knows_nothing_from_expired_results(cloud):
    create(cloud)
    cloud.host().attest()
    cloud.tick(seconds=600)
    (change,) = cloud.flows.preview(STRICT, None, cloud.clock())
    assert change.before is None


def test_preview_walks_every_page(cloud, monkeypatch):
    monkeypatch.setattr(
        "attestation_service.flows.provision.preview._PAGE", 2)
    for i in range(5):
        cloud.host(f"h{i}")
    assert [c.host for c in cloud.flows.preview(
        PROFILE, None, cloud.clock())] == [f"h{i}" for i in range(5)]


def test_preview_believes_signatures_only(cloud):
    create(cloud)
    host = cloud.host()
    host.attest()
    (kept,) = cloud.store.tables.kept_evidence.rows[host.id]
    forged = kept.envelope.replace(b'"0":"00', b'"0":"11')
    assert forged != kept.envelope
    cloud.store.tables.kept_evidence.rows[host.id] = [
        dataclasses.replace(kept, envelope=forged)]
    with pytest.raises(errors.UnauthenticEvidence):
        cloud.flows.preview(PROFILE, "host-1", cloud.clock())


@pytest.mark.parametrize("hardware", [True, False])
def test_a_draft_holds_for_the_host_it_was_made_from(hardware):
    cloud = Cloud(hardware=hardware)
    host = cloud.host(pcrs={7: b"\7" * 32})
    host.attest()
    draft = cloud.flows.draft("host-1", cloud.clock())
    rules = [next(iter(rule)) for rule in draft["require"]]
    assert rules == ["hardware-root"] * hardware + ["tpm"] + ["pcr"] * 11
    create(cloud, document=draft)
    (stored,) = host.attest()
    assert stored.result.tier is TrustTier.AFFIRMING
    host.tpm.extend(7, b"\1" * 32)
    (stored,) = host.attest()
    assert stored.result.tier is TrustTier.CONTRAINDICATED


def test_a_draft_of_a_host_without_a_maker(cloud):
    host = cloud.host()
    host.attest()
    rows = cloud.store.tables.attesters.rows
    rows[host.id] = dataclasses.replace(rows[host.id], manufacturer="")
    draft = cloud.flows.draft("host-1", cloud.clock())
    assert list(draft["require"][0]["tpm"]) == ["firmware"]


def test_a_draft_of_evidence_for_a_release(cloud):
    create(cloud)
    cloud.nova.place("vm-1", "host-1")
    cloud.host().release(profile="gold")
    cloud.flows.draft("host-1", cloud.clock())


def test_a_draft_asks_for_files(cloud):
    host = cloud.host()
    host.measure("/bin/a", b"a")
    host.attest()
    draft = cloud.flows.draft("host-1", cloud.clock())
    create(cloud, document=draft)
    (stored,) = host.attest()
    assert stored.result.tier is TrustTier.AFFIRMING
    host.measure("/bin/a", b"changed")
    (stored,) = host.attest()
    assert stored.result.tier is TrustTier.CONTRAINDICATED
    draft = cloud.flows.draft("host-1", cloud.clock(), files=False)
    assert "ima" not in {k for rule in draft["require"] for k in rule}


def test_a_host_with_a_violation_is_no_model(cloud):
    host = cloud.host()
    host.measure("/bin/a", b"a")
    host.ima.entries.append(ima_file("/log", violation=True))
    host.tpm.extend(10, b"\xff" * 32)
    host.attest()
    with pytest.raises(errors.Conflict, match="entry 3: /log"):
        cloud.flows.draft("host-1", cloud.clock())
    cloud.flows.draft("host-1", cloud.clock(), files=False)


def test_no_draft_without_evidence(cloud):
    cloud.host()
    with pytest.raises(errors.Unknown):
        cloud.flows.draft("host-1", cloud.clock())
    with pytest.raises(errors.Unknown):
        cloud.flows.draft("host-9", cloud.clock())
