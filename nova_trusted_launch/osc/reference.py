# SPDX-License-Identifier: Apache-2.0
"""``openstack trusted reference``: named sets of known good digests."""

from __future__ import annotations

import argparse
import datetime
import pathlib
import re
from collections import defaultdict
from typing import Any

from osc_lib import exceptions

from nova_trusted_launch.osc import commands
from nova_trusted_launch.wire import encoding

_LIST = {"name": "Name", "kind": "Kind", "provenance": "Provenance",
         "created_at": "Created", "expires_at": "Expires"}
_SUM = re.compile(r"([0-9a-f]{64}) [ *](.+)\Z")


class CreateReference(commands.ShowOne):
    """Create a set of reference values from sha256sum output"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = _name(super().get_parser(prog_name))
        parser.add_argument(
            "--sha256sums", metavar="<file>", required=True, action="append",
            help="Output of sha256sum: a digest and a path on each line "
                 "(repeat option for several)")
        parser.add_argument(
            "--root", metavar="<path>", default="/",
            help="Where relative paths begin on the host (default: /)")
        parser.add_argument(
            "--kind", metavar="<kind>", choices=("ima", "digest"),
            default="ima", help="ima (files) or digest (default: ima)")
        parser.add_argument(
            "--provenance", metavar="<text>", required=True,
            help="Where these values come from, for people")
        parser.add_argument(
            "--days", metavar="<days>", type=int,
            help="Days after which the set expires (default: never)")
        return parser

    def take_action(self, parsed: argparse.Namespace) -> Any:
        """Create."""
        values = read_sums(parsed.sha256sums, parsed.root)
        body: dict[str, Any] = {
            "name": parsed.reference, "kind": parsed.kind,
            "provenance": parsed.provenance, "values": values}
        if parsed.days is not None:
            body["expires_at"] = encoding.timestamp(
                datetime.datetime.now(datetime.UTC)
                + datetime.timedelta(days=parsed.days))
        self.service.reference_create(body)
        return commands.fields({
            **{k: body.get(k) for k in _LIST if k != "created_at"},
            "values": len(values)})


class ListReference(commands.Lister):
    """List the sets of reference values"""

    def take_action(self, parsed: argparse.Namespace) -> Any:
        """List."""
        return commands.listing(_LIST, self.service.references_list())


class ShowReference(commands.Lister):
    """List the values of a set"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        return _name(super().get_parser(prog_name))

    def take_action(self, parsed: argparse.Namespace) -> Any:
        """List."""
        found = self.service.reference_show(parsed.reference)
        found = found.get("reference_values", found)
        return ("Digest", "Names"), [
            (digest, commands.shown(names))
            for digest, names in sorted(found["values"].items())]


class DeleteReference(commands.Command):
    """Delete a set of reference values"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        return _name(super().get_parser(prog_name))

    def take_action(self, parsed: argparse.Namespace) -> None:
        """Delete."""
        self.service.reference_delete(parsed.reference)


def read_sums(paths: list[str], root: str) -> dict[str, list[str]]:
    """Read ``sha256sum`` output; relative paths begin at ``root``.

    :raises CommandError: a file cannot be read or a line is of another form.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        try:
            lines = pathlib.Path(path).read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as exc:
            raise exceptions.CommandError(f"{path}: {exc}") from exc
        for number, line in enumerate(lines, 1):
            match = _SUM.match(line)
            if match is None:
                raise exceptions.CommandError(
                    f"{path}:{number}: not a line of sha256sum")
            found[match[1]].add(str(pathlib.PurePosixPath(root) / match[2]))
    return {digest: sorted(names) for digest, names in found.items()}


def _name(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("reference", metavar="<reference>",
                        help="Name of the set")
    return parser
