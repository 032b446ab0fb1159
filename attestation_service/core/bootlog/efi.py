# SPDX-License-Identifier: Apache-2.0
"""Parse the UEFI structures that firmware puts into boot events.

In: bytes of an event.  Out: plain values, as trustworthy as the bytes were.
Every parser is total: a value, or :class:`MalformedEvidence`.
"""

from __future__ import annotations

import codecs
import functools
import hashlib
import struct
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography import x509

from attestation_service.core.errors import MalformedEvidence

_VARIABLE = struct.Struct("<16sQQ")
_SIGNATURE_LIST = struct.Struct("<16sIII")
_IMAGE_LOAD = struct.Struct("<QQQQ")
_DEVICE_PATH_NODE = struct.Struct("<BBH")
_GPT_HEADER = struct.Struct("<8sIIIIQQQQ16sQIIIQ")
_GPT_PARTITION = struct.Struct("<16s16sQQQ72s")
_GUID_SIZE = 16
_SHA256_SIZE = 32
_FILE_PATH = (0x04, 0x04)
_END_OF_PATH = 0x7F
# Larger signature databases are read again each time.
_REMEMBERED = 2 ** 16


def _guid(text: str) -> bytes:
    return uuid.UUID(text).bytes_le


# GUIDs are compared, so they stay the bytes that stand in events.
GLOBAL_VARIABLE = _guid("8be4df61-93ca-11d2-aa0d-00e098032b8c")
SECURITY_DATABASE = _guid("d719b2cb-3d3a-4596-a3bc-dad00e67656f")
SHIM_LOCK = _guid("605dab50-e046-4300-abb6-3dd810dd8b23")
X509 = _guid("a5c059a1-94e4-4aa7-87b5-ab155c2bf072")
SHA256 = _guid("c1c41626-504c-4092-aca9-41f936934328")


def text(data: bytes) -> str:
    """Decode UTF-16 for people to read; ends at the first NUL."""
    # As bytes.decode(), which looks a codec of this name up in Python.
    decoded, _size = codecs.utf_16_le_decode(data, "replace", True)
    return decoded.partition("\0")[0]


@dataclass(frozen=True, slots=True)
class Variable:
    """UEFI_VARIABLE_DATA: an EFI variable and its contents."""

    vendor: bytes
    name: str
    data: bytes

    @classmethod
    def parse(cls, data: bytes) -> Variable:
        """Read it; a few zero bytes may follow, as from old shims."""
        try:
            vendor, characters, size = _VARIABLE.unpack_from(data)
        except struct.error as exc:
            raise MalformedEvidence("EFI variable: cut short") from exc
        name_end = _VARIABLE.size + 2 * characters
        end = name_end + size
        if not end <= len(data) < end + 8 or any(data[end:]):
            raise MalformedEvidence("EFI variable: its lengths do not add up")
        return cls(vendor, text(data[_VARIABLE.size:name_end]),
                   data[name_end:end])


