# SPDX-License-Identifier: Apache-2.0
"""Carry events from the outbox to the bus, each at least once.

A broker that is down costs attestation and release nothing: events wait in
the outbox, whose bound is the store's, and go out when it is back.
"""

from __future__ import annotations

import datetime
import threading
from collections.abc import Callable

from oslo_log import log as logging

from attestation_service import records as r
from attestation_service.core import errors
from attestation_service.ports import Store

LOG = logging.getLogger(__name__)

_BATCH = 50
_CLAIM = datetime.timedelta(seconds=30)
_MOST_PATIENCE = 60.0


class Courier:
    """A thread of every replica runs :meth:`run`; they share the work."""

    def __init__(self, store: Store, send: Callable[[r.Event], None],
                 clock: Callable[[], datetime.datetime],
                 interval: float) -> None:
        self._store = store
        self._send = send
        self._clock = clock
        self._interval = interval

    def run(self, stop: threading.Event) -> None:
        """Deliver until ``stop`` is set; wait longer after each failure."""
        wait = self._interval
        while not stop.wait(wait):
            try:
                while self.deliver():
                    pass
            except errors.Unavailable as exc:
                wait = min(wait * 2, _MOST_PATIENCE)
                LOG.warning("Notifications wait: %s", exc)
            else:
                wait = self._interval

    def deliver(self) -> int:
        """Send some of what waits; return how many were sent.

        :raises Unavailable: the bus or the database does not answer.  What
                was sent is forgotten, the rest waits until its claim ends.
        """
        now = self._clock()
        with self._store.unit() as unit:
            claimed = unit.outbox.claim(most=_BATCH, now=now,
                                        until=now + _CLAIM)
        sent: list[int] = []
        try:
            for number, event in claimed:
                self._send(event)
                sent.append(number)
        finally:
            if sent:
                with self._store.unit() as unit:
                    unit.outbox.sent(sent)
        return len(sent)
