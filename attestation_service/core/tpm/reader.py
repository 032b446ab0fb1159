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
        end = self._at + size
        if end > len(self._data):
            raise MalformedEvidence(
                f"{self._what}: need {size} bytes at offset {self._at}, "
                f"have {len(self._data) - self._at}")
        chunk, self._at = self._data[self._at:end], end
        return chunk

    def uint(self, size: int) -> int:
        """Take an unsigned big-endian number of ``size`` bytes."""
        return int.from_bytes(self.take(size), "big")

    def sized(self) -> bytes:
        """Take a TPM2B: a 16-bit length, then that many bytes."""
        return self.take(self.uint(2))

    def finish(self) -> None:
        """Refuse a tail.

        :raises MalformedEvidence: bytes are left.
        """
        if self._at != len(self._data):
            raise MalformedEvidence(
                f"{self._what}: {len(self._data) - self._at} trailing bytes")
