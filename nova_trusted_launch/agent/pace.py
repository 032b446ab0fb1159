# SPDX-License-Identifier: Apache-2.0
"""When to attest next.

Pure: time and chance are arguments.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

_LEAST = 1.0


class Mood(enum.Enum):
    """How the last attempt went.

    FAILED: try again soon, then ever later.  WAITING: the service understood
    and an operator has to act first (approve, enrol again).
    """

    WELL = "well"
    FAILED = "failed"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Pace:
    """How often, in seconds; ``jitter`` is a part of the pause (0..1)."""

    interval: float
    retry: float
    waiting: float
    jitter: float

    def first(self, chance: float) -> float:
        """Return how long to wait before the very first attempt."""
        return self.retry * self.jitter * chance

    def pause(self, mood: Mood, failures: int, chance: float,
              lifetime: float | None = None) -> float:
        """Return how long to wait before the next attempt.

        ``failures`` counts failed attempts in a row, ``chance`` is a random
        number in 0..1 that spreads the hosts of a cloud; ``lifetime`` is how
        long the shortest result just obtained is good for: it is renewed in
        good time even when the interval is longer.
        """
        if mood is Mood.FAILED:
            doublings = min(max(failures - 1, 0), 16)
            pause = min(self.retry * 2 ** doublings, self.interval)
        elif mood is Mood.WAITING:
            pause = self.waiting
        else:
            pause = self.interval
            if lifetime is not None:
                pause = min(pause, lifetime / 2)
        return max(pause * (1 - self.jitter * chance), _LEAST)
