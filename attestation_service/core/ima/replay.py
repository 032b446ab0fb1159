# SPDX-License-Identifier: Apache-2.0
"""Replay an IMA measurement list against the quoted register 10.

In: an untrusted list (or the part of it after a position proven earlier) and
registers that a TPM signed.  Out: :class:`ReplayedIma`, the only thing facts
about files are read from.

Not decided here: whether the files are good (``core.policy``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from attestation_service.core.errors import (
    OversizedEvidence,
    StaleEvidence,
    UnauthenticEvidence,
)
from attestation_service.core.ima import extended, log
from attestation_service.core.ima.log import (
    REGISTER,
    Entry,
    Format,
    Shape,
)
from attestation_service.core.memo import Memo
from nova_trusted_launch.wire.digests import HashAlg, PcrBank

MAX_SIZE = 192 * 2 ** 20
MAX_ENTRIES = 2 ** 20

# Lists up to this size are cut into entries once and not again when they
# are judged.
_KEPT = 16 * 2 ** 20
_USUAL_HASH = 20
# Larger entries (buffers) are not kept in the memo.
_REMEMBERED = 1024


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

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {"boot": list(self.boot), "offset": self.offset,
                "entries": self.entries, "value": self.value.hex()}

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> ImaPosition:
        """Read what :meth:`to_dict` wrote."""
        resets, restarts = value["boot"]
        return cls((resets, restarts), value["offset"], value["entries"],
                   bytes.fromhex(value["value"]))


class Chunk(NamedTuple):
    """Consecutive entries, and what the kernel extended for each."""

    entries: list[bytes]
    # Template digests in the quoted bank.  Nothing: another register; all
    # ones: a violation.
    digests: list[bytes]

    def first(self, count: int) -> Chunk:
        """Return the first ``count`` entries, or all."""
        if len(self.entries) <= count:
            return self
        return Chunk(self.entries[:count], self.digests[:count])


@dataclass(frozen=True, slots=True)
class ReplayedIma:
    """Entries proven by a quote.  Only :func:`replay` makes these."""

    alg: HashAlg
    start: ImaPosition
    end: ImaPosition
    # Entries the kernel added after the quote was made; nothing is said of
    # them, the next quote will prove them.
    in_flight: int
    shape: Shape
    _data: bytes
    _kept: list[Chunk] | None

    @property
    def violations(self) -> int:
        """Count them among the proven entries of this part."""
        violation = b"\xff" * self.alg.size
        return sum(chunk.digests.count(violation) for chunk in self.chunks())

    def chunks(self) -> Iterator[Chunk]:
        """Iterate over the proven entries, in order."""
        left = self.end.entries - self.start.entries
        for chunk in self._all():
            yield chunk.first(left)
            left -= len(chunk.entries)
            if left <= 0:
                return

    def _all(self) -> Iterable[Chunk]:
        if self._kept is not None:
            return self._kept
        read = extended.reader(self.alg.label, self.shape)
        return (Chunk(entries, read(entries))
                for entries in log.chunks(self._data, self.shape))

    def entry(self, raw: bytes) -> Entry:
        """Take apart one of those that :meth:`chunks` returns."""
        return log.parse(raw, self.shape)


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
        return ReplayedIma(pcrs.alg, start, start, 0, log.BINARY, data, [])
    shape = log.shape(data)
    run = _Run(start, quoted, pcrs.alg, shape, memo)
    kept: list[Chunk] | None = [] if len(data) <= _KEPT else None
    for entries in log.chunks(data, shape):
        chunk = run.take(entries)
        if chunk and kept is not None:
            kept.append(chunk)
        if start.entries + run.seen > max_entries:
            raise OversizedEvidence(
                f"IMA list: more than {max_entries} entries")
    if run.proven is None:
        raise _unreached(run.seen)
    end = ImaPosition(
        boot, start.offset + _size(data, shape) - run.bytes_in_flight,
        start.entries + run.proven, quoted)
    return ReplayedIma(pcrs.alg, start, end, run.seen - run.proven, shape,
                       data, kept)


def _unreached(seen: int) -> UnauthenticEvidence:
    return UnauthenticEvidence(
        f"IMA list: register {REGISTER} has its quoted value after none of "
        f"{seen} entries")


def _size(data: bytes, form: Shape) -> int:
    """Say how long a list is, with the line feed that may lack at its end."""
    lacks = form.format is Format.ASCII and data[-1:] != b"\n"
    return len(data) + lacks


class _Run:
    """Extend the register entry by entry until it has its quoted value."""

    def __init__(self, start: ImaPosition, quoted: bytes, alg: HashAlg,
                 shape: Shape, memo: Memo[bytes] | None) -> None:
        self.seen = 0
        # How many entries lead to the quoted value; None: not yet there.
        self.proven = 0 if start.value == quoted else None
        self.bytes_in_flight = 0
        self._quoted = quoted
        self._value = start.value
        self._hash = alg.hash
        self._read = extended.reader(alg.label, shape)
        # The same bytes mean another entry in a list of another shape.
        usual = shape.hash_size == _USUAL_HASH and shape.order == "little"
        self._memo = memo if usual else None
        # In an ASCII list a line feed stands behind each entry.
        self._between = 1 if shape.format is Format.ASCII else 0

    def take(self, entries: list[bytes]) -> Chunk | None:
        """Extend with each entry, unless all is proven already."""
        chunk, in_flight = None, entries
        if self.proven is None:
            chunk = Chunk(entries, self._digests(entries))
            reached = self._extend(chunk.digests)
            if reached:
                self.proven = self.seen + reached
            in_flight = entries[reached:] if reached else []
        self.seen += len(entries)
        self.bytes_in_flight += (
            sum(map(len, in_flight)) + self._between * len(in_flight))
        return chunk

    def _extend(self, digests: list[bytes]) -> int:
        """Return after how many entries the value is reached, or 0."""
        hash_, value = self._hash, self._value
        values = [
            value := hash_(value + digest).digest() if digest else value
            for digest in digests]
        self._value = value
        try:
            return values.index(self._quoted) + 1
        except ValueError:
            return 0

    def _digests(self, entries: list[bytes]) -> list[bytes]:
        """Find out what each entry extended, or remember."""
        memo = self._memo
        if memo is None:
            return self._read(entries)
        found = list(map(memo.recent.get, entries))
        if None not in found:
            return cast(list[bytes], found)
        found = list(map(memo.recall, entries))
        missing = [raw for raw, digest in zip(entries, found, strict=True)
                   if digest is None]
        read = self._read(missing) if missing else []
        memo.keep_all({
            raw: digest for raw, digest in zip(missing, read, strict=True)
            if len(raw) <= _REMEMBERED})
        new = iter(read)
        return [next(new) if digest is None else digest for digest in found]
