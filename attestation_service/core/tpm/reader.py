# SPDX-License-Identifier: Apache-2.0
"""A cursor over untrusted bytes that never reads short nor ignores a tail."""

from __future__ import annotations

from attestation_service.core.errors import MalformedEvidence


class Reader:
    """Read big-endian TPM structures from ``data``; ``what`` names them."""

    __slots__ = ("_at", "_data", "_what")

    def __init__(self, data: bytes, what: str) -> None:
        self._data = data
        self._at = 0
        self._what = what

    def take(self, size: int) -> bytes:
        """Take exactly ``size`` bytes.

        :raises MalformedEvidence: fewer are left.
        """
        at = self._at
        end = at + size
        if end > len(self._data):
            raise self._short(at, size)
        self._at = end
        return self._data[at:end]

    def uint(self, size: int) -> int:
        """Take an unsigned big-endian number of ``size`` bytes."""
        return int.from_bytes(self.take(size), "big")

    def sized(self) -> bytes:
        """Take a TPM2B: a 16-bit length, then that many bytes."""
        # As uint() and take(), in one step: quotes are made of these.
        at = self._at + 2
        end = at + int.from_bytes(self._data[at - 2:at], "big")
        if end > len(self._data):
            raise self._short(at, end - at)
        self._at = end
        return self._data[at:end]

    def finish(self) -> None:
        """Refuse a tail.

        :raises MalformedEvidence: bytes are left.
        """
        if self._at != len(self._data):
            raise MalformedEvidence(
                f"{self._what}: {len(self._data) - self._at} trailing bytes")

    def _short(self, at: int, size: int) -> MalformedEvidence:
        return MalformedEvidence(
            f"{self._what}: need {size} bytes at offset {at}, have "
            f"{max(0, len(self._data) - at)}")
