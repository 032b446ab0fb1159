# SPDX-License-Identifier: Apache-2.0
"""Policy of what everybody may see: versions, documents, public keys."""

from __future__ import annotations

from attestation_service.policies import rules
from attestation_service.policies.rules import default

RULES = (
    default("versions:show", rules.PUBLIC,
            "Show the versions of the API.",
            "GET /", "GET /v1", scopes=rules.ANY_SCOPE),
    default("openapi:show", rules.PUBLIC,
            "Show the OpenAPI document.",
            "GET /openapi.json", scopes=rules.ANY_SCOPE),
    default("jwks:show", rules.PUBLIC,
            "Show the public keys that verify results and receipts.",
            "GET /v1/jwks", scopes=rules.ANY_SCOPE),
)
