# SPDX-License-Identifier: Apache-2.0
"""Ask an attester for evidence: a nonce that is good for one answer."""

from __future__ import annotations

from collections.abc import Iterable

from attestation_service import records as r
from attestation_service.core.policy.document import AppraisalPolicy
from attestation_service.flows.memory import Memory
from attestation_service.flows.policies import Policies
from attestation_service.flows.settings import Settings
from attestation_service.flows.speaker import authorize
from attestation_service.ports import Randomness, Store
from nova_trusted_launch.wire.challenge import (
    NONCE_SIZE,
    Challenge,
    Purpose,
)
from nova_trusted_launch.wire.digests import PcrSelection


class IssueChallenge:
    """An attester asks what to sign."""

    def __init__(self, store: Store, random: Randomness, policies: Policies,
                 settings: Settings) -> None:
        self._store = store
        self._random = random
        self._policies = policies
        self._settings = settings

    def __call__(self, attester_id: str, user_id: str,
                 now: r.Time) -> Challenge:
        """Issue a challenge for attestation.

        :raises Unknown: no such attester.
        :raises Forbidden: not that user's, not approved, retired.
        :raises LimitReached: too many are open.
        """
        with self._store.unit() as unit:
            attester = unit.attesters.hold(attester_id)
            authorize(attester, user_id)
            policies = self._policies.in_force(unit, now)
            challenge = Challenge(
                self._random.bytes(NONCE_SIZE), attester_id, Purpose.ATTEST,
                selection_for(self._settings, policies),
                Memory.of(attester).next_offset(policies, self._settings,
                                                now),
                now + self._settings.challenge_life)
            unit.challenges.issue(
                challenge, most_open=self._settings.open_challenges, now=now)
        return challenge


def selection_for(settings: Settings, policies: Iterable[AppraisalPolicy]
                  ) -> PcrSelection:
    """Return the registers to quote: configured, sealed to, asked about."""
    return PcrSelection(settings.bank, settings.registers.union(
        settings.sealed_registers, *(p.registers for p in policies)))
