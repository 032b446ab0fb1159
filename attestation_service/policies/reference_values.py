# SPDX-License-Identifier: Apache-2.0
"""Policy of reference values."""

from __future__ import annotations

from attestation_service.policies import rules
from attestation_service.policies.rules import default

RULES = (
    default("reference_values:create", rules.ADMIN,
            "Create a set of reference values.",
            "POST /v1/reference-values"),
    default("reference_values:list", rules.SYSTEM_READER,
            "List the sets.", "GET /v1/reference-values"),
    default("reference_values:show", rules.SYSTEM_READER,
            "Show a set with its values.",
            "GET /v1/reference-values/{name}"),
    default("reference_values:delete", rules.ADMIN,
            "Delete a set.", "DELETE /v1/reference-values/{name}"),
)
