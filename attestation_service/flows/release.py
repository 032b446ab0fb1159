# SPDX-License-Identifier: Apache-2.0
"""A host asks for an instance's keys, and proves that it may have them.

:class:`RequestRelease` remembers what is asked and issues a nonce;
:class:`AnswerRelease` judges the fresh evidence, decides, seals, and keeps
decision, receipt, lease and counters in one unit of work.  Every answer ends
the release: granted, or refused with its reason.  A decision whose ground
changed while it was made is made again on the new ground.
"""

from __future__ import annotations

import dataclasses

from oslo_log import log

from attestation_service import records as r
from attestation_service.core import errors
from attestation_service.core.release import decide
from attestation_service.core.release_case import Case, Grant, Refuse
from attestation_service.flows.challenge import selection_for
from attestation_service.flows.ground import Ground
from attestation_service.flows.hearing import Hearing, lease_of, receipt_of
from attestation_service.flows.judgement import (
    Publisher,
    Recorder,
    judge,
)
from attestation_service.flows.memory import Memory
from attestation_service.flows.policies import Policies
from attestation_service.flows.refusals import Refusals, close, tell
from attestation_service.flows.sealing import Sealer
from attestation_service.flows.secrets import Prepared, Secrets
from attestation_service.flows.settings import Settings
from attestation_service.flows.speaker import authorize, authorize_user
from attestation_service.ports import (
    Instances,
    Randomness,
    Signer,
    Store,
)
from nova_trusted_launch.wire.challenge import (
    NONCE_SIZE,
    Challenge,
    Purpose,
)
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.evidence import Evidence
from nova_trusted_launch.wire.receipts import RECEIPT_TYPE
from nova_trusted_launch.wire.release import Released, ReleaseRequest

LOG = log.getLogger(__name__)
# How often a release is decided at most, while others go on changing what
# its decision stands on.
_DECISIONS = 5


class RequestRelease:
    """A host says which instance it wants to start, in which session."""

    def __init__(self, store: Store, random: Randomness, policies: Policies,
                 settings: Settings) -> None:
        self._store = store
        self._random = random
        self._policies = policies
        self._settings = settings

    def __call__(self, request: ReleaseRequest, user_id: str,
                 now: r.Time) -> tuple[r.Release, Challenge]:
        """Open a release and issue its challenge.

        :raises Unknown: no such attester.
        :raises Forbidden: not that user's, not approved, retired.
        :raises LimitReached: too many are open.
        """
        expires_at = now + self._settings.release_life
        with self._store.unit() as unit:
            attester = unit.attesters.hold(request.attester_id)
            authorize(attester, user_id)
            release = r.Release(
                self._random.uuid(), attester.id, attester.host,
                request.instance_id, None, request.action, request.to_dict(),
                r.ReleaseState.OPEN, now, expires_at)
            policies = self._policies.in_force(unit, now)
            challenge = Challenge(
                self._random.bytes(NONCE_SIZE), attester.id, Purpose.RELEASE,
                selection_for(self._settings, policies),
                Memory.of(attester).next_offset(policies, self._settings,
                                                now),
                expires_at, release.id)
            unit.challenges.issue(
                challenge, most_open=self._settings.open_releases, now=now)
            unit.releases.add(release)
        return release, challenge