@dataclass(frozen=True, slots=True)
class Signature:
    """One entry of a signature database: a certificate or a digest."""

    kind: bytes
    owner: bytes | None
    data: bytes

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of a certificate, or the digest that is listed."""
        if self.kind == X509:
            return hashlib.sha256(self.data).hexdigest()
        return self.data.hex()

    @property
    def subject(self) -> str | None:
        """Whose certificate this is; None for digests and broken ones."""
        if self.kind != X509:
            return None
        try:
            certificate = x509.load_der_x509_certificate(self.data)
            return certificate.subject.rfc4514_string()
        except ValueError:
            # Real databases hold certificates no strict parser accepts.
            return None


def signature_database(data: bytes) -> tuple[Signature, ...]:
    """Read consecutive EFI_SIGNATURE_LISTs."""
    if len(data) > _REMEMBERED:
        return tuple(_signatures(data))
    return _remembered_database(data)


@functools.lru_cache(maxsize=256)  # a fleet has few different databases
def _remembered_database(data: bytes) -> tuple[Signature, ...]:
    return tuple(_signatures(data))


def _signatures(data: bytes) -> Iterator[Signature]:
    at = 0
    while at < len(data):
        try:
            kind, size, header, each = _SIGNATURE_LIST.unpack_from(data, at)
        except struct.error as exc:
            raise MalformedEvidence("signature list: cut short") from exc
        start = at + _SIGNATURE_LIST.size + header
        end = at + size
        if each < _GUID_SIZE or not start <= end <= len(data):
            raise MalformedEvidence("signature list: its sizes are wrong")
        if (end - start) % each:
            raise MalformedEvidence("signature list: part of an entry")
        for entry in range(start, end, each):
            owner = data[entry:entry + _GUID_SIZE]
            yield Signature(kind, owner,
                            data[entry + _GUID_SIZE:entry + each])
        at = end


def authority(data: bytes) -> Signature | None:
    """Read what a variable-authority event names; None: no signature.

    The specification wants an EFI_SIGNATURE_DATA (owner, then certificate or
    digest).  Shim before 15.3 leaves the owner out.
    """
    if _is_certificate(data):
        return Signature(X509, None, data)
    owner, rest = data[:_GUID_SIZE], data[_GUID_SIZE:]
    if _is_certificate(rest):
        return Signature(X509, owner, rest)
    if len(rest) == _SHA256_SIZE:
        return Signature(SHA256, owner, rest)
    return None


def _is_certificate(data: bytes) -> bool:
    """Say whether this is one DER SEQUENCE of a certificate's size."""
    return data[:2] == b"\x30\x82" and (
        int.from_bytes(data[2:4], "big") + 4 == len(data))


def image_path(data: bytes) -> str | None:
    """Read the file name in a UEFI_IMAGE_LOAD_EVENT's device path.

    It is a hint: the event's digest covers the image and not this.  None
    when the image was not loaded from a file or the path is unreadable.
    """
    try:
        *_, size = _IMAGE_LOAD.unpack_from(data)
    except struct.error:
        return None
    at, end, names = _IMAGE_LOAD.size, _IMAGE_LOAD.size + size, []
    while at + _DEVICE_PATH_NODE.size <= min(end, len(data)):
        major, minor, length = _DEVICE_PATH_NODE.unpack_from(data, at)
        if major == _END_OF_PATH or length < _DEVICE_PATH_NODE.size:
            break
        if (major, minor) == _FILE_PATH:
            names.append(text(data[at + _DEVICE_PATH_NODE.size:at + length]))
        at += length
    return "".join(names) or None


@dataclass(frozen=True, slots=True)
class Partition:
    """One entry of a GPT."""

    type: bytes
    id: bytes
    first_lba: int
    last_lba: int
    name: str


@dataclass(frozen=True, slots=True)
class PartitionTable:
    """UEFI_GPT_DATA: the partition table of the disk booted from."""

    disk: bytes
    partitions: tuple[Partition, ...]

    @classmethod
    def parse(cls, data: bytes) -> PartitionTable:
        """Read the header and the used entries."""
        try:
            fields = _GPT_HEADER.unpack_from(data)
        except struct.error as exc:
            raise MalformedEvidence("GPT event: cut short") from exc
        entries = data[_GPT_HEADER.size:]
        signature, disk, each, count = (
            fields[0], fields[9], fields[12], fields[14])
        if signature != b"EFI PART" or each < _GPT_PARTITION.size or (
                each * count > len(entries)):
            raise MalformedEvidence("GPT event: not a partition table")
        return cls(disk, tuple(
            _partition(entries[i * each:(i + 1) * each])
            for i in range(count)))


def _partition(entry: bytes) -> Partition:
    kind, own, first, last, _attributes, name = (
        _GPT_PARTITION.unpack_from(entry))
    return Partition(kind, own, first, last, text(name))
