# SPDX-License-Identifier: Apache-2.0
"""Registered keys, in SQL; their material is in the vault."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from attestation_service import records as r
from attestation_service.core import errors
from attestation_service.store import rows
from attestation_service.store.schema import keys
from nova_trusted_launch.wire.codes import Code

_LISTING = rows.Listing(
    order=(keys.c.created_at, keys.c.id), marker=keys.c.id,
    filters={"project_id": keys.c.project_id, "purpose": keys.c.purpose,
             "instance_id": keys.c.instance_id})


class SqlKeys:
    """See :class:`attestation_service.ports.Keys`."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def add(self, key: r.Key) -> None:
        """Add a key."""
        policy = key.policy
        self._connection.execute(keys.insert(), {
            "id": key.id, "name": key.name, "purpose": key.purpose,
            "project_id": key.project_id, "profile": policy.profile,
            "image_id": policy.image_id, "image_digest": policy.image_digest,
            "demand_token": policy.demand_token,
            "expires_at": policy.expires_at, "launches": policy.launches,
            "launches_used": key.launches_used, "vault_ref": key.vault_ref,
            "instance_id": key.instance_id, "created_at": key.created_at})

    def load(self, key_id: str) -> r.Key:
        """Return a key."""
        return _record(rows.one(
            self._connection, keys.select().where(keys.c.id == key_id),
            _unknown(key_id)))

    def use(self, key_id: str) -> None:
        """Count one more launch, atomically against the policy's number."""
        # One statement judges and counts.
        if rows.changed(self._connection, keys.update().where(
                keys.c.id == key_id,
                keys.c.launches.is_(None)
                | (keys.c.launches_used < keys.c.launches)).values(
                    launches_used=keys.c.launches_used + 1)) != 1:
            key = self.load(key_id)
            raise errors.Forbidden(
                f"all {key.policy.launches} launches of key {key_id} are "
                "used up", Code.RELEASE_EXHAUSTED)

    def delete(self, key_id: str) -> None:
        """Forget a key."""
        if rows.changed(self._connection, keys.delete().where(
                keys.c.id == key_id)) != 1:
            raise _unknown(key_id)

    def list(self, page: r.Page) -> Sequence[r.Key]:
        """List by creation, then id."""
        return [_record(row) for row in _LISTING.rows(
            self._connection, keys.select(), page)]


def _record(row: sa.Row) -> r.Key:
    return r.Key(
        row.id, row.name, row.purpose, row.project_id,
        r.ReleasePolicy(row.profile, row.image_id, row.image_digest,
                        row.demand_token, row.expires_at, row.launches),
        row.vault_ref, row.created_at, row.launches_used, row.instance_id)


def _unknown(key_id: str) -> errors.Unknown:
    return errors.Unknown(f"no key {key_id!r}", Code.KEY_UNKNOWN)
