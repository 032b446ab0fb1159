# SPDX-License-Identifier: Apache-2.0
"""``openstack trusted log|receipt``: the public log of receipts."""

from __future__ import annotations

import argparse
import pathlib
from typing import Any

from osc_lib import exceptions

from nova_trusted_launch.client import trust
from nova_trusted_launch.client import verification
from nova_trusted_launch.client.api import TrustedLaunchClient
from nova_trusted_launch.osc import commands
from nova_trusted_launch.wire.receipts import Checkpoint

_RECEIPTS = {"index": "Log entry", "instance_id": "Server",
             "release_id": "Release", "created_at": "When"}


class VerifyLog(commands.ShowOne):
    """Check that the log only grew since you looked last

    The newest checkpoint is kept in --state: keep that file, and give it the
    next time.
    """

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = super().get_parser(prog_name)
        parser.add_argument("--state", metavar="<file>",
                            help="File with the checkpoint you saw last; "
                                 "made when missing, replaced when verified")
        _keys(parser)
        return parser

    def take_action(self, parsed: argparse.Namespace) -> Any:
        """Check."""
        jwks = _key_set(self.service, parsed.keys)
        path = None if parsed.state is None else pathlib.Path(parsed.state)
        known = None if path is None else _known(path, jwks)
        new = verification.verify_log(self.service, known, jwks=jwks)
        if path is not None:
            path.write_text(self.service.checkpoint() + "\n", "ascii")
        return commands.fields({
            **new.to_claims(),
            "verified": "the checkpoint is signed" if known is None else
            f"the log grew from {known.size} to {new.size} entries and "
            "nothing was removed or changed"})


class ShowLog(commands.ShowOne):
    """Show the newest checkpoint of the log"""

    def take_action(self, parsed: argparse.Namespace) -> Any:
        """Show."""
        return commands.fields(trust.Verifier(self.service.jwks()).checkpoint(
            self.service.checkpoint()).to_claims())


class ListReceipt(commands.Lister):
    """List receipts, newest first"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = super().get_parser(prog_name)
        parser.add_argument("--server", metavar="<server-id>",
                            help="Only of this server")
        return parser

    def take_action(self, parsed: argparse.Namespace) -> Any:
        """List."""
        return commands.listing(_RECEIPTS, self.service.receipts_list(
            instance_id=parsed.server))


class ShowReceipt(commands.ShowOne):
    """Show a receipt; its signature is verified first"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = super().get_parser(prog_name)
        parser.add_argument("index", metavar="<index>", type=int,
                            help="Number of the log entry")
        _keys(parser)
        return parser

    def take_action(self, parsed: argparse.Namespace) -> Any:
        """Show."""
        jwks = _key_set(self.service, parsed.keys)
        found = self.service.receipt_show(parsed.index)
        receipt = trust.Verifier(jwks).receipt(found["receipt"])
        return commands.fields({**receipt.to_claims(),
                                "jwt": found["receipt"]})


def _keys(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--keys", metavar="<file>",
                        help="The service's public keys (JWKS) if you have "
                             "them from elsewhere; fetched otherwise")


def _key_set(service: TrustedLaunchClient, path: str | None
             ) -> dict[str, Any]:
    """Return the keys of the file; only without one the service's own."""
    given = trust.read_key_set(path)
    return service.jwks() if given is None else given


def _known(path: pathlib.Path, jwks: dict[str, Any]) -> Checkpoint | None:
    if not path.exists():
        return None
    try:
        return trust.Verifier(jwks).checkpoint(
            path.read_text("ascii").strip())
    except (OSError, UnicodeDecodeError) as exc:
        raise exceptions.CommandError(f"{path}: {exc}") from exc
