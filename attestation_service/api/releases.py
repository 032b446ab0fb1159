# SPDX-License-Identifier: Apache-2.0
"""Releases over HTTP: agents ask and answer, tenants look."""

from __future__ import annotations

from typing import Any

from attestation_service import records as r
from attestation_service.api import views
from attestation_service.api.routing import Call
from nova_trusted_launch.wire.evidence import Evidence
from nova_trusted_launch.wire.release import ReleaseRequest


def create(call: Call) -> dict[str, Any]:
    """Ask for an instance's keys; get a nonce to quote over."""
    release, challenge = call.flows.request_release(
        ReleaseRequest.from_dict(call.body), call.user_id, call.now)
    shown = challenge.to_dict()
    return {"release": {"id": release.id, "nonce": shown["nonce"],
                        "selection": shown["selection"],
                        "ima_offset": shown["ima_offset"],
                        "expires_at": shown["expires_at"]},
            "challenge": shown}


def answer(call: Call) -> dict[str, Any]:
    """Send the evidence for a release; get the sealed keys."""
    evidence = Evidence.from_dict(call.body)
    with call.services.metrics.release():
        released = call.flows.answer_release(
            call.path["release"], evidence, call.user_id, call.now)
    return released.to_dict()


def index(call: Call) -> dict[str, Any]:
    """List releases, newest first."""
    page = call.wanted.page(project_id=call.project,
                            instance_id=call.query.get("instance_id"),
                            state=views.member(r.ReleaseState,
                                               call.query.get("state")))
    return call.wanted.answer("releases", call.flows.releases.list(page),
                              views.release, lambda item: item.id)


def show(call: Call) -> dict[str, Any]:
    """Show a release and, when it was refused, why."""
    return {"release": views.release(call.flows.releases.show(
        call.path["release"], call.project))}
