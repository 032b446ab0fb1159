# SPDX-License-Identifier: Apache-2.0
"""Policy of attesters: agents enrol, operators decide."""

from __future__ import annotations

from attestation_service.policies import rules
from attestation_service.policies.rules import default

RULES = (
    default("attesters:enrol", rules.SERVICE,
            "Enrol a host's TPM and activate its credential.",
            "POST /v1/attesters", "POST /v1/attesters/activate"),
    default("attesters:list", rules.SYSTEM_READER_OR_SERVICE,
            "List attesters.", "GET /v1/attesters"),
    default("attesters:show", rules.SYSTEM_READER_OR_SERVICE,
            "Show an attester.", "GET /v1/attesters/{attester}"),
    default("attesters:update", rules.ADMIN,
            "Change an attester's labels.",
            "PATCH /v1/attesters/{attester}"),
    default("attesters:approve", rules.ADMIN,
            "Approve a pending attester.",
            "POST /v1/attesters/{attester}/approve"),
    default("attesters:retire", rules.ADMIN,
            "Retire an attester and withdraw its results.",
            "DELETE /v1/attesters/{attester}"),
    default("attesters:attest", rules.ADMIN,
            "Ask the agent of one host, or all agents, to attest now.",
            "POST /v1/attesters/{attester}/attest",
            "POST /v1/attesters/attest"),
    default("attesters:explain", rules.SYSTEM_READER,
            "Show every finding of a host's latest results.",
            "GET /v1/attesters/{attester}/explain"),
    default("attesters:evidence", rules.ADMIN,
            "Show the evidence kept of a host.",
            "GET /v1/attesters/{attester}/evidence",
            "GET /v1/attesters/{attester}/evidence/{evidence}"),
)
