# SPDX-License-Identifier: Apache-2.0
"""``openstack trusted host``: which host is trusted, and why not."""

from __future__ import annotations

import argparse
from collections import defaultdict
from typing import Any

from osc_lib.cli import parseractions

from nova_trusted_launch.osc import commands

_LIST = {"host": "Host", "state": "State", "results": "Results",
         "hardware": "Hardware TPM", "last_seen_at": "Last seen"}
_RESULTS = {"profile": "Profile", "version": "Version", "tier": "Tier",
            "issued_at": "Issued", "expires_at": "Expires",
            "hardware": "Hardware TPM"}
_FINDINGS = {"profile": "Profile", "tier": "Tier", "rule": "Rule",
             "subject": "Subject", "detail": "Finding",
             "expected": "Expected", "actual": "Actual",
             "action": "What to do"}


class ListHost(commands.Lister):
    """List hosts with their state and their newest results"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = super().get_parser(prog_name)
        parser.add_argument("--state", metavar="<state>", choices=(
            "pending", "approved", "retired"),
            help="Only hosts in this state: pending, approved or retired")
        return parser

    def take_action(self, parsed: argparse.Namespace) -> Any:
        """List."""
        tiers: dict[str, dict[str, str]] = defaultdict(dict)
        for result in self.service.results_list():
            tiers[result["attester_id"]][result["profile"]] = result["tier"]
        return commands.listing(_LIST, [
            {**host, "results": tiers[host["id"]]}
            for host in self.service.attesters_list(state=parsed.state)])


class ShowHost(commands.ShowOne):
    """Show a host's attester and its newest results"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        return _host(super().get_parser(prog_name))

    def take_action(self, parsed: argparse.Namespace) -> Any:
        """Show."""
        host = self.service.attester_show(parsed.host)
        results = self.service.results_list(attester=host["id"])
        return commands.fields({**host, "results": {
            r["profile"]: f"{r['tier']} until {r['expires_at']}"
            for r in results}})


class ApproveHost(commands.ShowOne):
    """Let a pending host attest"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = _host(super().get_parser(prog_name))
        commands.wait_options(parser, "the host's first result")
        return parser

    def take_action(self, parsed: argparse.Namespace) -> Any:
        """Approve."""
        host = self.service.attester_approve(parsed.host)
        if parsed.wait:
            commands.wait_until(
                lambda: bool(self.service.results_list(attester=host["id"])),
                f"a result of {host['host']}", parsed.timeout)
        return commands.fields(host)


class RetireHost(commands.Command):
    """End a host's enrolment: its results and keys count no more"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        return _host(super().get_parser(prog_name))

    def take_action(self, parsed: argparse.Namespace) -> None:
        """Retire."""
        self.service.attester_retire(parsed.host)


class LabelHost(commands.ShowOne):
    """Set or remove labels of a host, such as its region"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = _host(super().get_parser(prog_name))
        parser.add_argument(
            "--property", metavar="<key=value>", default={},
            action=parseractions.KeyValueAction,
            help="Label to set (repeat option for several)")
        parser.add_argument(
            "--no-property", metavar="<key>", default=[], action="append",
            help="Label to remove (repeat option for several)")
        return parser

    def take_action(self, parsed: argparse.Namespace) -> Any:
        """Label."""
        labels = self.service.attester_show(parsed.host)["labels"]
        labels.update(parsed.property or {})
        return commands.fields(self.service.attester_label(parsed.host, {
            key: value for key, value in labels.items()
            if key not in parsed.no_property}))


class AttestHost(commands.Command):
    """Ask one host, or all, to attest now"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = super().get_parser(prog_name)
        parser.add_argument("host", metavar="<host>", nargs="?",
                            help="Host name or attester id (default: all)")
        commands.wait_options(parser, "a new result of each host")
        return parser

    def take_action(self, parsed: argparse.Namespace) -> None:
        """Ask."""
        before = self._newest(parsed.host) if parsed.wait else {}
        self.service.attester_attest(parsed.host)
        if not parsed.wait:
            return
        commands.wait_until(
            lambda: all(issued > before[host] for host, issued
                        in self._newest(parsed.host).items()),
            f"new results of {', '.join(before) or 'no host'}",
            parsed.timeout)

    def _newest(self, host: str | None) -> dict[str, str]:
        """Return when each approved host was judged last."""
        hosts = ([self.service.attester_show(host)] if host is not None
                 else self.service.attesters_list(state="approved"))
        return {h["host"]: max((
            r["issued_at"] for r in self.service.results_list(
                attester=h["id"])), default="") for h in hosts}


class ExplainHost(commands.Lister):
    """Explain a host's newest results, finding by finding"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = _host(super().get_parser(prog_name))
        parser.add_argument("--profile", metavar="<profile>",
                            help="Only what this profile says")
        parser.add_argument("--all", action="store_true",
                            help="Also the findings that are affirming")
        return parser

    def take_action(self, parsed: argparse.Namespace) -> Any:
        """Explain."""
        answer = self.service.attester_explain(parsed.host, parsed.profile)
        return commands.listing(_FINDINGS, [
            {**finding, "profile": result["profile"]}
            for result in answer["results"]
            for finding in result["findings"]
            if parsed.all or finding["tier"] != "affirming"])


class HistoryHost(commands.Lister):
    """List what a host's results were, newest first"""

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        """Add the options."""
        parser = _host(super().get_parser(prog_name))
        parser.add_argument("--profile", metavar="<profile>",
                            help="Only results under this profile")
        parser.add_argument("--limit", metavar="<number>", type=int,
                            default=20,
                            help="Results at most (default: 20)")
        return parser

    def take_action(self, parsed: argparse.Namespace) -> Any:
        """List."""
        return commands.listing(_RESULTS, self.service.results_history(
            parsed.host, profile=parsed.profile, limit=parsed.limit))


def _host(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("host", metavar="<host>",
                        help="Host name or attester id")
    return parser
