# SPDX-License-Identifier: Apache-2.0
"""Schemas of keys; an answer never holds material."""

from __future__ import annotations

from attestation_service.api.schemas import types as t

SCHEMAS = {
    "KeyCreate": t.an_object({
        "name": t.TEXT,
        "material": {**t.b64(16, 64), "writeOnly": True},
        "policy": t.an_object({}, {
            "profile": t.nullable(t.NAME), "image_id": t.nullable(t.ID),
            "image_digest": t.nullable(t.DIGEST),
            "demand_token": t.BOOLEAN, "expires_at": t.nullable(t.TIME),
            "launches": t.nullable(t.POSITIVE)})}),
    "Key": t.an_object({
        "id": t.ID, "name": t.SENTENCE, "project_id": t.ID,
        "purpose": {"enum": ["image", "disk"]},
        "policy": t.an_object({
            "profile": t.nullable(t.NAME), "image_id": t.nullable(t.ID),
            "image_digest": t.nullable(t.DIGEST),
            "demand_token": t.BOOLEAN, "expires_at": t.nullable(t.TIME),
            "launches": t.nullable(t.POSITIVE)}),
        "launches_used": t.COUNT, "created_at": t.TIME}),
    "KeyAnswer": t.an_object({"key": t.ref("Key")}),
    "Keys": t.listing("keys", "Key"),
}
