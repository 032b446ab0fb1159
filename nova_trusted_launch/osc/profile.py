# SPDX-License-Identifier: Apache-2.0
"""``openstack trusted profile``: appraisal policies with versions."""

from __future__ import annotations

import argparse
import difflib
from typing import Any

import yaml
from osc_lib import exceptions

from nova_trusted_launch.osc import commands

_LIST = {"name": "Name", "active_version": "Version in force",
         "hosts_affirming": "Hosts", "description": "Description"}
_VERSIONS = {"version": "Version", "created_at": "Created",
             "created_by": "Created by"}
_CHANGES = {"host": "Host", "before": "Before", "after": "After",
            "why": "Why"}


class CreateProfile(commands.ShowOne):
    """Create a profile, or a new version of an existing one"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = _name(super().get_parser(prog_name))
        parser.add_argument("--file", metavar="<file>", required=True,
                            help="The document, YAML or JSON")
        parser.add_argument("--version", action="store_true",
                            help="Add a version to an existing profile")
        parser.add_argument("--no-activate", action="store_true",
                            help="Do not put the version into force yet")
        parser.add_argument("--description", metavar="<text>", default="",
                            help="What the profile is for")
        parser.add_argument("--project", metavar="<project-id>",
                            action="append",
                            help="Only for this project (repeat option for "
                                 "several; default: for everybody)")
        return parser

    def take_action(self, parsed: argparse.Namespace) -> Any:
        """Create."""
        content = commands.document(parsed.file)
        active = not parsed.no_activate
        if parsed.version:
            return commands.fields(self.service.profile_version_create(
                parsed.profile, content, activate=active))
        return commands.fields(self.service.profile_create(
            parsed.profile, content, description=parsed.description,
            projects=parsed.project, activate=active))


class ListProfile(commands.Lister):
    """List the profiles that the project may use"""

    def take_action(self, parsed: argparse.Namespace) -> Any:
        """List."""
        return commands.listing(_LIST, self.service.profiles_list())


class ListProfileVersion(commands.Lister):
    """List the versions of a profile"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        return _name(super().get_parser(prog_name))

    def take_action(self, parsed: argparse.Namespace) -> Any:
        """List."""
        return commands.listing(
            _VERSIONS, self.service.profile_versions(parsed.profile))


class ShowProfile(commands.ShowOne):
    """Show a profile with its document"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = _name(super().get_parser(prog_name))
        parser.add_argument("--version", metavar="<number>", type=int,
                            help="This version (default: the one in force)")
        return parser

    def take_action(self, parsed: argparse.Namespace) -> Any:
        """Show."""
        found = self.service.profile_show(parsed.profile)
        if parsed.version is not None:
            found = self.service.profile_version_show(
                parsed.profile, parsed.version)
        return commands.fields({
            **found, "document": Document(found.get("document"))})


class SetProfile(commands.ShowOne):
    """Put another version into force, or change who may use it"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = _name(super().get_parser(prog_name))
        parser.add_argument("--activate", metavar="<number>", type=int,
                            help="Version to put into force")
        parser.add_argument("--description", metavar="<text>",
                            help="What the profile is for")
        who = parser.add_mutually_exclusive_group()
        who.add_argument("--project", metavar="<project-id>",
                         action="append",
                         help="Only for this project (repeat option)")
        who.add_argument("--public", action="store_true",
                         help="For every project")
        return parser

    def take_action(self, parsed: argparse.Namespace) -> Any:
        """Set."""
        changes: dict[str, Any] = {}
        if parsed.activate is not None:
            changes["active_version"] = parsed.activate
        if parsed.description is not None:
            changes["description"] = parsed.description
        if parsed.project or parsed.public:
            changes["projects"] = parsed.project
        found = self.service.profile_update(parsed.profile, **changes)
        return commands.fields({
            **found, "document": Document(found.get("document"))})


class RetireProfile(commands.Command):
    """Put a profile out of force: its results count no more"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        return _name(super().get_parser(prog_name))

    def take_action(self, parsed: argparse.Namespace) -> None:
        """Retire."""
        self.service.profile_retire(parsed.profile)


class DraftProfile(commands.Command):
    """Print a document that a known good host satisfies"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = super().get_parser(prog_name)
        parser.add_argument("--from-host", metavar="<host>", required=True,
                            help="The host to take as good")
        files = parser.add_mutually_exclusive_group()
        files.add_argument("--no-files", action="store_true",
                           help="Ask nothing of the files that IMA measured")
        files.add_argument(
            "--reference", metavar="<name>",
            help="Put the files into a new set of reference values of this "
                 "name, instead of the document")
        return parser

    def take_action(self, parsed: argparse.Namespace) -> None:
        """Print."""
        drafted = self.service.profile_draft(parsed.from_host,
                                             files=not parsed.no_files)
        if parsed.reference:
            self._share_files(drafted, parsed)
        self.app.stdout.write(_text(drafted))

    def _share_files(self, drafted: Any, parsed: argparse.Namespace) -> None:
        """Move the files of a draft into a set of reference values.

        :raises CommandError: the draft asks nothing of files.
        """
        for rule in drafted["require"]:
            if "ima" in rule:
                self.service.reference_create({
                    "name": parsed.reference, "kind": "ima",
                    "provenance": f"files that {parsed.from_host} had used "
                                  "when a profile was drafted from it",
                    "values": rule["ima"].pop("values")})
                rule["ima"]["reference_values"] = [parsed.reference]
                return
        raise exceptions.CommandError(
            f"{parsed.from_host} has no IMA list: there are no files to put "
            "into a set of reference values")


class PreviewProfile(commands.Lister):
    """List which hosts a document would judge differently, and why"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = super().get_parser(prog_name)
        parser.add_argument("--file", metavar="<file>", required=True,
                            help="The document, YAML or JSON")
        parser.add_argument("--host", metavar="<host>",
                            help="Only this host (default: all)")
        return parser

    def take_action(self, parsed: argparse.Namespace) -> Any:
        """List."""
        changes = self.service.profile_preview(
            commands.document(parsed.file), parsed.host)
        return commands.listing(_CHANGES, [
            {**change, "why": "; ".join(
                f["detail"] for f in change["findings"]
                if f["tier"] != "affirming")} for change in changes])


class DiffProfile(commands.Command):
    """Print what differs between two versions of a profile"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = _name(super().get_parser(prog_name))
        parser.add_argument("old", metavar="<old>", type=int,
                            help="The one version")
        parser.add_argument("new", metavar="<new>", type=int,
                            help="The other version")
        return parser

    def take_action(self, parsed: argparse.Namespace) -> None:
        """Print."""
        old, new = (_text(self.service.profile_version_show(
            parsed.profile, number)["document"]).splitlines(keepends=True)
            for number in (parsed.old, parsed.new))
        self.app.stdout.writelines(difflib.unified_diff(
            old, new, f"{parsed.profile}/{parsed.old}",
            f"{parsed.profile}/{parsed.new}"))


class Document(commands.Structured):
    """A document: YAML in a table."""

    def human_readable(self) -> str:
        """Return the YAML text."""
        return _text(self._value)


def _name(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("profile", metavar="<profile>",
                        help="Name of the profile")
    return parser


def _text(content: Any) -> str:
    return "" if content is None else yaml.safe_dump(
        content, sort_keys=False, default_flow_style=False)
