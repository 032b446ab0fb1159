# SPDX-License-Identifier: Apache-2.0
"""What is told to the bus: states of attesters, tiers, releases.

Payloads are plain JSON values and hold no secret.  Their names and fields are
part of the interface (documentation, "Notifications").
"""

from __future__ import annotations

from attestation_service import records as r
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.results import AttestationResult, TrustTier

ATTESTER_STATE = "attester.state"
RESULT_TIER = "result.tier"
RELEASE_GRANTED = "release.granted"
RELEASE_REFUSED = "release.refused"
LEASE_CLOSED = "lease.closed"


def attester_state(attester: r.Attester, was: r.AttesterState | None,
                   now: r.Time) -> r.Event:
    """An attester came, was approved, or was retired."""
    return r.Event(ATTESTER_STATE, {
        "attester_id": attester.id, "host": attester.host,
        "state": attester.state.value,
        "previous": None if was is None else was.value}, now)


def result_tier(result: AttestationResult, was: TrustTier | None,
                now: r.Time) -> r.Event:
    """A host's tier for a profile is another than before."""
    return r.Event(RESULT_TIER, {
        "attester_id": result.attester_id, "host": result.host,
        "profile": result.profile, "version": result.version,
        "tier": result.tier.label,
        "previous": None if was is None else was.label,
        "reasons": [f.detail for f in result.findings
                    if f.tier is not TrustTier.AFFIRMING][:10],
        "expires_at": encoding.timestamp(result.expires_at)}, now)


def release_decided(release: r.Release, now: r.Time) -> r.Event:
    """Keys were released to a host, or refused."""
    granted = release.state is r.ReleaseState.GRANTED
    return r.Event(RELEASE_GRANTED if granted else RELEASE_REFUSED, {
        "release_id": release.id, "instance_id": release.instance_id,
        "project_id": release.project_id, "host": release.host,
        "attester_id": release.attester_id, "action": release.action.value,
        "code": release.code, "detail": release.detail,
        "log_index": release.log_index}, now)


def lease_closed(lease: r.Lease, now: r.Time) -> r.Event:
    """A trusted instance is gone, and its keys with it."""
    return r.Event(LEASE_CLOSED, {
        "instance_id": lease.instance_id, "project_id": lease.project_id,
        "host": lease.host}, now)
