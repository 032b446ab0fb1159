# SPDX-License-Identifier: Apache-2.0
"""Evidence that answers a challenge, and what it comes to."""

from __future__ import annotations

import dataclasses
import datetime

import pytest

from attestation_service import records as r
from attestation_service.core import errors
from attestation_service.flows.judgement import RESULT_TYPE
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.digests import HashAlg
from nova_trusted_launch.wire.evidence import Evidence
from nova_trusted_launch.wire.results import AttestationResult, TrustTier
from tests.fakes.cloud import Cloud
from tests.unit.flows.judging import MAKER, document, latest, pcr


def test_a_good_host_is_affirming(cloud, host):
    (stored,) = host.attest()
    result = stored.result
    assert (result.attester_id, result.host, result.profile, result.version,
            result.tier) == (host.id, "host-1", "gold", 1,
                             TrustTier.AFFIRMING)
    assert result.issued_at == cloud.clock()
    assert result.expires_at == cloud.clock() + datetime.timedelta(
        seconds=600)
    claims = cloud.signer.verify(stored.jwt, RESULT_TYPE)
    assert AttestationResult.from_claims(claims) == result
    assert latest(cloud) == [stored]
    assert cloud.placement.traits == {"host-1": {"gold"}}


def test_every_active_profile_judges(cloud, host):
    cloud.profile("silver", document({"label": {"name": "region",
                                                "values": ["eu"]}}))
    cloud.profile("draft", document(MAKER), activate=False)
    tiers = {s.result.profile: s.result.tier for s in host.attest()}
    assert tiers == {"gold": TrustTier.AFFIRMING, "silver": TrustTier.NONE}
    assert cloud.placement.traits == {"host-1": {"gold"}}


def test_h3_without_a_profile_nothing_is_said():
    cloud = Cloud()
    assert cloud.host().attest() == []
    assert latest(cloud) == []


def test_a_profile_without_valid_for_uses_the_default(cloud, host):
    cloud.profile("silver", document(MAKER))
    result = host.attest()[1].result
    assert result.expires_at - result.issued_at == cloud.settings.result_life


def test_a_bad_host_is_a_result_and_not_an_exception(cloud, host):
    cloud.profile("boot", document(pcr(0, b"\1" * 32)))
    tiers = {s.result.profile: s.result.tier for s in host.attest()}
    assert tiers == {"gold": TrustTier.AFFIRMING,
                     "boot": TrustTier.CONTRAINDICATED}


def test_a_changed_state_changes_the_result(cloud, host):
    cloud.profile("boot", document(pcr(0, bytes(32))))
    assert host.attest()[0].result.tier is TrustTier.AFFIRMING
    host.tpm.extend(0, b"\1" * 32)
    (boot, gold) = host.attest()
    assert (boot.result.tier, gold.result.tier) == (
        TrustTier.CONTRAINDICATED, TrustTier.AFFIRMING)
    assert cloud.placement.traits == {"host-1": {"gold"}}


def tiers_told(cloud):
    return [(e.payload["profile"], e.payload["previous"], e.payload["tier"])
            for e in cloud.events() if e.event_type == "result.tier"]


def test_only_a_change_of_tier_is_told(cloud, host):
    cloud.profile("boot", document(pcr(0, bytes(32)), valid_for=60))
    host.attest()
    host.attest()
    host.tpm.extend(0, b"\1" * 32)
    host.attest()
    assert tiers_told(cloud) == [
        ("boot", None, "affirming"), ("gold", None, "affirming"),
        ("boot", "affirming", "contraindicated")]
    event = cloud.events()[-1]
    assert event.payload["reasons"] == [
        "PCR 0 has none of the reference values"]
    assert event.payload["host"] == "host-1"
    # What expired is not known any more.
    cloud.tick(seconds=60)
    host.attest()
    assert tiers_told(cloud)[3:] == [("boot", None, "contraindicated")]


def test_refused_evidence_never_overwrites_a_result(cloud, host):
    (stored,) = host.attest()
    seen = cloud.flows.attesters.find(host.id)
    for lie in ({"signature": b"\0"}, {"quote": b""}, {"nonce": b"n" * 32}):
        cloud.tick(seconds=1)
        with pytest.raises(errors.EvidenceError):
            host.attest(**lie)
    assert latest(cloud) == [stored]
    assert cloud.flows.attesters.find(host.id) == seen
    assert len(cloud.flows.attesters.evidence(host.id)) == 1


def test_b3_a_bad_answer_burns_the_nonce(cloud, host):
    challenge = host.challenge()
    good = host.evidence(challenge)
    with pytest.raises(errors.UnauthenticEvidence):
        cloud.flows.attest(dataclasses.replace(
            good, pcrs=host.evidence(challenge).pcrs.__class__(
                HashAlg.SHA256, {**good.pcrs.values, 0: b"\1" * 32})),
            "agents", cloud.clock())
    with pytest.raises(errors.StaleEvidence):
        cloud.flows.attest(good, "agents", cloud.clock())


def test_b4_an_expired_challenge_is_stale(cloud, host):
    evidence = host.evidence(challenge := host.challenge())
    with pytest.raises(errors.StaleEvidence):
        cloud.flows.attest(evidence, "agents", challenge.expires_at)


def test_evidence_of_another_user_refused(cloud, host):
    evidence = host.evidence(host.challenge())
    with pytest.raises(errors.Forbidden):
        cloud.flows.attest(evidence, "mallory", cloud.clock())
    assert latest(cloud) == []


def test_i8_retired_between_challenge_and_evidence(cloud, host):
    evidence = host.evidence(host.challenge())
    cloud.flows.attesters.retire(host.id, cloud.clock())
    with pytest.raises(errors.Forbidden) as refused:
        cloud.flows.attest(evidence, "agents", cloud.clock())
    assert refused.value.code is Code.ATTESTER_RETIRED


