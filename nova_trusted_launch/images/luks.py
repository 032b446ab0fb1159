# SPDX-License-Identifier: Apache-2.0
"""Write and read LUKS version 1 headers.

A passphrase here is 256 random bits in hex, so key stretching adds nothing
and costs seconds at each start of a guest: headers of ours have the smallest
iteration count that QEMU and cryptsetup take.  Headers of others are only
parsed: how they say they are made, and what it costs to open them.

Structures: ``struct luks_phdr`` and the anti-forensic splitter of the "LUKS
On-Disk Format Specification", version 1.
"""

from __future__ import annotations

import hashlib
import struct
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import (
    Cipher, algorithms, modes)

MAGIC = b"LUKS\xba\xbe"
SECTOR = 512
ITERATIONS = 1000
STRIPES = 4000
SLOTS = 8
KEY_BYTES = 64

_PHDR = struct.Struct(">6sH32s32s32sII20s32sI40s")
_SLOT = struct.Struct(">II32sII")
_ENABLED, _DISABLED = 0x00AC71F3, 0x0000DEAD
_ALIGNMENT = 4096
_HEADER_SECTORS = _ALIGNMENT // SECTOR
_SLOT_SECTORS = -(-KEY_BYTES * STRIPES // _ALIGNMENT) * _HEADER_SECTORS
_PAYLOAD_SECTOR = _HEADER_SECTORS + SLOTS * _SLOT_SECTORS
HEADER_SIZE = _PAYLOAD_SECTOR * SECTOR


class LuksError(ValueError):
    """The header is not one that we accept."""


@dataclass(frozen=True, slots=True)
class LuksHeader:
    """What a header says of itself; nothing of it is proven."""

    cipher: str
    mode: str
    digest: str
    key_bytes: int
    payload_sector: int
    master_iterations: int
    slot_iterations: tuple[int, ...]

    @property
    def opening_cost(self) -> int:
        """Iterations that a wrong passphrase costs: all active slots."""
        return (sum(self.slot_iterations)
                + len(self.slot_iterations) * self.master_iterations)

    @classmethod
    def parse(cls, data: bytes) -> LuksHeader:
        """Read the first bytes of a LUKS header.

        :raises LuksError: it is none, or not of version 1.
        """
        if len(data) < _PHDR.size + SLOTS * _SLOT.size:
            raise LuksError("the LUKS header is cut short")
        (magic, version, cipher, mode, digest, payload, key_bytes, _, _,
         master_iterations, _) = _PHDR.unpack_from(data)
        if magic != MAGIC:
            raise LuksError("no LUKS header")
        if version != 1:
            raise LuksError(f"LUKS version {version}; QEMU opens version 1")
        slots = []
        for i in range(SLOTS):
            state, iterations, _, _, stripes = _SLOT.unpack_from(
                data, _PHDR.size + i * _SLOT.size)
            if state == _ENABLED:
                if stripes != STRIPES:
                    raise LuksError(f"key slot {i} has {stripes} stripes")
                slots.append(iterations)
            elif state != _DISABLED:
                raise LuksError(f"key slot {i} is malformed")
        if not slots:
            raise LuksError("no key slot is in use")
        return cls(_name(cipher), _name(mode), _name(digest), key_bytes,
                   payload, master_iterations, tuple(slots))


def make_header(passphrase: bytes, random: Callable[[int], bytes]) -> bytes:
    """Make a header with a new master key that ``passphrase`` opens.

    The caller's ``random`` gives all the secrets in it.  The result ends
    with the key material of the one used slot; up to :data:`HEADER_SIZE`
    the rest is zeros.
    """
    master, salt, slot_salt = random(KEY_BYTES), random(32), random(32)
    digest = hashlib.pbkdf2_hmac("sha256", master, salt, ITERATIONS, 20)
    header = _PHDR.pack(
        MAGIC, 1, b"aes", b"xts-plain64", b"sha256", _PAYLOAD_SECTOR,
        KEY_BYTES, digest, salt, ITERATIONS,
        str(uuid.UUID(bytes=random(16), version=4)).encode("ascii"))
    for i in range(SLOTS):
        header += _SLOT.pack(
            _DISABLED if i else _ENABLED, 0 if i else ITERATIONS,
            bytes(32) if i else slot_salt,
            _HEADER_SECTORS + i * _SLOT_SECTORS, STRIPES)
    slot_key = hashlib.pbkdf2_hmac(
        "sha256", passphrase, slot_salt, ITERATIONS, KEY_BYTES)
    material = encrypt_sectors(slot_key, 0, _split(master, random))
    return header.ljust(_HEADER_SECTORS * SECTOR, b"\0") + material


def open_header(header: bytes, passphrase: bytes) -> bytes:
    """Return the master key of a header made by :func:`make_header`.

    :raises LuksError: the passphrase does not open its first slot.
    """
    info = LuksHeader.parse(header)
    if (info.cipher, info.mode, info.digest, info.key_bytes) != (
            "aes", "xts-plain64", "sha256", KEY_BYTES):
        raise LuksError("not a header of ours")
    master_digest, salt, iterations = _PHDR.unpack_from(header)[7:10]
    _, slot_iterations, slot_salt, sector, _ = _SLOT.unpack_from(
        header, _PHDR.size)
    slot_key = hashlib.pbkdf2_hmac(
        "sha256", passphrase, slot_salt, slot_iterations, KEY_BYTES)
    start = sector * SECTOR
    material = header[start:start + KEY_BYTES * STRIPES]
    master = _merge(_sectors(slot_key, 0, material, encrypt=False))
    if hashlib.pbkdf2_hmac(
            "sha256", master, salt, iterations, 20) != master_digest:
        raise LuksError("the key does not open the image")
    return master


def encrypt_sectors(key: bytes, first: int, data: bytes) -> bytes:
    """Encrypt whole sectors with aes-xts-plain64, ``first`` their number."""
    return _sectors(key, first, data, encrypt=True)


def decrypt_sectors(key: bytes, first: int, data: bytes) -> bytes:
    """Undo :func:`encrypt_sectors`."""
    return _sectors(key, first, data, encrypt=False)


def _sectors(key: bytes, first: int, data: bytes, *, encrypt: bool) -> bytes:
    algorithm = algorithms.AES(key)
    out = []
    for i in range(0, len(data), SECTOR):
        tweak = (first + i // SECTOR).to_bytes(16, "little")
        cipher = Cipher(algorithm, modes.XTS(tweak))
        step = cipher.encryptor() if encrypt else cipher.decryptor()
        out.append(step.update(data[i:i + SECTOR]) + step.finalize())
    return b"".join(out)


def _split(key: bytes, random: Callable[[int], bytes]) -> bytes:
    """Spread ``key`` over stripes, so that losing any of them loses it."""
    noise = random(KEY_BYTES * (STRIPES - 1))
    return noise + _xor(key, _diffused(noise))


def _merge(stripes: bytes) -> bytes:
    return _xor(stripes[-KEY_BYTES:], _diffused(stripes[:-KEY_BYTES]))


def _diffused(stripes: bytes) -> bytes:
    mixed = bytes(KEY_BYTES)
    one, two = struct.pack(">I", 0), struct.pack(">I", 1)
    for i in range(0, len(stripes), KEY_BYTES):
        mixed = _xor(mixed, stripes[i:i + KEY_BYTES])
        mixed = (hashlib.sha256(one + mixed[:32]).digest()
                 + hashlib.sha256(two + mixed[32:]).digest())
    return mixed


def _xor(a: bytes, b: bytes) -> bytes:
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).to_bytes(
        len(a), "big")


def _name(field: bytes) -> str:
    return field.rstrip(b"\0").decode("ascii", "replace")
