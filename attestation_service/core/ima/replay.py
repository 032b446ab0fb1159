# SPDX-License-Identifier: Apache-2.0
"""Replay an IMA measurement list against the quoted register 10.

In: an untrusted list (or the part of it after a position proven earlier) and
registers that a TPM signed.  Out: :class:`ReplayedIma`, the only thing facts
about files are read from.

Not decided here: whether the files are good (``core.policy``).
"""

from __future__ import annotations

import hashlib
from binascii import unhexlify
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from attestation_service.core.errors import (
    OversizedEvidence,
    StaleEvidence,
    UnauthenticEvidence,
)
from attestation_service.core.ima import log
from attestation_service.core.ima.log import Entry, Format, Shape
from attestation_service.core.ima.memo import Memo
from nova_trusted_launch.wire.digests import HashAlg, PcrBank

REGISTER = 10
MAX_SIZE = 192 * 2 ** 20
MAX_ENTRIES = 2 ** 20

_TEMPLATE_HASHES = {20: "sha1", 32: "sha256", 48: "sha384", 64: "sha512"}
# d-ng of a SHA-256 digest: its length, and what stands before the digest.
_SHA256_FIELD = b"\x28\0\0\0sha256:\0"
_LONG_PATH = 4096
# Length of a path -> that of n-ng, which has a NUL at its end.
_SIZES = tuple(
    (size + 1).to_bytes(4, "little") for size in range(_LONG_PATH))
# What ends the data of an entry with an empty signature.
_UNSIGNED = b"\0\0\0\0\0"
_REGISTER = REGISTER.to_bytes(4, "little")


@dataclass(frozen=True, slots=True)
class ImaPosition:
    """A place in a list of one boot, up to which it was proven.

    Kept between appraisals, and proven again each time: the next quote holds
    only if the register's value here is the true one.
    """

    # TPM reset and restart counters of the quote.
    boot: tuple[int, int]
    # Bytes and entries before this place, and the register after them.
    offset: int
    entries: int
    value: bytes


@dataclass(frozen=True, slots=True)
class ReplayedIma:
    """Entries proven by a quote.  Only :func:`replay` makes these."""

    alg: HashAlg
    start: ImaPosition
    end: ImaPosition
    # Among the proven entries of this part.
    violations: int
    # Entries the kernel added after the quote was made; nothing is said of
    # them, the next quote will prove them.
    in_flight: int
    _data: bytes
    _shape: Shape | None

    def raw_entries(self) -> Iterator[bytes]:
        """Iterate over the bytes of each proven entry, in order."""
        if self._shape is None:
            return
        left = self.end.entries - self.start.entries
        for entries in log.chunks(self._data, self._shape):
            yield from entries[:left]
            left -= len(entries)
            if left <= 0:
                return

    def entry(self, raw: bytes) -> Entry:
        """Take one of :meth:`raw_entries` apart."""
        assert self._shape is not None
        return log.parse(raw, self._shape)


def replay(
    data: bytes, pcrs: PcrBank, *, boot: tuple[int, int],
    start: ImaPosition | None = None, memo: Memo[bytes] | None = None,
    max_size: int = MAX_SIZE, max_entries: int = MAX_ENTRIES,
) -> ReplayedIma:
    """Prove which entries of a list the TPM saw.

    ``data`` begins at ``start.offset`` of the list.  Checks, in this order:

    1. ``start`` belongs to the boot that was quoted;
    2. the list is within its limits, and well-formed;
    3. each entry's data hashes to the template hash the list gives;
    4. after some entry register 10 has its quoted value.  What stands behind
       that entry came after the quote and is not proven.

    The kernel adds an entry to its list before it extends the register, so
    a list read after the quote holds all the quote covers.  A list read too
    early fails check 4: what it lacks cannot be judged.

    ``pcrs`` must be values whose quote was verified, ``boot`` its counters.
    ``memo`` may be shared among all lists replayed in this bank.

    :raises StaleEvidence: check 1 failed: send the list from its beginning.
    :raises OversizedEvidence: a limit of check 2 was passed.
    :raises MalformedEvidence: check 2 failed.
    :raises UnauthenticEvidence: check 3 or 4 failed.
    """
    origin = ImaPosition(boot, 0, 0, bytes(pcrs.alg.size))
    start = start or origin
    if start.boot != boot:
        raise StaleEvidence("IMA list: it continues the list of another boot")
    quoted = pcrs.values.get(REGISTER)
    if quoted is None:
        raise UnauthenticEvidence(
            f"IMA list: register {REGISTER} was not quoted")
    if start.offset + len(data) > max_size:
        raise OversizedEvidence(
            f"IMA list: more than {max_size} bytes")
    if not data:
        if start.value != quoted:
            raise _unreached(0)
        return ReplayedIma(pcrs.alg, start, start, 0, 0, b"", None)
    shape = log.shape(data)
    run = _Run(start, quoted, pcrs.alg, shape, memo)
    for entries in log.chunks(data, shape):
        run.take(entries)
        if start.entries + run.seen > max_entries:
            raise OversizedEvidence(
                f"IMA list: more than {max_entries} entries")
    if run.end is None:
        raise _unreached(run.seen)
    return ReplayedIma(
        pcrs.alg, start, run.end, run.violations,
        start.entries + run.seen - run.end.entries, data, shape)


