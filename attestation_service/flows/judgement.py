# SPDX-License-Identifier: Apache-2.0
"""From evidence to results, and results into the store: what every story
about a host's state has in common.

:func:`judge` turns evidence into results without touching the store;
:class:`Recorder` keeps them.  Evidence that the host's TPM did not sign for
our nonce never gets to the second, so it can not overwrite what is known:
otherwise anyone could take a host out.

Once the TPM has signed, freshly, it is another matter: registers that the
host's own logs do not explain are not the state that was found good before.
Such evidence is refused *and* ends that result (``Judged.refusal``).
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oslo_log import log

from attestation_service import records as r
from attestation_service.core import errors, facts, verify
from attestation_service.core.appraise import Unexplained, appraise
from attestation_service.core.facts import HostFacts, LogSettings
from attestation_service.core.policy.document import AppraisalPolicy
from attestation_service.core.tpm.attestation_key import (
    AttestationKey,
    load_attestation_key,
)
from attestation_service.core.tpm.quote import VerifiedQuote
from attestation_service.flows import events
from attestation_service.flows.memory import Memory
from attestation_service.flows.settings import Settings
from attestation_service.ports import (
    Randomness,
    Signer,
    Traits,
    UnitOfWork,
)
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.challenge import Challenge
from nova_trusted_launch.wire.evidence import Evidence
from nova_trusted_launch.wire.results import (
    AttestationResult,
    TrustTier,
    worst,
)

LOG = log.getLogger(__name__)
RESULT_TYPE = "ear+jwt"


@functools.lru_cache(maxsize=16384)
def ak_of(ak_public: bytes) -> AttestationKey:
    """Return the loaded key: it costs more than a signature's check."""
    return load_attestation_key(ak_public)


@dataclass(frozen=True, slots=True)
class Judged:
    """What evidence of an attester turned out to be worth.

    With a ``refusal`` the quote is proven and the logs beside it are not:
    the results say so, nothing else may be read from the evidence, and
    whoever sent it is told the refusal.
    """

    attester: r.Attester
    evidence: Evidence
    qualifying: bytes
    quote: VerifiedQuote
    facts: HostFacts
    results: tuple[AttestationResult, ...]
    refusal: errors.EvidenceError | None = None


def judge(attester: r.Attester, evidence: Evidence, *, challenge: Challenge,
          qualifying: bytes, policies: Iterable[AppraisalPolicy],
          logs: LogSettings, now: r.Time) -> Judged:
    """Judge evidence for a challenge that was just spent.

    :raises EvidenceError: nothing could be established.
    """
    verified = verify.verify_evidence(
        evidence, ak=ak_of(attester.ak_public), challenge=challenge,
        qualifying=qualifying, now=now)
    known: dict[str, Any] = {
        "manufacturer": attester.manufacturer, "hardware": attester.hardware,
        "labels": attester.labels}
    refusal = None
    try:
        found = facts.extract(
            verified, **known, logs=logs,
            earlier=Memory.of(attester).at(verified.ima_offset))
    except errors.StaleEvidence:
        raise  # Nothing is wrong with the host: it is asked again.
    except errors.EvidenceError as exc:
        refusal = exc
        found = facts.registers_only(verified.quote, **known)
        policies = [_without_logs(policy, exc) for policy in policies]
    return Judged(
        attester, evidence, qualifying, verified.quote, found,
        tuple(appraise(attester.id, attester.host, found, policy, now)
              for policy in policies), refusal)


def _without_logs(policy: AppraisalPolicy, refusal: errors.EvidenceError
                  ) -> AppraisalPolicy:
    """Return the policy with the one answer that is left."""
    return dataclasses.replace(policy, rules=(Unexplained(
        str(refusal), isinstance(refusal, errors.UnauthenticEvidence)),))


@dataclass(frozen=True, slots=True)
class Recorded:
    """Results as they are kept; did any tier change?"""

    results: list[r.StoredResult]
    changed: bool


