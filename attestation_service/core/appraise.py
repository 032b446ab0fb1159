# SPDX-License-Identifier: Apache-2.0
"""Say what a host is, by one policy: facts in, a result out.

In: facts extracted from verified evidence, and a validated policy.  Out: an
:class:`~nova_trusted_launch.wire.results.AttestationResult` with a finding for
everything that was asked.  A bad host is a result, never an exception.

Not decided here: what a result is good enough for (``core.release``, and
``nova_trusted_launch.admission`` in the scheduler).
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from attestation_service.core.facts import HostFacts
from attestation_service.core.policy.document import AppraisalPolicy
from attestation_service.core.policy.rule import ask
from nova_trusted_launch.wire.results import (
    AttestationResult,
    Finding,
    TrustClaim,
    TrustTier,
)


@dataclass(frozen=True, slots=True)
class Unanswerable:
    """Stands in for a document that cannot be applied any more.

    Its reference values expired or are gone: nobody knows what a host is, and
    that is what the result says.
    """

    why: str

    @property
    def registers(self) -> frozenset[int]:
        """No PCR is needed to say so."""
        return frozenset()

    def judge(self, facts: HostFacts) -> Iterable[Finding]:
        """Say that nothing is known."""
        yield Finding(
            "profile", TrustClaim.CONFIGURATION, TrustTier.NONE,
            f"the profile cannot be applied: {self.why}", "document",
            "reference values that hold", "expired, or gone",
            "Make a new version of the profile with reference values "
            "that exist and have not expired.")

    def to_document(self) -> dict[str, Any]:
        """Return nothing that could be read again."""
        return {}


@dataclass(frozen=True, slots=True)
class Unexplained:
    """Stands in for every rule when the host's own logs fail it.

    A TPM signed registers, freshly, whose content its host cannot account
    for (``contradicted``), or whose logs nobody can read: no rule of any
    profile can be asked, and what was known before is of another state.
    """

    why: str
    contradicted: bool

    @property
    def registers(self) -> frozenset[int]:
        """Whatever was quoted."""
        return frozenset()

    def judge(self, facts: HostFacts) -> Iterable[Finding]:
        """Say that the state is not good, or not known."""
        yield Finding(
            "logs", TrustClaim.EXECUTABLES,
            TrustTier.CONTRAINDICATED if self.contradicted
            else TrustTier.NONE, self.why, "boot and IMA log",
            action="Find out what changed the host since it was booted, "
                   "then boot it again, measured.")

    def to_document(self) -> dict[str, Any]:
        """Return nothing that could be read again."""
        return {}


def appraise(attester_id: str, host: str, facts: HostFacts,
             policy: AppraisalPolicy,
             now: datetime.datetime) -> AttestationResult:
    """Ask every rule of ``policy`` about ``facts``.

    Every rule is asked, so an operator sees all that is wrong at once.  The
    result holds no longer than the policy's reference values do.
    """
    findings = tuple(finding for rule in policy.rules
                     for finding in ask(rule, facts))
    expires_at = now + policy.valid_for
    if policy.valid_until is not None:
        expires_at = min(expires_at, policy.valid_until)
    return AttestationResult(
        attester_id, host, policy.name, policy.version, findings, now,
        expires_at, facts.reset_count, facts.hardware)
