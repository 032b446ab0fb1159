# SPDX-License-Identifier: Apache-2.0
"""Default policy of the API: who may do what, one module per noun."""

from __future__ import annotations

from oslo_policy import policy

from attestation_service.policies import (
    attesters,
    evidence,
    instances,
    keys,
    launches,
    profiles,
    receipts,
    reference_values,
    releases,
    results,
    rules,
    versions,
)

_MODULES = (versions, attesters, evidence, results, profiles,
            reference_values, keys, launches, releases, instances, receipts)


def list_rules() -> list[policy.DocumentedRuleDefault]:
    """Return every default, for the enforcer and the sample generator."""
    return [rule for module in _MODULES for rule in module.RULES]


PUBLIC_RULES = frozenset(
    rule.name for rule in list_rules() if rule.check_str == rules.PUBLIC)
