# SPDX-License-Identifier: Apache-2.0
"""Keep one verified snapshot of all results, refreshed by deltas.

In: JWTs from the network.  Out: a :class:`View`, or :class:`Unavailable`
with the reason.  A refresh runs in its own thread, so that a service that
answers one byte at a time delays nobody longer than the timeout.

Not decided here: whether a host is good enough (``admission``).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from nova_trusted_launch.wire.results import TrustTier
from nova_trusted_launch.wire.snapshot import Snapshot, SnapshotEntry

# Nobody waits any more for a refresh that outlives its timeout; with this many
# of them alive no new one is started.
_MAX_ABANDONED = 4


class Unavailable(Exception):
    """There is no usable snapshot; the text says why."""


@dataclass(frozen=True, slots=True)
class View:
    """All that is known of all hosts, as of one sequence number."""

    sequence: int
    issued_at: float
    expires_at: float
    fetched_at: float
    hosts: Mapping[str, Mapping[str, SnapshotEntry]]
    profiles: frozenset[str]

    def updated(self, snapshot: Snapshot, fetched_at: float) -> View:
        """Apply a delta to this view.

        :raises Unavailable: it was made for another base, or is older.
        """
        if snapshot.base != self.sequence:
            raise Unavailable(
                f"snapshot starts at {snapshot.base}, not {self.sequence}")
        if snapshot.sequence < self.sequence:
            raise Unavailable("snapshot is older than the one before")
        return _built(dict(self.hosts), snapshot, fetched_at)


EMPTY = View(0, 0.0, 0.0, float("-inf"), {}, frozenset())


def _built(hosts: dict[str, Mapping[str, SnapshotEntry]],
           snapshot: Snapshot, fetched_at: float) -> View:
    copied: dict[str, dict[str, SnapshotEntry]] = {}
    for entry in snapshot.entries:
        known = copied.get(entry.host)
        if known is None:
            known = copied[entry.host] = dict(hosts.get(entry.host, {}))
        if entry.tier is TrustTier.NONE:
            known.pop(entry.profile, None)
        else:
            known[entry.profile] = entry
    hosts.update(copied)
    return View(snapshot.sequence, snapshot.issued_at.timestamp(),
                snapshot.expires_at.timestamp(), fetched_at, hosts,
                frozenset(p for known in hosts.values() for p in known))


@dataclass(slots=True)
class _Refresh:
    """One request under way; several schedulings may wait for it."""

    done: threading.Event = field(default_factory=threading.Event)
    view: View | None = None
    error: str = ""


class SnapshotKeeper:
    """Serve the newest snapshot to many threads, with one request at a time.

    ``fetch(since)`` asks the service and returns a JWT; ``verify(jwt)``
    proves it and returns the snapshot.  Either may raise anything: that is
    no snapshot.
    """

    def __init__(self, fetch: Callable[[int], str],
                 verify: Callable[[str], Snapshot], *, max_age: float,
                 timeout: float, max_skew: float,
                 wall: Callable[[], float] = time.time,
                 monotonic: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._verify = verify
        self._max_age = max_age
        self._timeout = timeout
        self._max_skew = max_skew
        self._wall = wall
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._view = EMPTY
        self._refresh: _Refresh | None = None
        self._abandoned: list[threading.Thread] = []

    def latest(self) -> View:
        """Return a fresh view, asking the service at most once.

        :raises Unavailable: there is none within the timeout.
        """
        view = self._view
        if self._fresh(view):
            return view
        with self._lock:
            if self._fresh(self._view):
                return self._view
            refresh = self._refresh or self._start()
        if not refresh.done.wait(self._timeout):
            with self._lock:
                if self._refresh is refresh:
                    self._refresh = None
            raise Unavailable(
                f"the attestation service did not answer in {self._timeout} s")
        if refresh.view is None:
            raise Unavailable(refresh.error)
        return refresh.view

    def _fresh(self, view: View) -> bool:
        return (self._monotonic() - view.fetched_at < self._max_age
                and self._wall() < view.expires_at)

    def _start(self) -> _Refresh:
        self._abandoned = [t for t in self._abandoned if t.is_alive()]
        if len(self._abandoned) >= _MAX_ABANDONED:
            raise Unavailable("earlier requests to the attestation service "
                              "are still unanswered")
        refresh = self._refresh = _Refresh()
        thread = threading.Thread(
            target=self._run, args=(refresh, self._view), daemon=True,
            name="trusted-launch-snapshot")
        self._abandoned.append(thread)
        thread.start()
        return refresh

    def _run(self, refresh: _Refresh, before: View) -> None:
        started = self._monotonic()
        after = before
        try:
            after = refresh.view = self._refreshed(before, started)
        except Unavailable as exc:
            # What we hold may be the wrong part: ask for everything next.
            after, refresh.error = EMPTY, str(exc)
        except Exception as exc:  # Whatever it was, there is no snapshot.
            refresh.error = f"{type(exc).__name__}: {exc}"
        with self._lock:
            if self._refresh is refresh:
                self._refresh = None
            # Late, it still serves the next launch, but undoes no later one.
            if self._view is before:
                self._view = after
        refresh.done.set()

    def _refreshed(self, before: View, started: float) -> View:
        snapshot = self._verify(self._fetch(before.sequence))
        skew = abs(self._wall() - snapshot.issued_at.timestamp())
        if skew > self._max_skew + self._timeout:
            raise Unavailable(f"the snapshot was issued {skew:.0f} s from "
                              "now: an old one, or the clocks differ")
        if self._wall() >= snapshot.expires_at.timestamp():
            raise Unavailable("the snapshot has expired")
        if snapshot.base == 0:
            if snapshot.issued_at.timestamp() < before.issued_at:
                raise Unavailable("snapshot is older than the one before")
            return _built({}, snapshot, started)
        return before.updated(snapshot, started)
