# SPDX-License-Identifier: Apache-2.0
"""Attestation results over HTTP."""

from __future__ import annotations

from typing import Any

from attestation_service import records as r
from attestation_service.api import views
from attestation_service.api.routing import Call


def index(call: Call) -> dict[str, Any]:
    """List the latest result of every host and profile.

    An expired one is listed until another takes its place; one that was
    withdrawn (host retired or rebooted, profile retired) is not.
    """
    page = call.wanted.page(attester_id=call.query.get("attester"),
                            host=call.query.get("host"),
                            profile=call.query.get("profile"))
    return call.wanted.answer("results", call.flows.results.latest(page),
                              _view, lambda s: s.sequence)


def history(call: Call) -> dict[str, Any]:
    """List the results an attester had, newest first."""
    page = call.wanted.page(profile=call.query.get("profile"))
    found = call.flows.results.history(call.path["attester"], page)
    return call.wanted.answer("results", found, _view,
                              lambda s: s.sequence)


def snapshot(call: Call) -> dict[str, Any]:
    """Fetch the signed snapshot of all results, or what changed since."""
    return {"snapshot": call.flows.snapshot(
        call.query.get("since", 0), call.now)}


def _view(stored: r.StoredResult) -> dict[str, Any]:
    return {**views.result(stored), "jwt": stored.jwt}