class Recorder:
    """Signs and keeps results."""

    def __init__(self, signer: Signer, random: Randomness,
                 settings: Settings) -> None:
        self._signer = signer
        self._random = random
        self._settings = settings

    def sign(self, judged: Judged) -> Sequence[r.StoredResult]:
        """Sign every result; do this before the unit of work."""
        return [r.StoredResult(result, self._signer.sign(
            result.to_claims(), RESULT_TYPE)) for result in judged.results]

    def record(self, unit: UnitOfWork, attester: r.Attester, judged: Judged,
               signed: Iterable[r.StoredResult], now: r.Time) -> Recorded:
        """Keep results, evidence and counters; put events in the outbox.

        ``attester`` is held by this unit: other evidence may have come in
        while this was being judged.

        :raises UnauthenticEvidence: it is older than what is known already.
        """
        before = unit.results.tiers(attester.id, now)
        same_boot = self._same_boot(attester, judged.quote)
        stay = (_overtaking(unit, attester, judged, before)
                if same_boot else {})
        made = [s for s in signed if s.result.profile not in stay]
        news = [s.result for s in made
                if before.get(s.result.profile) is not s.result.tier]
        for result in news:
            unit.outbox.put(events.result_tier(
                result, before.get(result.profile), now))
        unit.attesters.record_boot(
            attester.id, _counters(attester.counters, judged.quote),
            self._remember(unit, attester, judged, now,
                           news=bool(news) or not same_boot).to_dict(), now)
        # Last: from here on all other attesters wait for us.
        if not same_boot:
            unit.results.drop(now, attester_id=attester.id)
        kept = {s.result.profile: s for s in unit.results.save(*made)}
        return Recorded([(stay | kept)[result.profile]
                         for result in judged.results], bool(news))

    def _remember(self, unit: UnitOfWork, attester: r.Attester,
                  judged: Judged, now: r.Time, *, news: bool) -> Memory:
        """Keep evidence, as long as it may be judged again."""
        memory = Memory.of(attester)
        if judged.refusal is not None:
            return memory.without_places()
        kept_at = self._keep(unit, judged, memory, now, news=news)
        return memory.after(judged.facts, self._settings, now, kept_at)

    def _same_boot(self, attester: r.Attester, quote: VerifiedQuote) -> bool:
        progress = verify.verify_continuity(
            attester.counters, quote, slack=self._settings.challenge_life)
        return (progress.same_boot and progress.orderly
                and not progress.firmware_changed)

    def _keep(self, unit: UnitOfWork, judged: Judged, memory: Memory,
              now: r.Time, *, news: bool) -> r.Time | None:
        """Keep evidence that is news or due; return when it last was."""
        if not (news or memory.keeping_is_due(self._settings, now)):
            return memory.kept_at
        if not self._settings.kept_evidence or judged.evidence.ima_offset:
            # A part cannot be judged again: have all of it sent next time.
            return None
        unit.kept_evidence.save(r.KeptEvidence(
            self._random.uuid(), judged.attester.id, now,
            encoding.canonical(judged.evidence.to_dict()),
            judged.qualifying), keep=self._settings.kept_evidence)
        return now


class Publisher:
    """Tells Placement which profiles a host satisfies.

    Only a hint, so it may fail; whatever did not get through, or was changed
    by somebody else, is put right with later evidence.
    """

    def __init__(self, traits: Traits, settings: Settings) -> None:
        self._traits = traits
        self._interval = settings.publish_interval
        self._published: dict[str, r.Time] = {}

    def __call__(self, host: str, results: Iterable[AttestationResult], *,
                 changed: bool, now: r.Time) -> None:
        """Publish what was just committed, when it is news or long ago."""
        last = self._published.get(host)
        if changed or last is None or now >= last + self._interval:
            results = list(results)
            self.publish(host, [s.profile for s in results
                                if s.tier is TrustTier.AFFIRMING],
                         [s.profile for s in results], now)

    def publish(self, host: str, affirming: Iterable[str],
                known: Iterable[str], now: r.Time) -> None:
        """Set the host's traits; see :class:`ports.Traits`."""
        try:
            self._traits.publish(host, affirming, known)
            self._published[host] = now
        except errors.Unavailable as exc:
            self._published.pop(host, None)
            LOG.warning("Traits of %(host)s are not published: %(why)s",
                        {"host": host, "why": exc})


def _overtaking(unit: UnitOfWork, attester: r.Attester, judged: Judged,
                before: Mapping[str, TrustTier]) -> dict[str, r.StoredResult]:
    """Return what is known, was signed later in this boot, and is worse."""
    if (attester.counters is None
            or judged.quote.clock >= attester.counters.clock):
        return {}
    tiers = {result.profile: result.tier for result in judged.results}
    worse = {profile for profile, was in before.items() if profile in tiers
             and worst((was, tiers[profile])) is not tiers[profile]}
    return {s.result.profile: s for s in unit.results.latest(r.Page(
        1000, filters={"attester_id": attester.id}))
        if s.result.profile in worse}


def _counters(known: r.BootCounters | None,
              quote: VerifiedQuote) -> r.BootCounters:
    """Keep the later clock: quotes may overtake each other in one boot."""
    clock = quote.clock
    if known is not None and (known.reset_count, known.restart_count) == (
            quote.reset_count, quote.restart_count):
        clock = max(known.clock, clock)
    return r.BootCounters(quote.reset_count, quote.restart_count, clock,
                          quote.firmware_version)
