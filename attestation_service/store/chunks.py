# SPDX-License-Identifier: Apache-2.0
"""Long blobs, compressed and cut into rows that every database takes."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import sqlalchemy as sa

from attestation_service.store import schema

_SIZE = 1024 * 1024
# Logs are repetitive: the fastest level gets most of what there is to get.
_LEVEL = 1


def keep(connection: sa.Connection, owner: str,
         data: bytes) -> tuple[bytes, int]:
    """Keep a blob under the name of its owner.

    Returns its first piece, which the caller keeps in a row of its own, and
    how many more there are here: most blobs have none.
    """
    packed = zlib.compress(data, _LEVEL)
    more = [{"owner": owner, "number": at // _SIZE,
             "data": packed[at:at + _SIZE]}
            for at in range(_SIZE, len(packed), _SIZE)]
    if more:
        connection.execute(schema.chunks.insert(), more)
    return packed[:_SIZE], len(more)


def load(connection: sa.Connection, owner: str, head: bytes,
         more: int) -> bytes:
    """Return a blob.

    :raises RuntimeError: a piece is missing.
    """
    pieces = [head]
    if more:
        pieces += connection.scalars(
            sa.select(schema.chunks.c.data)
            .where(schema.chunks.c.owner == owner)
            .order_by(schema.chunks.c.number)).all()
    try:
        return zlib.decompress(b"".join(pieces))
    except zlib.error as exc:
        raise RuntimeError(f"the chunks of {owner} are damaged") from exc


def forget(connection: sa.Connection, owners: Iterable[str]) -> None:
    """Delete blobs."""
    connection.execute(schema.chunks.delete().where(
        schema.chunks.c.owner.in_(list(owners))))
