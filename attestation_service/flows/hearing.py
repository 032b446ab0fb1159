# SPDX-License-Identifier: Apache-2.0
"""One release on its way to a decision, and what is written of its end."""

from __future__ import annotations

from dataclasses import dataclass

from attestation_service import records as r
from attestation_service.core.release_case import Grant
from attestation_service.flows.ground import Ground
from attestation_service.flows.judgement import Judged, ak_of
from attestation_service.flows.secrets import Prepared
from nova_trusted_launch.wire.receipts import Receipt


@dataclass(frozen=True, slots=True)
class Hearing:
    """One release whose evidence was believed, on its way to a decision."""

    release: r.Release
    ground: Ground
    judged: Judged
    now: r.Time


def receipt_of(hearing: Hearing, grant: Grant, prepared: Prepared) -> Receipt:
    """Write the receipt of a release that is granted."""
    release, attester = hearing.release, hearing.ground.attester
    return Receipt(
        release.id, release.instance_id, grant.project_id, release.action,
        release.host, attester.id, ak_of(attester.ak_public).name,
        grant.satisfied, grant.image_id, grant.image_digest, grant.key_id,
        grant.launch_id, prepared.nonce_digest, attester.hardware,
        hearing.now)


def lease_of(hearing: Hearing, grant: Grant, prepared: Prepared) -> r.Lease:
    """Write what the service will remember of the instance."""
    release, old = hearing.release, hearing.ground.lease
    return r.Lease(
        release.instance_id, grant.project_id, release.host,
        tuple(name for name, _ in grant.satisfied) if old is None
        else old.profiles,
        grant.image_id, grant.image_digest, grant.key_id,
        prepared.disk_key_id, grant.launch_id, prepared.nonce_ref,
        prepared.nonce_digest,
        hearing.now if old is None else old.opened_at)
