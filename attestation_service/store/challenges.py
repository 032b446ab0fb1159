# SPDX-License-Identifier: Apache-2.0
"""Nonces we issued and nobody has answered yet, in SQL."""

from __future__ import annotations

import sqlalchemy as sa

from attestation_service import records as r
from attestation_service.core import errors
from attestation_service.store import rows
from attestation_service.store.schema import (
    attesters,
    challenges,
    enrolments,
)
from nova_trusted_launch.wire.challenge import Challenge, Purpose
from nova_trusted_launch.wire.digests import PcrSelection


class SqlChallenges:
    """See :class:`attestation_service.ports.Challenges`."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def issue(self, challenge: Challenge, *, most_open: int,
              now: r.Time) -> None:
        """Remember a challenge."""
        # Two requests of one attester take turns, so that they count right.
        self._connection.execute(
            sa.select(attesters.c.id).where(
                attesters.c.id == challenge.attester_id).with_for_update())
        still_open = self._connection.scalar(
            sa.select(sa.func.count()).select_from(challenges).where(
                challenges.c.attester_id == challenge.attester_id,
                challenges.c.purpose == challenge.purpose,
                challenges.c.expires_at > now))
        if still_open >= most_open:
            raise errors.LimitReached(
                f"{still_open} challenges of this attester are open")
        self._connection.execute(challenges.insert(), {
            "nonce": challenge.nonce, "attester_id": challenge.attester_id,
            "purpose": challenge.purpose,
            "selection": challenge.selection.to_dict(),
            "ima_offset": challenge.ima_offset,
            "subject": challenge.subject,
            "expires_at": challenge.expires_at})

    def spend(self, nonce: bytes, attester_id: str,
              purpose: Purpose) -> Challenge:
        """Take the challenge out; a second call for it fails."""
        stale = errors.StaleEvidence("answers no open challenge")
        mine = sa.and_(challenges.c.nonce == nonce,
                       challenges.c.attester_id == attester_id,
                       challenges.c.purpose == purpose)
        row = rows.one(self._connection, challenges.select().where(mine),
                       stale)
        # A challenge never changes, so that it may be read first; this one
        # statement decides: of many that read it, one deletes it.
        if rows.changed(self._connection,
                        challenges.delete().where(mine)) != 1:
            raise stale
        values = row._asdict()
        values["selection"] = PcrSelection.from_dict(row.selection)
        return Challenge(**values)

    def forget_expired(self, now: r.Time) -> int:
        """Delete expired challenges and enrolments; return how many."""
        return sum(rows.changed(self._connection, table.delete().where(
            table.c.expires_at <= now)) for table in (challenges, enrolments))
