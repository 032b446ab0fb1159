# SPDX-License-Identifier: Apache-2.0
"""Remember answers about entries that many hosts have in common.

An entry's answer depends on the entry's bytes alone, so a fleet can share
one memo.  Not decided here: the answers.
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

    def keep_all(self, keys: list[bytes], answer: V) -> None:
        """Remember the same ``answer`` for many."""
        if len(self.recent) + len(keys) > self._limit:
            self._older, self.recent = self.recent, {}
        self.recent.update(dict.fromkeys(keys[-self._limit:], answer))
