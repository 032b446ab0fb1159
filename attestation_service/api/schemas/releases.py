# SPDX-License-Identifier: Apache-2.0
"""Schemas of releases: requests for keys and the sealed answer."""

from __future__ import annotations

from attestation_service.api.schemas import types as t
from attestation_service.api.schemas.parameters import RELEASE_STATE

SCHEMAS = {
    "ReleaseRequest": t.an_object({
        "attester_id": t.ID, "instance_id": t.ID,
        "action": {"enum": [
            "spawn", "rebuild", "unshelve", "evacuate", "power-on",
            "reboot", "resume", "rescue", "unrescue", "auto-resume",
            "migrate-in", "snapshot", "secret"]},
        "nonce_tpm": t.b64(16, 64), "profile": t.nullable(t.NAME),
        "image_id": t.nullable(t.ID), "key_id": t.nullable(t.ID),
        "launch_id": t.nullable(t.ID)}),
    "ReleaseOpened": t.an_object({
        "release": t.an_object({
            "id": t.ID, "nonce": t.b64(32, 32), "selection": t.SELECTION,
            "ima_offset": t.COUNT, "expires_at": t.TIME}),
        "challenge": t.ref("Challenge")}),
    "SealedKey": t.an_object({
        "parent": t.SENTENCE, "public": t.b64(1, 4096),
        "duplicate": t.b64(1, 4096), "seed": t.b64(1, 4096),
        "selection": t.SELECTION, "expiration": {"type": "integer"},
        "policy_signature": t.b64(1, 4096), "policy_key": t.b64(1, 4096),
        "bundle": t.b64(1, 8192)}),
    "Released": t.an_object({
        "release_id": t.ID, "sealed_key": t.ref("SealedKey"),
        "image_digest": t.nullable(t.DIGEST), "receipt": t.JWT,
        "log_index": t.COUNT, "expires_at": t.TIME}),
    "Release": t.an_object({
        "id": t.ID, "instance_id": t.ID, "host": t.HOST,
        "action": t.SENTENCE,
        "state": RELEASE_STATE,
        "code": t.nullable(t.SENTENCE), "detail": t.nullable(t.SENTENCE),
        "advice": t.nullable(t.SENTENCE), "created_at": t.TIME,
        "log_index": t.nullable(t.COUNT)}),
    "ReleaseAnswer": t.an_object({"release": t.ref("Release")}),
    "Releases": t.listing("releases", "Release"),
}
