# SPDX-License-Identifier: Apache-2.0
"""Encrypt a disk image on the tenant's side, before anyone else has it.

The encrypted image is made empty, then filled by ``qemu-img convert``: the
plaintext is read from where it is and written nowhere.  Zeros stay holes.

Not decided here: what is registered or uploaded (the OSC plugin).
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from nova_trusted_launch.images import qcow2, qemu

KEY_SIZE = 32
_BLOCK = 1 << 20
# Sectors that other tools take for the start of an image format.  Named by
# their content, since a file's name says nothing.
_FOREIGN = {
    b"KDMV": "a VMDK", b"# Disk DescriptorFile": "a VMDK", b"COWD": "a VMDK",
    b"conectix": "a VHD", b"vhdxfile": "a VHDX", b"QED\0": "a QED",
    b"LUKS\xba\xbe": "a LUKS",
}

# Called with the fraction that is done, 0.0 to 1.0.
Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class EncryptedImage:
    """A finished image: its place, what it holds, how to recognise it."""

    path: pathlib.Path
    size: int
    virtual_size: int
    digest: bytes


def new_key() -> bytes:
    """Draw a key for one image."""
    return secrets.token_bytes(KEY_SIZE)


def passphrase(key: bytes) -> bytes:
    """Return the LUKS passphrase that stands for ``key``: it must be text."""
    return key.hex().encode("ascii")


def encrypt(source: pathlib.Path, target: pathlib.Path, key: bytes,
            progress: Progress | None = None) -> EncryptedImage:
    """Make ``target``, the encrypted image of the disk in ``source``.

    ``target`` must not exist; it is removed again when anything fails.

    :raises ImageError: ``source`` is not a raw or qcow2 disk of its own.
    :raises QemuError: qemu-img failed.
    :raises FileExistsError: ``target`` exists.
    """
    kind, size = probe(source)
    with open(target, "x+b", opener=_private) as file:
        try:
            qcow2.create(file, size, passphrase(key), secrets.token_bytes)
            qemu.run("convert", [
                "-p", "-n", "--image-opts", qemu.options({
                    "driver": kind, "file.driver": "file",
                    "file.filename": os.path.abspath(source)}),
                "--target-image-opts",
                qemu.encrypted(os.path.abspath(target), "image")],
                secrets={"image": passphrase(key)}, progress=progress)
        except BaseException:
            os.unlink(target)
            raise
    return EncryptedImage(target, os.path.getsize(target), size,
                          digest(target))


def digest(path: pathlib.Path, progress: Progress | None = None) -> bytes:
    """Hash a file as Glance will store it."""
    total, done = os.path.getsize(path) or 1, 0
    sha256 = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            sha256.update(block)
            done += len(block)
            if progress:
                progress(done / total)
    return sha256.digest()


def probe(source: pathlib.Path) -> tuple[str, int]:
    """Find out the format (``raw`` or ``qcow2``) and the disk's size.

    :raises ImageError: another format, or an image that needs other files.
    """
    with open(source, "rb") as file:
        start = file.read(64 * 1024)
        if start.startswith(qcow2.MAGIC):
            found = qcow2.parse(file)
            if found.luks is not None:
                raise qcow2.ImageError("the image is already encrypted")
            return "qcow2", found.size
        for magic, name in _FOREIGN.items():
            if start.startswith(magic):
                raise qcow2.ImageError(
                    f"this is {name} image: convert it to raw or qcow2 first "
                    "(qemu-img convert)")
        if start[0x8001:0x8006] == b"CD001" and start[510:512] != b"\x55\xaa":
            raise qcow2.ImageError("this is a CD image, not a disk")
        size = file.seek(0, os.SEEK_END)
    if not size:
        raise qcow2.ImageError("the file is empty")
    return "raw", -(-size // 512) * 512


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