class AnswerRelease:
    """Judge, decide, seal, keep, answer."""

    def __init__(self, store: Store, policies: Policies, *,
                 instances: Instances, secrets: Secrets, sealer: Sealer,
                 signer: Signer, recorder: Recorder, publisher: Publisher,
                 settings: Settings) -> None:
        self._store = store
        self._policies = policies
        self._instances = instances
        self._secrets = secrets
        self._sealer = sealer
        self._signer = signer
        self._recorder = recorder
        self._publisher = publisher
        self._refusals = Refusals(store, instances, recorder, publisher)
        self._settings = settings

    def __call__(self, release_id: str, evidence: Evidence, user_id: str,
                 now: r.Time) -> Released:
        """Answer evidence for an open release.

        :raises Unknown: no such release of this attester.
        :raises Conflict: it is not open, or the ground of the decision
            changed each time while it was made.
        :raises EvidenceError: nothing could be established.
        :raises Forbidden: refused; code and detail say why.
        :raises Unavailable: Nova or the vault could not be asked.
        """
        with self._store.unit() as unit:
            # Spent before anything is believed: a bad answer burns it.
            challenge = unit.challenges.spend(
                evidence.nonce, evidence.attester_id, Purpose.RELEASE)
        left = _DECISIONS
        while True:
            left -= 1
            release, ground = self._load(release_id, evidence, user_id, now)
            try:
                return self._answer(release, ground, challenge, evidence, now)
            except errors.Refusal as exc:
                if not left or exc.code is not Code.REQUEST_CONFLICT:
                    self._refusals.keep(release, exc, now)
                    raise
                LOG.info("Release %(id)s is decided again: %(why)s",
                         {"id": release.id, "why": exc})

    def _load(self, release_id: str, evidence: Evidence, user_id: str,
              now: r.Time) -> tuple[r.Release, Ground]:
        """Load an open release, and what its decision stands on."""
        with self._store.unit() as unit:
            release = unit.releases.load(release_id)
            if release.attester_id != evidence.attester_id:
                raise errors.Unknown(f"there is no release {release_id!r}",
                                     Code.RELEASE_UNKNOWN)
            authorize_user(unit.attesters.load(release.attester_id), user_id)
            if release.state is not r.ReleaseState.OPEN:
                raise errors.Conflict(
                    f"the release is {release.state.value} already",
                    Code.RELEASE_BAD_STATE)
            request = ReleaseRequest.from_dict(release.request)
            ground = Ground.load(unit, request, self._policies, now)
            if ground.lease is not None:
                release = dataclasses.replace(
                    release, project_id=ground.lease.project_id)
        return release, ground

    def _answer(self, release: r.Release, ground: Ground,
                challenge: Challenge, evidence: Evidence,
                now: r.Time) -> Released:
        if now >= release.expires_at:
            raise errors.Forbidden("the release has expired",
                                   Code.RELEASE_EXPIRED)
        if challenge.subject != release.id:
            raise errors.StaleEvidence(
                "the nonce was issued for another release")
        judged = judge(ground.attester, evidence, challenge=challenge,
                       qualifying=ground.request.binding(challenge.nonce),
                       policies=ground.policies, logs=self._settings.logs,
                       now=now)
        if judged.refusal is not None:
            self._refusals.refuse(
                Hearing(self._refusals.owned(release), ground, judged, now),
                Refuse(judged.refusal.code, str(judged.refusal)))
            raise judged.refusal
        where = self._instances.locate(release.instance_id)
        if where is not None:
            release = dataclasses.replace(release,
                                          project_id=where.project_id)
        hearing = Hearing(release, ground, judged, now)
        decided = decide(Case(
            ground.request, ground.attester,
            {result.profile: result for result in judged.results},
            ground.usable, ground.key, ground.launch, ground.lease, where),
            now)
        if isinstance(decided, Refuse):
            self._refusals.refuse(hearing, decided)
            raise errors.Forbidden(decided.detail, decided.code)
        return self._grant(hearing, decided)

    def _grant(self, hearing: Hearing, grant: Grant) -> Released:
        release, ground = hearing.release, hearing.ground
        prepared = self._secrets.prepare(
            grant, release.instance_id, image_key=ground.key,
            disk_key=ground.disk_key, now=hearing.now)
        try:
            sealed = self._sealer.seal(
                prepared.bundle, ground.attester, quote=hearing.judged.quote,
                release_id=release.id, request=ground.request)
            receipt = self._signer.sign(
                receipt_of(hearing, grant, prepared).to_claims(), RECEIPT_TYPE)
            index = self._keep_grant(hearing, grant, prepared, receipt)
        except errors.Refusal:
            self._secrets.forget(prepared.new_refs)
            raise
        return Released(release.id, sealed, grant.image_digest, receipt,
                        index, hearing.now + self._settings.session_life)

    def _keep_grant(self, hearing: Hearing, grant: Grant,
                    prepared: Prepared, receipt: str) -> int:
        """Keep everything at once; return the receipt's place in the log."""
        release, now = hearing.release, hearing.now
        signed = self._recorder.sign(hearing.judged)
        with self._store.unit() as unit:
            current = Ground.load(unit, hearing.ground.request,
                                  self._policies, now)
            if current.settled() != hearing.ground.settled():
                raise errors.Conflict(
                    "host, lease, key, token or profiles changed while the "
                    "release was decided; ask again")
            recorded = self._recorder.record(
                unit, current.attester, hearing.judged, signed, now)
            if grant.counts and grant.key_id is not None:
                unit.keys.use(grant.key_id)
            if grant.launch_id is not None:
                unit.launches.bind(grant.launch_id, release.instance_id)
            if prepared.new_disk_key is not None:
                unit.keys.add(prepared.new_disk_key)
            unit.leases.save(lease_of(hearing, grant, prepared),
                             was=hearing.ground.lease)
            kept = unit.log.append(r.StoredReceipt(
                0, release.id, release.instance_id, grant.project_id,
                receipt, now))
            close(unit, dataclasses.replace(
                release, state=r.ReleaseState.GRANTED,
                log_index=kept.index), now)
        tell(self._publisher, hearing, recorded)
        return kept.index
