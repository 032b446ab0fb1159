# SPDX-License-Identifier: Apache-2.0
"""Versions, the API document and public keys: for everybody."""

from __future__ import annotations

from typing import Any

from attestation_service.api import microversion
from attestation_service.api.routing import Call


def index(call: Call) -> dict[str, Any]:
    """List the versions of the API."""
    return {"versions": [_version(call.url)]}


def show(call: Call) -> dict[str, Any]:
    """Show version 1 of the API."""
    return {"version": _version(call.url)}


def openapi(call: Call) -> dict[str, Any]:
    """Show the OpenAPI document."""
    return dict(call.services.openapi)


def jwks(call: Call) -> dict[str, Any]:
    """Show the public keys that verify what the service signs."""
    return dict(call.flows.jwks())


def _version(url: str) -> dict[str, Any]:
    return {"id": "v1.0", "status": "CURRENT",
            "min_version": str(microversion.MINIMUM),
            "max_version": str(microversion.MAXIMUM),
            "links": [{"rel": "self", "href": f"{url}/v1"}]}
