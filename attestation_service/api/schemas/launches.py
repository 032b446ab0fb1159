# SPDX-License-Identifier: Apache-2.0
"""Schemas of launch tokens; the nonce is shown at most once."""

from __future__ import annotations

from attestation_service.api.schemas import types as t

SCHEMAS = {
    "LaunchCreate": t.an_object(
        {"profile": t.NAME},
        {"nonce": {**t.b64(16, 64), "writeOnly": True},
         "image_id": t.nullable(t.ID),
         "image_digest": t.nullable(t.DIGEST),
         "expires_in": {"type": "integer", "minimum": 60,
                        "maximum": 365 * 86400}}),
    "Launch": t.an_object(
        {"id": t.ID, "project_id": t.ID, "profile": t.NAME,
         "image_id": t.nullable(t.ID),
         "image_digest": t.nullable(t.DIGEST), "nonce_digest": t.DIGEST,
         "created_at": t.TIME, "expires_at": t.TIME,
         "instance_id": t.nullable(t.ID)},
        {"nonce": t.b64(16, 64)}),
    "LaunchAnswer": t.an_object({"launch": t.ref("Launch")}),
    "Launches": t.listing("launches", "Launch"),
}
