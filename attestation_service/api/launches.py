# SPDX-License-Identifier: Apache-2.0
"""Launch tokens over HTTP."""

from __future__ import annotations

from typing import Any

from attestation_service import records as r
from attestation_service.api import views
from attestation_service.api.routing import Call
from nova_trusted_launch.wire import encoding


def create(call: Call) -> dict[str, Any]:
    """Create a launch token; without a nonce the service makes one."""
    launch, nonce = call.flows.launches.create(
        profile=call.body["profile"],
        nonce=views.unb64(call.body.get("nonce"), "nonce"),
        image_id=call.body.get("image_id"),
        image_digest=views.unhexed(call.body.get("image_digest"),
                                   "image_digest"),
        expires_in=call.body.get("expires_in"),
        project_id=call.own_project, user_id=call.user_id, now=call.now)
    shown = {} if nonce is None else {"nonce": encoding.b64(nonce)}
    return {"launch": {**view(launch), **shown}}


def index(call: Call) -> dict[str, Any]:
    """List the project's launch tokens."""
    page = call.wanted.page(project_id=call.project,
                            instance_id=call.query.get("instance_id"))
    return call.wanted.answer("launches", call.flows.launches.list(page),
                              view, lambda item: item.id)


def show(call: Call) -> dict[str, Any]:
    """Show a launch token, never its nonce."""
    return {"launch": view(call.flows.launches.show(
        call.path["launch"], call.project))}


def delete(call: Call) -> None:
    """Delete a launch token."""
    call.flows.launches.delete(call.path["launch"], call.project)


def view(launch: r.Launch) -> dict[str, Any]:
    """Show a launch token."""
    return {"id": launch.id, "project_id": launch.project_id,
            "profile": launch.profile, "image_id": launch.image_id,
            "image_digest": views.hexed(launch.image_digest),
            "nonce_digest": launch.nonce_digest.hex(),
            "created_at": encoding.timestamp(launch.created_at),
            "expires_at": encoding.timestamp(launch.expires_at),
            "instance_id": launch.instance_id}
