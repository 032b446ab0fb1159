# SPDX-License-Identifier: Apache-2.0
"""A document that cannot be applied any more says so of every host."""

from __future__ import annotations

import datetime

import pytest

from attestation_service.core.appraise import (
    Unanswerable,
    Unexplained,
    appraise,
)
from attestation_service.core.facts import HostFacts
from attestation_service.core.policy.document import AppraisalPolicy
from nova_trusted_launch.wire.digests import HashAlg, PcrBank
from nova_trusted_launch.wire.results import TrustTier

NOW = datetime.datetime(2026, 11, 25, tzinfo=datetime.UTC)
FACTS = HostFacts(PcrBank(HashAlg.SHA256, {0: bytes(32)}), 1, 0, "IFX", 0,
                  True, {})


def test_h3_a_document_that_cannot_be_applied_is_never_a_yes():
    rule = Unanswerable("its reference values are gone")
    result = appraise("a1", "host-1", FACTS, AppraisalPolicy(
        "gold", 2, (rule,), datetime.timedelta(hours=1)), NOW)
    (finding,) = result.findings
    assert (finding.rule, finding.tier, finding.subject) == (
        "profile", TrustTier.NONE, "document")
    assert finding.detail == ("the profile cannot be applied: its reference "
                              "values are gone")
    assert "new version" in finding.action
    assert (rule.registers, rule.to_document()) == (frozenset(), {})


@pytest.mark.parametrize(("contradicted", "tier"), [
    (True, TrustTier.CONTRAINDICATED), (False, TrustTier.NONE)])
def test_c7_registers_without_an_explanation_are_never_a_yes(
        contradicted, tier):
    rule = Unexplained("register 4 replays to another value", contradicted)
    result = appraise("a1", "host-1", FACTS, AppraisalPolicy(
        "gold", 2, (rule,), datetime.timedelta(hours=1)), NOW)
    (finding,) = result.findings
    assert result.tier is tier
    assert (finding.rule, finding.subject, finding.detail) == (
        "logs", "boot and IMA log", "register 4 replays to another value")
    assert "boot it again" in finding.action
    assert (rule.registers, rule.to_document()) == (frozenset(), {})
