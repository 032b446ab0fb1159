# SPDX-License-Identifier: Apache-2.0
"""Schemas of version documents, keys sets and errors."""

from __future__ import annotations

from attestation_service.api.schemas import types as t

_LINK = t.an_object({"rel": t.SENTENCE, "href": t.SENTENCE})

SCHEMAS = {
    "Version": t.an_object({
        "id": t.SENTENCE, "status": {"enum": ["CURRENT"]},
        "min_version": t.SENTENCE, "max_version": t.SENTENCE,
        "links": t.array(_LINK)}),
    "Versions": t.an_object({"versions": t.array(t.ref("Version"))}),
    "VersionAnswer": t.an_object({"version": t.ref("Version")}),
    "OpenApi": {"type": "object", "required": ["openapi", "paths"]},
    "Jwks": t.an_object({"keys": t.array({
        "type": "object", "required": ["kty", "kid", "crv", "x", "y"],
        "properties": {"kty": {"const": "EC"}, "alg": {"const": "ES256"},
                       "use": {"const": "sig"}}})}),
    "Error": t.an_object({
        "status": {"type": "integer"}, "code": t.SENTENCE,
        "title": t.SENTENCE, "detail": t.SENTENCE, "action": t.SENTENCE,
        "request_id": t.nullable(t.SENTENCE)}),
    "Errors": t.an_object({
        "errors": {"type": "array", "minItems": 1,
                   "items": t.ref("Error")}}),
    "Empty": t.an_object({}),
}
