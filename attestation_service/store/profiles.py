# SPDX-License-Identifier: Apache-2.0
"""Profiles and their immutable versions, in SQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from attestation_service import records as r
from attestation_service.core import errors
from attestation_service.store import rows
from attestation_service.store.schema import profile_versions, profiles
from nova_trusted_launch.wire.codes import Code

_LISTING = rows.Listing(order=(profiles.c.name,), marker=profiles.c.name,
                        filters={})

_ACTIVE = sa.select(profiles.c.name, profiles.c.active_version).where(
    profiles.c.active_version.is_not(None)).order_by(profiles.c.name)


class SqlProfiles:
    """See :class:`attestation_service.ports.Profiles`."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def add(self, profile: r.Profile) -> None:
        """Add a profile."""
        values = _values(profile) | {
            "name": profile.name, "created_at": profile.created_at,
            "latest_version": 0}
        rows.add(self._connection, profiles, values, errors.Conflict(
            f"a profile {profile.name!r} exists", Code.PROFILE_TAKEN))

    def add_version(self, name: str, document: Mapping[str, Any],
                    created_at: r.Time, created_by: str) -> r.ProfileVersion:
        """Add the next version."""
        # The row stays locked, so that two at once get two numbers.
        if rows.changed(self._connection, profiles.update().where(
                profiles.c.name == name).values(
                    latest_version=profiles.c.latest_version + 1)) != 1:
            raise _unknown(name)
        number = self._connection.execute(
            sa.select(profiles.c.latest_version).where(
                profiles.c.name == name)).scalar_one()
        version = r.ProfileVersion(name, number, dict(document), created_at,
                                   created_by)
        self._connection.execute(profile_versions.insert(), {
            "name": name, "version": number, "document": version.document,
            "created_at": created_at, "created_by": created_by})
        return version

    def load(self, name: str) -> r.Profile:
        """Return a profile."""
        return _record(rows.one(
            self._connection,
            profiles.select().where(profiles.c.name == name),
            _unknown(name)))

    def load_version(self, name: str, version: int) -> r.ProfileVersion:
        """Return a version."""
        return r.ProfileVersion(*rows.one(
            self._connection,
            profile_versions.select().where(
                profile_versions.c.name == name,
                profile_versions.c.version == version),
            _unknown(f"{name} version {version}")))

    def versions(self, name: str) -> Sequence[r.ProfileVersion]:
        """Return all versions, oldest first."""
        self.load(name)
        found = self._connection.execute(
            profile_versions.select()
            .where(profile_versions.c.name == name)
            .order_by(profile_versions.c.version))
        return [r.ProfileVersion(*row) for row in found]

    def save(self, profile: r.Profile) -> None:
        """Replace a profile's description, active version and projects."""
        replace = profiles.update().where(
            profiles.c.name == profile.name).values(**_values(profile))
        if rows.changed(self._connection, replace) != 1:
            raise _unknown(profile.name)

    def active(self) -> Sequence[tuple[str, int]]:
        """Return name and version in force of every active profile."""
        return [(name, version) for name, version
                in self._connection.execute(_ACTIVE)]

    def list(self, page: r.Page) -> Sequence[r.Profile]:
        """List by name."""
        return [_record(row) for row in _LISTING.rows(
            self._connection, profiles.select(), page)]


def _values(profile: r.Profile) -> dict[str, Any]:
    return {"description": profile.description,
            "active_version": profile.active_version,
            "projects": None if profile.projects is None
            else list(profile.projects),
            "updated_at": profile.updated_at}


def _record(row: sa.Row) -> r.Profile:
    return r.Profile(
        row.name, row.description, row.active_version,
        None if row.projects is None else tuple(row.projects),
        row.created_at, row.updated_at)


def _unknown(name: str) -> errors.Unknown:
    return errors.Unknown(f"no profile {name!r}", Code.PROFILE_UNKNOWN)
