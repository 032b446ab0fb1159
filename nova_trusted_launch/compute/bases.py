# SPDX-License-Identifier: Apache-2.0
"""The images below trusted disks: fetched as they are, digest and format
verified.

In: bytes from Glance or from the image cache, which anybody may have changed.
Out: a :class:`Base`, whose bytes hash to what the service said and whose
header refers to nothing else.

A file that was verified is remembered by its inode and change time, so later
launches do not read it again; any write to it is noticed.

Not decided here: which digest is right (the service).
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nova import utils
from nova.compute import utils as compute_utils
from nova.virt.libvirt import imagecache as cache_names
from oslo_log import log as logging
from oslo_utils import fileutils

import nova.conf
import nova.privsep.path as privsep_path
from nova_trusted_launch.compute.refusal import TrustedLaunchRefused
from nova_trusted_launch.images import qcow2
from nova_trusted_launch.wire.codes import Code

CONF = nova.conf.CONF
LOG = logging.getLogger(__name__)
# Nova's own cache may hold a converted copy of the same image.
SUFFIX = "_trusted"
_BLOCK = 1 << 20
_SECTOR = 512


@dataclass(frozen=True, slots=True)
class Base:
    """A verified image in the cache."""

    path: str
    format: str
    size: int
    encrypted: bool
    digest: bytes


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an image has to be.

    ``digest`` None: no one registered it; the host's own hash is logged.
    """

    image_id: str
    digest: bytes | None
    encrypted: bool
    declared_format: str | None = None


def cache_dir() -> str:
    """Return the folder of Nova's image cache."""
    return os.path.join(CONF.instances_path,
                        CONF.image_cache.subdirectory_name)


def path_of(image_id: str) -> str:
    """Return where the unchanged bytes of an image are cached."""
    return os.path.join(
        cache_dir(), cache_names.get_cache_fname(image_id) + SUFFIX)


class Bases:
    """The verified part of the image cache."""

    def __init__(self, image_api: Any, max_iterations: int) -> None:
        self._image_api = image_api
        self._max_iterations = max_iterations
        self._lock = threading.Lock()
        self._verified: dict[str, tuple[tuple[int, ...], bytes]] = {}

    def ensure(self, context: Any, wanted: Wanted, trusted_certs: Any = None,
               copy: Callable[..., None] | None = None) -> Base:
        """Return the image, fetched if it is not there.

        ``copy(target=path)`` brings it from another host instead of Glance.

        Checks, in this order:

        1. the bytes hash to the digest that is wanted;
        2. the format is what it has to be, and names no other file;
        3. opening its encryption costs no more than is allowed.

        :raises TrustedLaunchRefused: one of them failed.
        """
        path = path_of(wanted.image_id)
        name = os.path.basename(path)

        @utils.synchronized(name, external=True, lock_path=os.path.join(
            CONF.instances_path, "locks"))
        def ensured() -> Base:
            if not os.path.exists(path) and copy is not None:
                fileutils.ensure_tree(os.path.dirname(path))
                copy(target=path)
            if os.path.exists(path):
                digest = self._known_digest(path)
            else:
                digest = self._fetch(context, wanted, path, trusted_certs)
            _compare(digest, wanted, path)
            return self._judged(path, wanted, digest)

        return ensured()

    def prefetch(self, context: Any, image_id: str) -> bool:
        """Fetch an image ahead of its use; say whether it was missing.

        Nothing is believed of it: the first launch compares its digest.
        """
        path = path_of(image_id)
        if os.path.exists(path):
            return False
        self._fetch(context, Wanted(image_id, None, False), path, None)
        return True

    def _known_digest(self, path: str) -> bytes:
        with open(path, "rb") as file:
            before = _identity(file)
            with self._lock:
                known = self._verified.get(path)
            if known is None or known[0] != before:
                LOG.info("Hashing %s: it is new or has changed", path)
                known = before, _hash(file)
            if _identity(file) != before:
                raise TrustedLaunchRefused(
                    Code.IMAGE_CHANGED, f"{path} is being written to")
            # Used now: the cache must not take it for forgotten.  This
            # changes the change time, so it is remembered anew.
            _touch(path)
            with self._lock:
                self._verified[path] = _identity(file), known[1]
        return known[1]

    def _fetch(self, context: Any, wanted: Wanted, path: str,
               trusted_certs: Any) -> bytes:
        """Stream the image into the cache as it is, hashing on the way."""
        fileutils.ensure_tree(os.path.dirname(path))
        part = path + ".part"
        sha256 = hashlib.sha256()
        with compute_utils.disk_ops_semaphore, \
                fileutils.remove_path_on_error(part):
            with open(part, "wb") as file:
                chunks = self._image_api.download(
                    context, wanted.image_id, trusted_certs=trusted_certs)
                for chunk in chunks:
                    sha256.update(chunk)
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            digest = sha256.digest()
            _compare(digest, wanted, f"image {wanted.image_id}")
            os.rename(part, path)
        with open(path, "rb") as file, self._lock:
            self._verified[path] = _identity(file), digest
        return digest

    def _judged(self, path: str, wanted: Wanted, digest: bytes) -> Base:
        with open(path, "rb") as file:
            magic = file.read(4)
            if magic != qcow2.MAGIC:
                return _raw(path, wanted, digest)
            try:
                found = qcow2.parse(file)
            except qcow2.ImageError as exc:
                raise TrustedLaunchRefused(
                    Code.IMAGE_REFUSED, str(exc)) from exc
        if wanted.declared_format not in (None, "qcow2"):
            raise _refused(f"the image is qcow2, but is declared "
                           f"{wanted.declared_format}")
        if wanted.encrypted != (found.luks is not None):
            raise _refused(
                "the image is not encrypted, although it has a key"
                if wanted.encrypted
                else "the image is encrypted, but names no key")
        if (found.luks is not None
                and found.luks.opening_cost > self._max_iterations):
            raise _refused(
                f"opening the image costs {found.luks.opening_cost} PBKDF2 "
                f"iterations, at most {self._max_iterations} are allowed")
        return Base(path, "qcow2", found.size, found.luks is not None, digest)


