# SPDX-License-Identifier: Apache-2.0
"""``openstack trusted launch``: launch tokens that carry a tenant's nonce."""

from __future__ import annotations

import argparse
import secrets
from typing import Any

from osc_lib import exceptions

from nova_trusted_launch.osc import commands
from nova_trusted_launch.wire import encoding

_LIST = {"id": "ID", "profile": "Profile", "image_id": "Image",
         "instance_id": "Server", "expires_at": "Expires"}


class CreateLaunch(commands.ShowOne):
    """Create a launch token for one server"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = super().get_parser(prog_name)
        parser.add_argument("--profile", metavar="<profile>", required=True,
                            help="Profile that the host must satisfy")
        parser.add_argument("--image", metavar="<image-id>",
                            help="Only for this image")
        parser.add_argument("--image-digest", metavar="<hex>",
                            help="Only for an image with this SHA-256")
        parser.add_argument("--nonce", metavar="<base64url>",
                            help="Your secret number, 16 to 64 bytes; made "
                                 "here and shown once otherwise")
        parser.add_argument("--expires-in", metavar="<seconds>", type=int,
                            help="Seconds in which it must be used first")
        return parser

    def take_action(self, parsed: argparse.Namespace) -> Any:
        """Create."""
        own = nonce(parsed.nonce) or new_nonce()
        made = self.service.launch_create(
            parsed.profile, nonce=own,
            image_id=parsed.image, image_digest=parsed.image_digest,
            expires_in=parsed.expires_in)
        shown = {} if parsed.nonce else {"nonce": encoding.b64(own)}
        return commands.fields({**made, **shown})


class ListLaunch(commands.Lister):
    """List the project's launch tokens"""

    def take_action(self, parsed: argparse.Namespace) -> Any:
        """List."""
        return commands.listing(_LIST, self.service.launches_list())


class ShowLaunch(commands.ShowOne):
    """Show a launch token; never its nonce"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        return _id(super().get_parser(prog_name))

    def take_action(self, parsed: argparse.Namespace) -> Any:
        """Show."""
        return commands.fields(self.service.launch_show(parsed.launch))


class DeleteLaunch(commands.Command):
    """Forget a launch token"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        return _id(super().get_parser(prog_name))

    def take_action(self, parsed: argparse.Namespace) -> None:
        """Delete."""
        self.service.launch_delete(parsed.launch)


def new_nonce() -> bytes:
    """Draw a nonce whose text can be given to ``--nonce`` as it is.

    A word that begins with "-" would be taken for an option.
    """
    while encoding.b64(drawn := secrets.token_bytes(32)).startswith("-"):
        pass
    return drawn


def nonce(text: str | None) -> bytes | None:
    """Read a nonce that may be absent.

    :raises CommandError: it is not base64url.
    """
    if text is None:
        return None
    try:
        return encoding.unb64(text, "nonce")
    except encoding.WireError as exc:
        raise exceptions.CommandError(str(exc)) from exc


def _id(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("launch", metavar="<launch>",
                        help="ID of the launch token")
    return parser
