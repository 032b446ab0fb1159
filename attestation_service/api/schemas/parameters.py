# SPDX-License-Identifier: Apache-2.0
"""Schemas of what stands in a URL: one meaning per name, everywhere."""

from __future__ import annotations

from attestation_service.api.schemas import types as t

PATH: dict[str, t.Schema] = {
    "attester": {**t.HOST, "description": "An attester's id or host name."},
    "evidence": t.ID,
    "profile": t.NAME,
    "version": t.POSITIVE,
    "name": t.NAME,
    "key": t.ID,
    "launch": t.ID,
    "release": t.ID,
    "instance": t.ID,
    "index": t.COUNT,
}

ATTESTER_STATE = {"type": "string",
                  "enum": ["pending", "approved", "retired"]}
RELEASE_STATE = {"type": "string", "enum": ["open", "granted", "refused"]}

QUERY: dict[str, t.Schema] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": 1000,
              "description": "Items at most; the service may cap it lower."},
    "marker": {**t.HOST, "description": "The 'next' of the page before."},
    "host": t.HOST,
    "attester": t.HOST,
    "profile": t.NAME,
    "instance_id": t.ID,
    "since": {**t.COUNT, "description": "Only what changed after this."},
    "index": t.COUNT,
    "size": {**t.COUNT, "minimum": 1},
    "first": t.COUNT,
    "second": t.COUNT,
    "start": t.COUNT,
}
