# SPDX-License-Identifier: Apache-2.0
"""Nonces we issued and nobody has answered yet, in SQL."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from attestation_service import records as r
from attestation_service.core import errors
from attestation_service.store import rows
from attestation_service.store.schema import challenges, enrolments
from nova_trusted_launch.wire.challenge import Challenge, Purpose
from nova_trusted_launch.wire.digests import PcrSelection

_OF = ((challenges.c.attester_id == sa.bindparam("of_attester"))
       & (challenges.c.purpose == sa.bindparam("for_purpose")))
_COUNT_OPEN = sa.select(sa.func.count()).select_from(challenges).where(
    _OF, challenges.c.expires_at > sa.bindparam("now"))
_INSERT = challenges.insert()
_MINE = _OF & (challenges.c.nonce == sa.bindparam("which"))
_READ = challenges.select().where(_MINE)
_DELETE = challenges.delete().where(_MINE)
_DELETE_AND_READ = _DELETE.returning(*challenges.c)


class SqlChallenges:
    """See :class:`attestation_service.ports.Challenges`."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def issue(self, challenge: Challenge, *, most_open: int,
              now: r.Time) -> None:
        """Remember a challenge."""
        still_open = self._connection.execute(_COUNT_OPEN, {
            "of_attester": challenge.attester_id,
            "for_purpose": challenge.purpose, "now": now}).scalar_one()
        if still_open >= most_open:
            raise errors.LimitReached(
                f"{still_open} challenges of this attester are open")
        self._connection.execute(_INSERT, {
            "nonce": challenge.nonce, "attester_id": challenge.attester_id,
            "purpose": challenge.purpose,
            "selection": challenge.selection.to_dict(),
            "ima_offset": challenge.ima_offset,
            "subject": challenge.subject,
            "expires_at": challenge.expires_at})

    def spend(self, nonce: bytes, attester_id: str,
              purpose: Purpose) -> Challenge:
        """Take the challenge out; a second call for it fails."""
        row = self._taken({"which": nonce, "of_attester": attester_id,
                           "for_purpose": purpose})
        if row is None:
            raise errors.StaleEvidence("answers no open challenge")
        values = row._asdict()
        values["selection"] = PcrSelection.from_dict(row.selection)
        return Challenge(**values)

    def _taken(self, which: dict[str, Any]) -> sa.Row | None:
        """Delete a challenge; of many at once, one gets it."""
        if self._connection.dialect.delete_returning:
            return self._connection.execute(_DELETE_AND_READ, which).first()
        # MySQL: a challenge never changes, so that it may be read first; the
        # one statement that deletes it decides.
        row = self._connection.execute(_READ, which).first()
        deleted = self._connection.execute(_DELETE, which).rowcount
        return row if deleted == 1 else None

    def forget_expired(self, now: r.Time) -> int:
        """Delete expired challenges and enrolments; return how many."""
        return sum(rows.changed(self._connection, table.delete().where(
            table.c.expires_at <= now)) for table in (challenges, enrolments))
