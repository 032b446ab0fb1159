# SPDX-License-Identifier: Apache-2.0
"""``openstack trusted server``: what was proven of a server."""

from __future__ import annotations

import argparse
from typing import Any

from osc_lib import exceptions

from nova_trusted_launch.client import trust, verification
from nova_trusted_launch.osc import commands
from nova_trusted_launch.osc import launch
from nova_trusted_launch.wire import encoding

_STATEMENTS = ("Statement", "Outcome", "Detail")


class ShowServer(commands.ShowOne):
    """Show whether a server is trusted, since when, and on which host"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        return _server(super().get_parser(prog_name))

    def take_action(self, parsed: argparse.Namespace) -> Any:
        """Show."""
        server = find(self.app.client_manager, parsed.server)
        found = self.service.instance_show(server.id)
        if found is None:
            refused = self.service.releases_list(instance_id=server.id,
                                                 limit=1)
            found = {"instance_id": server.id, "trusted": False,
                     "last_release": refused[0] if refused else None}
        return commands.fields(found)


class VerifyServer(commands.Lister):
    """Check a server's receipt and say what it proves

    Exits with 1 when anything is refuted.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = _server(super().get_parser(prog_name))
        parser.add_argument("--profile", metavar="<profile>",
                            help="Profile that the host must have satisfied")
        parser.add_argument("--nonce", metavar="<base64url>",
                            help="Your secret number of the launch token")
        parser.add_argument("--image-digest", metavar="<hex>",
                            help="SHA-256 of the image you uploaded")
        parser.add_argument("--hardware", action="store_true",
                            help="The TPM must be a hardware TPM")
        parser.add_argument("--keys", metavar="<file>",
                            help="The service's public keys (JWKS) if you "
                                 "have them from elsewhere")
        commands.wait_options(parser, "the server's first receipt")
        return parser

    def take_action(self, parsed: argparse.Namespace) -> Any:
        """Check."""
        server = find(self.app.client_manager, parsed.server)
        if parsed.wait:
            commands.wait_until(
                lambda: self._released(server.id),
                f"a receipt of {parsed.server}", parsed.timeout)
        report = verification.verify_server(
            self.service, verification.Expectation(
                instance_id=server.id, project_id=server.project_id,
                profile=parsed.profile,
                image_id=(server.image or {}).get("id") or None,
                image_digest=_digest(parsed.image_digest),
                nonce=launch.nonce(parsed.nonce), hardware=parsed.hardware),
            jwks=trust.read_key_set(parsed.keys))
        self._verified = report.verified
        receipt = report.receipt
        self.app.stderr.write(
            f"{'VERIFIED' if report.verified else 'NOT VERIFIED'}: server "
            f"{receipt.instance_id} was released to host {receipt.host} for "
            f"{receipt.action.value} at "
            f"{encoding.timestamp(receipt.issued_at)}\n")
        return _STATEMENTS, [(s.what, s.word, s.detail)
                             for s in report.statements]

    def _released(self, server_id: str) -> bool:
        """Tell whether there is a receipt.

        :raises CommandError: there will be none.
        """
        newest = self.service.releases_list(instance_id=server_id, limit=1)
        if newest and newest[0]["state"] == "refused":
            raise exceptions.CommandError(
                "{code}: {detail}\n{advice}".format(**newest[0]))
        return bool(self.service.receipts_list(instance_id=server_id,
                                               limit=1))

    def run(self, parsed: argparse.Namespace) -> int:
        """Run; 1 when something was refuted."""
        return super().run(parsed) or int(not self._verified)


def find(clients: Any, name: str) -> Any:
    """Return the server of that name or id.

    :raises CommandError: there is none, or more than one.
    """
    try:
        return clients.compute.find_server(name, ignore_missing=False)
    except Exception as exc:
        # The SDK and the older client have different exceptions for this.
        raise exceptions.CommandError(str(exc)) from exc


def _digest(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        return encoding.unhex(text.lower(), "image digest")
    except encoding.WireError as exc:
        raise exceptions.CommandError(str(exc)) from exc


def _server(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("server", metavar="<server>",
                        help="Name or ID of the server")
    return parser
