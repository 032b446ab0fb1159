# SPDX-License-Identifier: Apache-2.0
"""Policy of launch tokens: a project's own."""

from __future__ import annotations

from attestation_service.policies import rules
from attestation_service.policies.rules import default

RULES = (
    default("launches:create", rules.PROJECT_MEMBER,
            "Create a launch token.",
            "POST /v1/launches", scopes=rules.PROJECT),
    default("launches:list", rules.PROJECT_READER,
            "List the project's launch tokens.", "GET /v1/launches"),
    default("launches:show", rules.PROJECT_READER,
            "Show a launch token, never its nonce.",
            "GET /v1/launches/{launch}"),
    default("launches:delete", rules.PROJECT_MEMBER,
            "Delete a launch token.", "DELETE /v1/launches/{launch}"),
    default("launches:all_projects", rules.ADMIN,
            "See and delete the launch tokens of every project.",
            "GET /v1/launches", "GET /v1/launches/{launch}",
            "DELETE /v1/launches/{launch}"),
)
