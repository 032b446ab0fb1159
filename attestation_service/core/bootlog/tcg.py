# SPDX-License-Identifier: Apache-2.0
"""Parse a TCG PC Client event log, crypto-agile or SHA-1 only.

In: untrusted bytes.  Out: a :class:`BootLog`, whose events nobody has proven.

Not decided here: whether the TPM saw these events (``core.bootlog.replay``),
nor what they mean (``core.bootlog.secure_boot``, ``boot_chain``).
"""

from __future__ import annotations

import functools
import struct
from dataclasses import dataclass
from typing import NamedTuple

from attestation_service.core.bootlog.event_types import EventType
from attestation_service.core.errors import (
    MalformedEvidence,
    OversizedEvidence,
)

MAX_SIZE = 16 * 2 ** 20
MAX_EVENTS = 65536
# A TPM has a handful of banks; more is somebody trying our memory.
_MAX_ALGORITHMS = 16
_MAX_HEADER = 512

SHA1 = 0x0004
# TPM_ALG_ID -> (label, digest size).
ALGORITHMS = {
    SHA1: ("sha1", 20),
    0x000B: ("sha256", 32),
    0x000C: ("sha384", 48),
    0x000D: ("sha512", 64),
    0x0012: ("sm3", 32),
    0x0027: ("sha3_256", 32),
    0x0028: ("sha3_384", 48),
    0x0029: ("sha3_512", 64),
}

_LEGACY_EVENT = struct.Struct("<II20sI")
_EVENT_START = struct.Struct("<III")
_U16 = struct.Struct("<H")
_U32 = struct.Struct("<I")
_SPEC_ID = struct.Struct("<16sIBBBBI")
_CRYPTO_AGILE = b"Spec ID Event03\0"
_NOTHING = (0, 0, b"")


class Event(NamedTuple):
    """One event as the log tells it; only digests can be proven by a TPM."""

    register: int
    untrusted_type: int
    # One for each of BootLog.algorithms; None where the event has none.
    digests: tuple[bytes | None, ...]
    untrusted_data: bytes


# An Event without its class, which costs more than all the rest of it.
Row = tuple[int, int, tuple[bytes | None, ...], bytes]


@dataclass(frozen=True)
class BootLog:
    """A parsed log.  Only :func:`parse` makes these.

    Without slots, because events are made when somebody asks, and kept.
    """

    # (TPM_ALG_ID, digest size) of each bank, in the log's own order.
    algorithms: tuple[tuple[int, int], ...]
    rows: list[Row]

    @functools.cached_property
    def events(self) -> tuple[Event, ...]:
        """The rows with names for their fields."""
        return tuple(map(Event._make, self.rows))

    def column(self, algorithm: int) -> int | None:
        """Return where in ``Event.digests`` a bank's digest stands."""
        for column, (known, _size) in enumerate(self.algorithms):
            if known == algorithm:
                return column
        return None


def label(algorithm: int) -> str:
    """Name a bank, also one we cannot compute."""
    if algorithm in ALGORITHMS:
        return ALGORITHMS[algorithm][0]
    return f"{algorithm:#06x}"


def parse(data: bytes, *, max_size: int = MAX_SIZE,
          max_events: int = MAX_EVENTS) -> BootLog:
    """Read a whole log.

    Liberal in what firmware writes (banks and event types nobody knows, an
    unused rest of the log area filled with 0x00 or 0xFF), strict in framing.

    :raises OversizedEvidence: larger than ``max_size`` or ``max_events``.
    :raises MalformedEvidence: anything else that is not an event log.
    """
    if len(data) > max_size:
        raise OversizedEvidence(
            f"boot log: {len(data)} bytes, at most {max_size} are accepted")
    register, event_type, digest, first, at = _legacy_event(data, 0)
    end = _padding_start(data)
    if event_type == EventType.NO_ACTION and first.startswith(_CRYPTO_AGILE):
        layout = _layout(first)
        return BootLog(layout.algorithms, _crypto_agile_rows(
            data, at + layout.uncounted, end, layout, max_events))
    rows: list[Row] = [(register, event_type, (digest,), first)]
    while at < end:
        register, event_type, digest, first, at = _legacy_event(data, at)
        rows.append((register, event_type, (digest,), first))
        if len(rows) > max_events:
            raise _too_many(max_events)
    return BootLog(((SHA1, 20),), rows)


def _padding_start(data: bytes) -> int:
    """Find where the unused rest of the log area begins, or the end.

    An event that begins there would be all 0x00 or 0xFF, which none is.
    """
    return min(len(data.rstrip(b"\0")), len(data.rstrip(b"\xff")))


def _legacy_event(data: bytes, at: int) -> tuple[int, int, bytes, bytes, int]:
    """Read a TCG_PCR_EVENT and say where the next one starts."""
    try:
        register, event_type, digest, size = _LEGACY_EVENT.unpack_from(
            data, at)
    except struct.error as exc:
        raise _truncated(at) from exc
    start = at + _LEGACY_EVENT.size
    end = start + size
    if end > len(data):
        raise _truncated(at)
    return register, event_type, digest, data[start:end], end


