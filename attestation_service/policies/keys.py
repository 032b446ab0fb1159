# SPDX-License-Identifier: Apache-2.0
"""Policy of keys: a project's own."""

from __future__ import annotations

from attestation_service.policies import rules
from attestation_service.policies.rules import default

RULES = (
    default("keys:create", rules.PROJECT_MEMBER,
            "Register a key with its release policy.",
            "POST /v1/keys", scopes=rules.PROJECT),
    default("keys:list", rules.PROJECT_READER,
            "List the project's keys.", "GET /v1/keys"),
    default("keys:show", rules.PROJECT_READER,
            "Show a key, never its material.", "GET /v1/keys/{key}"),
    default("keys:delete", rules.PROJECT_MEMBER,
            "Delete a key and its material.", "DELETE /v1/keys/{key}"),
    default("keys:all_projects", rules.ADMIN,
            "See and delete the keys of every project.",
            "GET /v1/keys", "GET /v1/keys/{key}", "DELETE /v1/keys/{key}"),
)