def test_i8_retired_while_being_judged(cloud, host, monkeypatch):
    signed = cloud.signer.sign

    def retire_meanwhile(claims, typ):
        cloud.flows.attesters.retire(host.id, cloud.clock())
        return signed(claims, typ)

    monkeypatch.setattr(cloud.signer, "sign", retire_meanwhile)
    with pytest.raises(errors.Forbidden):
        host.attest()
    assert latest(cloud) == []


def test_a_new_boot_ends_what_was_known(cloud, host):
    cloud.profile("silver", document(MAKER))
    host.attest()
    # Silver is known of the old boot only.
    cloud.flows.profiles.update("silver", {"active_version": None},
                                cloud.clock())
    cloud.store.tables.results.save(dataclasses.replace(
        latest(cloud, profile="gold")[0], result=dataclasses.replace(
            latest(cloud, profile="gold")[0].result, profile="old")))
    host.tpm.reboot()
    (gold,) = host.attest()
    assert gold.result.reset_count == 2
    assert latest(cloud) == [gold]


@pytest.mark.parametrize("change", [
    pytest.param(lambda tpm: setattr(tpm, "restart_count", 1), id="resume"),
    pytest.param(lambda tpm: setattr(tpm, "firmware_version", 9),
                 id="b8 firmware"),
    pytest.param(lambda tpm: setattr(tpm, "safe", False), id="unsafe"),
])
def test_whatever_else_begins_anew(cloud, host, change):
    (first,) = host.attest()
    cloud.store.tables.results.save(dataclasses.replace(
        first, result=dataclasses.replace(first.result, profile="old")))
    change(host.tpm)
    host.attest()
    assert latest(cloud, profile="old") == []


def test_within_a_boot_other_results_stay(cloud, host):
    (first,) = host.attest()
    cloud.store.tables.results.save(dataclasses.replace(
        first, result=dataclasses.replace(first.result, profile="old")))
    host.attest()
    assert latest(cloud, profile="old")[0].jwt == first.jwt


@pytest.mark.parametrize("back", [
    pytest.param(lambda tpm: setattr(tpm, "reset_count", 1), id="reset"),
    pytest.param(lambda tpm: setattr(tpm, "restart_count", 3), id="restart"),
    pytest.param(lambda tpm: setattr(tpm, "clock", 0), id="clock"),
])
def test_b7_a_tpm_that_went_back_refused(cloud, host, back):
    host.tpm.reset_count, host.tpm.restart_count = 2, 4
    host.tpm.clock = 10_000_000
    host.attest()
    before = latest(cloud)
    back(host.tpm)
    with pytest.raises(errors.EvidenceError):
        host.attest()
    assert latest(cloud) == before


def test_b7_counters_are_kept_with_the_later_clock(cloud, host):
    early = host.evidence(host.challenge())
    host.attest()
    counters = cloud.flows.attesters.find(host.id).counters
    # It was overtaken on its way, within the life of its nonce.
    cloud.flows.attest(early, "agents", cloud.tick(seconds=1))
    after = cloud.flows.attesters.find(host.id)
    assert after.counters == counters
    assert after.last_seen_at == cloud.clock()
    assert counters == r.BootCounters(1, 0, host.tpm.clock,
                                      host.tpm.firmware_version)


def test_b7_evidence_of_an_old_boot_that_was_overtaken_refused(cloud, host):
    old = host.evidence(host.challenge())
    host.tpm.reboot()
    (new,) = host.attest()
    with pytest.raises(errors.UnauthenticEvidence):
        cloud.flows.attest(old, "agents", cloud.clock())
    assert latest(cloud) == [new]
    assert cloud.flows.attesters.find(host.id).counters.reset_count == 2


def test_kept_evidence_is_what_was_sent(cloud, host):
    challenge = host.challenge()
    evidence = host.evidence(challenge, boot_log=None)
    cloud.flows.attest(evidence, "agents", cloud.clock())
    (kept,) = cloud.flows.attesters.evidence(host.id)
    assert Evidence.from_bytes(kept.envelope) == evidence
    assert kept.qualifying == challenge.nonce
    assert (kept.attester_id, kept.received_at) == (host.id, cloud.clock())


def test_evidence_need_not_be_kept():
    cloud = Cloud(kept_evidence=0)
    cloud.profile()
    host = cloud.host()
    host.attest()
    assert cloud.flows.attesters.evidence(host.id) == []


def test_placement_is_told_news_only(cloud, host):
    host.attest()
    cloud.placement.traits["host-1"] = {"by hand"}
    host.attest()
    assert cloud.placement.traits["host-1"] == {"by hand"}
    host.tpm.reboot()
    cloud.tick(seconds=cloud.settings.publish_interval.total_seconds())
    host.attest()
    assert cloud.placement.traits["host-1"] == {"by hand", "gold"}


def test_g6_traits_set_by_hand_are_put_right_in_time(cloud, host):
    cloud.profile("boot", document(pcr(0, b"\1" * 32)))
    host.attest()
    cloud.placement.traits["host-1"].add("boot")
    interval = cloud.settings.publish_interval
    cloud.tick(seconds=interval.total_seconds() - 1)
    cloud.flows.challenge(host.id, "agents", cloud.clock())
    cloud.tick(seconds=1)
    host.attest()
    assert cloud.placement.traits["host-1"] == {"gold"}


def test_placement_down_is_no_refusal_and_is_told_later(cloud, host):
    cloud.placement.down = True
    host.attest()
    assert cloud.placement.traits == {}
    cloud.placement.down = False
    host.attest()
    assert cloud.placement.traits == {"host-1": {"gold"}}
