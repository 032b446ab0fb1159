# SPDX-License-Identifier: Apache-2.0
"""The table of hosts and what can be done with one."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy
from horizon import tables

from nova_trusted_launch.horizon import pages
from nova_trusted_launch.horizon import words


class Host:
    """An attester with its newest results."""

    def __init__(self, attester: dict[str, Any],
                 results: list[dict[str, Any]]) -> None:
        now = pages.now()
        self.id = attester["id"]
        self.host = self.name = attester["host"]
        self.state = attester["state"]
        self.state_word = words.STATES.get(self.state, self.state)
        self.trust = words.badges(results, now)
        newest = max((r["issued_at"] for r in results), default=None)
        self.age = words.age(newest, now)
        self.tpm = (_("hardware") if attester["hardware"]
                    else _("software: for trials only"))
        self.labels = ", ".join(
            f"{k}={v}" for k, v in sorted(attester["labels"].items()))
        self.last_seen = words.age(attester["last_seen_at"], now)


class Approve(tables.BatchAction):
    """Let a host attest."""

    name = "approve"
    policy_rules = (("trusted_launch", "trusted_launch:attesters:approve"),)
    icon = "check"

    @staticmethod
    def action_present(count: int) -> Any:
        """Name it."""
        return ngettext_lazy("Approve Host", "Approve Hosts", count)

    @staticmethod
    def action_past(count: int) -> Any:
        """Name what was done."""
        return ngettext_lazy("Approved Host", "Approved Hosts", count)

    def allowed(self, request: Any, datum: Host | None = None) -> bool:
        """Only what waits for it."""
        return datum is None or datum.state == "pending"

    def action(self, request: Any, obj_id: str) -> None:
        """Approve."""
        pages.act(request, lambda c: c.attester_approve(obj_id))


class Attest(tables.BatchAction):
    """Ask a host for fresh evidence."""

    name = "attest"
    policy_rules = (("trusted_launch", "trusted_launch:attesters:attest"),)
    icon = "refresh"

    @staticmethod
    def action_present(count: int) -> Any:
        """Name it."""
        return ngettext_lazy("Re-attest Now", "Re-attest Now", count)

    @staticmethod
    def action_past(count: int) -> Any:
        """Name what was done."""
        return ngettext_lazy("Asked to Attest", "Asked to Attest", count)

    def allowed(self, request: Any, datum: Host | None = None) -> bool:
        """Only what may attest."""
        return datum is None or datum.state == "approved"

    def action(self, request: Any, obj_id: str) -> None:
        """Ask."""
        pages.act(request, lambda c: c.attester_attest(obj_id))


class Retire(tables.BatchAction):
    """End a host's enrolment."""

    name = "retire"
    policy_rules = (("trusted_launch", "trusted_launch:attesters:retire"),)
    icon = "ban"
    action_type = "danger"
    help_text = _("Its results and keys count no more. The host has to "
                  "enrol again, as another attester.")

    @staticmethod
    def action_present(count: int) -> Any:
        """Name it."""
        return ngettext_lazy("Retire Host", "Retire Hosts", count)

    @staticmethod
    def action_past(count: int) -> Any:
        """Name what was done."""
        return ngettext_lazy("Retired Host", "Retired Hosts", count)

    def allowed(self, request: Any, datum: Host | None = None) -> bool:
        """Only what is not over yet."""
        return datum is None or datum.state != "retired"

    def action(self, request: Any, obj_id: str) -> None:
        """Retire."""
        pages.act(request, lambda c: c.attester_retire(obj_id))


class Filter(tables.FilterAction):
    """Find hosts by name or label."""

    def filter(self, table: Any, data: list[Host],
               filter_string: str) -> list[Host]:
        """Keep what has the text in it."""
        text = filter_string.lower()
        return [h for h in data
                if text in h.host.lower() or text in h.labels.lower()]


class HostsTable(tables.DataTable):
    """Hosts, their trust at a glance."""

    host = tables.Column("host", verbose_name=_("Host"),
                         link="horizon:admin:trusted_hosts:detail")
    trust = tables.Column("trust", verbose_name=_("Trust"))
    age = tables.Column("age", verbose_name=_("Last Result"))
    state = tables.Column("state_word", verbose_name=_("State"))
    tpm = tables.Column("tpm", verbose_name=_("TPM"))
    labels = tables.Column("labels", verbose_name=_("Labels"))
    last_seen = tables.Column("last_seen", verbose_name=_("Last Seen"))

    class Meta:
        """How it is shown."""

        name = "trusted_hosts"
        verbose_name = _("Trusted Hosts")
        table_actions = (Filter, Approve, Attest)
        row_actions = (Approve, Attest, Retire)
