# SPDX-License-Identifier: Apache-2.0
"""Policy of profiles: operators write them, tenants choose one."""

from __future__ import annotations

from attestation_service.policies import rules
from attestation_service.policies.rules import default

RULES = (
    default("profiles:list", rules.AUTHENTICATED,
            "List the profiles that the project may use.",
            "GET /v1/profiles"),
    default("profiles:show", rules.AUTHENTICATED,
            "Show a profile that the project may use.",
            "GET /v1/profiles/{profile}"),
    default("profiles:all_projects", rules.SYSTEM_READER_OR_SERVICE,
            "See the profiles of every project.",
            "GET /v1/profiles", "GET /v1/profiles/{profile}"),
    default("profiles:versions", rules.SYSTEM_READER,
            "Show the versions of a profile.",
            "GET /v1/profiles/{profile}/versions",
            "GET /v1/profiles/{profile}/versions/{version}"),
    default("profiles:create", rules.ADMIN,
            "Create a profile or a version of one.",
            "POST /v1/profiles", "POST /v1/profiles/{profile}/versions"),
    default("profiles:update", rules.ADMIN,
            "Activate a version; change description and projects.",
            "PATCH /v1/profiles/{profile}"),
    default("profiles:retire", rules.ADMIN,
            "Retire a profile and withdraw its results.",
            "DELETE /v1/profiles/{profile}"),
    default("profiles:preview", rules.ADMIN,
            "Judge the evidence kept by a document that is not in force.",
            "POST /v1/profiles/preview"),
    default("profiles:draft", rules.ADMIN,
            "Draft a document from a host that is known good.",
            "POST /v1/profiles/draft"),
)
