# SPDX-License-Identifier: Apache-2.0
"""Rules and appraisal: what is said of good, bad and unknown hosts."""

from __future__ import annotations

import dataclasses
import datetime
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attestation_service.core.appraise import appraise
from attestation_service.core.facts import HostFacts
from attestation_service.core.policy.combine import AllOf, AnyOf, leaves
from attestation_service.core.policy.document import AppraisalPolicy
from attestation_service.core.policy.reference_values import ReferenceValues
from attestation_service.core.policy.rule import ask, one_of, shown
from attestation_service.core.policy.rules import (
    HardwareRoot, LabelIsOneOf, PcrIsOneOf, TpmIsOneOf)
from nova_trusted_launch.wire.digests import HashAlg, PcrBank
from nova_trusted_launch.wire.results import Finding, TrustClaim, TrustTier

NOW = datetime.datetime(2026, 11, 23, 12, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)
ONE, TWO = b"\1" * 32, b"\2" * 32
FACTS = HostFacts(
    PcrBank(HashAlg.SHA256, {7: ONE, 4: TWO}), 3, 1, "IFX", 0x7_0055,
    True, {"region": "eu"})


@dataclasses.dataclass(frozen=True)
class Says:
    """A rule that answers what it is told to."""

    tiers: tuple[TrustTier, ...]
    registers: frozenset[int] = frozenset()

    def judge(self, facts):
        for tier in self.tiers:
            yield Finding("says", TrustClaim.EXECUTABLES, tier, tier.label)

    def to_document(self):
        return {}


def judged(rule, facts=FACTS):
    (finding,) = rule.judge(facts)
    return finding


def test_pcr_with_a_reference_value_is_affirming():
    found = judged(PcrIsOneOf(HashAlg.SHA256, 7, (TWO, ONE)))
    assert found == Finding(
        "pcr", TrustClaim.CONFIGURATION, TrustTier.AFFIRMING,
        "PCR 7 has a reference value", "sha256:7",
        f"{TWO.hex()}, {ONE.hex()}", ONE.hex())


def test_pcr_with_another_value_is_contraindicated():
    found = judged(PcrIsOneOf(HashAlg.SHA256, 4, (ONE,)))
    assert found.tier is TrustTier.CONTRAINDICATED
    assert found.claim is TrustClaim.EXECUTABLES
    assert (found.subject, found.expected, found.actual) == (
        "sha256:4", ONE.hex(), TWO.hex())
    assert "new version of the profile" in found.action


@pytest.mark.parametrize("rule", [
    pytest.param(PcrIsOneOf(HashAlg.SHA256, 8, (ONE,)), id="register"),
    pytest.param(PcrIsOneOf(HashAlg.SHA384, 7, (ONE,)), id="bank"),
])
def test_c4_pcr_that_was_not_quoted_is_unknown(rule):
    found = judged(rule)
    assert found.tier is TrustTier.NONE
    assert "was not quoted" in found.detail
    assert found.actual == "not quoted"
    assert "sha256" in found.action


@pytest.mark.parametrize(("names", "tier"), [
    ((), TrustTier.AFFIRMING),
    (("sha256:7",), TrustTier.AFFIRMING),
    (("sha256:4",), TrustTier.CONTRAINDICATED),
])
def test_pcr_by_named_reference_values(names, tier):
    known = ReferenceValues("boots", "digest", {ONE: names})
    found = judged(PcrIsOneOf(HashAlg.SHA256, 7, (), (known,)))
    assert found.tier is tier
    assert found.expected == "any of 'boots'"


def test_pcr_says_which_claim_it_is_about():
    claims = {i: judged(PcrIsOneOf(HashAlg.SHA256, i, (ONE,))).claim
              for i in range(24)}
    assert {i for i, claim in claims.items()
            if claim is TrustClaim.CONFIGURATION} == {1, 3, 5, 7, 14}


