# SPDX-License-Identifier: Apache-2.0
"""Replay a boot log against quoted registers.

In: an unproven :class:`~.tcg.BootLog` and registers that a TPM signed.  Out:
:class:`ReplayedEvents`, the only thing facts about the boot are read from.

Not decided here: whether what was booted is good (``core.policy``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from attestation_service.core.bootlog import binding
from attestation_service.core.bootlog import measured as data_checks
from attestation_service.core.bootlog.event_types import EventType, type_name
from attestation_service.core.bootlog.measured import Hash
from attestation_service.core.bootlog.tcg import ALGORITHMS, BootLog
from attestation_service.core.bootlog.workarounds import (
    WORKAROUNDS,
    Workaround,
)
from attestation_service.core.errors import (
    MalformedEvidence,
    UnauthenticEvidence,
)
from attestation_service.core.memo import Memo
from nova_trusted_launch.wire.digests import PCR_COUNT, HashAlg, PcrBank

# Registers that the operating system goes on extending after the log was
# closed: IMA (10), systemd (11, 12, 13, 15), debug and applications (16, 23),
# dynamic launch (17 to 22).
EXTENDED_LATER = frozenset(range(10, PCR_COUNT)) - {14}
# Registers 17 to 22 come out of reset as all ones.
_ALL_ONES = frozenset(range(17, 23))

# Plain numbers: comparing enum members costs, for each event.
_NO_ACTION = int(EventType.NO_ACTION)
_STARTUP_LOCALITY = b"StartupLocality\0"
_LOCALITIES = (0, 3, 4)

# Digest size -> the registers after TPM2_Startup.
_START = {size: {
    register: (b"\xff" if register in _ALL_ONES else b"\0") * size
    for register in range(PCR_COUNT)
} for _name, size in ALGORITHMS.values()}


class ReplayedEvent(NamedTuple):
    """An event whose digest the TPM vouches for, in its place."""

    number: int
    register: int
    # Not measured: believe it only together with `measured`.
    claimed_type: int
    digest: bytes
    # Which bytes of the data the digest covers; None: no data is proven.
    measured: bytes | None
    claimed_data: bytes

    @property
    def type_name(self) -> str:
        """The specification's name of the claimed type."""
        return type_name(self.claimed_type)


@dataclass(frozen=True, slots=True)
class ReplayedEvents:
    """Events proven by a quote.  Only :func:`replay` makes these."""

    alg: HashAlg
    # Registers whose quoted value is exactly what the log says.
    proven: frozenset[int]
    # Quoted registers that also hold something the log does not tell.
    unexplained: frozenset[int]
    startup_locality: int
    # Names from the table of workarounds.
    quirks: tuple[str, ...]
    log: BootLog
    _column: int
    # What was measured of the events whose data had to be, by number.
    _tied: Mapping[int, bytes]

    def of(self, *registers: int) -> Iterator[ReplayedEvent]:
        """Iterate over the proven events of ``registers``, in log order."""
        wanted = self.proven.intersection(registers)
        for number, (register, kind, digests, data) in enumerate(
                self.log.rows):
            if register in wanted and kind != _NO_ACTION:
                digest = digests[self._column]
                assert digest is not None  # replay() lets none through
                measured = self._tied.get(number)
                if measured is None:
                    found = data_checks.measured(
                        kind, data, digest, self.alg.hash)
                    measured = found and found.data
                yield ReplayedEvent(
                    number, register, kind, digest, measured, data)


def replay(log: BootLog, pcrs: PcrBank, *,
           extended_later: frozenset[int] = EXTENDED_LATER,
           memo: Memo[bytes] | None = None) -> ReplayedEvents:
    """Prove which events of ``log`` the TPM saw.

    Checks, in this order:

    1. the log has the bank of the quote;
    2. it is well-formed as a whole: existing registers, StartupLocality
       once, sensible, and before register 0 is extended;
    3. every event has a digest for that bank;
    4. every quoted register replays to its quoted value, if need be with a
       known firmware quirk; one in ``extended_later`` that does not is not
       proven, and neither are its events;
    5. every quoted register of the firmware was capped by a separator, and
       no separator reports an error;
    6. where a type's data is measured, it hashes to the digest.

    ``pcrs`` must be values whose quote was verified.  ``memo`` may be shared
    among all logs replayed in this bank: it holds what hashes to what.

    :raises MalformedEvidence: check 2 failed.
    :raises UnauthenticEvidence: any other check failed.
    """
    alg = pcrs.alg
    column = log.column(alg.value)
    if column is None:
        raise UnauthenticEvidence(
            f"boot log: it has no {alg.label} bank, which was quoted")
    run = _run(log, column, alg.hash, alg.size, memo)
    if run.without_digest:
        raise UnauthenticEvidence(
            f"boot log: event {run.without_digest[0]} has no {alg.label} "
            f"digest")
    proven, quirks = _compare(log, column, run, pcrs, extended_later)
    binding.require_caps(log, column, alg, proven)
    tied = binding.require_data(log, column, alg, proven, memo)
    return ReplayedEvents(
        alg, proven, frozenset(pcrs.values) - proven, run.locality,
        quirks, log, column, tied)


