# SPDX-License-Identifier: Apache-2.0
"""The rule about the TPM's clock."""

from __future__ import annotations

import datetime

import pytest

from attestation_service.core import errors
from attestation_service.core.facts import HostFacts
from attestation_service.core.policy import document
from nova_trusted_launch.wire.digests import HashAlg, PcrBank
from nova_trusted_launch.wire.results import TrustTier

NOW = datetime.datetime(2026, 11, 25, tzinfo=datetime.UTC)


def parse(rule):
    def no_sets(name):
        raise AssertionError(name)
    return document.parse({"schema": 1, "require": [rule]}, sets=no_sets,
                          now=NOW)


def facts(**known):
    return HostFacts(PcrBank(HashAlg.SHA256, {0: bytes(32)}), 3, 1, "IFX", 7,
                     True, {}, **known)


@pytest.mark.parametrize(("known", "tier"), [
    ({"clock_safe": True}, TrustTier.AFFIRMING),
    ({"clock_safe": False}, TrustTier.CONTRAINDICATED),
    ({}, TrustTier.CONTRAINDICATED)])
def test_the_clock_has_to_be_safe(known, tier):
    (rule,) = parse({"tpm-clock": {"safe": True}}).rules
    (finding,) = rule.judge(facts(**known))
    assert finding.tier is tier
    assert bool(finding.action) is (tier is not TrustTier.AFFIRMING)
    assert rule.registers == frozenset()
    assert rule.to_document() == {"tpm-clock": {"safe": True}}


@pytest.mark.parametrize("body", [
    {}, None, {"safe": False}, {"safe": 1}, {"safe": True, "more": 1}])
def test_the_rule_asks_something(body):
    with pytest.raises(errors.Invalid):
        parse({"tpm-clock": body})
