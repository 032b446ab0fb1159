# SPDX-License-Identifier: Apache-2.0
"""Files with secrets of the service's own: nobody else may read them.

They are born whole and 0600, replaced in one step, and refused when others
could have read them.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pathlib
import stat
import tempfile
from collections.abc import Iterator

_MOST = 1024 * 1024
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class NotPrivate(Exception):
    """Others than the service can read the file, or it is no file."""


@contextlib.contextmanager
def locked(folder: pathlib.Path) -> Iterator[None]:
    """Make the folder if need be, and keep other processes out of it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC,
                   0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def read(path: pathlib.Path) -> bytes:
    """Return what is in the file.

    :raises FileNotFoundError: it is not there.
    :raises NotPrivate: group or others may open it, or it is too long.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise NotPrivate(f"{path} is no regular file")
        if found.st_mode & _OTHERS:
            raise NotPrivate(f"{path} must have mode 0600, it has "
                             f"{stat.S_IMODE(found.st_mode):04o}")
        data = file.read(_MOST + 1)
    if len(data) > _MOST:
        raise NotPrivate(f"{path} is too long")
    return data


def write(path: pathlib.Path, data: bytes) -> None:
    """Write the file, or replace it; after a crash it is the old or the new.
    """
    # mkstemp opens with O_EXCL and mode 0600.
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.",
                                        dir=path.parent)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
    _sync(path.parent)


def remove(path: pathlib.Path) -> None:
    """Remove a file that may be gone already."""
    path.unlink(missing_ok=True)
    _sync(path.parent)


def stamp(path: pathlib.Path) -> tuple[int, int, int]:
    """Return what changes whenever :func:`write` replaces the file.

    :raises FileNotFoundError: it is not there.
    """
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size


def _sync(folder: pathlib.Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
