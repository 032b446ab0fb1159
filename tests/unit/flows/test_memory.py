# SPDX-License-Identifier: Apache-2.0
"""IMA lists in parts: what is remembered, asked for again, and forgotten."""

from __future__ import annotations

import dataclasses

import pytest

from attestation_service.core import errors
from attestation_service.flows import memory
from attestation_service.flows.memory import Memory
from nova_trusted_launch.wire.results import TrustTier
from tests.unit.flows.listing import (
    FILES, files, knowing_cloud, length, listing_host, references, remembered,
    tier)


@pytest.fixture
def cloud():
    return knowing_cloud()


@pytest.fixture
def host(cloud):
    return listing_host(cloud)


def test_the_first_list_is_sent_whole(cloud, host):
    assert host.challenge().ima_offset == 0
    assert tier(host.attest()) is TrustTier.AFFIRMING


def test_the_next_continues_it(cloud, host):
    host.attest()
    before = length(host)
    assert host.challenge().ima_offset == before
    host.measure("/bin/b", b"B")
    assert tier(host.attest()) is TrustTier.AFFIRMING
    assert host.challenge().ima_offset == length(host) > before


def test_c13_a_bad_file_is_not_forgotten_with_the_next_part(cloud, host):
    host.attest()
    host.measure("/bin/b", b"evil")
    assert tier(host.attest()) is TrustTier.CONTRAINDICATED
    host.measure("/bin/c", b"C")
    assert tier(host.attest()) is TrustTier.CONTRAINDICATED
    assert tier(host.attest()) is TrustTier.CONTRAINDICATED


def test_nothing_new_is_fine(cloud, host):
    host.attest()
    assert host.evidence(host.challenge()).ima_log == b""
    assert tier(host.attest()) is TrustTier.AFFIRMING


@pytest.mark.parametrize("lie", [
    pytest.param(lambda c: {"ima_offset": c.ima_offset - 1}, id="rewound"),
    pytest.param(lambda c: {"ima_offset": c.ima_offset + 1}, id="skipped"),
    pytest.param(lambda c: {"ima_offset": 0}, id="a part as the whole"),
    pytest.param(lambda c: {"ima_log": b""}, id="cut off")])
def test_c13_a_part_from_anywhere_else_refused(cloud, host, lie):
    host.attest()
    host.measure("/bin/b", b"B")
    challenge = host.challenge()
    with pytest.raises(errors.EvidenceError):
        cloud.flows.attest(host.evidence(challenge, **lie(challenge)),
                           "agents", cloud.clock())


def test_a_host_may_always_send_all_of_it(cloud, host):
    host.attest()
    host.measure("/bin/b", b"B")
    assert tier(host.attest(ima_log=host.ima.dump(), ima_offset=0)) is (
        TrustTier.AFFIRMING)


def test_evidence_under_way_together_continues_where_each_was_asked(
        cloud, host):
    cloud.nova.place("vm-1", "host-1")
    host.attest()
    challenges = [host.challenge() for _ in range(3)]
    asked = host.ask(profile="gold")
    for i, challenge in enumerate(challenges):
        host.measure(f"/bin/{'abc'[i]}", FILES[f"/bin/{'abc'[i]}"])
        cloud.flows.attest(host.evidence(challenge), "agents",
                           cloud.tick(seconds=1))
    asked.keys()
    places = remembered(cloud, host).places
    assert [p.offset for p in places] == sorted(
        {p.offset for p in places}, reverse=True)
    assert len(places) == 4


def test_a_place_that_no_challenge_names_is_forgotten(cloud, host):
    host.attest()
    host.measure("/bin/b", b"B")
    host.attest()
    assert len(remembered(cloud, host).places) == 2
    cloud.tick(seconds=cloud.settings.challenge_life.total_seconds())
    host.attest()
    assert [p.offset for p in remembered(cloud, host).places] == [
        length(host)]


