# SPDX-License-Identifier: Apache-2.0
"""Keys over HTTP: registered, listed, deleted, never shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attestation_service import records as r
from attestation_service.api import views
from attestation_service.api.routing import Call
from nova_trusted_launch.wire import encoding


def create(call: Call) -> dict[str, Any]:
    """Register a key with its release policy."""
    material = r.KeyMaterial(
        encoding.unb64(call.body["material"], "material"))
    return {"key": view(call.flows.keys.create(
        call.body["name"], material, _policy(call.body["policy"]),
        call.own_project, call.now))}


def index(call: Call) -> dict[str, Any]:
    """List the project's keys."""
    page = call.wanted.page(project_id=call.project,
                            purpose=r.KeyPurpose.IMAGE)
    return call.wanted.answer("keys", call.flows.keys.list(page), view,
                              lambda k: k.id)


def show(call: Call) -> dict[str, Any]:
    """Show a key, never its material."""
    return {"key": view(call.flows.keys.show(
        call.path["key"], call.project))}


def delete(call: Call) -> None:
    """Delete a key and its material."""
    call.flows.keys.delete(call.path["key"], call.project)


def view(key: r.Key) -> dict[str, Any]:
    """Show a key."""
    policy = key.policy
    return {"id": key.id, "name": key.name, "project_id": key.project_id,
            "purpose": key.purpose.value,
            "policy": {
                "profile": policy.profile, "image_id": policy.image_id,
                "image_digest": views.hexed(policy.image_digest),
                "demand_token": policy.demand_token,
                "expires_at": views.time(policy.expires_at),
                "launches": policy.launches},
            "launches_used": key.launches_used,
            "created_at": encoding.timestamp(key.created_at)}


def _policy(body: Mapping[str, Any]) -> r.ReleasePolicy:
    return r.ReleasePolicy(
        body.get("profile"), body.get("image_id"),
        views.unhexed(body.get("image_digest"), "image_digest"),
        body.get("demand_token", False),
        views.untime(body.get("expires_at"), "expires_at"),
        body.get("launches"))
