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
import hashlib
import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from attestation_service.core.errors import MalformedEvidence
from attestation_service.core.ima import templates
from attestation_service.core.ima.templates import (
    LEGACY,
    LEGACY_DIGEST,
    FileFacts,
    Order,
)

# Entries are read in pieces of this many bytes, so that a long list costs
# no more memory than itself.
_CHUNK = 2 ** 18
REGISTER = 10
_NAME_LIMIT = 255
# Size of a template hash -> its algorithm.
TEMPLATE_HASHES = {20: "sha1", 32: "sha256", 48: "sha384", 64: "sha512"}
_LEGACY = LEGACY.encode()

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
    order: Order = "little"

    @property
    def violation(self) -> bool:
        """Say whether the kernel could not vouch for the file."""
        return not any(self.claimed_hash)


class Shape(NamedTuple):
    """How the entries of one list are written."""

    format: Format
    # Size of the template hash, 20 unless the kernel was asked for another.
    hash_size: int
    # How the host's kernel writes numbers.
    order: Order = "little"


BINARY = Shape(Format.BINARY, 20)
_ORDERS: tuple[Order, ...] = ("little", "big")


def shape(data: bytes) -> Shape:
    """Tell how a list is written from its first entry.

    :raises MalformedEvidence: it is no list at all.
    """
    if data[:1].isdigit() or data[:1] == b" ":
        digest = data[:200].lstrip(b" ").split(b" ")[1:2]
        size = len(digest[0]) // 2 if digest else 0
        if size in TEMPLATE_HASHES:
            return Shape(Format.ASCII, size, _ascii_order(data, size))
    for order in _ORDERS:
        for size in TEMPLATE_HASHES:
            start = 8 + size
            length = int.from_bytes(data[4 + size:start], order)
            name = data[start:start + length]
            if 0 < length == len(name) <= _NAME_LIMIT and _is_name(name):
                return Shape(Format.BINARY, size, order)
    raise MalformedEvidence("IMA list: neither an ASCII nor a binary list")


def _ascii_order(data: bytes, size: int) -> Order:
    """Tell the order of numbers, which an ASCII list does not show.

    By the order in which the first entry hashes to the hash beside it.
    """
    form = Shape(Format.ASCII, size)
    first = next(iter(_ascii_chunks(data[:_CHUNK])))[0]
    for order in _ORDERS:
        try:
            entry = _parse_ascii(first, form._replace(order=order))
        except MalformedEvidence:
            break
        found = hashlib.new(TEMPLATE_HASHES[size], entry.data).digest()
        if found == entry.claimed_hash:
            return order
    return "little"


def _is_name(name: bytes) -> bool:
    return name.isascii() and name.decode("ascii").isprintable()


def chunks(data: bytes, form: Shape) -> Iterator[list[bytes]]:
    """Cut a list into raw entries, some thousands at a time.

    :raises MalformedEvidence: an entry is cut short.
    """
    if form.format is Format.ASCII:
        return _ascii_chunks(data)
    return _binary_chunks(data, form)


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


def _binary_chunks(data: bytes, form: Shape) -> Iterator[list[bytes]]:
    at, start, total = 0, 0, len(data)
    # Nearly all entries have a template name as long as the last one's.
    name_size, header = 0, _header(form, 0)
    unpack, fixed, legacy = header.unpack_from, header.size, False
    while at < total:
        entries: list[bytes] = []
        stop = min(at + _CHUNK, total)
        while at < stop:
            try:
                length, size = unpack(data, at)
                if length != name_size:
                    if length > _NAME_LIMIT:
                        raise _truncated(at)
                    name_size, header = length, _header(form, length)
                    unpack, fixed = header.unpack_from, header.size
                    legacy = length == len(_LEGACY)
                    length, size = unpack(data, at)
            except struct.error as exc:
                raise _truncated(at) from exc
            start, at = at, at + fixed + size
            if legacy:
                at = _legacy_end(data, start, form) or at
            entries.append(data[start:at])
        # Only the last of them can have reached past the end.
        if at > total:
            raise _truncated(start)
        yield entries


@functools.cache
def _header(form: Shape, name_size: int) -> struct.Struct:
    """Lay out an entry up to its template data: two lengths are of use."""
    order = "<" if form.order == "little" else ">"
    return struct.Struct(f"{order}{4 + form.hash_size}xI{name_size}xI")


def _legacy_end(data: bytes, at: int, form: Shape) -> int | None:
    """Say where an entry of the template ``ima`` ends; None: it is another.

    It does not say how long it is, only how long its file's name is.
    """
    start = at + 8 + form.hash_size
    name = start + len(_LEGACY)
    if data[start:name] != _LEGACY:
        return None
    length = name + LEGACY_DIGEST
    return length + 4 + int.from_bytes(data[length:length + 4], form.order)


def parse(raw: bytes, form: Shape) -> Entry:
    """Take one raw entry apart.

    :raises MalformedEvidence: it is not an entry of a template we know.
    """
    if form.format is Format.ASCII:
        return _parse_ascii(raw, form)
    return _parse_binary(raw, form)


def _parse_binary(raw: bytes, form: Shape) -> Entry:
    start = 8 + form.hash_size
    length = int.from_bytes(raw[start - 4:start], form.order)
    name, rest = raw[start:start + length], raw[start + length:]
    if not _is_name(name):
        raise MalformedEvidence("IMA list: a template's name is not text")
    data = rest[4:]
    if name == _LEGACY:
        try:
            data = templates.legacy_data(rest[:LEGACY_DIGEST],
                                         rest[LEGACY_DIGEST + 4:])
        except ValueError as exc:
            raise _unreadable(raw) from exc
    return Entry(int.from_bytes(raw[:4], form.order), raw[4:start - 4],
                 name.decode("ascii"), data, form.order)


def _parse_ascii(raw: bytes, form: Shape) -> Entry:
    """Read a line and rebuild the template data that the kernel hashed."""
    try:
        register = int(raw[:2])
        # A kernel writes no space but between fields.
        claimed, template, *texts = raw[3:].split(b" ")
        claimed_hash, name = binascii.unhexlify(claimed), template.decode()
        data = templates.data_from_ascii(name, texts, form.order)
    except ValueError as exc:
        raise _unreadable(raw) from exc
    if len(claimed_hash) != form.hash_size:
        raise MalformedEvidence(
            f"IMA list: a template hash of {len(claimed_hash)} bytes")
    return Entry(register, claimed_hash, name, data, form.order)


def _unreadable(raw: bytes) -> MalformedEvidence:
    return MalformedEvidence(f"IMA list: cannot read the entry {raw[:80]!r}")


def file_facts(entry: Entry) -> FileFacts:
    """Read what an entry says of a file.

    :raises MalformedEvidence: its template is not one of those we know, or
        its data is not of the template's form.
    """
    return templates.file_facts(entry.template, entry.data, entry.order)


def _truncated(at: int) -> MalformedEvidence:
    return MalformedEvidence(
        f"IMA list: the entry at offset {at} is cut short")
