# SPDX-License-Identifier: Apache-2.0
"""Envelopes of the last appraisals, in SQL."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from attestation_service import records as r
from attestation_service.store import chunks
from attestation_service.store.schema import kept_evidence


def _newest_first(*columns: sa.Column) -> sa.Select:
    return sa.select(*columns).where(
        kept_evidence.c.attester_id == sa.bindparam("of_attester")).order_by(
            kept_evidence.c.received_at.desc(), kept_evidence.c.id.desc())


# Old evidence that is deleted at once; the rest is the next round's.
_AT_ONCE = 500
_INSERT = kept_evidence.insert()
_BRIEFLY = _newest_first(kept_evidence.c.id, kept_evidence.c.more)
_WHOLLY = _newest_first(*kept_evidence.c)


class SqlKeptEvidence:
    """See :class:`attestation_service.ports.KeptEvidence`."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def save(self, kept: r.KeptEvidence, *, keep: int) -> None:
        """Keep it, and at most ``keep`` of that attester."""
        head, more = chunks.keep(self._connection, _owner(kept.id),
                                 kept.envelope)
        self._connection.execute(_INSERT, {
            "id": kept.id, "attester_id": kept.attester_id,
            "received_at": kept.received_at,
            "qualifying": kept.qualifying, "head": head, "more": more})
        self._delete(self._connection.execute(
            _BRIEFLY, {"of_attester": kept.attester_id}).all()[keep:])

    def list(self, attester_id: str) -> Sequence[r.KeptEvidence]:
        """Return what is kept, newest first."""
        found = self._connection.execute(
            _WHOLLY, {"of_attester": attester_id}).all()
        return [self._record(row) for row in found]

    def forget_older(self, before: r.Time) -> int:
        """Delete what came in before this; return how many."""
        found = self._connection.execute(sa.select(
            kept_evidence.c.id, kept_evidence.c.more).where(
                kept_evidence.c.received_at < before).limit(_AT_ONCE)).all()
        self._delete(found)
        return len(found)

    def _delete(self, found: Sequence[sa.Row]) -> None:
        if found:
            self._connection.execute(kept_evidence.delete().where(
                kept_evidence.c.id.in_([row.id for row in found])))
        long = [_owner(row.id) for row in found if row.more]
        if long:
            chunks.forget(self._connection, long)

    def _record(self, row: sa.Row) -> r.KeptEvidence:
        envelope = chunks.load(self._connection, _owner(row.id), row.head,
                               row.more)
        return r.KeptEvidence(row.id, row.attester_id, row.received_at,
                              envelope, row.qualifying)


def _owner(evidence_id: str) -> str:
    return f"evidence/{evidence_id}"
