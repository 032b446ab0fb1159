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

from attestation_service.core.facts import HostFacts
from attestation_service.core.policy.document import AppraisalPolicy
from attestation_service.core.policy.rule import ask
from nova_trusted_launch.wire.results import AttestationResult


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