def test_tpm_each_part_has_its_finding():
    maker, firmware = TpmIsOneOf(
        ("STM", "IFX"), (bytes.fromhex("0000000000070055"),)).judge(FACTS)
    assert maker.tier is firmware.tier is TrustTier.AFFIRMING
    assert (maker.rule, maker.subject, maker.expected, maker.actual,
            maker.action) == ("tpm", "manufacturer", "STM, IFX", "IFX", "")
    assert (firmware.subject, firmware.actual) == (
        "firmware", "0000000000070055")


def test_tpm_of_another_maker_or_firmware_is_contraindicated():
    maker = judged(TpmIsOneOf(("STM",)))
    firmware = judged(TpmIsOneOf((), (b"\0" * 8,)))
    assert maker.tier is firmware.tier is TrustTier.CONTRAINDICATED
    assert "add the maker" in maker.action
    assert "Update the TPM's firmware" in firmware.action
    assert maker.claim is firmware.claim is TrustClaim.HARDWARE


def test_d2_software_tpm_against_a_production_profile():
    assert judged(HardwareRoot()).tier is TrustTier.AFFIRMING
    found = judged(HardwareRoot(),
                   dataclasses.replace(FACTS, hardware=False))
    assert found.tier is TrustTier.CONTRAINDICATED
    assert (found.expected, found.actual) == ("hardware", "software")
    assert found.action


def test_label_is_one_of():
    found = judged(LabelIsOneOf("region", ("us", "eu")))
    assert found.tier is TrustTier.AFFIRMING
    assert (found.subject, found.expected, found.actual) == (
        "region", "us, eu", "eu")


def test_label_with_another_value_is_contraindicated():
    found = judged(LabelIsOneOf("region", ("us",)))
    assert found.tier is TrustTier.CONTRAINDICATED
    assert found.claim is TrustClaim.INSTANCE_IDENTITY
    assert "host label HOST region=VALUE" in found.action


def test_missing_label_is_unknown():
    found = judged(LabelIsOneOf("zone", ("a",)))
    assert found.tier is TrustTier.NONE
    assert found.expected == "a"
    assert "zone=VALUE" in found.action


@pytest.mark.parametrize(("text", "seen"), [
    ("plain \u00e9", "plain \u00e9"), ("a\nb", "a\\nb"),
    ("\x1b[2J", "\\x1b[2J")])
def test_text_of_a_host_stays_on_its_line(text, seen):
    assert shown(text) == seen


def test_a_thousand_alternatives_are_not_all_written():
    assert one_of("abcd") == "a, b, c, d"
    assert one_of("abcde") == "a, b, c, d or 1 more"
    assert one_of("abcdefg") == "a, b, c, d or 3 more"


GOODNESS = [TrustTier.AFFIRMING, TrustTier.NONE, TrustTier.WARNING,
            TrustTier.CONTRAINDICATED]


@pytest.mark.parametrize("tiers", list(itertools.product(TrustTier, repeat=3)))
def test_all_of_is_affirming_only_when_all_are(tiers):
    found = list(AllOf(tuple(Says((t,)) for t in tiers)).judge(FACTS))
    assert [f.tier for f in found] == list(tiers)
    assert policy_tier(AllOf(tuple(Says((t,)) for t in tiers))) == max(
        tiers, key=GOODNESS.index)


@pytest.mark.parametrize("tiers", list(itertools.product(TrustTier, repeat=3)))
def test_any_of_is_as_good_as_its_best(tiers):
    rule = AnyOf(tuple(Says((t,)) for t in tiers))
    assert policy_tier(rule) == min(tiers, key=GOODNESS.index)


@pytest.mark.parametrize("first", list(itertools.product(TrustTier, repeat=2)))
def test_any_of_judges_an_alternative_by_its_worst(first):
    rule = AnyOf((Says(first), Says((TrustTier.WARNING,))))
    worst = max(first, key=GOODNESS.index)
    assert policy_tier(rule) == min(
        worst, TrustTier.WARNING, key=GOODNESS.index)


def test_any_of_names_only_what_held():
    rule = AnyOf((Says((TrustTier.CONTRAINDICATED,)),
                  LabelIsOneOf("region", ("eu",)),
                  Says((TrustTier.AFFIRMING,))))
    (found,) = rule.judge(FACTS)
    assert (found.rule, found.detail) == ("label", "region is 'eu'")