def test_places_are_bounded(cloud, host, monkeypatch):
    monkeypatch.setattr(memory, "MOST_PLACES", 3)
    for i in range(5):
        host.measure("/bin/a", b"A")
        host.attest()
        assert len(remembered(cloud, host).places) == min(i + 1, 3)
    assert remembered(cloud, host).places[0].offset == length(host)


def test_the_older_of_two_does_not_take_the_place_of_the_newer(cloud, host):
    host.attest()
    early = host.evidence(host.challenge())
    host.measure("/bin/b", b"B")
    host.attest()
    cloud.flows.attest(early, "agents", cloud.clock())
    assert host.challenge().ima_offset == length(host)


def test_after_a_reboot_it_begins_anew(cloud, host):
    host.attest()
    host.reboot()
    host.measure("/bin/b", b"B")
    assert length(host) <= host.challenge().ima_offset
    # The agent sees that its list is shorter, or another, and sends it all.
    assert tier(host.attest(ima_log=host.ima.dump(), ima_offset=0)) is (
        TrustTier.AFFIRMING)
    (place,) = remembered(cloud, host).places
    assert (place.offset, place.progress.position.boot) == (
        length(host), (2, 0))


def test_c13_a_list_of_the_last_boot_is_not_continued(cloud, host):
    host.attest()
    before = host.ima
    host.reboot()
    host.ima = before
    with pytest.raises(errors.EvidenceError):
        host.attest()


def test_a_new_question_needs_the_whole_list(cloud, host):
    host.attest()
    references(cloud, "more", {"/bin/x": b"X"})
    cloud.flows.profiles.add_version(
        "gold", files("base", "more"), activate=True, user_id="op",
        now=cloud.clock())
    assert host.challenge().ima_offset == 0
    assert tier(host.attest()) is TrustTier.AFFIRMING
    assert host.challenge().ima_offset == length(host)


def test_a_part_cannot_answer_a_new_question(cloud, host):
    host.attest()
    challenge = host.challenge()
    references(cloud, "more", {"/bin/x": b"X"})
    cloud.flows.profiles.add_version(
        "gold", files("base", "more"), activate=True, user_id="op",
        now=cloud.clock())
    found = cloud.flows.attest(host.evidence(challenge), "agents",
                               cloud.clock())
    assert tier(found) is TrustTier.NONE
    assert tier(host.attest()) is TrustTier.AFFIRMING


def test_a_version_that_asks_the_same_needs_no_whole_list(cloud, host):
    host.attest()
    cloud.flows.profiles.add_version(
        "gold", {**files("base"), "valid_for": 60}, activate=True,
        user_id="op", now=cloud.clock())
    assert host.challenge().ima_offset == length(host)
    assert tier(host.attest()) is TrustTier.AFFIRMING


def test_a_set_made_anew_is_a_new_question(cloud, host):
    host.attest()
    cloud.store.tables.reference_values.rows.clear()
    cloud.tick(seconds=1)
    references(cloud, files={"/bin/a": b"other"})
    assert host.challenge().ima_offset == 0
    assert tier(host.attest()) is TrustTier.CONTRAINDICATED


def test_a_host_without_a_list_is_unknown_and_nothing_is_remembered(cloud):
    host = cloud.host()
    assert tier(host.attest()) is TrustTier.NONE
    assert remembered(cloud, host).places == ()
    assert host.challenge().ima_offset == 0


def test_a_list_left_out_later_is_unknown(cloud, host):
    host.attest()
    assert tier(host.attest(ima_log=None)) is TrustTier.NONE


def test_what_is_remembered_survives_the_store(cloud, host):
    host.attest()
    host.measure("/bin/b", b"B")
    host.attest()
    found = remembered(cloud, host)
    again = Memory.of(dataclasses.replace(
        cloud.flows.attesters.find(host.id), ima_position=found.to_dict()))
    assert again == found
    assert again.at(found.places[1].offset) == found.places[1].progress
    assert again.at(1) is None
    assert Memory.of(dataclasses.replace(
        cloud.flows.attesters.find(host.id), ima_position=None)) == Memory()
    empty = Memory(kept_at=None).to_dict()
    assert empty == {"places": [], "kept_at": None}
