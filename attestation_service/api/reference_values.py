# SPDX-License-Identifier: Apache-2.0
"""Reference values over HTTP."""

from __future__ import annotations

from typing import Any

from attestation_service import records as r
from attestation_service.api import views
from attestation_service.api.routing import Call
from nova_trusted_launch.wire import encoding


def create(call: Call) -> dict[str, Any]:
    """Create a set of reference values; it never changes afterwards."""
    body = call.body
    values = r.ReferenceSet(
        body["name"], body["kind"], body["provenance"], call.now,
        views.untime(body.get("expires_at"), "expires_at"),
        {digest: tuple(names) for digest, names in body["values"].items()})
    call.flows.reference_values.create(values)
    return {"reference_values": _summary(values)}


def index(call: Call) -> dict[str, Any]:
    """List the sets without their values."""
    found = call.flows.reference_values.list(call.wanted.page())
    return call.wanted.answer("reference_values", found, _summary,
                              lambda item: item.name)


def show(call: Call) -> dict[str, Any]:
    """Show a set with its values."""
    found = call.flows.reference_values.show(call.path["name"])
    return {"reference_values": {**_summary(found), "values": {
        digest: list(names) for digest, names in found.values.items()}}}


def delete(call: Call) -> None:
    """Delete a set that no active profile uses."""
    call.flows.reference_values.delete(call.path["name"])


def _summary(values: r.ReferenceSet) -> dict[str, Any]:
    return {"name": values.name, "kind": values.kind,
            "provenance": values.provenance,
            "created_at": encoding.timestamp(values.created_at),
            "expires_at": views.time(values.expires_at)}
