# SPDX-License-Identifier: Apache-2.0
"""The pages of the panel of profiles."""

from __future__ import annotations

import difflib
from typing import Any

import yaml
from django.utils.translation import gettext_lazy as _
from horizon import tables
from horizon import views

from nova_trusted_launch.horizon import pages
from nova_trusted_launch.horizon import words
from nova_trusted_launch.horizon.profiles import forms
from nova_trusted_launch.horizon.profiles import tables as profiles_tables


class IndexView(pages.AskingMixin, tables.DataTableView):
    """All profiles."""

    table_class = profiles_tables.ProfilesTable
    template_name = "trusted_launch/table.html"
    page_title = _("Trusted Profiles")

    def get_data(self) -> list[profiles_tables.Profile]:
        """Fetch them."""
        return self.ask(lambda c: [
            profiles_tables.Profile(p) for p in c.profiles_list()], [])


class _ProfileView(pages.AskingMixin, views.HorizonTemplateView):
    """A page about one profile."""

    @property
    def profile(self) -> str:
        """Its name."""
        return self.kwargs["profile"]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the addresses of its pages."""
        context = super().get_context_data(**kwargs)
        context["name"] = self.profile
        context["pages"] = {
            page: profiles_tables.detail_url(self.profile, page)
            for page in ("detail", "diff", "preview")}
        return context


class DetailView(_ProfileView):
    """The document in force, and all versions."""

    template_name = "trusted_launch/profile.html"
    page_title = "{{ name }}"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Show it."""
        shown = self.ask(lambda c: c.profile_show(self.profile), None)
        versions = self.ask(lambda c: c.profile_versions(self.profile), [])
        context = super().get_context_data(**kwargs)
        if shown is not None:
            context["profile"] = shown
            context["document"] = text(shown.get("document"))
        context["versions"] = list(reversed(versions))
        return context


class DiffView(_ProfileView):
    """What changed from one version to another."""

    template_name = "trusted_launch/profile_diff.html"
    page_title = "{{ name }}"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Compare the two versions that are asked for, or the newest two."""
        versions = {v["version"]: v for v in self.ask(
            lambda c: c.profile_versions(self.profile), [])}
        known = sorted(versions)
        before = self._asked("from", known, known[-2:-1] or known)
        after = self._asked("to", known, known[-1:])
        context = super().get_context_data(**kwargs)
        context.update(versions=known, before=before, after=after)
        if before and after:
            context["lines"] = list(diff(versions[before], versions[after]))
        return context

    def _asked(self, name: str, known: list[int],
               otherwise: list[int]) -> int | None:
        value = self.request.GET.get(name, "")
        if value.isascii() and value.isdigit() and int(value) in known:
            return int(value)
        return otherwise[0] if otherwise else None


class PreviewView(_ProfileView):
    """What another document would change, before it is in force."""

    template_name = "trusted_launch/profile_preview.html"
    page_title = "{{ name }}"
    form: forms.PreviewForm | None = None
    changes: list[dict[str, Any]] | None = None

    def post(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Judge what was sent."""
        self.form = forms.PreviewForm(request.POST)
        if self.form.is_valid():
            sent = self.form.cleaned_data
            self.changes = self.ask(lambda c: c.profile_preview(
                sent["document"], sent["host"] or None), None)
        return self.get(request, *args, **kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Show the form, filled in, and the outcome."""
        if self.form is None:
            shown = self.ask(lambda c: c.profile_show(self.profile), None)
            self.form = forms.PreviewForm(initial={
                "document": text((shown or {}).get("document"))})
        context = super().get_context_data(**kwargs)
        context["form"] = self.form
        if self.changes is not None:
            context["judged"] = True
            context["changes"] = [_change(c) for c in self.changes]
        return context


def text(document: Any) -> str:
    """Write a document for people; a retired profile has none."""
    if document is None:
        return ""
    return yaml.safe_dump(document, sort_keys=False, width=76)


def diff(before: dict[str, Any], after: dict[str, Any]) -> Any:
    """Yield the lines of a comparison, each with its kind."""
    kinds = {"+": "added", "-": "removed", "@": "place"}
    for line in difflib.unified_diff(
            text(before["document"]).splitlines(),
            text(after["document"]).splitlines(),
            f"version {before['version']}", f"version {after['version']}",
            lineterm=""):
        yield {"text": line, "kind": kinds.get(line[0], "same")}


def _change(change: dict[str, Any]) -> dict[str, Any]:
    before = change["before"] or "none"
    return {"host": change["host"], "before": words.badge(before),
            "after": words.badge(change["after"]),
            "worse": change["after"] != "affirming"
            and before == "affirming",
            "findings": [{**f, "badge": words.badge(f["tier"])}
                         for f in change["findings"]
                         if f["tier"] != "affirming"]}
