# SPDX-License-Identifier: Apache-2.0
"""``openstack trusted reference``: named sets of known good digests."""

from __future__ import annotations

import argparse
import datetime
from typing import Any

from osc_lib import exceptions

from nova_trusted_launch.osc import commands, references
from nova_trusted_launch.wire import encoding

_LIST = {"name": "Name", "kind": "Kind", "provenance": "Provenance",
         "created_at": "Created", "expires_at": "Expires"}


class CreateReference(commands.ShowOne):
    """Create a set of reference values from sha256sum output or packages"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = _name(super().get_parser(prog_name))
        parser.add_argument(
            "--sha256sums", metavar="<file>", action="append", default=[],
            help="Output of sha256sum: a digest and a path on each line "
                 "(repeat option for several)")
        parser.add_argument(
            "--root", metavar="<path>", default="/",
            help="Where relative paths begin on the host (default: /)")
        parser.add_argument(
            "--deb", metavar="<file.deb>", action="append", default=[],
            help="A Debian package, whose files are hashed here (repeat "
                 "option for several)")
        parser.add_argument(
            "--packages", metavar="<file>", action="append", default=[],
            help="A Packages index that must have every --deb, by its "
                 "SHA-256 (repeat option for several)")
        parser.add_argument(
            "--kind", metavar="<kind>", choices=("ima", "digest"),
            default="ima", help="ima (files) or digest (default: ima)")
        parser.add_argument(
            "--provenance", metavar="<text>",
            help="Where these values come from, for people (default: the "
                 "names of the packages)")
        parser.add_argument(
            "--days", metavar="<days>", type=int,
            help="Days after which the set expires (default: never)")
        return parser

    def take_action(self, parsed: argparse.Namespace) -> Any:
        """Create."""
        values, provenance = self._read(parsed)
        body: dict[str, Any] = {
            "name": parsed.reference, "kind": parsed.kind,
            "provenance": provenance, "values": values}
        if parsed.days is not None:
            body["expires_at"] = encoding.timestamp(
                datetime.datetime.now(datetime.UTC)
                + datetime.timedelta(days=parsed.days))
        self.service.reference_create(body)
        return commands.fields({
            **{k: body.get(k) for k in _LIST if k != "created_at"},
            "values": len(values)})

    @staticmethod
    def _read(parsed: argparse.Namespace) -> tuple[references.Values, str]:
        """Return the values, and where they come from.

        :raises CommandError: a source cannot be read, there is none, or
            nobody says where it comes from.
        """
        if not parsed.sha256sums and not parsed.deb:
            raise exceptions.CommandError(
                "--sha256sums or --deb is needed")
        installed, packages = references.read_debs(parsed.deb,
                                                   parsed.packages)
        values = references.merged(
            references.read_sums(parsed.sha256sums, parsed.root), installed)
        if parsed.kind == "ima":
            values = references.as_ima_writes(values)
        provenance = parsed.provenance
        if not provenance and not parsed.sha256sums:
            provenance = ", ".join(
                f"{p.name} {p.version} {p.architecture}" for p in packages)
        if not provenance:
            raise exceptions.CommandError("--provenance is needed")
        return values, _short(provenance)


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


def _short(text: str) -> str:
    """Shorten what the service would not take."""
    most = 1024
    return text if len(text) <= most else text[:most - 4] + " ..."


def _name(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("reference", metavar="<reference>",
                        help="Name of the set")
    return parser
