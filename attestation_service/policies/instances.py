# SPDX-License-Identifier: Apache-2.0
"""Policy of trusted instances."""

from __future__ import annotations

from attestation_service.policies import rules
from attestation_service.policies.rules import default

RULES = (
    default("instances:show", rules.PROJECT_READER_OR_SERVICE,
            "Show what is known of an instance.",
            "GET /v1/instances/{instance}"),
    default("instances:close", rules.SERVICE_OR_ADMIN,
            "Close an instance's lease for ever.",
            "DELETE /v1/instances/{instance}"),
    default("instances:all_projects", rules.SERVICE_OR_ADMIN,
            "See the instances of every project.",
            "GET /v1/instances/{instance}"),
)
