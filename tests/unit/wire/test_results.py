# SPDX-License-Identifier: Apache-2.0
"""A result as others read it: the numbers and names of AR4SI and EAR."""

from __future__ import annotations

import dataclasses
import itertools

import pytest

from nova_trusted_launch.wire.results import (
    AttestationResult,
    Finding,
    TrustClaim,
    TrustTier,
    worst,
)
from tests.unit.wire.specimens import SPECIMENS

(RESULT,) = (s for s in SPECIMENS if isinstance(s, AttestationResult))


def found(*said):
    return tuple(Finding("rule", claim, tier, "why") for claim, tier in said)


def test_tiers_have_the_numbers_of_ar4si():
    assert [(t.label, int(t)) for t in TrustTier] == [
        ("none", 0), ("affirming", 2), ("warning", 32),
        ("contraindicated", 96)]


@pytest.mark.parametrize("tiers", [
    *itertools.product(TrustTier, repeat=3)])
def test_affirming_only_when_all_affirm(tiers):
    assert (worst(tiers) is TrustTier.AFFIRMING) is (
        set(tiers) == {TrustTier.AFFIRMING})
    # Not to know hides nothing that is known to be bad.
    bad = max(tiers)
    if bad > TrustTier.AFFIRMING:
        assert worst(tiers) is bad


def test_without_a_finding_nothing_is_known():
    assert worst(()) is TrustTier.NONE
    claims = dataclasses.replace(RESULT, findings=()).to_claims()
    assert claims["submods"]["host"]["ear.status"] == "none"
    assert claims["submods"]["host"]["ear.trustworthiness-vector"] == {}


def test_the_vector_holds_the_worst_of_each_claim_and_no_other_claim():
    claims = dataclasses.replace(RESULT, findings=found(
        (TrustClaim.EXECUTABLES, TrustTier.AFFIRMING),
        (TrustClaim.HARDWARE, TrustTier.AFFIRMING),
        (TrustClaim.EXECUTABLES, TrustTier.CONTRAINDICATED),
        (TrustClaim.CONFIGURATION, TrustTier.WARNING))).to_claims()
    assert claims["submods"] == {"host": {
        "ear.status": "contraindicated",
        "ear.trustworthiness-vector": {
            "executables": 96, "hardware": 2, "configuration": 32},
        "ear.appraisal-policy-id": "gold/2"}}
    assert claims["exp"] == int(RESULT.expires_at.timestamp())