def _raw(path: str, wanted: Wanted, digest: bytes) -> Base:
    if wanted.encrypted:
        raise _refused("the image is not an encrypted qcow2 image")
    if wanted.declared_format != "raw":
        raise _refused(f"the image is declared {wanted.declared_format}; "
                       "only qcow2 and raw disks are launched trusted")
    size = os.path.getsize(path)
    return Base(path, "raw", -(-size // _SECTOR) * _SECTOR, False, digest)


def _compare(digest: bytes, wanted: Wanted, what: str) -> None:
    if wanted.digest is None:
        if wanted.encrypted:
            raise TrustedLaunchRefused(
                Code.IMAGE_REFUSED,
                "no digest is registered for the encrypted image")
        LOG.info("No digest is registered for image %s; it has %s",
                 wanted.image_id, digest.hex())
    elif not hmac.compare_digest(digest, wanted.digest):
        LOG.error("%s has digest %s, registered is %s", what, digest.hex(),
                  wanted.digest.hex())
        raise TrustedLaunchRefused(
            Code.IMAGE_CHANGED,
            f"the image's digest is {digest.hex()[:16]}..., not "
            f"{wanted.digest.hex()[:16]}...")


def _identity(file: Any) -> tuple[int, ...]:
    found = os.fstat(file.fileno())
    return (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns,
            found.st_ctime_ns)


def _hash(file: Any) -> bytes:
    sha256 = hashlib.sha256()
    for block in iter(functools.partial(file.read, _BLOCK), b""):
        sha256.update(block)
    return sha256.digest()


def _refused(detail: str) -> TrustedLaunchRefused:
    return TrustedLaunchRefused(Code.IMAGE_REFUSED, detail)


def _touch(path: str) -> None:
    # libvirt hands a running guest's files to QEMU's user, its base too.
    try:
        os.utime(path)
    except PermissionError:
        privsep_path.utime(path)
