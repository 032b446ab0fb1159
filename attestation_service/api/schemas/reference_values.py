# SPDX-License-Identifier: Apache-2.0
"""Schemas of reference values."""

from __future__ import annotations

from attestation_service.api.schemas import types as t

_SET: dict[str, t.Schema] = {
    "name": t.NAME, "kind": {"enum": ["ima", "digest"]},
    "provenance": t.TEXT}
_VALUES = {
    "type": "object", "minProperties": 1,
    "propertyNames": {
        "pattern": "^(?:[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})$"},
    "additionalProperties": {
        "type": "array", "items": t.PATH}}

SCHEMAS = {
    "ReferenceSetCreate": t.an_object(
        {**_SET, "values": _VALUES},
        {"expires_at": t.nullable(t.TIME)}),
    "ReferenceSet": t.an_object(
        {**_SET, "created_at": t.TIME, "expires_at": t.nullable(t.TIME)},
        {"values": _VALUES}),
    "ReferenceSetAnswer": t.an_object({
        "reference_values": t.ref("ReferenceSet")}),
    "ReferenceSets": t.listing("reference_values", "ReferenceSet"),
}
