# SPDX-License-Identifier: Apache-2.0
"""Policy of attestation results: they name hosts, so not for tenants."""

from __future__ import annotations

from attestation_service.policies import rules
from attestation_service.policies.rules import default

RULES = (
    default("results:list", rules.SYSTEM_READER_OR_SERVICE,
            "List the latest results.", "GET /v1/results"),
    default("results:history", rules.SYSTEM_READER_OR_SERVICE,
            "List the results an attester had.",
            "GET /v1/results/history/{attester}"),
    default("results:snapshot", rules.SERVICE_OR_ADMIN,
            "Fetch the signed snapshot of all results.",
            "GET /v1/results/snapshot"),
)
