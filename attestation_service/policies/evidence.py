# SPDX-License-Identifier: Apache-2.0
"""Policy of challenges and evidence: agents only."""

from __future__ import annotations

from attestation_service.policies import rules
from attestation_service.policies.rules import default

RULES = (
    default("challenges:create", rules.SERVICE,
            "Get a challenge for an attester one has enrolled.",
            "POST /v1/challenges"),
    default("evidence:create", rules.SERVICE,
            "Send evidence for a challenge.", "POST /v1/evidence"),
)
