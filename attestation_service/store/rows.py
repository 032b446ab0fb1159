# SPDX-License-Identifier: Apache-2.0
"""What every store does with rows: add, find, list in pages, count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from oslo_db import exception as db_exc

from attestation_service import records as r
from attestation_service.core import errors
from attestation_service.store import schema


@dataclass(frozen=True, slots=True)
class Listing:
    """How a noun is listed.

    ``order`` is a total order; ``marker`` the unique column by which a page
    names its last entry (a number need not be there any more);
    ``filters`` the columns that may be asked for.
    """

    order: tuple[sa.Column, ...]
    marker: sa.Column
    filters: Mapping[str, sa.Column]
    newest_first: bool = False

    def rows(self, connection: sa.Connection, query: sa.Select,
             page: r.Page) -> Sequence[sa.Row]:
        """Return a page of ``query``; a filter of None asks nothing.

        :raises Invalid: an unknown filter or marker.
        """
        for name, value in page.filters.items():
            if name not in self.filters:
                raise errors.Invalid(f"no filter {name!r} here")
            if value is not None:
                query = query.where(self.filters[name] == value)
        if page.marker is not None:
            query = query.where(self._beyond(connection, page.marker))
        order = ([c.desc() for c in self.order] if self.newest_first
                 else self.order)
        return connection.execute(
            query.order_by(*order).limit(page.limit)).all()

    def _beyond(self, connection: sa.Connection,
                marker: str) -> sa.ColumnElement[bool]:
        if isinstance(self.marker.type, sa.Integer):
            # A number says where to go on, even when its row is gone.
            number = _number(marker)
            return (self.marker < number if self.newest_first
                    else self.marker > number)
        last = connection.execute(
            sa.select(*self.order).where(self.marker == marker)).first()
        if last is None:
            raise errors.Invalid(f"marker: nothing is called {marker!r}")
        beyond, equal = sa.false(), sa.true()
        for column, value in zip(self.order, last, strict=True):
            further = (column < value if self.newest_first
                       else column > value)
            beyond = beyond | (equal & further)
            equal = equal & (column == value)
        return beyond


def _number(marker: str) -> int:
    # No database counts beyond 63 bits.
    if not (marker.isascii() and marker.isdigit() and len(marker) <= 18):
        raise errors.Invalid(f"marker: {marker!r} is no number")
    return int(marker)


_MINE = schema.counters.c.name == sa.bindparam("counter")
_READ = sa.select(schema.counters.c.value).where(_MINE)
_COUNT_UP = schema.counters.update().where(_MINE).values(
    value=schema.counters.c.value + sa.bindparam("by"))
_COUNT_UP_AND_READ = _COUNT_UP.returning(schema.counters.c.value)


def add(connection: sa.Connection, table: sa.Table,
        values: Mapping[str, Any], taken: errors.Conflict) -> None:
    """Insert a row, or raise ``taken``; the unit of work can go on."""
    try:
        with connection.begin_nested():
            connection.execute(table.insert(), values)
    except db_exc.DBDuplicateEntry as exc:
        raise taken from exc


def one(connection: sa.Connection, query: sa.Select,
        unknown: errors.Refusal) -> sa.Row:
    """Return the only row, or raise ``unknown``."""
    row = connection.execute(query).first()
    if row is None:
        raise unknown
    return row


def changed(connection: sa.Connection, statement: Any) -> int:
    """Run an update or delete; return how many rows it matched."""
    return connection.execute(statement).rowcount


def count_up(connection: sa.Connection, counter: str, by: int = 1) -> int:
    """Raise a counter and return it, locked until the unit ends."""
    values = {"counter": counter, "by": by}
    if connection.dialect.update_returning:
        value = connection.scalar(_COUNT_UP_AND_READ, values)
    else:
        # Locked by the update, it is still ours at the read.
        connection.execute(_COUNT_UP, values)
        value = connection.scalar(_READ, {"counter": counter})
    if value is None:
        raise RuntimeError(f"counter {counter} is missing")
    return value


def counted(connection: sa.Connection, counter: str) -> int:
    """Return a counter as committed."""
    return connection.scalar(_READ, {"counter": counter}) or 0
