# SPDX-License-Identifier: Apache-2.0
"""Trusted instances over HTTP."""

from __future__ import annotations

from typing import Any

from attestation_service.api import views
from attestation_service.api.routing import Call
from nova_trusted_launch.wire import encoding


def show(call: Call) -> dict[str, Any]:
    """Show what is known of a trusted instance."""
    seen = call.flows.instances.show(call.path["instance"], call.project)
    lease, last = seen.lease, seen.last_release
    return {"instance": {
        "instance_id": lease.instance_id, "project_id": lease.project_id,
        "host": lease.host, "profiles": list(lease.profiles),
        "image_id": lease.image_id,
        "image_digest": views.hexed(lease.image_digest),
        "launch_id": lease.launch_id,
        "nonce_digest": lease.nonce_digest.hex(),
        "opened_at": encoding.timestamp(lease.opened_at),
        "closed_at": views.time(lease.closed_at),
        "trusted": seen.trusted,
        "last_release": None if last is None else views.release(last)}}


def close(call: Call) -> None:
    """Close an instance's lease for ever and destroy its disk key."""
    call.flows.instances.close(call.path["instance"], call.now)
