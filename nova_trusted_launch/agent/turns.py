# SPDX-License-Identifier: Apache-2.0
"""Turns at the one TPM: whoever is urgent goes before whoever is not.

Among equals the order is that of arrival.
"""

from __future__ import annotations

import collections
import contextlib
import threading
from collections.abc import Iterator


class Turns:
    """A lock with two queues."""

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._busy = False
        self._urgent: collections.deque[object] = collections.deque()
        self._routine: collections.deque[object] = collections.deque()

    @contextlib.contextmanager
    def take(self, *, urgent: bool = False) -> Iterator[None]:
        """Wait for a turn and hold it."""
        queue = self._urgent if urgent else self._routine
        me = object()
        with self._change:
            queue.append(me)
            try:
                self._change.wait_for(lambda: self._is_next(me))
            finally:
                queue.remove(me)
            self._busy = True
        try:
            yield
        finally:
            with self._change:
                self._busy = False
                self._change.notify_all()

    def _is_next(self, me: object) -> bool:
        waiting = self._urgent or self._routine
        return not self._busy and waiting[0] is me
