# SPDX-License-Identifier: Apache-2.0
"""Instances as Nova's driver sees them, and an image service in memory."""

from __future__ import annotations

import types
from dataclasses import dataclass, field
from typing import Any

UUID = "11111111-2222-4333-8444-555555555555"
IMAGE = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
KEY_ID = "99999999-8888-4777-8666-555555555555"


@dataclass
class FakeInstance:
    """An instance without a database; ``saved`` counts its saves."""

    uuid: str = UUID
    extra_specs: dict[str, str] = field(default_factory=dict)
    system_metadata: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)
    image_ref: str = IMAGE
    kernel_id: str = ""
    ramdisk_id: str = ""
    vm_state: str = "building"
    task_state: str | None = "spawning"
    config_drive: Any = ""
    device_metadata: Any = None
    saved: int = 0

    @property
    def flavor(self) -> Any:
        """The flavor it was made with."""
        return types.SimpleNamespace(extra_specs=self.extra_specs)

    @property
    def name(self) -> str:
        """What libvirt calls it."""
        return "instance-00000001"

    def save(self, **_: Any) -> None:
        """Count."""
        self.saved += 1


GOLD = {"trusted_launch:profile": "gold"}


def trusted(**more: Any) -> FakeInstance:
    """Return an instance whose flavor asks for profile gold."""
    return FakeInstance(**{"extra_specs": dict(GOLD), **more})


def encrypted_image(**more: Any) -> FakeInstance:
    """Return one that boots an encrypted image as well."""
    return trusted(system_metadata={
        "image_trusted_launch_key_id": KEY_ID,
        "image_trusted_launch_profile": "gold",
        "image_disk_format": "qcow2"}, **more)


@dataclass
class FakeImages:
    """Glance, as far as the driver asks it."""

    data: dict[str, bytes] = field(default_factory=dict)
    properties: dict[str, dict[str, str]] = field(default_factory=dict)
    downloads: list[str] = field(default_factory=list)

    def download(self, context: Any, image_id: str,
                 trusted_certs: Any = None) -> Any:
        """Stream the bytes in pieces."""
        self.downloads.append(image_id)
        data = self.data[image_id]
        return (data[i:i + 50_000] for i in range(0, len(data), 50_000))

    def get(self, context: Any, image_id: str) -> dict[str, Any]:
        """Return what Glance knows of the image."""
        return {"id": image_id,
                "properties": self.properties.get(image_id, {})}
