# SPDX-License-Identifier: Apache-2.0
"""Launch tokens, in SQL; their nonces are in the vault."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from attestation_service import records as r
from attestation_service.core import errors
from attestation_service.store import rows
from attestation_service.store.schema import launches
from nova_trusted_launch.wire.codes import Code

_LISTING = rows.Listing(
    order=(launches.c.created_at, launches.c.id), marker=launches.c.id,
    filters={"project_id": launches.c.project_id,
             "instance_id": launches.c.instance_id})


class SqlLaunches:
    """See :class:`attestation_service.ports.Launches`."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def add(self, launch: r.Launch) -> None:
        """Add a token."""
        self._connection.execute(launches.insert(), {
            c.name: getattr(launch, c.name) for c in launches.c})

    def load(self, launch_id: str) -> r.Launch:
        """Return a token."""
        return _record(rows.one(
            self._connection,
            launches.select().where(launches.c.id == launch_id),
            _unknown(launch_id)))

    def bind(self, launch_id: str, instance_id: str) -> None:
        """Bind it to an instance, atomically; again to the same is fine."""
        if rows.changed(self._connection, launches.update().where(
                launches.c.id == launch_id,
                launches.c.instance_id.is_(None)
                | (launches.c.instance_id == instance_id)).values(
                    instance_id=instance_id)) != 1:
            self.load(launch_id)
            raise errors.Forbidden(
                f"launch token {launch_id} belongs to another instance",
                Code.TOKEN_SPENT)

    def delete(self, launch_id: str) -> None:
        """Forget a token."""
        if rows.changed(self._connection, launches.delete().where(
                launches.c.id == launch_id)) != 1:
            raise _unknown(launch_id)

    def list(self, page: r.Page) -> Sequence[r.Launch]:
        """List by creation, then id."""
        return [_record(row) for row in _LISTING.rows(
            self._connection, launches.select(), page)]


def _record(row: sa.Row) -> r.Launch:
    return r.Launch(**row._asdict())


def _unknown(launch_id: str) -> errors.Unknown:
    return errors.Unknown(f"no launch token {launch_id!r}",
                          Code.LAUNCH_UNKNOWN)