def replay_banks(log: BootLog) -> dict[str, dict[int, bytes]]:
    """Compute every bank the log can be replayed in, proving nothing.

    For people who look at a log; SHA-1 and banks that no quote is accepted
    for are among them.  An event without a digest for a bank is one that
    this bank did not see.

    :raises MalformedEvidence: the log breaks the rules of its format.
    """
    banks = {}
    for column, (algorithm, size) in enumerate(log.algorithms):
        name = ALGORITHMS.get(algorithm, ("", 0))[0]
        hash_ = data_checks.hash_named(name)
        if hash_ is not None:
            values = _run(log, column, hash_, size).values
            banks[name] = {
                register: value for register, value in values.items()
                if value != _START[size][register]}
    return banks


class _Run(NamedTuple):
    # All registers that exist.
    values: dict[int, bytes]
    locality: int
    # The events that had no digest for the bank.
    without_digest: list[int]


def _run(log: BootLog, column: int, hash_: Hash, size: int,
         memo: Memo[bytes] | None = None) -> _Run:
    """Extend registers the way a TPM does."""
    values = _START[size].copy()
    known = None if memo is None else memo.recent.get
    new: dict[bytes, bytes] = {}
    locality, without_digest = 0, []
    for number, (register, kind, digests, data) in enumerate(log.rows):
        if kind == _NO_ACTION:
            if data.startswith(_STARTUP_LOCALITY):
                locality = _locality(number, register, data)
                if values[0] != _START[size][0]:
                    raise MalformedEvidence(
                        f"boot log: event {number} sets the startup locality "
                        f"too late")
                values[0] = bytes(size - 1) + bytes([locality])
            continue
        digest = digests[column]
        if digest is None:
            without_digest.append(number)
            continue
        try:
            both = values[register] + digest
        except KeyError as exc:
            raise MalformedEvidence(
                f"boot log: event {number} extends register {register}"
            ) from exc
        if known is None:
            values[register] = hash_(both).digest()
            continue
        value = known(both)
        if value is None:
            value = new[both] = hash_(both).digest()
        values[register] = value
    if memo is not None:
        memo.keep_all(new)
    return _Run(values, locality, without_digest)


def _locality(number: int, register: int, data: bytes) -> int:
    rest = data[len(_STARTUP_LOCALITY):]
    if register != 0 or len(rest) != 1 or rest[0] not in _LOCALITIES:
        raise MalformedEvidence(
            f"boot log: event {number} is no proper StartupLocality")
    return rest[0]


def _compare(
    log: BootLog, column: int, run: _Run, pcrs: PcrBank,
    extended_later: frozenset[int],
) -> tuple[frozenset[int], tuple[str, ...]]:
    """Compare replayed with quoted values; return what is proven, and how."""
    proven, quirks = set(), []
    for register, quoted in pcrs.values.items():
        value = run.values[register]
        if value == quoted:
            proven.add(register)
            continue
        quirk = _workaround(log, column, register, quoted, pcrs.alg)
        if quirk is not None:
            proven.add(register)
            quirks.append(quirk.name)
        elif register not in extended_later:
            raise UnauthenticEvidence(
                f"boot log: register {register} replays to {value.hex()}, "
                f"the TPM quoted {quoted.hex()}")
    return frozenset(proven), tuple(quirks)


def _workaround(log: BootLog, column: int, register: int, quoted: bytes,
                alg: HashAlg) -> Workaround | None:
    """Find the quirk that makes ``register`` replay to ``quoted``."""
    quirks = [quirk for quirk in WORKAROUNDS if quirk.register == register]
    digests = [
        digests[column] or b"" for index, kind, digests, _data in log.rows
        if index == register and kind != _NO_ACTION] if quirks else []
    for quirk in quirks:
        value = bytes(alg.size - 1) + bytes([quirk.start])
        for digest in (*digests, *map(alg.digest, quirk.unlogged)):
            value = alg.digest(value + digest)
        if value == quoted:
            return quirk
    return None
