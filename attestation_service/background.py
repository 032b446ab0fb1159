# SPDX-License-Identifier: Apache-2.0
"""Threads beside the requests; a failure of one run does not end them."""

from __future__ import annotations

import threading
from collections.abc import Callable

from oslo_log import log as logging

LOG = logging.getLogger(__name__)

_PAUSE = 10.0


class Background:
    """Daemon threads: they end with the process, or at :meth:`stop`."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def every(self, seconds: float, work: Callable[[], None]) -> None:
        """Do some work again and again."""
        def repeat(stop: threading.Event) -> None:
            while not stop.wait(seconds):
                work()

        self.run(repeat)

    def run(self, work: Callable[[threading.Event], None]) -> None:
        """Run until the event is set; what fails is begun again."""
        def keep() -> None:
            while not self._stop.is_set():
                try:
                    work(self._stop)
                except Exception:
                    # Nobody else would hear of it.
                    LOG.exception("Failed in the background; again in %d s",
                                  _PAUSE)
                    self._stop.wait(_PAUSE)

        thread = threading.Thread(target=keep, daemon=True)
        self._threads.append(thread)
        thread.start()

    def stop(self) -> None:
        """End all threads, and wait for them."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
