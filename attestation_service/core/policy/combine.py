# SPDX-License-Identifier: Apache-2.0
"""Rules made of rules: all of them, or one of them.

In: facts of a host.  Out: findings, as ``rule`` says.  Neither exists without
a rule inside.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from attestation_service.core.facts import HostFacts
from attestation_service.core.policy.rule import Rule, ask
from nova_trusted_launch.wire.results import Finding, TrustTier

# From good to bad.  Not the order of the enumeration's numbers: not knowing
# is better than a known bad and worse than a yes.
_ORDER = (TrustTier.AFFIRMING, TrustTier.NONE, TrustTier.WARNING,
          TrustTier.CONTRAINDICATED)


def leaves(rules: Iterable[Rule]) -> Iterator[Rule]:
    """Yield every rule that is not itself made of rules."""
    for rule in rules:
        if isinstance(rule, AllOf | AnyOf):
            yield from leaves(rule.rules)
        else:
            yield rule


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every rule holds: ``{"all-of": [rule, ...]}``, inside of any-of."""

    rules: tuple[Rule, ...]

    def __post_init__(self) -> None:
        if not self.rules:
            raise ValueError("all-of: no rule would always be a yes")

    @property
    def registers(self) -> frozenset[int]:
        """What any of the rules needs."""
        return frozenset().union(*(rule.registers for rule in self.rules))

    def judge(self, facts: HostFacts) -> Iterable[Finding]:
        """Ask every rule."""
        for rule in self.rules:
            yield from ask(rule, facts)

    def to_document(self) -> dict[str, Any]:
        """Return the object it was read from."""
        return {"all-of": [rule.to_document() for rule in self.rules]}


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One rule holds: ``{"any-of": [rule, ...]}``.

    The first that is all AFFIRMING answers alone.  Otherwise all answer, none
    worse than the best alternative: one known bad alternative does not make
    an unknown one bad.
    """

    rules: tuple[Rule, ...]

    def __post_init__(self) -> None:
        if not self.rules:
            raise ValueError("any-of: no alternative could ever hold")

    @property
    def registers(self) -> frozenset[int]:
        """What any of the alternatives needs."""
        return frozenset().union(*(rule.registers for rule in self.rules))

    def judge(self, facts: HostFacts) -> Iterable[Finding]:
        """Ask the alternatives."""
        answers = [tuple(ask(rule, facts)) for rule in self.rules]
        ranks = [max(_ORDER.index(f.tier) for f in answer)
                 for answer in answers]
        best = min(ranks)
        if _ORDER[best] is TrustTier.AFFIRMING:
            yield from answers[ranks.index(best)]
            return
        for i, answer in enumerate(answers, 1):
            for finding in answer:
                rank = min(_ORDER.index(finding.tier), best)
                yield dataclasses.replace(
                    finding, tier=_ORDER[rank],
                    detail=f"alternative {i} of {len(answers)}: "
                           f"{finding.detail}")

    def to_document(self) -> dict[str, Any]:
        """Return the object it was read from."""
        return {"any-of": [rule.to_document() for rule in self.rules]}
