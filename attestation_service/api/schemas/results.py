# SPDX-License-Identifier: Apache-2.0
"""Schemas of attestation results."""

from __future__ import annotations

from attestation_service.api.schemas import types as t

_RESULT: dict[str, t.Schema] = {
    "host": t.HOST, "profile": t.NAME, "version": t.POSITIVE,
    "tier": t.TIER, "issued_at": t.TIME, "expires_at": t.TIME,
    "attester_id": t.ID, "hardware": t.BOOLEAN}

SCHEMAS = {
    "Finding": t.an_object({
        "rule": t.SENTENCE, "claim": t.SENTENCE, "tier": t.TIER,
        "detail": t.SENTENCE, "subject": t.SENTENCE,
        "expected": t.SENTENCE, "actual": t.SENTENCE,
        "action": t.SENTENCE}),
    "Result": t.an_object({**_RESULT, "jwt": {
        **t.JWT, "description": (
            "The result as it was signed.  The list of the latest leaves out "
            "what was withdrawn, the history does not.")}}),
    "ExplainedResult": t.an_object({
        **_RESULT, "findings": t.array(t.ref("Finding"))}),
    "Results": t.listing("results", "Result"),
    "SnapshotAnswer": t.an_object({"snapshot": t.JWT}),
}
