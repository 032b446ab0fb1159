# SPDX-License-Identifier: Apache-2.0
"""Schemas of trusted instances."""

from __future__ import annotations

from attestation_service.api.schemas import types as t

SCHEMAS = {
    "InstanceAnswer": t.an_object({"instance": t.an_object({
        "instance_id": t.ID, "project_id": t.ID, "host": t.HOST,
        "profiles": t.array(t.NAME), "image_id": t.nullable(t.ID),
        "image_digest": t.nullable(t.DIGEST),
        "launch_id": t.nullable(t.ID), "nonce_digest": t.DIGEST,
        "opened_at": t.TIME, "closed_at": t.nullable(t.TIME),
        "trusted": t.BOOLEAN,
        "last_release": {"anyOf": [t.ref("Release"),
                                   {"type": "null"}]}})}),
}
