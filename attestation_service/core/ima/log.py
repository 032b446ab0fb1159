# SPDX-License-Identifier: Apache-2.0
"""Parse IMA measurement lists, ASCII or binary.

In: untrusted bytes.  Out: raw entries (the bytes of one entry each) and, from
one of those, an :class:`Entry`.  Nothing is proven by parsing.

Not decided here: whether the TPM saw an entry (``core.ima.replay``), nor
whether the file is good (``core.policy``).
"""

from __future__ import annotations

import binascii
import enum
import functools
import re
import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from attestation_service.core.errors import MalformedEvidence

# Entries are read in pieces of this many bytes, so that a long list costs
# no more memory than itself.
_CHUNK = 2 ** 18
REGISTER = 10
_REGISTER = REGISTER.to_bytes(4, "little")
_NAME_LIMIT = 255
# d-ng of a SHA-256 digest: its length, and what stands before the digest.
SHA256_FIELD = b"\x28\0\0\0sha256:\0"
_DIGEST_SIZES = (20, 32, 48, 64)

_ASCII_START = re.compile(rb"\n(?=[ 0-9][0-9] (?:[0-9a-f]{40}|[0-9a-f]{64}|"
                          rb"[0-9a-f]{96}|[0-9a-f]{128}) [^ \n]+ )")


class Format(enum.Enum):
    """How the kernel wrote the list."""

    ASCII = "ascii"
    BINARY = "binary"


class Entry(NamedTuple):
    """One entry, taken apart; unproven until it was replayed."""

    register: int
    # What the list says the template data hashes to; zero: a violation.
    claimed_hash: bytes
    template: str
    # What the kernel extended the hash of.
    data: bytes

    @property
    def violation(self) -> bool:
        """Say whether the kernel could not vouch for the file."""
        return not any(self.claimed_hash)


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


class Shape(NamedTuple):
    """How the entries of one list are written."""

    format: Format
    # Size of the template hash, 20 unless the kernel was asked for another.
    hash_size: int


BINARY = Shape(Format.BINARY, 20)


def shape(data: bytes) -> Shape:
    """Tell how a list is written from its first entry.

    :raises MalformedEvidence: it is no list at all.
    """
    if data[:1].isdigit() or data[:1] == b" ":
        digest = data[:200].lstrip(b" ").split(b" ")[1:2]
        size = len(digest[0]) // 2 if digest else 0
        if size in _DIGEST_SIZES:
            return Shape(Format.ASCII, size)
    for size in _DIGEST_SIZES:
        start = 8 + size
        length = int.from_bytes(data[4 + size:start], "little")
        name = data[start:start + length]
        if 0 < length == len(name) <= _NAME_LIMIT and _is_name(name):
            return Shape(Format.BINARY, size)
    raise MalformedEvidence("IMA list: neither an ASCII nor a binary list")


def _is_name(name: bytes) -> bool:
    return name.isascii() and name.decode("ascii").isprintable()


def chunks(data: bytes, form: Shape) -> Iterator[list[bytes]]:
    """Cut a list into raw entries, some thousands at a time.

    :raises MalformedEvidence: an entry is cut short.
    """
    if form.format is Format.ASCII:
        return _ascii_chunks(data)
    return _binary_chunks(data, form.hash_size)


def _ascii_chunks(data: bytes) -> Iterator[list[bytes]]:
    at, total = 0, len(data)
    if data[-1:] == b"\n":
        total -= 1
    while at < total:
        end = data.find(b"\n10 ", at + _CHUNK, total)
        if end < 0:
            end = total
        chunk = data[at:end]
        if chunk.count(b"\n") == chunk.count(b"\n10 "):
            yield chunk.split(b"\n")
        else:
            # Another register, or a file name with a line feed in it.
            yield _ASCII_START.split(chunk)
        at = end + 1


def _binary_chunks(data: bytes, hash_size: int) -> Iterator[list[bytes]]:
    at, total, first = 0, len(data), 0
    entries: list[bytes] = []
    # Nearly all entries have a template name as long as the last one's.
    name_size, header = 0, _header(hash_size, 0)
    while at < total:
        try:
            length, size = header.unpack_from(data, at)
            if length != name_size:
                if length > _NAME_LIMIT:
                    raise _truncated(at)
                name_size, header = length, _header(hash_size, length)
                length, size = header.unpack_from(data, at)
        except struct.error as exc:
            raise _truncated(at) from exc
        end = at + header.size + size
        if end > total:
            raise _truncated(at)
        entries.append(data[at:end])
        at = end
        if at - first > _CHUNK:
            yield entries
            entries, first = [], at
    if entries:
        yield entries


@functools.cache
def _header(hash_size: int, name_size: int) -> struct.Struct:
    """Lay out an entry up to its template data: two lengths are of use."""
    return struct.Struct(f"<{4 + hash_size}xI{name_size}xI")


