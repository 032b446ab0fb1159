# SPDX-License-Identifier: Apache-2.0
"""The append-only log of receipts, in SQL.

Only complete subtrees are kept: an append reads and writes one node for each
level that it completes, two on average.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import sqlalchemy as sa

from attestation_service import records as r
from attestation_service.core import errors
from attestation_service.store import rows
from attestation_service.store.schema import log_nodes, receipts
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.receipts import leaf_hash, node_hash

_COUNTER = "log"
_LISTING = rows.Listing(
    order=(receipts.c.number,), marker=receipts.c.number,
    filters={"instance_id": receipts.c.instance_id,
             "project_id": receipts.c.project_id},
    newest_first=True)


class SqlReceiptLog:
    """See :class:`attestation_service.ports.ReceiptLog`.

    The counter is locked from the append to the end of the unit, and goes
    back with it: no number is lost or given twice.
    """

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def append(self, receipt: r.StoredReceipt) -> r.StoredReceipt:
        """Append; return it with its index."""
        index = rows.count_up(self._connection, _COUNTER) - 1
        rows.add(self._connection, receipts, {
            "number": index, "release_id": receipt.release_id,
            "instance_id": receipt.instance_id,
            "project_id": receipt.project_id, "jwt": receipt.jwt,
            "created_at": receipt.created_at},
            errors.Conflict(f"release {receipt.release_id} has a receipt",
                            Code.RELEASE_BAD_STATE))
        self._grow(index, leaf_hash(receipt.jwt))
        return dataclasses.replace(receipt, index=index)

    def size(self) -> int:
        """Return the number of entries."""
        return rows.counted(self._connection, _COUNTER)

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of a complete subtree of 2**level leaves."""
        return rows.one(
            self._connection,
            sa.select(log_nodes.c.hash).where(
                log_nodes.c.level == level, log_nodes.c.number == index),
            errors.Unknown(f"the log has no subtree {level}/{index}",
                           Code.LOG_RANGE)).hash

    def load(self, index: int) -> r.StoredReceipt:
        """Return an entry."""
        return r.StoredReceipt(*rows.one(
            self._connection,
            receipts.select().where(receipts.c.number == index),
            errors.Unknown(f"no receipt {index}", Code.RECEIPT_UNKNOWN)))

    def list(self, page: r.Page) -> Sequence[r.StoredReceipt]:
        """List newest first."""
        return [r.StoredReceipt(*row) for row in _LISTING.rows(
            self._connection, receipts.select(), page)]

    def _grow(self, index: int, leaf: bytes) -> None:
        """Add a leaf and every subtree that it completes."""
        nodes = [{"level": 0, "number": index, "hash": leaf}]
        value, number, level = leaf, index, 0
        while number & 1:
            value = node_hash(self.node(level, number - 1), value)
            number, level = number >> 1, level + 1
            nodes.append({"level": level, "number": number, "hash": value})
        self._connection.execute(log_nodes.insert(), nodes)
