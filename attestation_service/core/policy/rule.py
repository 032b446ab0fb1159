# SPDX-License-Identifier: Apache-2.0
"""What every rule of a profile is, and what rules share.

A rule answers with findings and never raises on a bad host.  What it cannot
know is ``NONE``, which is not a yes.  Each rule class reads itself from a
document (a ``parse`` of a ``node.Node``, entered in
``document.REGISTRY``) and writes itself back (:meth:`Rule.to_document`).

Not decided here: how findings combine (``wire.results.worst``).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from attestation_service.core.facts import HostFacts
from nova_trusted_launch.wire.results import Finding, TrustClaim, TrustTier


class Rule(Protocol):
    """One question to the facts."""

    @property
    def registers(self) -> frozenset[int]:
        """The PCRs that must be quoted for it to be answered."""

    def judge(self, facts: HostFacts) -> Iterable[Finding]:
        """Answer, with at least one finding."""

    def to_document(self) -> dict[str, Any]:
        """Return the object that :meth:`parse` read."""


def ask(rule: Rule, facts: HostFacts) -> tuple[Finding, ...]:
    """Return a rule's findings; one that says nothing is not a yes."""
    return tuple(rule.judge(facts)) or (Finding(
        type(rule).__name__, TrustClaim.CONFIGURATION, TrustTier.NONE,
        "the rule gave no answer",
        action="Report this: every rule has to answer."),)


def listed(rule: str, subject: str, claim: TrustClaim, *, value: str,
           expected: Iterable[str], action: str) -> Finding:
    """Return what to say of a value that must be one of ``expected``."""
    expected = tuple(expected)
    if value in expected:
        return Finding(rule, claim, TrustTier.AFFIRMING,
                       f"{subject} is {value!r}", subject,
                       one_of(expected), value)
    return Finding(rule, claim, TrustTier.CONTRAINDICATED,
                   f"{subject} is {value!r}, which is not accepted", subject,
                   one_of(expected), value, action)


def one_of(values: Iterable[str]) -> str:
    """List alternatives for people, not all of a thousand."""
    values = tuple(values)
    shown = ", ".join(values[:4])
    more = len(values) - 4
    return f"{shown} or {more} more" if more > 0 else shown


def shown(text: str) -> str:
    """Write text from a host so that it cannot pretend to be more lines."""
    return text if text.isprintable() else ascii(text)[1:-1]
