# SPDX-License-Identifier: Apache-2.0
"""Receipts, and proofs about the log they stand in, over HTTP."""

from __future__ import annotations

from typing import Any

from attestation_service import records as r
from attestation_service.api.routing import Call
from nova_trusted_launch.wire import encoding


def index(call: Call) -> dict[str, Any]:
    """List receipts, newest first."""
    page = call.wanted.page(project_id=call.project,
                            instance_id=call.query.get("instance_id"))
    return call.wanted.answer("receipts", call.flows.receipts.list(page),
                              _view, lambda item: item.index)


def show(call: Call) -> dict[str, Any]:
    """Show a receipt by its index in the log."""
    return {"receipt": _view(call.flows.receipts.show(
        call.path["index"], call.project))}


def checkpoint(call: Call) -> dict[str, Any]:
    """Fetch the signed size and root of the log."""
    return {"checkpoint": call.flows.transparency.checkpoint(call.now)}


def inclusion(call: Call) -> dict[str, Any]:
    """Prove that an entry is in the log of a size."""
    number, size = call.query["index"], call.query["size"]
    leaf, path = call.flows.transparency.inclusion(number, size)
    return {"index": number, "size": size, "leaf": leaf.hex(),
            "path": [node.hex() for node in path]}


def consistency(call: Call) -> dict[str, Any]:
    """Prove that one size of the log is a prefix of another."""
    first, second = call.query["first"], call.query["second"]
    path = call.flows.transparency.consistency(first, second)
    return {"first": first, "second": second,
            "path": [node.hex() for node in path]}


def leaves(call: Call) -> dict[str, Any]:
    """List leaf hashes of the log."""
    start = call.query.get("start", 0)
    found = call.flows.transparency.leaves(start, call.wanted.limit)
    return {"start": start, "leaves": [leaf.hex() for leaf in found]}


def _view(stored: r.StoredReceipt) -> dict[str, Any]:
    return {"index": stored.index, "instance_id": stored.instance_id,
            "release_id": stored.release_id, "receipt": stored.jwt,
            "created_at": encoding.timestamp(stored.created_at)}