class _Layout(NamedTuple):
    """What a header says about the events that follow it."""

    algorithms: tuple[tuple[int, int], ...]
    # The fixed part of an event with the header's digests, in its order:
    # their number and the first one's algorithm are always these bytes, then
    # come the algorithms of the others.
    usual: struct.Struct
    first: bytes
    others: tuple[int, ...]
    # Bytes of vendor information that stand after the event: firmware is
    # known that does not count them in the event's size.
    uncounted: int


@functools.lru_cache(maxsize=256)  # a fleet has few different headers
def _layout(data: bytes) -> _Layout:
    """Read a TCG_EfiSpecIDEvent."""
    if len(data) > _MAX_HEADER:
        raise MalformedEvidence("boot log: its header is too long")
    try:
        count = _SPEC_ID.unpack_from(data)[-1]
        if not 0 < count <= _MAX_ALGORITHMS:
            raise MalformedEvidence(f"boot log: {count} banks in its header")
        end = _SPEC_ID.size + 4 * count
        pairs = struct.unpack_from(f"<{2 * count}H", data, _SPEC_ID.size)
        vendor = data[end]
    except (struct.error, IndexError) as exc:
        raise MalformedEvidence("boot log: its header is cut short") from exc
    uncounted = max(0, end + 1 + vendor - len(data))
    if uncounted not in (0, vendor):
        raise MalformedEvidence("boot log: its header is cut short")
    algorithms = tuple(zip(pairs[::2], pairs[1::2], strict=True))
    for algorithm, size in algorithms:
        if algorithm in ALGORITHMS and ALGORITHMS[algorithm][1] != size:
            raise MalformedEvidence(
                f"boot log: a {label(algorithm)} digest of {size} bytes")
    if len(dict(algorithms)) != count:
        raise MalformedEvidence("boot log: a bank stands twice in its header")
    usual = struct.Struct(
        "<II6s" + "H".join(f"{size}s" for _id, size in algorithms) + "I")
    return _Layout(algorithms, usual, struct.pack("<IH", count, pairs[0]),
                   pairs[2::2], uncounted)


def _crypto_agile_rows(data: bytes, at: int, padding: int, layout: _Layout,
                       max_events: int) -> list[Row]:
    """Read TCG_PCR_EVENT2 structures up to the padding."""
    rows: list[Row] = []
    usual, others = layout.first, layout.others
    alone = not others
    unpack, width = layout.usual.unpack_from, layout.usual.size
    start, append = at, rows.append
    for _ in range(max_events + 1):
        if at >= padding:
            # Only the last event can have reached past the end.
            if at > len(data):
                raise _truncated(start)
            return rows
        try:
            fields = unpack(data, at)
        except struct.error:
            # Too little for this form, it may still be of another.
            fields = _NOTHING
        # Nearly every event has this form.
        if fields[2] == usual and (alone or fields[4:-1:2] == others):
            register, event_type, size = fields[0], fields[1], fields[-1]
            digests = (fields[3],) if alone else fields[3:-1:2]
            start = at + width
        else:
            register, event_type, digests, size, start = _unusual_event(
                data, at, layout.algorithms)
        at = start + size
        append((register, event_type, digests, data[start:at]))
    raise _too_many(max_events)


def _unusual_event(
    data: bytes, at: int, algorithms: tuple[tuple[int, int], ...],
) -> tuple[int, int, tuple[bytes | None, ...], int, int]:
    """Read the fixed part of an event whose digests are in another form."""
    sizes = {known: size for known, (_name, size) in ALGORITHMS.items()}
    sizes.update(algorithms)
    digests: dict[int, bytes] = {}
    try:
        register, event_type, count = _EVENT_START.unpack_from(data, at)
        if count > _MAX_ALGORITHMS:
            raise MalformedEvidence(
                f"boot log: {count} digests in the event at offset {at}")
        where = at + _EVENT_START.size
        for _ in range(count):
            algorithm = _U16.unpack_from(data, where)[0]
            if algorithm not in sizes:
                raise MalformedEvidence(
                    f"boot log: digest of unknown size, algorithm "
                    f"{algorithm:#06x}, in the event at offset {at}")
            if algorithm in digests:
                raise MalformedEvidence(
                    f"boot log: two {label(algorithm)} digests in the event "
                    f"at offset {at}")
            end = where + 2 + sizes[algorithm]
            digests[algorithm] = data[where + 2:end]
            where = end
        # Past the end, this also refuses a digest that was cut short.
        size = _U32.unpack_from(data, where)[0]
    except struct.error as exc:
        raise _truncated(at) from exc
    ordered = tuple(digests.get(known) for known, _size in algorithms)
    return register, event_type, ordered, size, where + 4


def _too_many(max_events: int) -> OversizedEvidence:
    return OversizedEvidence(f"boot log: more than {max_events} events")


def _truncated(at: int) -> MalformedEvidence:
    return MalformedEvidence(
        f"boot log: the event at offset {at} is cut short")
