# SPDX-License-Identifier: Apache-2.0
"""Events waiting for the bus, in SQL: bounded, oldest dropped first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from oslo_log import log as logging

from attestation_service import records as r
from attestation_service.store import rows
from attestation_service.store.schema import outbox

LOG = logging.getLogger(__name__)


class SqlOutbox:
    """See :class:`attestation_service.ports.Outbox`.

    ``most`` is how many events are kept; counting costs, so it is done when
    a number is divisible by ``every``.
    """

    def __init__(self, connection: sa.Connection, *, most: int,
                 every: int = 64) -> None:
        self._connection = connection
        self._most = most
        self._every = every

    def put(self, event: r.Event) -> None:
        """Keep an event in the same unit of work as its cause."""
        added = self._connection.execute(outbox.insert().values(
            event_type=event.event_type, payload=dict(event.payload),
            created_at=event.created_at)).inserted_primary_key
        number = 0 if added is None else added[0]
        if number % self._every == 0:
            self._bound()

    def claim(self, *, most: int, now: r.Time,
              until: r.Time) -> Sequence[tuple[int, r.Event]]:
        """Claim the oldest events that nobody else has claimed."""
        found = self._connection.execute(
            outbox.select()
            .where(outbox.c.claimed_until.is_(None)
                   | (outbox.c.claimed_until <= now))
            .order_by(outbox.c.number).limit(most)
            .with_for_update(skip_locked=True)).all()
        numbers = [row.number for row in found]
        if numbers:
            self._connection.execute(outbox.update().where(
                outbox.c.number.in_(numbers)).values(claimed_until=until))
        return [(row.number, r.Event(row.event_type, row.payload,
                                     row.created_at)) for row in found]

    def sent(self, numbers: Iterable[int]) -> None:
        """Forget events that were sent."""
        self._connection.execute(outbox.delete().where(
            outbox.c.number.in_(list(numbers))))

    def _bound(self) -> None:
        oldest = self._connection.scalar(
            sa.select(outbox.c.number).order_by(outbox.c.number.desc())
            .limit(1).offset(self._most))
        if oldest is not None:
            lost = rows.changed(self._connection, outbox.delete().where(
                outbox.c.number <= oldest))
            LOG.warning("The bus does not take events: %d dropped", lost)
