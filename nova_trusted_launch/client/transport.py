# SPDX-License-Identifier: Apache-2.0
"""HTTP connections with a deadline for the whole exchange.

The timeouts of ``requests`` are for one read each: a peer that sends a byte
now and then holds a caller for ever.  Here a timer cuts the connection.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import requests
from urllib3 import connection
from urllib3 import connectionpool


class _Deadline:
    """The connections that one call uses, and the timer that cuts them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connections: list[Any] = []
        self.passed = False

    def watch(self, watched: Any) -> None:
        with self._lock:
            if self.passed:
                raise TimeoutError("the deadline has passed")
            if watched not in self._connections:
                self._connections.append(watched)

    def expire(self) -> None:
        with self._lock:
            self.passed = True
            for watched in self._connections:
                _cut(watched.sock)


class _Current(threading.local):
    """The deadline of the call that this thread is in."""

    deadline: _Deadline | None = None


_current = _Current()


def _cut(sock: socket.socket | None) -> None:
    if sock is not None:
        with contextlib.suppress(OSError):
            # Not SSLSocket's own: it would touch what the reader uses.
            socket.socket.shutdown(sock, socket.SHUT_RDWR)


@contextlib.contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Cut the connections of this thread's call after ``seconds``."""
    mine = _Deadline()
    timer = threading.Timer(seconds, mine.expire)
    timer.daemon = True
    before, _current.deadline = _current.deadline, mine
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        _current.deadline = before


class _Watched:
    """A connection that the current deadline knows of."""

    def connect(self) -> None:
        _note(self)
        super().connect()  # type: ignore[misc]
        _note(self)

    def request(self, *args: Any, **kwargs: Any) -> None:
        _note(self)
        super().request(*args, **kwargs)  # type: ignore[misc]


def _note(watched: Any) -> None:
    if _current.deadline is not None:
        _current.deadline.watch(watched)


class _Http(_Watched, connection.HTTPConnection):
    pass


class _Https(_Watched, connection.HTTPSConnection):
    pass


class _HttpPool(connectionpool.HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(connectionpool.HTTPSConnectionPool):
    ConnectionCls = _Https


def watch(session: requests.Session) -> None:
    """Make the connections that this session will open end at deadlines."""
    for adapter in session.adapters.values():
        pools: Any = adapter
        pools.poolmanager.pool_classes_by_scheme = {
            "http": _HttpPool, "https": _HttpsPool}
