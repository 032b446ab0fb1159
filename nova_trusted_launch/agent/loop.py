# SPDX-License-Identifier: Apache-2.0
"""Attest again and again, at a pace; and remember how it went."""

from __future__ import annotations

import datetime
import threading
import time
from collections.abc import Callable
from typing import Any

from oslo_log import log as logging

from nova_trusted_launch.agent.attester import Attester, lifetime
from nova_trusted_launch.agent.identity import Identities
from nova_trusted_launch.agent.pace import Mood, Pace
from nova_trusted_launch.agent.state import StateError
from nova_trusted_launch.agent.tpm import TpmError
from nova_trusted_launch.client.errors import Refused, Unavailable
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.codes import Code

LOG = logging.getLogger(__name__)

# "Attest now", however often it is asked, happens this far apart (seconds).
LEAST_GAP = 2.0
_WAITING: dict[str, str] = {
    Code.ATTESTER_PENDING: "pending", Code.ATTESTER_RETIRED: "retired",
    Code.ATTESTER_TAKEN: "taken"}


class Journal:
    """How attestation goes; read by the status operation."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._state = "new"
        self._attested_at: datetime.datetime | None = None
        self._error: str | None = None

    def well(self, now: datetime.datetime) -> None:
        """The service accepted our evidence."""
        with self._lock:
            self._state, self._attested_at, self._error = (
                "attesting", now, None)

    def failed(self, state: str, error: str) -> None:
        """It did not."""
        with self._lock:
            self._state, self._error = state, error

    def to_dict(self) -> dict[str, Any]:
        """Return state, last_attested_at and last_error."""
        with self._lock:
            return {"state": self._state,
                    "last_attested_at": None if self._attested_at is None
                    else encoding.timestamp(self._attested_at),
                    "last_error": self._error}


class AttestLoop:
    """The daemon's main job.

    ``random`` returns a number in 0..1.  With ``enrol_again`` a retired host
    enrols anew by itself.
    """

    def __init__(self, attester: Attester, identities: Identities,
                 journal: Journal, pace: Pace,
                 random: Callable[[], float], *,
                 enrol_again: bool = False) -> None:
        self._attester, self._identities = attester, identities
        self._journal, self._pace, self._random = journal, pace, random
        self._enrol_again = enrol_again
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._failures = 0

    def attest_now(self) -> None:
        """Attest as soon as possible; returns at once."""
        self._wake.set()

    def stop(self) -> None:
        """End :meth:`run` after the attempt under way."""
        self._stop.set()
        self._wake.set()

    def run(self) -> None:
        """Attest until stopped."""
        # Not all hosts of a cloud at once, after a power cut.
        self._wait(self._pace.first(self._random()))
        while not self._stop.is_set():
            began = time.monotonic()
            pause = self.step()
            self._stop.wait(max(began + LEAST_GAP - time.monotonic(), 0))
            self._wait(pause)

    def step(self) -> float:
        """Attest once; return how long to wait before the next time."""
        mood, left = self._attempt()
        self._failures = self._failures + 1 if mood is Mood.FAILED else 0
        return self._pace.pause(mood, self._failures, self._random(), left)

    def _wait(self, pause: float) -> None:
        self._wake.wait(pause)
        self._wake.clear()

    def _attempt(self) -> tuple[Mood, float | None]:
        try:
            results = self._attester.attest()
        except Refused as exc:
            return self._refused(exc), None
        except (Unavailable, TpmError, StateError) as exc:
            self._journal.failed("failing", str(exc))
            LOG.warning("Not attested: %s", exc)
            return Mood.FAILED, None
        except Exception:
            # A bug, but the next attempt may do without it: a daemon that
            # ends would take the host out until somebody looks.
            self._journal.failed("failing", "unexpected failure; see the log")
            LOG.exception("Not attested")
            return Mood.FAILED, None
        self._journal.well(datetime.datetime.now(datetime.UTC))
        LOG.info("Attested; %d results", len(results))
        return Mood.WELL, lifetime(results, time.time())

    def _refused(self, exc: Refused) -> Mood:
        LOG.warning("Not attested: %s  %s", exc, exc.action)
        self._journal.failed(_WAITING.get(exc.code, "failing"), str(exc))
        if exc.code == Code.ATTESTER_RETIRED and self._enrol_again:
            self._forget()
            return Mood.FAILED
        return Mood.WAITING if exc.code in _WAITING else Mood.FAILED

    def _forget(self) -> None:
        identity = self._identities.current()
        if identity is not None and identity.attester_id is not None:
            self._identities.forget(identity.attester_id)
