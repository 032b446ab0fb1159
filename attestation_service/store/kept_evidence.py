# SPDX-License-Identifier: Apache-2.0
"""Envelopes of the last appraisals, in SQL."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from attestation_service import records as r
from attestation_service.store import chunks
from attestation_service.store.schema import kept_evidence


class SqlKeptEvidence:
    """See :class:`attestation_service.ports.KeptEvidence`."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def save(self, kept: r.KeptEvidence, *, keep: int) -> None:
        """Keep it, and at most ``keep`` of that attester."""
        self._connection.execute(kept_evidence.insert(), {
            "id": kept.id, "attester_id": kept.attester_id,
            "received_at": kept.received_at,
            "qualifying": kept.qualifying})
        chunks.keep(self._connection, _owner(kept.id), kept.envelope)
        too_old = self._connection.scalars(
            _newest_first(kept.attester_id, kept_evidence.c.id)).all()[keep:]
        if too_old:
            self._connection.execute(kept_evidence.delete().where(
                kept_evidence.c.id.in_(too_old)))
            chunks.forget(self._connection, map(_owner, too_old))

    def list(self, attester_id: str) -> Sequence[r.KeptEvidence]:
        """Return what is kept, newest first."""
        found = self._connection.execute(
            _newest_first(attester_id, *kept_evidence.c)).all()
        return [r.KeptEvidence(
            row.id, row.attester_id, row.received_at,
            chunks.load(self._connection, _owner(row.id)), row.qualifying)
            for row in found]


def _newest_first(attester_id: str, *columns: sa.Column) -> sa.Select:
    return sa.select(*columns).where(
        kept_evidence.c.attester_id == attester_id).order_by(
            kept_evidence.c.received_at.desc(), kept_evidence.c.id.desc())


def _owner(evidence_id: str) -> str:
    return f"evidence/{evidence_id}"
