# SPDX-License-Identifier: Apache-2.0
"""Instances that were released, in SQL."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from attestation_service import records as r
from attestation_service.core import errors
from attestation_service.store import rows
from attestation_service.store.schema import leases
from nova_trusted_launch.wire.codes import Code

_LISTING = rows.Listing(
    order=(leases.c.instance_id,), marker=leases.c.instance_id,
    filters={"project_id": leases.c.project_id, "host": leases.c.host})


class SqlLeases:
    """See :class:`attestation_service.ports.Leases`."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def load(self, instance_id: str) -> r.Lease | None:
        """Return an instance's lease, or None: it was never trusted."""
        row = self._connection.execute(leases.select().where(
            leases.c.instance_id == instance_id)).first()
        return None if row is None else _record(row)

    def save(self, lease: r.Lease, *, was: r.Lease | None) -> None:
        """Add or replace ``was``."""
        values = {c.name: getattr(lease, c.name) for c in leases.c}
        values["profiles"] = list(lease.profiles)
        changed = errors.Conflict(
            f"another release of instance {lease.instance_id} came first")
        if was is None:
            if self.load(lease.instance_id) is None:
                rows.add(self._connection, leases, values, changed)
                return
        # One statement judges and replaces.
        elif rows.changed(self._connection, leases.update().where(
                leases.c.instance_id == was.instance_id,
                leases.c.host == was.host,
                leases.c.disk_key_id == was.disk_key_id,
                leases.c.closed_at.is_(None)).values(**values)) == 1:
            return
        stored = self.load(lease.instance_id)
        if stored is not None and stored.closed_at is not None:
            raise errors.Forbidden(
                f"the lease of instance {lease.instance_id} is closed",
                Code.RELEASE_CLOSED)
        raise changed

    def close(self, instance_id: str, now: r.Time) -> r.Lease | None:
        """Close it for ever; return it, or None without one."""
        self._connection.execute(leases.update().where(
            leases.c.instance_id == instance_id,
            leases.c.closed_at.is_(None)).values(closed_at=now))
        return self.load(instance_id)

    def list(self, page: r.Page) -> Sequence[r.Lease]:
        """List by instance."""
        filters = dict(page.filters)
        still_open = filters.pop("open", None)
        query = leases.select()
        if still_open is not None:
            query = query.where(leases.c.closed_at.is_(None) if still_open
                                else leases.c.closed_at.is_not(None))
        return [_record(row) for row in _LISTING.rows(
            self._connection, query,
            r.Page(page.limit, page.marker, filters))]


def _record(row: sa.Row) -> r.Lease:
    values = row._asdict()
    values["profiles"] = tuple(row.profiles)
    return r.Lease(**values)
