# SPDX-License-Identifier: Apache-2.0
"""Tie events to what they claim to be: caps, and data to digests.

In: a log whose digests were just proven.  Out: nothing, or a refusal.

Not decided here: whether the digests lead to the quoted registers
(``core.bootlog.replay``, which asks this).
"""

from __future__ import annotations

from collections.abc import Mapping

from attestation_service.core.bootlog import measured as data_checks
from attestation_service.core.bootlog.event_types import EventType, type_name
from attestation_service.core.bootlog.tcg import BootLog
from attestation_service.core.errors import UnauthenticEvidence
from attestation_service.core.memo import Memo
from nova_trusted_launch.wire.digests import HashAlg

# The firmware's registers: each must be capped before an OS can run.
CAPPED = frozenset(range(8))
_ERROR_CAP = b"\1\0\0\0"
# Digest -> data of every separator that the specification knows.
_CAP_DIGESTS = {alg: {
    alg.digest(data): data
    for data in (b"\0\0\0\0", b"\xff\xff\xff\xff", _ERROR_CAP)
} for alg in HashAlg}
# Larger data of events is not kept in the memo.
_REMEMBERED = 4096
# A plain number: comparing enum members costs, for each event.
_SEPARATOR = int(EventType.SEPARATOR)


def require_caps(log: BootLog, column: int, alg: HashAlg,
                 proven: frozenset[int]) -> None:
    """Demand a separator in each proven register of the firmware.

    A bank that the firmware never extends would replay as well as any other
    once somebody has extended it from the operating system.

    :raises UnauthenticEvidence: one is missing, or says that the firmware
        failed to measure.
    """
    caps, uncapped = _CAP_DIGESTS[alg], set(CAPPED & proven)
    for register, digests in [
            (row[0], row[2]) for row in log.rows if row[1] == _SEPARATOR]:
        if register in proven:
            cap = caps.get(digests[column] or b"")
            if cap == _ERROR_CAP:
                raise UnauthenticEvidence(
                    f"boot log: the firmware failed to measure register "
                    f"{register}")
            if cap is not None:
                uncapped.discard(register)
    if uncapped:
        raise UnauthenticEvidence(
            f"boot log: no separator caps register {min(uncapped)}")


def require_data(log: BootLog, column: int, alg: HashAlg,
                 proven: frozenset[int], memo: Memo[bytes] | None,
                 ) -> Mapping[int, bytes]:
    """Demand that data hashes to its digest where a type is measured so.

    ``memo`` holds bytes that are known to hash to a digest.  Returned is what
    was measured of the events that have such data, by their numbers.

    :raises UnauthenticEvidence: it does not.
    """
    usually, hash_ = data_checks.USUALLY, alg.hash
    # Separators are the same everywhere.
    known = _CAP_DIGESTS[alg] if memo is None else memo.recent
    tied: dict[int, bytes] = {}
    new: dict[bytes, bytes] = {}
    for number, (register, kind, digests, data) in enumerate(log.rows):
        select = usually.get(kind)
        if select is None or register not in proven:
            continue
        bound = select(data)
        if bound is None:
            continue
        digest = digests[column] or b""
        before = known.get(digest)
        if before is None and hash_(bound).digest() == digest:
            new[digest] = bound
        elif before != bound:
            found = data_checks.measured(kind, data, digest, hash_, known)
            if found is None:
                raise UnauthenticEvidence(
                    f"boot log: the data of event {number} "
                    f"({type_name(kind)}) does not hash to its digest")
            bound = new[digest] = found.data
        tied[number] = bound
    if memo is not None:
        memo.keep_all({digest: data for digest, data in new.items()
                       if len(data) <= _REMEMBERED})
    return tied
