# SPDX-License-Identifier: Apache-2.0
"""Schemas of receipts and of proofs about their log."""

from __future__ import annotations

from attestation_service.api.schemas import types as t

_PATH = t.array(t.DIGEST)

SCHEMAS = {
    "Receipt": t.an_object({
        "index": t.COUNT, "instance_id": t.ID, "release_id": t.ID,
        "receipt": t.JWT, "created_at": t.TIME}),
    "ReceiptAnswer": t.an_object({"receipt": t.ref("Receipt")}),
    "Receipts": t.listing("receipts", "Receipt"),
    "CheckpointAnswer": t.an_object({"checkpoint": t.JWT}),
    "Inclusion": t.an_object({
        "index": t.COUNT, "size": t.COUNT, "leaf": t.DIGEST,
        "path": _PATH}),
    "Consistency": t.an_object({
        "first": t.COUNT, "second": t.COUNT, "path": _PATH}),
    "Leaves": t.an_object({"start": t.COUNT, "leaves": _PATH}),
}
