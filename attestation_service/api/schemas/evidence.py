# SPDX-License-Identifier: Apache-2.0
"""Schemas of challenges and evidence."""

from __future__ import annotations

from attestation_service.api.schemas import types as t


def _bank(size: int) -> t.Schema:
    return {"type": "object", "minProperties": 1, "maxProperties": 24,
            "patternProperties": {"^(?:[0-9]|1[0-9]|2[0-3])$": {
                "type": "string", "pattern": f"^[0-9a-f]{{{2 * size}}}$"}},
            "additionalProperties": False}


_PCRS = t.an_object({}, {
    "sha256": _bank(32), "sha384": _bank(48), "sha512": _bank(64)},
    minProperties=1, maxProperties=1)

SCHEMAS = {
    "ChallengeRequest": t.an_object({"attester_id": t.ID}),
    "Challenge": t.an_object({
        "nonce": t.b64(32, 32), "attester_id": t.ID,
        "purpose": {"enum": ["attest", "release"]},
        "selection": t.SELECTION, "ima_offset": t.COUNT,
        "expires_at": t.TIME, "subject": t.SENTENCE}),
    "ChallengeAnswer": t.an_object({"challenge": t.ref("Challenge")}),
    "Evidence": t.an_object({
        "attester_id": t.ID, "nonce": t.b64(32, 32),
        "quote": t.b64(1, 4096), "signature": t.b64(1, 4096),
        "pcrs": _PCRS,
        "boot_log": t.nullable(t.blob("The TCG boot event log.")),
        "ima_log": t.nullable(t.blob("The IMA list from ima_offset on.")),
        "ima_offset": t.COUNT}),
    "EvidenceAnswer": t.an_object({"results": t.array(t.JWT)}),
}
