# SPDX-License-Identifier: Apache-2.0
"""``openstack trusted release``: what became of requests for keys."""

from __future__ import annotations

import argparse
from typing import Any

from nova_trusted_launch.osc import commands

_LIST = {"created_at": "When", "instance_id": "Server", "host": "Host",
         "action": "Action", "state": "State", "code": "Code",
         "detail": "Why", "advice": "What to do"}


class ListRelease(commands.Lister):
    """List requests for keys, newest first, with reasons of refusal"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = super().get_parser(prog_name)
        parser.add_argument("--server", metavar="<server-id>",
                            help="Only for this server")
        parser.add_argument("--state", metavar="<state>",
                            choices=("open", "granted", "refused"),
                            help="Only open, granted or refused ones")
        parser.add_argument("--limit", metavar="<number>", type=int,
                            default=20, help="At most (default: 20)")
        return parser

    def take_action(self, parsed: argparse.Namespace) -> Any:
        """List."""
        return commands.listing(_LIST, self.service.releases_list(
            instance_id=parsed.server, state=parsed.state,
            limit=parsed.limit))


class ShowRelease(commands.ShowOne):
    """Show what became of one request for keys"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = super().get_parser(prog_name)
        parser.add_argument("release", metavar="<release>",
                            help="ID of the release")
        return parser

    def take_action(self, parsed: argparse.Namespace) -> Any:
        """Show."""
        return commands.fields(self.service.release_show(parsed.release))
