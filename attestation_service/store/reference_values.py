# SPDX-License-Identifier: Apache-2.0
"""Named, immutable sets of reference values, in SQL."""

from __future__ import annotations

import json
from collections.abc import Sequence

import sqlalchemy as sa

from attestation_service import records as r
from attestation_service.core import errors
from attestation_service.store import chunks, rows
from attestation_service.store.schema import reference_sets
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.codes import Code

_LISTING = rows.Listing(order=(reference_sets.c.name,),
                        marker=reference_sets.c.name,
                        filters={"kind": reference_sets.c.kind})

# All but the values.
_BRIEFLY = [column for column in reference_sets.c
            if column.name not in {"head", "more"}]


class SqlReferenceValues:
    """See :class:`attestation_service.ports.ReferenceValues`."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def add(self, values: r.ReferenceSet) -> None:
        """Add a set."""
        self._refuse_taken(values.name)
        head, more = chunks.keep(
            self._connection, _owner(values.name),
            encoding.canonical(dict(values.values)))
        rows.add(self._connection, reference_sets, {
            "name": values.name, "kind": values.kind,
            "provenance": values.provenance,
            "created_at": values.created_at,
            "expires_at": values.expires_at, "head": head, "more": more},
            _taken(values.name))

    def load(self, name: str) -> r.ReferenceSet:
        """Return a set with its values."""
        row = rows.one(
            self._connection,
            reference_sets.select().where(reference_sets.c.name == name),
            _unknown(name))
        values = json.loads(chunks.load(
            self._connection, _owner(name), row.head, row.more))
        return _record(row, {digest: tuple(names)
                             for digest, names in values.items()})

    def created_at(self, name: str) -> r.Time:
        """Return when the set was made, without fetching its values."""
        return rows.one(
            self._connection,
            sa.select(reference_sets.c.created_at).where(
                reference_sets.c.name == name),
            _unknown(name)).created_at

    def delete(self, name: str) -> None:
        """Delete a set."""
        if rows.changed(self._connection, reference_sets.delete().where(
                reference_sets.c.name == name)) != 1:
            raise _unknown(name)
        chunks.forget(self._connection, [_owner(name)])

    def list(self, page: r.Page) -> Sequence[r.ReferenceSet]:
        """List by name; ``values`` is left empty."""
        return [_record(row, {}) for row in _LISTING.rows(
            self._connection, sa.select(*_BRIEFLY), page)]

    def _refuse_taken(self, name: str) -> None:
        if self._connection.execute(
                sa.select(reference_sets.c.name)
                .where(reference_sets.c.name == name)).first() is not None:
            raise _taken(name)


def _owner(name: str) -> str:
    return f"reference/{name}"


def _record(row: sa.Row,
            values: dict[str, tuple[str, ...]]) -> r.ReferenceSet:
    return r.ReferenceSet(row.name, row.kind, row.provenance,
                          row.created_at, row.expires_at, values)


def _taken(name: str) -> errors.Conflict:
    return errors.Conflict(f"a set {name!r} exists",
                           Code.REFERENCE_VALUES_TAKEN)


def _unknown(name: str) -> errors.Unknown:
    return errors.Unknown(f"no set of reference values {name!r}",
                          Code.REFERENCE_VALUES_UNKNOWN)