def parse(raw: bytes, form: Shape) -> Entry:
    """Take one raw entry apart.

    :raises MalformedEvidence: it is not an entry of a template we know.
    """
    if form.format is Format.ASCII:
        return _parse_ascii(raw, form.hash_size)
    return _parse_binary(raw, form.hash_size)


def _parse_binary(raw: bytes, hash_size: int) -> Entry:
    start = 8 + hash_size
    length = int.from_bytes(raw[start - 4:start], "little")
    name = raw[start:start + length]
    if not _is_name(name):
        raise MalformedEvidence("IMA list: a template's name is not text")
    return Entry(int.from_bytes(raw[:4], "little"), raw[4:start - 4],
                 name.decode("ascii"), raw[start + length + 4:])


def _parse_ascii(raw: bytes, hash_size: int) -> Entry:
    """Read a line and rebuild the template data that the kernel hashed."""
    try:
        register = int(raw[:2])
        # A kernel writes no space but between fields.
        claimed, template, *texts = raw[3:].split(b" ")
        claimed_hash, name = binascii.unhexlify(claimed), template.decode()
        data = b"".join([
            _sized(_FROM_ASCII[field](text))
            for field, text in zip(_TEMPLATES[name], texts, strict=True)])
    except (KeyError, ValueError) as exc:
        raise MalformedEvidence(
            f"IMA list: cannot read the entry {raw[:80]!r}") from exc
    if len(claimed_hash) != hash_size:
        raise MalformedEvidence(
            f"IMA list: a template hash of {len(claimed_hash)} bytes")
    return Entry(register, claimed_hash, name, data)


def _sized(field: bytes) -> bytes:
    return len(field).to_bytes(4, "little") + field


def _digest_from_ascii(text: bytes) -> bytes:
    """``sha256:HEX`` or ``ima:sha256:HEX`` -> prefix, NUL, digest."""
    prefix, colon, digest = text.rpartition(b":")
    if not colon:
        raise ValueError("a digest without an algorithm")
    return prefix + b":\0" + binascii.unhexlify(digest)


def _name_from_ascii(text: bytes) -> bytes:
    return text + b"\0"


# Template -> its fields, as in the kernel's "IMA Template Management".
_TEMPLATES = {
    "ima-ng": ("d-ng", "n-ng"),
    "ima-sig": ("d-ng", "n-ng", "sig"),
    "ima-ngv2": ("d-ngv2", "n-ng"),
    "ima-sigv2": ("d-ngv2", "n-ng", "sig"),
    "ima-buf": ("d-ng", "n-ng", "buf"),
}
_FROM_ASCII: dict[str, Callable[[bytes], bytes]] = {
    "d-ng": _digest_from_ascii,
    "d-ngv2": _digest_from_ascii,
    "n-ng": _name_from_ascii,
    "sig": binascii.unhexlify,
    "buf": binascii.unhexlify,
}


def file_facts(entry: Entry) -> FileFacts:
    """Read what a template's data says.

    :raises MalformedEvidence: the template is not one of those we know, or
        its data is not of the template's form.
    """
    fields = _TEMPLATES.get(entry.template)
    if fields is None:
        raise MalformedEvidence(
            f"IMA list: unknown template {entry.template!r}")
    values = dict(zip(fields, _split(entry.data, len(fields)), strict=True))
    digest = values.get("d-ng") or values.get("d-ngv2") or b""
    prefix, nul, digest = digest.partition(b":\0")
    name = values["n-ng"]
    if not nul or name[-1:] != b"\0":
        raise MalformedEvidence("IMA list: template data of another form")
    kind, _, algorithm = prefix.rpartition(b":")
    return FileFacts(
        algorithm.decode("ascii", "replace"), digest, name[:-1],
        values.get("sig", b""), values.get("buf", b""), kind == b"verity")


def template_data(algorithm: str, digest: bytes, path: bytes) -> bytes:
    """Make the data of an ``ima-ng`` entry; the others begin with it."""
    prefix = algorithm.encode("ascii") + b":\0"
    return _sized(prefix + digest) + _sized(path + b"\0")


def _split(data: bytes, count: int) -> list[bytes]:
    """Cut template data into its sized fields, with nothing left over."""
    fields, at = [], 0
    for _ in range(count):
        start = at + 4
        at = start + int.from_bytes(data[at:start], "little")
        fields.append(data[start:at])
    # Also refuses lengths that point past the end.
    if at != len(data):
        raise MalformedEvidence("IMA list: template data of another length")
    return fields


def _truncated(at: int) -> MalformedEvidence:
    return MalformedEvidence(
        f"IMA list: the entry at offset {at} is cut short")
