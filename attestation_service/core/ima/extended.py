# SPDX-License-Identifier: Apache-2.0
"""Find what the kernel extended for each entry of an IMA list.

In: raw entries.  Out: template digests in the quoted bank.  This is what a
long list costs, so the usual entries are read by their columns and many at a
time; whatever does not hash to the hash beside it is read again with care.

Not decided here: whether the digests lead to the quoted value
(``core.ima.replay``).
"""

from __future__ import annotations

import hashlib
from binascii import hexlify, unhexlify
from collections.abc import Callable
from typing import Any

from attestation_service.core.errors import UnauthenticEvidence
from attestation_service.core.ima import log
from attestation_service.core.ima.log import (
    REGISTER,
    TEMPLATE_HASHES,
    Format,
    Shape,
)
from attestation_service.core.ima.templates import SHA256_FIELD


# Raw entries -> template digests in the quoted bank.  Nothing: another
# register; all ones: a violation.
Reader = Callable[[list[bytes]], list[bytes]]

_LONG_PATH = 4096
# Length of a path -> that of n-ng, which has a NUL at its end.
_SIZES = tuple(
    (size + 1).to_bytes(4, "little") for size in range(_LONG_PATH))
_REGISTER = REGISTER.to_bytes(4, "little")
_ASCII_REGISTER = b"%2d " % REGISTER


def reader(bank_name: str, form: Shape) -> Reader:
    """Make the function that says what raw entries extended in a bank.

    :raises UnauthenticEvidence: an entry's data does not hash to the hash
        beside it.
    :raises MalformedEvidence: an entry cannot be read.
    """
    template_hash: Any = getattr(hashlib, TEMPLATE_HASHES[form.hash_size])
    bank: Any = getattr(hashlib, bank_name)
    violation: bytes = b"\xff" * bank().digest_size

    def measure(raw: bytes) -> bytes:
        entry = log.parse(raw, form)
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

    if form.order == "big":
        return lambda entries: list(map(measure, entries))
    if form.format is Format.BINARY:
        return _binary(bank, template_hash, form.hash_size, measure)
    return _ascii(bank, template_hash, form.hash_size, measure)


def _binary(bank: Any, template_hash: Any, hash_size: int,
            measure: Callable[[bytes], bytes]) -> Reader:
    at = 4 + hash_size

    def read(entries: list[bytes]) -> list[bytes]:
        # Template names are shorter than 256 bytes: log.chunks saw to it.
        start = at + 8 + entries[0][at]
        data = [raw[start:] for raw in entries]
        claimed = [raw[:at] for raw in entries]
        true = [template_hash(each).digest() for each in data]
        digests = [bank(each).digest() for each in data]
        # All at once: no part is longer than its like, so none is shorter.
        if b"".join(claimed) == _REGISTER.join((b"", *true)):
            return digests
        return _corrected(entries, digests, claimed,
                          [_REGISTER + each for each in true], measure)

    return read


def _ascii(bank: Any, template_hash: Any, hash_size: int,
           measure: Callable[[bytes], bytes]) -> Reader:
    end = 3 + 2 * hash_size

    def read(entries: list[bytes]) -> list[bytes]:
        try:
            data = _ascii_data(entries, end)
        except (ValueError, IndexError):
            return halves(entries)
        claimed = [raw[:end] for raw in entries]
        true = [_ASCII_REGISTER + hexlify(template_hash(each).digest())
                for each in data]
        digests = [bank(each).digest() for each in data]
        if claimed == true:
            return digests
        return _corrected(entries, digests, claimed, true, measure)

    def halves(entries: list[bytes]) -> list[bytes]:
        if len(entries) == 1:
            return [measure(entries[0])]
        # Something unusual is among them: leave the others together.
        half = len(entries) // 2
        return read(entries[:half]) + read(entries[half:])

    return read


def _ascii_data(entries: list[bytes], end: int) -> list[bytes]:
    """Rebuild template data of entries that are all like the first.

    :raises ValueError, IndexError: one of them is not.
    """
    if entries[0].startswith(b" ima-ng sha256:", end):
        first, last = end + 15, end + 79
        return [
            SHA256_FIELD + unhexlify(raw[first:last])
            + _SIZES[len(raw) - last - 1] + raw[last + 1:] + b"\0"
            for raw in entries]
    if entries[0].startswith(b" ima-sig sha256:", end):
        first, last = end + 16, end + 80
        return [
            SHA256_FIELD + unhexlify(raw[first:last]) + _SIZES[len(name)]
            + name + (_signature(text) if text else b"\0\0\0\0\0")
            for raw in entries
            for name, _, text in (raw[last + 1:].partition(b" "),)]
    raise ValueError("not one of the usual templates")


def _signature(text: bytes) -> bytes:
    signature = unhexlify(text)
    return b"\0" + len(signature).to_bytes(4, "little") + signature


def _corrected(
    entries: list[bytes], digests: list[bytes], claimed: list[bytes],
    true: list[bytes], measure: Callable[[bytes], bytes],
) -> list[bytes]:
    """Read again what does not hash to the hash beside it."""
    return [digest if one == other else measure(raw)
            for raw, digest, one, other in zip(
                entries, digests, claimed, true, strict=True)]
