# SPDX-License-Identifier: Apache-2.0
"""The pages of the panel of hosts."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django.utils.translation import gettext_lazy as _
from horizon import tables
from horizon import views

from nova_trusted_launch.horizon import history
from nova_trusted_launch.horizon import pages
from nova_trusted_launch.horizon import words
from nova_trusted_launch.horizon.hosts import tables as hosts_tables

_HISTORY = 200


class IndexView(pages.AskingMixin, tables.DataTableView):
    """All hosts."""

    table_class = hosts_tables.HostsTable
    template_name = "trusted_launch/table.html"
    page_title = _("Trusted Hosts")

    def get_data(self) -> list[hosts_tables.Host]:
        """Fetch attesters and their newest results."""
        return self.ask(_hosts, [])


class DetailView(pages.AskingMixin, views.HorizonTemplateView):
    """One host: findings and history."""

    template_name = "trusted_launch/host.html"
    page_title = "{{ host.host }}"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Explain the host."""
        name = self.kwargs["host"]
        told = self.ask(lambda c: c.attester_explain(name), None)
        past = None if told is None else self.ask(
            lambda c: c.results_history(
                told["attester"]["id"], limit=_HISTORY), [])
        context = super().get_context_data(**kwargs)
        context["host"] = {"host": name}
        if told is not None:
            context.update(_explained(told))
            context["history"] = history.rows(past, pages.now())
        return context


def _hosts(client: Any) -> list[hosts_tables.Host]:
    results = defaultdict(list)
    for result in client.results_list():
        results[result["attester_id"]].append(result)
    return [hosts_tables.Host(attester, sorted(
                results[attester["id"]], key=lambda r: r["profile"]))
            for attester in client.attesters_list()]


def _explained(told: dict[str, Any]) -> dict[str, Any]:
    now = pages.now()
    return {
        "host": {**told["attester"], "state_word": words.STATES.get(
            told["attester"]["state"])},
        "last_seen": words.age(told["attester"]["last_seen_at"], now),
        "results": [{
            **result, "badge": words.badge(words.current(result, now)),
            "age": words.age(result["issued_at"], now),
            "bad": [_finding(f) for f in result["findings"]
                    if f["tier"] != "affirming"],
            "good": [_finding(f) for f in result["findings"]
                     if f["tier"] == "affirming"],
        } for result in told["results"]],
        "evidence": told["evidence"]}


def _finding(finding: dict[str, str]) -> dict[str, Any]:
    return {**finding, "badge": words.badge(finding["tier"])}
