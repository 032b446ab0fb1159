# SPDX-License-Identifier: Apache-2.0
"""Lend keys to libvirt for the moment of a guest's start.

QEMU has its keys once it runs, so libvirt's copies go at once: a secret of
ours exists only while a guest is being created.  They are ephemeral (never
on disk) and private (cannot be read back).
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

from oslo_log import log as logging

import libvirt
from nova_trusted_launch.compute.session import Session

LOG = logging.getLogger(__name__)
DISK, IMAGE = "disk", "image"
_USAGE = "trusted-launch"
_NAMESPACE = uuid.UUID("6f1c0a52-7e0e-5d38-9d4e-2f1f5c8a7b90")


def uuid_of(instance_uuid: str, role: str) -> str:
    """Name the secret of one disk layer: the same on every host."""
    return str(uuid.uuid5(_NAMESPACE, f"{instance_uuid}/{role}"))


class Secrets:
    """Secrets of ours in this host's libvirt (``host`` is Nova's)."""

    def __init__(self, host: Any) -> None:
        self._host = host

    @contextlib.contextmanager
    def lent(self, session: Session) -> Iterator[None]:
        """Have the session's keys in libvirt for the time of the block."""
        try:
            self.define(session)
            yield
        finally:
            self.forget(session.instance_uuid)

    def define(self, session: Session) -> None:
        """Have them there until :meth:`forget`."""
        values = {DISK: session.disk_passphrase,
                  IMAGE: session.image_passphrase}
        for role, value in values.items():
            if value is not None:
                self._host.create_secret(
                    "volume", f"{_USAGE}/{session.instance_uuid}/{role}",
                    password=value, uuid=uuid_of(session.instance_uuid, role),
                    ephemeral=True, private=True)

    def forget(self, instance_uuid: str) -> None:
        """Remove the secrets of one instance, whether there are any or not."""
        for role in (DISK, IMAGE):
            try:
                self._host.delete_secret(
                    "volume", f"{_USAGE}/{instance_uuid}/{role}")
            except libvirt.libvirtError as exc:
                LOG.warning("A secret of %s was not removed: %s",
                            instance_uuid, exc)

    def sweep(self) -> int:
        """Remove what a killed nova-compute left behind; say how many."""
        found = 0
        for secret in self._host.get_connection().listAllSecrets():
            usage = ElementTree.fromstring(  # noqa: S314, libvirt's own XML
                secret.XMLDesc()).findtext("usage/volume") or ""
            if usage.startswith(_USAGE + "/"):
                secret.undefine()
                found += 1
        return found
