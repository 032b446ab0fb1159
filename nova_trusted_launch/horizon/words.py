# SPDX-License-Identifier: Apache-2.0
"""Tiers, states and ages as a person reads them."""

from __future__ import annotations

import datetime
from typing import Any

from django.utils import timesince
from django.utils.html import format_html
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from nova_trusted_launch.wire import encoding

# tier on the wire: (word, Bootstrap's class, sign for those who see no colour)
TIERS = {
    "affirming": (gettext_lazy("trusted"), "success", "✓"),
    "warning": (gettext_lazy("warning"), "warning", "!"),
    "contraindicated": (gettext_lazy("not trusted"), "danger", "✗"),
    "none": (gettext_lazy("unknown"), "default", "?"),
}
STATES = {"pending": gettext_lazy("waits for approval"),
          "approved": gettext_lazy("approved"),
          "retired": gettext_lazy("retired")}


def tier(label: str) -> tuple[Any, str, str]:
    """Return word, class and sign of a tier."""
    return TIERS.get(label, TIERS["none"])


def badge(label: str, text: str = "") -> str:
    """Return a tier as a label of the page, in colour and in words."""
    word, kind, sign = tier(label)
    return format_html(
        '<span class="label label-{}"><span aria-hidden="true">{}</span>'
        " {}{}</span>", kind, sign, f"{text}: " if text else "", word)


def badges(results: list[dict[str, Any]], now: datetime.datetime) -> str:
    """Return one label for each profile of a host."""
    if not results:
        return _("no result")
    return format_html_join(" ", "{}", (
        (badge(current(r, now), f"{r['profile']} v{r['version']}"),)
        for r in results))


def current(result: dict[str, Any], now: datetime.datetime) -> str:
    """Return a result's tier; an expired one says nothing."""
    expires = encoding.untimestamp(result["expires_at"], "expires_at")
    return result["tier"] if now < expires else "none"


def age(text: str | None, now: datetime.datetime) -> str:
    """Say how long ago a time was."""
    if not text:
        return _("never")
    return _("%s ago") % timesince.timesince(
        encoding.untimestamp(text, "time"), now)
