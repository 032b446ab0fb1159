# SPDX-License-Identifier: Apache-2.0
"""Requests for keys and what became of them, in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from attestation_service import records as r
from attestation_service.core import errors
from attestation_service.store import rows
from attestation_service.store.schema import releases
from nova_trusted_launch.wire.codes import Code

_LISTING = rows.Listing(
    order=(releases.c.created_at, releases.c.id), marker=releases.c.id,
    filters={"instance_id": releases.c.instance_id,
             "project_id": releases.c.project_id,
             "state": releases.c.state,
             "attester_id": releases.c.attester_id},
    newest_first=True)


class SqlReleases:
    """See :class:`attestation_service.ports.Releases`."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def add(self, release: r.Release) -> None:
        """Add an open release."""
        self._connection.execute(releases.insert(), _values(release))

    def load(self, release_id: str) -> r.Release:
        """Return a release."""
        return _record(rows.one(
            self._connection,
            releases.select().where(releases.c.id == release_id),
            errors.Unknown(f"no release {release_id!r}",
                           Code.RELEASE_UNKNOWN)))

    def close(self, release: r.Release) -> None:
        """Store the decision, atomically."""
        # One statement judges and decides.
        if rows.changed(self._connection, releases.update().where(
                releases.c.id == release.id,
                releases.c.state == r.ReleaseState.OPEN).values(
                    **_values(release))) != 1:
            raise errors.Conflict(
                f"release {release.id} is not open", Code.RELEASE_BAD_STATE)

    def list(self, page: r.Page) -> Sequence[r.Release]:
        """List newest first."""
        return [_record(row) for row in _LISTING.rows(
            self._connection, releases.select(), page)]


def _values(release: r.Release) -> dict[str, Any]:
    values = {c.name: getattr(release, c.name) for c in releases.c}
    return values | {"request": dict(release.request)}


def _record(row: sa.Row) -> r.Release:
    return r.Release(**row._asdict())
