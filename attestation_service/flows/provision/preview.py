# SPDX-License-Identifier: Apache-2.0
"""What would a document say of the hosts, and what would one say yes to?

Both judge the evidence that is kept of each host, with its signature checked
again; nothing is stored.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from attestation_service import records as r
from attestation_service.core import errors
from attestation_service.core.appraise import appraise
from attestation_service.core.facts import LogSettings
from attestation_service.core.policy import document
from attestation_service.core.policy import draft as drafts
from attestation_service.core.policy.document import AppraisalPolicy
from attestation_service.core.policy.reference_values import ReferenceValues
from attestation_service.flows.judgement import Judged, judge
from attestation_service.flows.policies import sets_of
from attestation_service.flows.settings import Settings
from attestation_service.ports import Store
from nova_trusted_launch.wire.challenge import Challenge, Purpose
from nova_trusted_launch.wire.evidence import Evidence
from nova_trusted_launch.wire.results import Finding, TrustTier, worst

_NAME = "preview"
_PAGE = 100


@dataclass(frozen=True, slots=True)
class Change:
    """What a host would be, and what its worst active profile says now.

    ``before`` is None when nothing is known of the host.
    """

    host: str
    before: TrustTier | None
    after: TrustTier
    findings: tuple[Finding, ...]


class Preview:
    """An operator asks what a document would break before it is in force."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings

    def __call__(self, written: Any, host: str | None,
                 now: r.Time) -> list[Change]:
        """Judge one host, or all approved ones, by a document.

        :raises Invalid: the document is not valid.
        :raises Unknown: no such host.
        """
        with self._store.unit() as unit:
            policy = document.parse(
                written, sets=sets_of(unit), now=now).policy(
                _NAME, 1, default_valid_for=self._settings.result_life)
        return [self._change(attester, policy, now)
                for attester in _attesters(self._store, host)]

    def _change(self, attester: r.Attester, policy: AppraisalPolicy,
                now: r.Time) -> Change:
        with self._store.unit() as unit:
            kept = unit.kept_evidence.list(attester.id)
            latest = unit.results.latest(r.Page(
                1000, filters={"attester_id": attester.id}))
        known = [s.result.tier for s in latest if now < s.result.expires_at]
        before = worst(known) if known else None
        if not kept:
            return Change(attester.host, before, TrustTier.NONE, ())
        result = rejudge(attester, kept[0], [policy],
                         self._settings.logs).results[0]
        return Change(attester.host, before, result.tier, result.findings)


class Draft:
    """An operator has one good host and wants a profile that says so."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings

    def __call__(self, host: str, now: r.Time, *,
                 files: bool = True) -> dict[str, Any]:
        """Return a document that this host satisfies as it is.

        Without ``files`` nothing is asked of the files that IMA measured.

        :raises Unknown: no such host, or no evidence of it is kept.
        :raises Conflict: something of this host cannot be good in any
            profile, such as a violation in its IMA list.
        """
        with self._store.unit() as unit:
            attester = unit.attesters.find(host)
            kept = unit.kept_evidence.list(attester.id)
        if not kept:
            raise errors.Unknown(f"no evidence of {host!r} is kept")
        judged = rejudge(attester, kept[0], [], self._settings.logs)
        written = drafts.draft(judged.facts, files=files)
        policy = document.parse(written, sets=_no_sets, now=now).policy(
            _NAME, 1, default_valid_for=self._settings.result_life)
        result = appraise(attester.id, host, judged.facts, policy, now)
        if result.tier is not TrustTier.AFFIRMING:
            raise errors.Conflict(
                f"{host} is no model for a profile: " + "; ".join(
                    f"{f.subject or f.rule}: {f.detail}"
                    for f in result.findings
                    if f.tier is not TrustTier.AFFIRMING))
        return written


def _no_sets(name: str) -> ReferenceValues:
    raise errors.Unknown(f"no set of reference values {name!r}")


def rejudge(attester: r.Attester, kept: r.KeptEvidence,
            policies: Sequence[AppraisalPolicy],
            logs: LogSettings) -> Judged:
    """Judge kept evidence as of when it came in.

    :raises EvidenceError: it would not be accepted any more.
    """
    evidence = Evidence.from_bytes(kept.envelope)
    # It was fresh when it was kept; the challenge is rebuilt from it.
    challenge = Challenge(
        evidence.nonce, attester.id, Purpose.ATTEST, evidence.pcrs.selection,
        evidence.ima_offset,
        kept.received_at + datetime.timedelta(seconds=1))
    judged = judge(attester, evidence, challenge=challenge,
                   qualifying=kept.qualifying, policies=policies, logs=logs,
                   now=kept.received_at)
    if judged.refusal is not None:
        raise judged.refusal
    return judged


def _attesters(store: Store, host: str | None) -> Iterator[r.Attester]:
    if host is not None:
        with store.unit() as unit:
            found = unit.attesters.find(host)
        yield found
        return
    page = r.Page(_PAGE, filters={"state": r.AttesterState.APPROVED})
    while True:
        with store.unit() as unit:
            some = unit.attesters.list(page)
        yield from some
        if len(some) < _PAGE:
            return
        page = r.Page(_PAGE, some[-1].id, page.filters)
