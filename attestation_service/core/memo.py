# SPDX-License-Identifier: Apache-2.0
"""Remember answers about what many hosts have in common.

An answer depends on the key alone, so a fleet can share one memo.  Not
decided here: the answers.
"""

from __future__ import annotations

from typing import Generic, TypeVar

V = TypeVar("V")


class Memo(Generic[V]):
    """At most ``limit`` answers, twice over: recent ones and older ones.

    Whatever was asked for lately survives; no bookkeeping for each question.
    Safe for threads: at worst an answer is computed twice.
    """

    __slots__ = ("_limit", "_older", "recent")

    def __init__(self, limit: int) -> None:
        if limit < 1:
            raise ValueError("a memo remembers at least one answer")
        self._limit = limit
        self._older: dict[bytes, V] = {}
        # Public so that loops can look into it without a call.
        self.recent: dict[bytes, V] = {}

    def recall(self, key: bytes) -> V | None:
        """Return an answer; an old one becomes recent."""
        answer = self.recent.get(key)
        if answer is None:
            answer = self._older.get(key)
            if answer is not None:
                self.keep(key, answer)
        return answer

    def keep(self, key: bytes, answer: V) -> None:
        """Remember ``answer``; it must not be None."""
        if len(self.recent) >= self._limit:
            self._older, self.recent = self.recent, {}
        self.recent[key] = answer

    def keep_all(self, answers: dict[bytes, V]) -> None:
        """Remember many at once; more than the limit are too many."""
        if len(self.recent) + len(answers) > self._limit:
            self._older, self.recent = self.recent, {}
        if len(answers) <= self._limit:
            self.recent.update(answers)
