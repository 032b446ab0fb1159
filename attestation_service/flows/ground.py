# SPDX-License-Identifier: Apache-2.0
"""What the store knows that a decision about a release stands on."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from attestation_service import records as r
from attestation_service.core import errors
from attestation_service.core.policy.document import AppraisalPolicy
from attestation_service.core.release_case import wanted_key, wanted_launch
from attestation_service.flows.policies import Policies
from attestation_service.ports import UnitOfWork
from nova_trusted_launch.wire.release import ReleaseRequest

_MOST_PROFILES = 10_000


@dataclass(frozen=True, slots=True)
class Ground:
    """Loaded before a decision, and again when it is kept."""

    request: ReleaseRequest
    attester: r.Attester
    policies: Sequence[AppraisalPolicy]
    usable: Mapping[str, tuple[str, ...] | None]
    lease: r.Lease | None
    key: r.Key | None
    launch: r.Launch | None
    disk_key: r.Key | None

    @classmethod
    def load(cls, unit: UnitOfWork, request: ReleaseRequest,
             policies: Policies, now: r.Time) -> Ground:
        """Load it; what is not there is None."""
        lease = unit.leases.load(request.instance_id)
        in_force = policies.in_force(unit, now)
        return cls(
            request, unit.attesters.hold(request.attester_id), in_force,
            {p.name: p.projects
             for p in unit.profiles.list(r.Page(_MOST_PROFILES))},
            lease, _key(unit, wanted_key(request, lease)),
            _launch(unit, wanted_launch(request, lease)),
            _key(unit, None if lease is None else lease.disk_key_id))

    def settled(self) -> tuple[object, ...]:
        """Return what must not change between decision and commit.

        Not in it: what every piece of evidence changes, and the number of
        launches, which ``Keys.use`` counts atomically.
        """
        key = None if self.key is None else dataclasses.replace(
            self.key, launches_used=0)
        return (self.attester.state, self.attester.updated_at,
                [(p.name, p.version) for p in self.policies], self.usable,
                self.lease, key, self.launch, self.disk_key)


def _key(unit: UnitOfWork, key_id: str | None) -> r.Key | None:
    try:
        return None if key_id is None else unit.keys.load(key_id)
    except errors.Unknown:
        return None


def _launch(unit: UnitOfWork, launch_id: str | None) -> r.Launch | None:
    try:
        return None if launch_id is None else unit.launches.load(launch_id)
    except errors.Unknown:
        return None
