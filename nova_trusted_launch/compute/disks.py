# SPDX-License-Identifier: Apache-2.0
"""The disks of trusted instances: encrypted layers over verified images.

A root disk is an empty LUKS qcow2 file with the instance's own key over the
image in the cache; whatever the image's size, making it costs some tens of
milliseconds.  Ephemeral and swap disks are made the same way over Nova's
templates, which hold nothing of the tenant's.  Nothing is decrypted onto
storage.
"""

from __future__ import annotations

import os
import secrets
import time
from typing import Any

from lxml import etree
from nova import exception, utils
from nova.virt.libvirt import config as vconfig
from nova.virt.libvirt import imagebackend
from oslo_log import log as logging
from oslo_utils import fileutils

from nova_trusted_launch.compute.bases import Base, Bases, Wanted
from nova_trusted_launch.compute.bases import cache_dir
from nova_trusted_launch.compute.configdrive import DRIVE, RESCUE_DRIVE
from nova_trusted_launch.compute.refusal import TrustedLaunchRefused
from nova_trusted_launch.compute.secrets import DISK, IMAGE, uuid_of
from nova_trusted_launch.compute.session import Session, Sessions
from nova_trusted_launch.images import qcow2, qemu
from nova_trusted_launch.wire.codes import Code

LOG = logging.getLogger(__name__)
ROOT, RESCUE = "disk", "disk.rescue"


class LayeredDisk(vconfig.LibvirtConfigGuestDisk):
    """A disk whose layers each have their own format and key.

    Nova never writes ``<backingStore>``; libvirt would then probe the layer
    below and find no key for it.
    """

    def __init__(self, info: vconfig.LibvirtConfigGuestDisk,
                 own_secret: str, below: tuple[str, str, str | None]) -> None:
        super().__init__()
        self.__dict__.update(info.__dict__)
        self.ephemeral_encryption = _encryption(own_secret)
        self._below = below

    def format_dom(self) -> Any:
        """Write the disk with the chain of its layers."""
        path, kind, secret = self._below
        disk = super().format_dom()
        store = etree.SubElement(disk, "backingStore", type="file")
        etree.SubElement(store, "format", type=kind)
        source = etree.SubElement(store, "source", file=path)
        if secret is not None:
            source.append(_encryption(secret).format_dom())
        # The end of the chain: nothing is probed below it.
        etree.SubElement(store, "backingStore")
        return disk


class TrustedDisk(imagebackend.Qcow2):
    """A local disk of a trusted instance.

    Without an open session it can be described and measured, not made.
    """

    def __init__(self, instance: Any = None, disk_name: str | None = None,
                 disk_info_mapping: Any = None, *, bases: Bases,
                 session: Session | None) -> None:
        self._instance = instance
        self._role = os.path.basename(disk_name or "")
        self._bases = bases
        self._session = session
        super().__init__(instance=instance, disk_name=disk_name,
                         disk_info_mapping=disk_info_mapping)

    def resolve_driver_format(self) -> str:
        """Say what it always is; Nova would look, and note it on disk."""
        return self.driver_format

    def libvirt_info(self, *args: Any, **kwargs: Any) -> LayeredDisk:
        """Describe the disk and the layer below it, with their secrets."""
        info = super().libvirt_info(*args, **kwargs)
        with open(self.path, "rb") as file:
            below = qcow2.parse(file, backing=True).backing or ""
        kind, encrypted = _kind(below)
        return LayeredDisk(
            info, uuid_of(self._instance.uuid, DISK),
            (below, kind, uuid_of(self._instance.uuid, IMAGE)
             if encrypted else None))

    def cache(self, fetch_func: Any, filename: str, size: int | None = None,
              safe: bool = False, *args: Any, **kwargs: Any) -> None:
        """Verify or make what lies below, then the encrypted layer."""
        if self._role in (ROOT, RESCUE):
            base = self.base(
                kwargs.get("context"),
                kwargs.get("image_id") or self._instance.image_ref,
                kwargs.get("trusted_certs"),
                # Without a context Nova offers to copy it from a host.
                None if "context" in kwargs else fetch_func)
            self._lay_over(base.path, base.format, base.size, size)
            return
        if not self._role.startswith(("disk.local", "disk.eph", "disk.swap")):
            raise TrustedLaunchRefused(
                Code.PATH_REFUSED, f"{self._role} is not supported")
        template = os.path.join(cache_dir(), filename)

        @utils.synchronized(filename, external=True, lock_path=self.lock_path)
        def templated() -> None:
            if not os.path.exists(template):
                fileutils.ensure_tree(os.path.dirname(template))
                with fileutils.remove_path_on_error(template):
                    fetch_func(*args, target=template, **kwargs)

        templated()
        self._lay_over(template, "raw", os.path.getsize(template), size)

    def base(self, context: Any, image_id: str, trusted_certs: Any = None,
             copy: Any = None) -> Base:
        """Return the verified image below the root disk.

        :raises TrustedLaunchRefused: it is not the image that was released.
        """
        session = self._keys()
        if image_id != self._instance.image_ref:
            raise TrustedLaunchRefused(
                Code.IMAGE_REFUSED, "another image than the instance's own "
                "is not verified")
        return self._bases.ensure(context, Wanted(
            image_id, session.keys.image_digest,
            session.image_passphrase is not None,
            self._instance.system_metadata.get("image_disk_format")),
            trusted_certs, copy)

    def resize_image(self, size: int) -> None:
        """Grow the disk; its keys are needed for that."""
        qemu.run("resize", ["--image-opts", _own_layer(self.path),
                            str(size)],
                 secrets={"disk": self._keys().disk_passphrase})

    def _lay_over(self, base: str, kind: str, base_size: int,
                  size: int | None) -> None:
        if size and size < base_size:
            raise exception.FlavorDiskSmallerThanImage(
                flavor_size=size, image_size=base_size)
        wanted = max(size or 0, base_size)
        if not os.path.exists(self.path):
            began = time.monotonic()
            part = self.path + ".part"
            with open(part, "w+b") as file:
                qcow2.create(file, wanted, self._keys().disk_passphrase,
                             secrets.token_bytes, backing=(base, kind))
                os.fsync(file.fileno())
            os.rename(part, self.path)
            LOG.info("Encrypted %s made in %.2f s", self._role,
                     time.monotonic() - began, instance=self._instance)
            return
        with open(self.path, "rb") as file:
            found = qcow2.parse(file, backing=True)
        if found.luks is None or found.backing != base:
            raise TrustedLaunchRefused(
                Code.IMAGE_REFUSED, f"{self.path} is not the encrypted disk "
                "that was made for this instance")
        if found.size < wanted:
            self.resize_image(wanted)

    def _keys(self) -> Session:
        if self._session is None:
            raise TrustedLaunchRefused(
                Code.PATH_REFUSED, "the keys of the instance's disks were "
                "not released for this operation")
        return self._session