def test_any_of_tells_what_every_alternative_lacks():
    rule = AnyOf((Says((TrustTier.CONTRAINDICATED,)),
                  Says((TrustTier.AFFIRMING, TrustTier.NONE))))
    assert [(f.detail, f.tier) for f in rule.judge(FACTS)] == [
        ("alternative 1 of 2: contraindicated", TrustTier.NONE),
        ("alternative 2 of 2: affirming", TrustTier.AFFIRMING),
        ("alternative 2 of 2: none", TrustTier.NONE)]


def test_silent_rule_is_not_a_yes():
    (found,) = ask(Says(()), FACTS)
    assert (found.tier, found.rule) == (TrustTier.NONE, "Says")
    assert found.action
    for rule in (Says(()), AllOf((Says(()),)), AnyOf((Says(()),))):
        assert policy_tier(rule) is TrustTier.NONE
    assert policy_tier(Says(()), Says((TrustTier.AFFIRMING,))) is (
        TrustTier.NONE)


def policy(*rules, valid_until=None):
    return AppraisalPolicy("gold", 4, rules, HOUR, valid_until)


def policy_tier(*rules):
    return appraise("a1", "host-1", FACTS, policy(*rules), NOW).tier


def test_appraisal_asks_every_rule_and_names_its_policy():
    result = appraise("a1", "host-1", FACTS, policy(
        LabelIsOneOf("zone", ("a",)), HardwareRoot(), TpmIsOneOf(("STM",))),
        NOW)
    assert [f.rule for f in result.findings] == [
        "label", "hardware-root", "tpm"]
    assert (result.attester_id, result.host, result.profile,
            result.version) == ("a1", "host-1", "gold", 4)
    assert (result.issued_at, result.expires_at) == (NOW, NOW + HOUR)
    assert (result.reset_count, result.hardware) == (3, True)


@pytest.mark.parametrize(("until", "expected"), [
    (NOW + HOUR / 2, NOW + HOUR / 2), (NOW + 2 * HOUR, NOW + HOUR)])
def test_a_result_ends_no_later_than_its_reference_values(until, expected):
    result = appraise("a1", "host-1", FACTS,
                      policy(HardwareRoot(), valid_until=until), NOW)
    assert result.expires_at == expected


def test_h2_an_exception_in_a_rule_is_not_a_result():
    class Broken(Says):
        def judge(self, facts):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        appraise("a1", "host-1", FACTS,
                 policy(HardwareRoot(), Broken(())), NOW)


TIERS = st.lists(st.sampled_from(list(TrustTier)), max_size=3).map(tuple)
RULES = st.recursive(
    TIERS.map(Says),
    lambda inner: st.lists(inner, min_size=1, max_size=3).flatmap(
        lambda some: st.sampled_from([AllOf(tuple(some)),
                                      AnyOf(tuple(some))])), max_leaves=6)


@given(st.lists(RULES, min_size=1, max_size=3), RULES)
def test_adding_a_rule_never_makes_a_host_better(some, more):
    before = policy_tier(*some)
    after = policy_tier(*some, more)
    assert GOODNESS.index(after) >= GOODNESS.index(before)


@given(st.sets(st.sampled_from([4, 7]), min_size=1))
def test_removing_evidence_never_makes_a_host_affirming(kept):
    some = (PcrIsOneOf(HashAlg.SHA256, 7, (ONE,)),
            PcrIsOneOf(HashAlg.SHA256, 4, (TWO,)))
    less = dataclasses.replace(FACTS, pcrs=FACTS.pcrs.only(kept))
    result = appraise("a1", "host-1", less, policy(*some), NOW)
    assert (result.tier is TrustTier.AFFIRMING) == (kept == {4, 7})


def test_leaves_are_all_rules_that_ask_something_themselves():
    a, b, c = (Says((tier,)) for tier in list(TrustTier)[:3])
    assert list(leaves((a, AllOf((b, AnyOf((c, AllOf((a,)))))), b))) == [
        a, b, c, a, b]
