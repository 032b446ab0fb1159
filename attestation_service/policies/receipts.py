# SPDX-License-Identifier: Apache-2.0
"""Policy of receipts and of the log they stand in."""

from __future__ import annotations

from attestation_service.policies import rules
from attestation_service.policies.rules import default

RULES = (
    default("receipts:list", rules.PROJECT_READER,
            "List the receipts of the project's instances.",
            "GET /v1/receipts"),
    default("receipts:show", rules.PROJECT_READER,
            "Show a receipt.", "GET /v1/receipts/{index}"),
    default("receipts:all_projects", rules.ADMIN,
            "See the receipts of every project.",
            "GET /v1/receipts", "GET /v1/receipts/{index}"),
    default("log:show", rules.AUTHENTICATED,
            "Show checkpoints, proofs and leaf hashes of the log.",
            "GET /v1/log/checkpoint", "GET /v1/log/inclusion",
            "GET /v1/log/consistency", "GET /v1/log/leaves",
            scopes=rules.ANY_SCOPE),
)