class PrivateConfigDrive(imagebackend.Flat):
    """A config drive that is in memory only."""

    def __init__(self, path: str, disk_info_mapping: Any = None) -> None:
        super().__init__(disk_name=DRIVE, path=path,
                         disk_info_mapping=disk_info_mapping)

    def correct_format(self) -> None:
        """Keep to raw; Nova would look, and leave a note beside it."""
        self.driver_format = "raw"


class TrustedBackend(imagebackend.Backend):
    """Nova's backend, except for the disks of trusted instances."""

    def __init__(self, use_cow: bool, *, bases: Bases, sessions: Sessions,
                 trusted: Any, private_path: Any) -> None:
        super().__init__(use_cow)
        self._bases = bases
        self._sessions = sessions
        self._trusted = trusted
        self._private_path = private_path

    def by_name(self, instance: Any, name: str,
                image_type: str | None = None,
                disk_info_mapping: Any = None) -> imagebackend.Image:
        """Return the disk of that name."""
        session = self._sessions.find(instance.uuid)
        if session is None and not self._trusted(instance):
            return super().by_name(instance, name, image_type,
                                   disk_info_mapping)
        if name in (DRIVE, RESCUE_DRIVE):
            return PrivateConfigDrive(
                self._private_path(instance.uuid, name), disk_info_mapping)
        return TrustedDisk(instance, name, disk_info_mapping,
                           bases=self._bases, session=session)


def encrypted(path: str) -> bool:
    """Say whether a disk file of ours is there: an encrypted qcow2 one."""
    try:
        with open(path, "rb") as file:
            return qcow2.parse(file, backing=True).luks is not None
    except FileNotFoundError:
        return False
    except (OSError, qcow2.ImageError):
        return _looks_encrypted(path)


def _looks_encrypted(path: str) -> bool:
    """Read only the field that says so: a damaged disk is still ours."""
    try:
        with open(path, "rb") as file:
            header = file.read(36)
    except OSError:
        return False
    return header.startswith(qcow2.MAGIC) and header[32:36] == b"\0\0\0\2"


def _kind(path: str) -> tuple[str, bool]:
    with open(path, "rb") as file:
        if file.read(4) != qcow2.MAGIC:
            return "raw", False
        return "qcow2", qcow2.parse(file).luks is not None


def _own_layer(path: str) -> str:
    """Describe a disk without the layers below it."""
    return qemu.encrypted(path, "disk") + ",backing="


def _encryption(secret_uuid: str) -> Any:
    secret = vconfig.LibvirtConfigGuestDiskEncryptionSecret()
    secret.type, secret.uuid = "passphrase", secret_uuid
    encryption = vconfig.LibvirtConfigGuestDiskEncryption()
    encryption.secret, encryption.format = secret, "luks"
    return encryption
