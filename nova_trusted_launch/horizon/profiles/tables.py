# SPDX-License-Identifier: Apache-2.0
"""The tables of profiles and of a profile's versions."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from horizon import tables


class Profile:
    """A profile, as a row."""

    def __init__(self, shown: dict[str, Any]) -> None:
        self.id = self.name = shown["name"]
        self.description = shown["description"]
        self.version = shown["active_version"] or _("none: retired")
        self.hosts = shown["hosts_affirming"]
        projects = shown["projects"]
        self.projects = (_("everybody") if projects is None
                         else ", ".join(projects))
        self.updated_at = shown["updated_at"]


class Preview(tables.LinkAction):
    """What another document would change."""

    name = "preview"
    verbose_name = _("Preview a Change")
    url = "horizon:admin:trusted_profiles:preview"
    policy_rules = (("trusted_launch", "trusted_launch:profiles:preview"),)
    icon = "eye"


class Filter(tables.FilterAction):
    """Find profiles by name or description."""

    def filter(self, table: Any, data: list[Profile],
               filter_string: str) -> list[Profile]:
        """Keep what has the text in it."""
        text = filter_string.lower()
        return [p for p in data
                if text in p.name.lower() or text in p.description.lower()]


class ProfilesTable(tables.DataTable):
    """Profiles."""

    name = tables.Column("name", verbose_name=_("Profile"),
                         link="horizon:admin:trusted_profiles:detail")
    description = tables.Column("description",
                                verbose_name=_("Description"))
    version = tables.Column("version", verbose_name=_("Version in Force"))
    hosts = tables.Column("hosts", verbose_name=_("Hosts Now"))
    projects = tables.Column("projects", verbose_name=_("For Projects"))
    updated_at = tables.Column("updated_at", verbose_name=_("Changed"))

    class Meta:
        """How it is shown."""

        name = "trusted_profiles"
        verbose_name = _("Trusted Profiles")
        table_actions = (Filter,)
        row_actions = (Preview,)
        multi_select = False


def detail_url(profile: str, page: str = "detail") -> str:
    """Return the address of a profile's page."""
    return reverse(f"horizon:admin:trusted_profiles:{page}", args=(profile,))
