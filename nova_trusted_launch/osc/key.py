# SPDX-License-Identifier: Apache-2.0
"""``openstack trusted key``: registered keys; never their material."""

from __future__ import annotations

import argparse
import datetime
import pathlib
from typing import Any

from osc_lib import exceptions

from nova_trusted_launch.osc import commands
from nova_trusted_launch.wire import encoding

_LIST = {"id": "ID", "name": "Name", "purpose": "Purpose",
         "policy": "Release policy", "launches_used": "Launches"}


class CreateKey(commands.ShowOne):
    """Register a key from a file"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = super().get_parser(prog_name)
        parser.add_argument("name", metavar="<name>", help="Name of the key")
        parser.add_argument("--file", metavar="<file>", required=True,
                            help="File with the key: 16 to 64 bytes")
        policy_options(parser)
        parser.add_argument("--image", metavar="<image-id>",
                            help="Only for this image")
        parser.add_argument("--image-digest", metavar="<hex>",
                            help="Only for an image with this SHA-256")
        return parser

    def take_action(self, parsed: argparse.Namespace) -> Any:
        """Register."""
        try:
            material = pathlib.Path(parsed.file).read_bytes()
        except OSError as exc:
            raise exceptions.CommandError(f"{parsed.file}: {exc}") from exc
        return commands.fields(self.service.key_create(
            parsed.name, material, policy(
                parsed, parsed.image, parsed.image_digest)))


class ListKey(commands.Lister):
    """List the project's keys"""

    def take_action(self, parsed: argparse.Namespace) -> Any:
        """List."""
        return commands.listing(_LIST, self.service.keys_list())


class ShowKey(commands.ShowOne):
    """Show a key and its release policy"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        return _id(super().get_parser(prog_name))

    def take_action(self, parsed: argparse.Namespace) -> Any:
        """Show."""
        return commands.fields(self.service.key_show(parsed.key))


class DeleteKey(commands.Command):
    """Forget a key: what it encrypted cannot be launched any more"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        return _id(super().get_parser(prog_name))

    def take_action(self, parsed: argparse.Namespace) -> None:
        """Delete."""
        self.service.key_delete(parsed.key)


def policy_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a release policy."""
    parser.add_argument("--profile", metavar="<profile>",
                        help="Profile that the host must satisfy")
    parser.add_argument("--demand-token", action="store_true",
                        help="Release only to a launch with a launch token")
    parser.add_argument("--launches", metavar="<number>", type=int,
                        help="How many servers may be launched with it")
    parser.add_argument("--days", metavar="<days>", type=int,
                        help="Days after which it is not released any more")


def policy(parsed: argparse.Namespace, image_id: str | None,
           image_digest: str | None) -> dict[str, Any]:
    """Return the release policy that the options ask for."""
    wanted = {
        "profile": parsed.profile, "image_id": image_id,
        "image_digest": image_digest,
        "demand_token": parsed.demand_token or None,
        "launches": parsed.launches,
        "expires_at": None if parsed.days is None else encoding.timestamp(
            datetime.datetime.now(datetime.UTC)
            + datetime.timedelta(days=parsed.days))}
    return {k: v for k, v in wanted.items() if v is not None}


def _id(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("key", metavar="<key>", help="ID of the key")
    return parser
