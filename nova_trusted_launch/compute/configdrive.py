# SPDX-License-Identifier: Apache-2.0
"""The config drive of a trusted instance: in memory, with nonce and receipt.

It is made new at each start, since each start has its own receipt, and goes
when the guest stops.  What the guest finds in the file
``openstack/trusted_launch.json`` proves to the tenant that she talks to the
VM that the receipt is about.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from typing import Any

from nova.api.metadata import base as instance_metadata
from nova.virt import configdrive
from oslo_log import log as logging

from nova_trusted_launch.compute import tmpfs
from nova_trusted_launch.compute.refusal import TrustedLaunchRefused
from nova_trusted_launch.compute.session import Session
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.codes import Code

LOG = logging.getLogger(__name__)
DRIVE, RESCUE_DRIVE = "disk.config", "disk.config.rescue"
FILE = "openstack/trusted_launch.json"


class _Builder(configdrive.ConfigDriveBuilder):
    """Nova's builder, with its files in memory as well."""

    def make_drive(self, path: str) -> None:
        folder = os.path.dirname(path)
        with tempfile.TemporaryDirectory(dir=folder) as tree:
            self._write_md_files(tree)
            part = os.path.join(folder, "part")
            self._make_iso9660(part, tree)
        # QEMU opens it by name; it may run as another user than we do.
        os.chmod(part, 0o640)
        os.rename(part, path)


class ConfigDrives:
    """Where the config drives of this host's trusted instances are."""

    def __init__(self, folder: str) -> None:
        self._folder = folder

    def path(self, instance_uuid: str, name: str = DRIVE) -> str:
        """Return the place of an instance's config drive."""
        return os.path.join(self._folder, instance_uuid, name)

    def demand_memory(self) -> None:
        """Refuse unless the folder is in memory.

        :raises TrustedLaunchRefused: it is on a disk.
        """
        try:
            os.makedirs(self._folder, mode=0o711, exist_ok=True)
        except OSError as exc:
            raise TrustedLaunchRefused(
                Code.HOST_UNFIT, f"{self._folder} cannot be made: "
                f"{exc.strerror}") from exc
        tmpfs.demand(self._folder)

    def build(self, instance: Any, session: Session, network_info: Any, *,
              files: Any = None, admin_pass: str | None = None,
              rescue: bool = False) -> None:
        """Make the drive that the guest about to start will see."""
        began = time.monotonic()
        self.demand_memory()
        path = self.path(instance.uuid, RESCUE_DRIVE if rescue else DRIVE)
        os.makedirs(os.path.dirname(path), mode=0o711, exist_ok=True)
        extra = {"admin_pass": admin_pass} if admin_pass else {}
        metadata = instance_metadata.InstanceMetadata(
            instance, content=files or [], extra_md=extra,
            network_info=network_info)
        with _Builder(instance_md=metadata) as builder:
            builder.mdfiles.append((FILE, document(session)))
            builder.make_drive(path)
        LOG.info("Config drive made in memory in %.2f s",
                 time.monotonic() - began, instance=instance)

    def forget(self, instance_uuid: str) -> None:
        """Remove the drive of a guest that has stopped."""
        shutil.rmtree(os.path.join(self._folder, instance_uuid),
                      ignore_errors=True)

    def known(self) -> list[str]:
        """Return the instances that have a drive here."""
        try:
            return sorted(os.listdir(self._folder))
        except FileNotFoundError:
            return []


def document(session: Session) -> bytes:
    """Write what the guest is told about its own launch."""
    keys = session.keys
    return encoding.canonical({
        "instance_id": session.instance_uuid,
        "release_id": keys.release_id,
        "action": session.action.value,
        "nonce": encoding.b64(keys.nonce),
        "receipt": keys.receipt,
        "log_index": keys.log_index,
        "image_digest": None if keys.image_digest is None
        else keys.image_digest.hex()})
