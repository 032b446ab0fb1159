# SPDX-License-Identifier: Apache-2.0
"""Challenges over HTTP."""

from __future__ import annotations

from typing import Any

from attestation_service.api.routing import Call


def create(call: Call) -> dict[str, Any]:
    """Get a challenge for an attester that one has enrolled."""
    challenge = call.flows.challenge(
        call.body["attester_id"], call.user_id, call.now)
    return {"challenge": challenge.to_dict()}
