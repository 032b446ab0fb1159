# SPDX-License-Identifier: Apache-2.0
"""Evidence over HTTP."""

from __future__ import annotations

from typing import Any

from attestation_service.api.routing import Call
from nova_trusted_launch.wire.evidence import Evidence


def create(call: Call) -> dict[str, Any]:
    """Answer a challenge; get a signed result per active profile."""
    made = call.flows.attest(Evidence.from_dict(call.body), call.user_id,
                             call.now)
    call.services.metrics.results(
        (s.result.profile, s.result.tier) for s in made)
    return {"results": [stored.jwt for stored in made]}
