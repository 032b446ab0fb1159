# SPDX-License-Identifier: Apache-2.0
"""Walk through an IMA list for people who look at one, proving nothing.

In: a list in a file, and perhaps the value register 10 had.  Out: a
:class:`Walk`.  SHA-1 is for display: no quote of it is ever accepted.

Not decided here: anything about a host (``core.ima.replay``).
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from typing import Any

from attestation_service.core.errors import MalformedEvidence
from attestation_service.core.ima import extended, log
from attestation_service.core.ima.extended import Reader
from attestation_service.core.ima.log import Shape

# Size of a register -> its bank.
BANKS = {20: "sha1", 32: "sha256", 48: "sha384", 64: "sha512"}

#: Kernels before 5.8 extend every bank with the SHA-1 template hash, filled
#: up with zeros.  No quote is believed that way: SHA-1 can be collided.
SHA1_PADDED = "sha1-padded"

_VIOLATIONS = {b"\xff" * size for size in BANKS} | {
    (b"\xff" * 20).ljust(size, b"\0") for size in BANKS}


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
    # What is odd about this kernel, if the value is reached only so.
    quirk: str = ""


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
    form, bank = log.shape(data), BANKS[size]
    usual = _walk(data, form, bank, extended.reader(bank, form), wanted)
    if wanted is None or usual.reached is not None or bank == "sha1":
        return usual
    odd = _walk(data, form, bank, _padded(form, size), wanted)
    if odd.reached is None:
        return usual
    return dataclasses.replace(odd, quirk=SHA1_PADDED)


def _walk(data: bytes, form: Shape, bank: str, read: Reader,
          wanted: bytes | None) -> Walk:
    hash_: Any = getattr(hashlib, bank)
    value: bytes = bytes(hash_().digest_size)
    reached = 0 if value == wanted else None
    entries = violations = 0
    for raw in log.chunks(data, form):
        digests = read(raw)
        for number, digest in enumerate(digests, entries + 1):
            if digest:
                value = hash_(value + digest).digest()
                violations += digest in _VIOLATIONS
                if value == wanted:
                    reached = number
        entries += len(digests)
    return Walk(bank, entries, violations, value, reached)


def _padded(form: Shape, size: int) -> Reader:
    """Make a reader of what kernels before 5.8 extend."""
    read = extended.reader("sha1", form)

    def padded(entries: list[bytes]) -> list[bytes]:
        return [digest and digest.ljust(size, b"\0")
                for digest in read(entries)]

    return padded
