# SPDX-License-Identifier: Apache-2.0
"""Write encrypted qcow2 files, and judge those of others.

In: the bytes of an image nobody vouches for.  Out: :class:`Qcow2`, or
:class:`ImageError`.  The parser knows every field that names another file and
refuses every feature it does not know, so nothing is left that QEMU could
follow elsewhere.

Structures: "Header", "Header extensions" and "Full disk encryption header
pointer" of QEMU's qcow2 specification.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from nova_trusted_launch.images import luks

MAGIC = b"QFI\xfb"
CLUSTER_BITS = 16
CLUSTER = 1 << CLUSTER_BITS

_HEADER = struct.Struct(">4sIQIIQIIQQIIQQQQII")
_EXTENSION = struct.Struct(">II")
_BACKING_FORMAT = 0xE2792ACA
_FEATURE_NAMES = 0x6803F857
_BITMAPS = 0x23852875
_ENCRYPTION = 0x0537BE77
_DATA_FILE = 0x44415441
_CRYPT_LUKS = 2
# Dirty, corrupt, external data file, compression type, extended L2.
_DIRTY, _CORRUPT, _EXTERNAL, _COMPRESSION, _EXTENDED = (
    1 << i for i in range(5))
_KNOWN_FEATURES = _COMPRESSION | _EXTENDED
_L2_COVERS = CLUSTER * (CLUSTER // 8)
_REFCOUNTS_PER_BLOCK = CLUSTER // 2


class ImageError(ValueError):
    """The image is not acceptable; the text says why."""


@dataclass(frozen=True, slots=True)
class Qcow2:
    """The header of a self-contained qcow2 image."""

    size: int
    luks: luks.LuksHeader | None
    backing: str | None = None


def parse(file: BinaryIO, *, backing: bool = False) -> Qcow2:
    """Read a qcow2 header; ``backing`` allows a backing file (own disks).

    :raises ImageError: not qcow2, another file is referred to, a feature is
        unknown, or the encryption is not LUKS.
    """
    fixed = _at(file, 0, _HEADER.size)
    (magic, version, backing_offset, backing_size, cluster_bits, size,
     crypt_method, *rest) = _HEADER.unpack(fixed)
    snapshots, incompatible, length = rest[4], rest[6], rest[-1]
    if magic != MAGIC:
        raise ImageError("not a qcow2 image")
    if version != 3:
        raise ImageError(f"qcow2 version {version}; version 3 is needed")
    if not 9 <= cluster_bits <= 21 or not 104 <= length <= 1024:
        raise ImageError("the qcow2 header is malformed")
    if incompatible & ~_KNOWN_FEATURES:
        raise ImageError(_feature(incompatible))
    if snapshots:
        raise ImageError("the image has internal snapshots")
    if backing_offset and not backing:
        raise ImageError("the image has a backing file")
    if crypt_method not in (0, _CRYPT_LUKS):
        raise ImageError("the image has an encryption that is not LUKS")
    extensions = _extensions(
        file, length, backing_offset or (1 << cluster_bits))
    if _DATA_FILE in extensions:
        raise ImageError("the image has an external data file")
    header = None
    if crypt_method == _CRYPT_LUKS:
        header = _luks(file, extensions)
    elif _ENCRYPTION in extensions:
        raise ImageError("the image contradicts itself about encryption")
    name = (_at(file, backing_offset, backing_size).decode("utf-8", "replace")
            if backing_offset and backing_size <= 1023 else None)
    return Qcow2(size, header, name)


def create(file: BinaryIO, size: int, passphrase: bytes,
           random: Callable[[int], bytes], *,
           backing: tuple[str, str] | None = None) -> None:
    """Write an empty encrypted image of ``size`` bytes into an empty file.

    ``backing`` is the path and the format of the image below.  The cost does
    not depend on any size.
    """
    if size <= 0 or size % luks.SECTOR:
        raise ImageError(f"{size} bytes are not a whole number of sectors")
    crypto_clusters = -(-luks.HEADER_SIZE // CLUSTER)
    l1_entries = -(-size // _L2_COVERS)
    l1_clusters = -(-l1_entries * 8 // CLUSTER)
    crypto_at, l1_at = 3 * CLUSTER, (3 + crypto_clusters) * CLUSTER
    clusters = 3 + crypto_clusters + l1_clusters
    if clusters > _REFCOUNTS_PER_BLOCK:
        raise ImageError(f"{size} bytes are too large for a disk")
    extensions, tail = b"", b""
    if backing:
        tail = backing[0].encode("utf-8")
        if len(tail) > 1023:
            raise ImageError("the path of the image below is too long")
        extensions += _extension(_BACKING_FORMAT, backing[1].encode("ascii"))
    extensions += _extension(
        _ENCRYPTION, struct.pack(">QQ", crypto_at, luks.HEADER_SIZE))
    extensions += _extension(0, b"")
    backing_at = _HEADER.size + len(extensions) if backing else 0
    file.write(_HEADER.pack(
        MAGIC, 3, backing_at, len(tail), CLUSTER_BITS, size, _CRYPT_LUKS,
        l1_entries, l1_at, CLUSTER, 1, 0, 0, 0, 0, 0, 4, _HEADER.size)
        + extensions + tail)
    file.seek(CLUSTER)
    file.write(struct.pack(">Q", 2 * CLUSTER))
    file.seek(2 * CLUSTER)
    file.write(struct.pack(">H", 1) * clusters)
    file.seek(crypto_at)
    file.write(luks.make_header(passphrase, random))
    file.flush()
    os.ftruncate(file.fileno(), clusters * CLUSTER)


def _feature(incompatible: int) -> str:
    if incompatible & _EXTERNAL:
        return "the image has an external data file"
    if incompatible & (_DIRTY | _CORRUPT):
        return "the image was not closed properly or is corrupt"
    return f"the image has unknown features ({incompatible:#x})"


def _extensions(file: BinaryIO, at: int, end: int) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while at + _EXTENSION.size <= end:
        kind, size = _EXTENSION.unpack(_at(file, at, _EXTENSION.size))
        if not kind:
            return found
        at += _EXTENSION.size
        if size > end - at or kind in found:
            raise ImageError("a qcow2 header extension is malformed")
        if kind not in (_BACKING_FORMAT, _FEATURE_NAMES, _BITMAPS,
                        _ENCRYPTION, _DATA_FILE):
            raise ImageError(f"unknown qcow2 extension {kind:#010x}")
        found[kind] = _at(file, at, size)
        at += -(-size // 8) * 8
    return found


def _luks(file: BinaryIO, extensions: dict[int, bytes]) -> luks.LuksHeader:
    pointer = extensions.get(_ENCRYPTION, b"")
    if len(pointer) != 16:
        raise ImageError("the encryption header is missing")
    offset, _ = struct.unpack(">QQ", pointer)
    try:
        return luks.LuksHeader.parse(_at(file, offset, 1024))
    except luks.LuksError as exc:
        raise ImageError(str(exc)) from exc


def _extension(kind: int, data: bytes) -> bytes:
    return _EXTENSION.pack(kind, len(data)) + data.ljust(
        -(-len(data) // 8) * 8, b"\0")


def _at(file: BinaryIO, offset: int, size: int) -> bytes:
    try:
        file.seek(offset)
        data = file.read(size)
    except (OSError, OverflowError, ValueError) as exc:
        raise ImageError("the qcow2 header is malformed") from exc
    if len(data) != size:
        raise ImageError("the image is cut short")
    return data
