# SPDX-License-Identifier: Apache-2.0
"""``openstack trusted image``: encrypt here, upload ciphertext."""

from __future__ import annotations

import argparse
import pathlib
import sys
import tempfile
from typing import Any

from osc_lib import exceptions

from nova_trusted_launch import admission
from nova_trusted_launch.images import encrypt
from nova_trusted_launch.osc import commands
from nova_trusted_launch.osc import key as keys

KEY_PROPERTY = "trusted_launch_key_id"
PROFILE_PROPERTY = "trusted_launch_profile"
DIGEST_PROPERTY = "trusted_launch_digest"


class CreateImage(commands.ShowOne):
    """Encrypt a disk, upload the ciphertext and register its key"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = super().get_parser(prog_name)
        parser.add_argument("name", metavar="<name>",
                            help="Name of the image")
        parser.add_argument("--file", metavar="<disk>", required=True,
                            help="The disk in the clear, raw or qcow2")
        parser.add_argument("--work-dir", metavar="<folder>",
                            help="Where the ciphertext is made (default: "
                                 "beside the disk)")
        parser.add_argument("--no-trait", action="store_true",
                            help="For clouds whose attestation service keeps "
                                 "no Placement traits: the flavor has to "
                                 "name the profile then")
        keys.policy_options(parser)
        return parser

    def take_action(self, parsed: argparse.Namespace) -> Any:
        """Encrypt, register, upload."""
        if parsed.profile is None:
            raise exceptions.CommandError(
                "--profile says which hosts may open the image; see "
                "'openstack trusted profile list'")
        disk = pathlib.Path(parsed.file)
        with tempfile.TemporaryDirectory(
                dir=parsed.work_dir or disk.absolute().parent,
                prefix=".trusted-image-") as folder:
            secret = encrypt.new_key()
            made = encrypt.encrypt(disk, pathlib.Path(folder, "image.qcow2"),
                                   secret, _bar("encrypting"))
            return commands.fields(self._register(parsed, secret, made))

    def _register(self, parsed: argparse.Namespace, secret: bytes,
                  made: encrypt.EncryptedImage) -> dict[str, Any]:
        """Register the key, then upload; undo the one if the other fails."""
        digest = made.digest.hex()
        key = self.service.key_create(
            parsed.name, secret, keys.policy(parsed, None, digest))
        try:
            image = _upload(self.app.client_manager.image, parsed.name, made,
                            {KEY_PROPERTY: key["id"],
                             PROFILE_PROPERTY: parsed.profile,
                             DIGEST_PROPERTY: digest,
                             **_trait(parsed)})
        except BaseException:
            self.service.key_delete(key["id"])
            raise
        return {"image_id": image.id, "name": image.name,
                "key_id": key["id"], "profile": parsed.profile,
                "digest": digest, "size": made.size,
                "virtual_size": made.virtual_size}


class ShowImage(commands.ShowOne):
    """Show how an image is encrypted and who may open it"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = super().get_parser(prog_name)
        parser.add_argument("image", metavar="<image>",
                            help="Name or ID of the image")
        return parser

    def take_action(self, parsed: argparse.Namespace) -> Any:
        """Show."""
        image = self.app.client_manager.image.find_image(
            parsed.image, ignore_missing=False)
        properties = image.properties or {}
        key_id = properties.get(KEY_PROPERTY)
        return commands.fields({
            "image_id": image.id, "name": image.name,
            "encrypted": key_id is not None, "key_id": key_id,
            "profile": properties.get(PROFILE_PROPERTY),
            "digest": properties.get(DIGEST_PROPERTY),
            "key": self.service.key_show(key_id) if key_id else None})


def _upload(images: Any, name: str, made: encrypt.EncryptedImage,
            properties: dict[str, str]) -> Any:
    with made.path.open("rb") as file:
        return images.create_image(
            name, data=file, disk_format="qcow2", container_format="bare",
            validate_checksum=False, **properties)


def _trait(parsed: argparse.Namespace) -> dict[str, str]:
    """Of all properties, only traits reach Nova's scheduler."""
    if parsed.no_trait:
        return {}
    return {f"trait:{admission.trait_of(parsed.profile)}": "required"}


def _bar(what: str) -> Any:
    """Return a callable that draws progress on a terminal."""
    last = [-1]

    def draw(done: float) -> None:
        percent = int(done * 100)
        if percent != last[0]:
            last[0] = percent
            end = "\n" if percent >= 100 else ""
            sys.stderr.write(f"\r{what} {percent:3d} %{end}")
            sys.stderr.flush()
    return draw