def _unreached(seen: int) -> UnauthenticEvidence:
    return UnauthenticEvidence(
        f"IMA list: register {REGISTER} has its quoted value after none of "
        f"{seen} entries")


class _Run:
    """Extend the register entry by entry until it has its quoted value."""

    def __init__(self, start: ImaPosition, quoted: bytes, alg: HashAlg,
                 shape: Shape, memo: Memo[bytes] | None) -> None:
        self.seen = 0
        self.violations = 0
        self.end = start if start.value == quoted else None
        self._start = start
        self._quoted = quoted
        self._value = start.value
        self._offset = start.offset
        self._hash: Any = getattr(hashlib, alg.label)
        self._violation = b"\xff" * alg.size
        self._measure = _measurer(alg, shape)
        self._memo = memo
        # In an ASCII list a line feed stands between entries.
        self._between = 1 if shape.format is Format.ASCII else 0

    def take(self, entries: list[bytes]) -> None:
        """Extend with each entry; nothing is left to do at the end."""
        if self.end is None:
            reached = self._extend(entries)
            if reached:
                self.end = ImaPosition(
                    self._start.boot,
                    self._offset + self._length(entries[:reached]),
                    self._start.entries + self.seen + reached, self._value)
            self._offset += self._length(entries)
        self.seen += len(entries)

    def _extend(self, entries: list[bytes]) -> int:
        """Return after how many entries the value is reached, or 0."""
        hash_, value, quoted = self._hash, self._value, self._quoted
        digests = self._digests(entries)
        for number, digest in enumerate(digests, 1):
            if not digest:
                continue
            value = hash_(value + digest).digest()
            if value == quoted:
                digests = digests[:number]
                break
        else:
            number = 0
        self._value = value
        self.violations += digests.count(self._violation)
        return number

    def _digests(self, entries: list[bytes]) -> list[bytes]:
        """Say what each entry extended; nothing: another register."""
        measure = self._measure
        if self._memo is None:
            return [measure(raw) for raw in entries]
        recent = self._memo.recent.get
        return [recent(raw) or self._look_up(raw) for raw in entries]

    def _look_up(self, raw: bytes) -> bytes:
        memo = self._memo
        assert memo is not None
        digest = memo.recall(raw)
        if digest is None:
            digest = self._measure(raw)
            memo.keep(raw, digest)
        return digest

    def _length(self, entries: list[bytes]) -> int:
        return sum(map(len, entries)) + self._between * len(entries)


def _measurer(alg: HashAlg, shape: Shape) -> Callable[[bytes], bytes]:
    """Make the function that says what a raw entry extended.

    It refuses an entry whose data does not hash to the hash beside it.
    """
    bank: Any = getattr(hashlib, alg.label)
    template_hash: Any = getattr(hashlib, _TEMPLATE_HASHES[shape.hash_size])
    violation = b"\xff" * alg.size

    def measure(raw: bytes) -> bytes:
        entry = log.parse(raw, shape)
        if entry.register != REGISTER:
            return b""
        if template_hash(entry.data).digest() == entry.claimed_hash:
            digest: bytes = bank(entry.data).digest()
            return digest
        if entry.violation:
            # The kernel could not vouch for the file and said so.
            return violation
        raise UnauthenticEvidence(
            f"IMA list: the data of an entry does not hash to "
            f"{entry.claimed_hash.hex()}")

    if shape.format is Format.BINARY:
        return _fast_binary(bank, template_hash, shape.hash_size, measure)
    if shape.hash_size == 20:
        return _fast_ascii(bank, template_hash, measure)
    return measure


# The two functions below are what a long list costs.  They do for the usual
# entries what `measure` above does for all, and leave the rest to it.


def _fast_binary(bank: Any, template_hash: Any, hash_size: int,
                 measure: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    at = 4 + hash_size

    def fast(raw: bytes) -> bytes:
        # The template's name is shorter than 256 bytes: log.chunks saw to it.
        data = raw[at + 8 + raw[at]:]
        if raw[:4] == _REGISTER and (
                template_hash(data).digest() == raw[4:at]):
            digest: bytes = bank(data).digest()
            return digest
        return measure(raw)

    return fast


def _fast_ascii(bank: Any, template_hash: Any,
                measure: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    """Cut a line by its columns: they are where SHA-1 and SHA-256 put them."""
    def fast(raw: bytes) -> bytes:
        if raw[43:58] == b" ima-ng sha256:":
            name, hexadecimal, end = raw[123:], raw[58:122], b"\0"
        elif raw[43:59] == b" ima-sig sha256:" and raw[-1:] == b" ":
            name, hexadecimal, end = raw[124:-1], raw[59:123], _UNSIGNED
        else:
            return measure(raw)
        try:
            data = (_SHA256_FIELD + unhexlify(hexadecimal)
                    + _SIZES[len(name)] + name + end)
            if template_hash(data).digest() == unhexlify(raw[3:43]) and (
                    raw[:3] == b"10 "):
                digest: bytes = bank(data).digest()
                return digest
        except (ValueError, IndexError):
            pass
        return measure(raw)

    return fast
