# SPDX-License-Identifier: Apache-2.0
"""Policy of releases: agents ask, tenants look."""

from __future__ import annotations

from attestation_service.policies import rules
from attestation_service.policies.rules import default

RULES = (
    default("releases:create", rules.SERVICE,
            "Ask for an instance's keys.", "POST /v1/releases"),
    default("releases:answer", rules.SERVICE,
            "Send the evidence for a release.",
            "POST /v1/releases/{release}/evidence"),
    default("releases:list", rules.PROJECT_READER,
            "List the releases of the project's instances.",
            "GET /v1/releases"),
    default("releases:show", rules.PROJECT_READER,
            "Show a release.", "GET /v1/releases/{release}"),
    default("releases:all_projects", rules.ADMIN,
            "See the releases of every project.",
            "GET /v1/releases", "GET /v1/releases/{release}"),
)
