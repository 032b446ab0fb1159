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
from attestation_service.core.facts import LogSettings
from attestation_service.core.policy import document, rules
from attestation_service.core.policy.document import AppraisalPolicy
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

    def __call__(self, host: str, now: r.Time) -> dict[str, Any]:
        """Return a document that this host satisfies as it is.

        :raises Unknown: no such host, or no evidence of it is kept.
        """
        with self._store.unit() as unit:
            attester = unit.attesters.find(host)
            kept = unit.kept_evidence.list(attester.id)
        if not kept:
            raise errors.Unknown(f"no evidence of {host!r} is kept")
        return draft_of(rejudge(attester, kept[0], [],
                                self._settings.logs))


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


def draft_of(judged: Judged) -> dict[str, Any]:
    """Write the rules of registers, maker and hardware that hold."""
    pcrs, attester = judged.quote.pcrs, judged.attester
    require: list[dict[str, Any]] = []
    if attester.hardware:
        require.append({"hardware-root": {"required": True}})
    tpm: dict[str, Any] = {"firmware": [
        rules.firmware_text(judged.quote.firmware_version)]}
    if attester.manufacturer:
        tpm["manufacturers"] = [attester.manufacturer]
    require.append({"tpm": tpm})
    require += [
        {"pcr": {"bank": pcrs.alg.label, "index": index,
                 "values": [pcrs.values[index].hex()]}}
        for index in sorted(pcrs.values) if index in _BOOT]
    return {"schema": document.SCHEMA, "require": require}


# What firmware and boot loader measured; 10 moves with every file.
_BOOT = frozenset({*range(8), 14})


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
