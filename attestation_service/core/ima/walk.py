# SPDX-License-Identifier: Apache-2.0
"""Walk through an IMA list for people who look at one, proving nothing.

In: a list in a file, and perhaps the value register 10 had.  Out: a
:class:`Walk`.  SHA-1 is for display: no quote of it is ever accepted.

Not decided here: anything about a host (``core.ima.replay``).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from attestation_service.core.errors import MalformedEvidence
from attestation_service.core.ima import extended, log

# Size of a register -> its bank.
BANKS = {20: "sha1", 32: "sha256", 48: "sha384", 64: "sha512"}


@dataclass(frozen=True, slots=True)
class Walk:
    """What a whole list comes to."""

    bank: str
    entries: int
    violations: int
    # Register 10 after the last entry.
    value: bytes
    # After how many entries the register had the value that was asked for.
    reached: int | None


def walk(data: bytes, wanted: bytes | None = None) -> Walk:
    """Extend register 10 with every entry, in the bank of ``wanted``.

    :raises MalformedEvidence: it is not an IMA list, or ``wanted`` is not a
        register of any bank.
    :raises UnauthenticEvidence: an entry's data does not hash to the hash
        beside it.
    """
    size = 32 if wanted is None else len(wanted)
    if size not in BANKS:
        raise MalformedEvidence(f"no bank has registers of {size} bytes")
    bank, value = BANKS[size], bytes(size)
    hash_, violation = getattr(hashlib, bank), b"\xff" * size
    reached = 0 if value == wanted else None
    entries = violations = 0
    form = log.shape(data)
    read = extended.reader(bank, form)
    for raw in log.chunks(data, form):
        digests = read(raw).digests
        for number, digest in enumerate(digests, entries + 1):
            if digest:
                value = hash_(value + digest).digest()
                if value == wanted:
                    reached = number
        entries += len(digests)
        violations += digests.count(violation)
    return Walk(bank, entries, violations, value, reached)
