# SPDX-License-Identifier: Apache-2.0
"""Hash the files that a Debian package installs.

The md5sums in a package are too weak to be reference values, so the contents
themselves are hashed, as they stream out of the archive: nothing is written,
nothing in the package is executed.

Not decided here: whether the package is Debian's (``references``, which
compares it with a ``Packages`` index), and what maintainer scripts change
after unpacking, which no package tells.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import pathlib
import tarfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any

_MAGIC = b"!<arch>\n"
_HEADER = 60
_TRAILER = b"`\n"
_CHUNK = 2 ** 20
_CONTROL = 2 ** 20
# Of what is unpacked; the largest packages of Debian have some 2 GiB.
MOST = 2 ** 34
# Where merged-/usr has links, so that a kernel names files by other paths.
_MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32", "libo32")


class DebError(Exception):
    """The file is no package that we can read."""


@dataclass(frozen=True, slots=True)
class Package:
    """A package's name, and the digests of its files with their paths."""

    name: str
    version: str
    architecture: str
    sha256: str
    files: dict[str, list[str]]


class _Part:
    """One member of the archive, read as a file."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self._left = file, size

    def read(self, size: int = -1) -> bytes:
        if size < 0 or size > self._left:
            size = self._left
        data = self._file.read(size)
        self._left -= len(data)
        return data


def read_deb(path: str) -> Package:
    """Hash every regular file in a package.

    :raises DebError: it cannot be read, or is compressed in a way we lack.
    """
    try:
        with pathlib.Path(path).open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            return _read(file, sha256)
    except OSError as exc:
        raise DebError(f"{path}: {exc.strerror or exc}") from exc
    except (DebError, EOFError, ValueError, tarfile.TarError, zlib.error,
            lzma.LZMAError) as exc:
        raise DebError(f"{path}: {exc}") from exc


def _read(file: IO[bytes], sha256: str) -> Package:
    control: dict[str, str] | None = None
    files: dict[str, list[str]] | None = None
    for name, part in _members(file):
        if name.startswith("control.tar") and control is None:
            control = _control(name, part)
        elif name.startswith("data.tar") and files is None:
            files = _hash_all(name, part)
    if control is None or files is None:
        raise DebError("not a Debian package")
    return Package(control["Package"], control["Version"],
                   control["Architecture"], sha256, files)


def _members(file: IO[bytes]) -> Iterator[tuple[str, _Part]]:
    """Walk through an ``ar`` archive."""
    if file.read(len(_MAGIC)) != _MAGIC:
        raise DebError("not a Debian package")
    while header := file.read(_HEADER):
        size = header[48:58].strip()
        if len(header) != _HEADER or header[58:] != _TRAILER or (
                not size.isdigit()):
            raise DebError("its archive is broken")
        start = file.tell()
        yield (header[:16].decode("latin-1").strip().rstrip("/"),
               _Part(file, int(size)))
        # Members begin at even places.
        file.seek(start + int(size) + int(size) % 2)


# Not tarfile's own: in some Pythons its errors hide behind an AttributeError.
_UNPACKED: dict[str, Callable[[Any], Any]] = {
    "": lambda part: part,
    ".gz": lambda part: gzip.GzipFile(fileobj=part, mode="rb"),
    ".xz": lzma.LZMAFile,
    ".bz2": bz2.BZ2File,
}


def _open(name: str, part: _Part) -> tarfile.TarFile:
    suffix = name.partition(".tar")[2]
    if suffix not in _UNPACKED:
        raise DebError(
            f"{name} is compressed with {suffix[1:]}, which cannot be read "
            "here; unpack it with dpkg-deb and use --sha256sums")
    return tarfile.open(fileobj=_UNPACKED[suffix](part), mode="r|")


def _control(name: str, part: _Part) -> dict[str, str]:
    with _open(name, part) as archive:
        for member in archive:
            if member.name in ("control", "./control"):
                found = archive.extractfile(member)
                if found is None or member.size > _CONTROL:
                    break
                text = found.read().decode("utf-8", "replace")
                fields = dict(
                    line.split(": ", 1) for line in text.split("\n")
                    if ": " in line and not line.startswith((" ", "\t")))
                if {"Package", "Version", "Architecture"} <= fields.keys():
                    return fields
    raise DebError("it has no control file")


def _hash_all(name: str, part: _Part) -> dict[str, list[str]]:
    digests: dict[str, str] = {}
    left = MOST
    with _open(name, part) as archive:
        for member in archive:
            path = _path(member.name)
            if member.islnk():
                digests[path] = digests[_path(member.linkname)]
            elif member.isreg():
                left -= member.size
                if left < 0:
                    raise DebError(f"it unpacks to more than {MOST} bytes")
                digests[path] = _digest(archive, member)
    found: dict[str, list[str]] = defaultdict(list)
    for path, digest in sorted(digests.items()):
        found[digest] += _names(path)
    return dict(found)


def _digest(archive: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    contents = archive.extractfile(member)
    if contents is None:
        raise DebError(f"{member.name} has no contents")
    digest = hashlib.sha256()
    while chunk := contents.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _path(name: str) -> str:
    parts = [p for p in name.split("/") if p not in ("", ".")]
    if ".." in parts:
        raise DebError(f"{name!r} leads out of the package")
    return "/" + "/".join(parts)


def _names(path: str) -> list[str]:
    """Name a file also as a system with a merged /usr does."""
    if path.split("/")[1] in _MERGED:
        return [path, f"/usr{path}"]
    return [path]
