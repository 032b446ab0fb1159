# SPDX-License-Identifier: Apache-2.0
"""IMA's templates: which fields an entry has, and what the kernel hashed.

In: one entry's fields, unproven.  Out: template data (the bytes that the
kernel hashed, rebuilt from an ASCII list) and :class:`FileFacts`.  Names of
templates and fields are those of the kernel's "IMA Template Management
Mechanism"; a list whose format was given on the kernel's command line names
it by its fields, ``d-ng|n-ng|sig``.

Not decided here: how entries stand in a list (``core.ima.log``).
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

from attestation_service.core.errors import MalformedEvidence

#: How the kernel writes numbers: big on s390x, for one.
Order = Literal["little", "big"]

#: The template of kernels before 3.13: a bare SHA-1 (or MD5) and a name.
LEGACY = "ima"
LEGACY_DIGEST = 20
_LEGACY_NAME = 256

# d-ng of a SHA-256 digest: its length, and what stands before the digest.
SHA256_FIELD = b"\x28\0\0\0sha256:\0"

_TEMPLATES: Mapping[str, tuple[str, ...]] = {
    LEGACY: ("d", "n"),
    "ima-ng": ("d-ng", "n-ng"),
    "ima-sig": ("d-ng", "n-ng", "sig"),
    "ima-ngv2": ("d-ngv2", "n-ng"),
    "ima-sigv2": ("d-ngv2", "n-ng", "sig"),
    "ima-buf": ("d-ng", "n-ng", "buf"),
    "ima-modsig": ("d-ng", "n-ng", "sig", "d-modsig", "modsig"),
    "evm-sig": ("d-ng", "n-ng", "evmsig", "xattrnames", "xattrlengths",
                "xattrvalues", "iuid", "igid", "imode"),
}
# How the templates begin that files are read from.
_READABLE = (("d-ng", "n-ng"), ("d-ngv2", "n-ng"))
# Sizes of the numbers that an ASCII list has in decimal.
_NUMBERS = {"iuid": 4, "igid": 4, "imode": 2}


class FileFacts(NamedTuple):
    """What an entry says of a file, key or buffer."""

    algorithm: str
    digest: bytes
    path: bytes
    # The file's signature (ima-sig) or measured buffer (ima-buf).
    signature: bytes
    buffer: bytes
    # fs-verity digests are of a Merkle tree, not of the file's contents.
    verity: bool


def fields_of(template: str) -> tuple[str, ...]:
    """Return the fields of a template, also of one named by its fields.

    :raises MalformedEvidence: we do not know it.
    """
    fields = _TEMPLATES.get(template)
    if fields is None:
        fields = tuple(template.split("|"))
        if not set(fields) <= _FROM_ASCII.keys() | _NUMBERS.keys():
            raise MalformedEvidence(
                f"IMA list: unknown template {template!r}")
    return fields


def data_from_ascii(template: str, texts: Sequence[bytes],
                    order: Order) -> bytes:
    """Rebuild what the kernel hashed from a line of an ASCII list.

    :raises MalformedEvidence: we do not know the template.
    :raises ValueError: a field is not of its form.
    """
    if template == LEGACY:
        digest, name = texts
        return legacy_data(binascii.unhexlify(digest), name)
    return b"".join([
        _sized(_from_ascii(field, text, order), order)
        for field, text in zip(fields_of(template), texts, strict=True)])


def legacy_data(digest: bytes, name: bytes) -> bytes:
    """Return what the kernel hashed for the template ``ima``.

    :raises ValueError: the digest or the name has another length.
    """
    if len(digest) != LEGACY_DIGEST or len(name) >= _LEGACY_NAME:
        raise ValueError("not an entry of the template ima")
    return digest + name.ljust(_LEGACY_NAME, b"\0")


def file_facts(template: str, data: bytes, order: Order) -> FileFacts:
    """Read what a template's data says.

    Nobody measures the name of a template, so whoever sends a list can change
    it.  It must not matter: only templates that begin alike are read.

    :raises MalformedEvidence: the template is not one of those we know or is
        not read, or its data is not of the template's form.
    """
    fields = fields_of(template)
    if fields[:2] not in _READABLE:
        raise MalformedEvidence(
            f"IMA list: nothing is believed of the template {template!r}")
    first, name, *others = _split(data, len(fields), order)
    values = dict(zip(fields[2:], others, strict=True))
    prefix, nul, digest = first.partition(b":\0")
    if not nul or name[-1:] != b"\0" or not prefix.isascii():
        raise MalformedEvidence("IMA list: template data of another form")
    kind, _, algorithm = prefix.rpartition(b":")
    return FileFacts(
        algorithm.decode("ascii"), digest, name[:-1],
        values.get("sig", b""), values.get("buf", b""), kind == b"verity")


def template_data(algorithm: str, digest: bytes, path: bytes) -> bytes:
    """Make the data of an ``ima-ng`` entry; the others begin with it."""
    prefix = algorithm.encode("ascii") + b":\0"
    return _sized(prefix + digest, "little") + _sized(path + b"\0", "little")


def _sized(field: bytes, order: Order) -> bytes:
    return len(field).to_bytes(4, order) + field


def _split(data: bytes, count: int, order: Order) -> list[bytes]:
    """Cut template data into its sized fields, with nothing left over."""
    fields, at = [], 0
    for _ in range(count):
        start = at + 4
        at = start + int.from_bytes(data[at:start], order)
        fields.append(data[start:at])
    # Also refuses lengths that point past the end.
    if at != len(data):
        raise MalformedEvidence("IMA list: template data of another length")
    return fields


def _from_ascii(field: str, text: bytes, order: Order) -> bytes:
    size = _NUMBERS.get(field)
    if size is None:
        return _FROM_ASCII[field](text)
    return _number(text, size).to_bytes(size, order) if text else b""


def _number(text: bytes, size: int) -> int:
    number = int(text)
    if number.bit_length() > 8 * size or not text.isdigit():
        raise ValueError("not a number that the kernel writes")
    return number


def _digest(text: bytes) -> bytes:
    """``sha256:HEX`` or ``ima:sha256:HEX`` -> prefix, NUL, digest."""
    prefix, colon, digest = text.rpartition(b":")
    if not colon:
        raise ValueError("a digest without an algorithm")
    return prefix + b":\0" + binascii.unhexlify(digest)


def _optional_digest(text: bytes) -> bytes:
    return _digest(text) if text else b""


def _name(text: bytes) -> bytes:
    return text + b"\0"


def _names(text: bytes) -> bytes:
    """Names of extended attributes end twice: each name, and the field."""
    return text + b"\0\0" if text else b""


_FROM_ASCII: Mapping[str, Callable[[bytes], bytes]] = {
    "d-ng": _digest,
    "d-ngv2": _digest,
    "d-modsig": _optional_digest,
    "n-ng": _name,
    "sig": binascii.unhexlify,
    "modsig": binascii.unhexlify,
    "evmsig": binascii.unhexlify,
    "buf": binascii.unhexlify,
    "xattrnames": _names,
    "xattrlengths": binascii.unhexlify,
    "xattrvalues": binascii.unhexlify,
}
