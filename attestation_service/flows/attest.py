# SPDX-License-Identifier: Apache-2.0
"""An attester answers its challenge; we say what we make of it."""

from __future__ import annotations

from oslo_log import log

from attestation_service import records as r
from attestation_service.flows.judgement import Publisher, Recorder, judge
from attestation_service.flows.policies import Policies
from attestation_service.flows.settings import Settings
from attestation_service.flows.speaker import authorize
from attestation_service.ports import Store
from nova_trusted_launch.wire.challenge import Purpose
from nova_trusted_launch.wire.evidence import Evidence

LOG = log.getLogger(__name__)


class Attest:
    """Spend, verify, extract, appraise, sign, store, publish."""

    def __init__(self, store: Store, policies: Policies, recorder: Recorder,
                 publisher: Publisher, settings: Settings) -> None:
        self._store = store
        self._policies = policies
        self._recorder = recorder
        self._publisher = publisher
        self._settings = settings

    def __call__(self, evidence: Evidence, user_id: str,
                 now: r.Time) -> list[r.StoredResult]:
        """Judge evidence by every active profile; return signed results.

        :raises EvidenceError: it is refused.  What was known of the host
            stays as it is, and expires, unless its own TPM signed, for this
            challenge, registers that its logs do not explain: that ends
            every yes of it at once.
        :raises Unknown: no such attester.
        :raises Forbidden: not that user's, not approved, retired.
        """
        with self._store.unit() as unit:
            # Spent before anything is believed: a bad answer burns it.
            challenge = unit.challenges.spend(
                evidence.nonce, evidence.attester_id, Purpose.ATTEST)
            attester = unit.attesters.load(challenge.attester_id)
            policies = self._policies.in_force(unit, now)
        # Not before it is kept that the nonce is spent: a refusal in there
        # would give it back.
        authorize(attester, user_id)
        judged = judge(attester, evidence, challenge=challenge,
                       qualifying=challenge.nonce, policies=policies,
                       logs=self._settings.logs, now=now)
        signed = self._recorder.sign(judged)
        with self._store.unit() as unit:
            # It may have been retired while we were judging.
            attester = unit.attesters.hold(attester.id)
            authorize(attester, user_id)
            kept = self._recorder.record(unit, attester, judged, signed, now)
        self._publisher(attester.host, [s.result for s in kept.results],
                        changed=kept.changed, now=now)
        if judged.refusal is not None:
            LOG.warning("Host %(host)s is not trusted any more: %(why)s",
                        {"host": attester.host, "why": judged.refusal})
            raise judged.refusal
        return kept.results
