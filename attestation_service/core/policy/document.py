# SPDX-License-Identifier: Apache-2.0
"""Profile documents: what an operator writes, and the policy it means.

A document is an object::

    {"schema": 1,
     "valid_for": 3600,
     "require": [
       {"hardware-root": {"required": true}},
       {"tpm": {"manufacturers": ["IFX"]}},
       {"pcr": {"bank": "sha256", "index": 7, "values": ["<hex>"]}},
       {"any-of": [{"label": {"name": "region", "values": ["eu"]}},
                   {"all-of": [...]}]}]}

``valid_for`` (seconds a result holds) may be left out.  Each element of
``require`` is a rule: an object whose one key names it.  All must hold.

In: plain values a person wrote.  Out: a :class:`ProfileDocument`, or
``Invalid`` with the JSON pointer of what is wrong.  Reading what
:meth:`ProfileDocument.to_document` writes gives the same again.

Not decided here: what a host is worth (``core.appraise``).
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from attestation_service.core import errors
from attestation_service.core.policy import (
    boot_rules,
    chain_rules,
    clock_rule,
    combine,
    ima_rules,
    rules,
)
from attestation_service.core.policy.node import Node, Sets
from attestation_service.core.policy.reference_values import ReferenceValues
from attestation_service.core.policy.rule import Rule
from nova_trusted_launch.wire.codes import Code

SCHEMA = 1
MAX_RULES = 256
MAX_DEPTH = 8
LEAST_VALID_FOR = 10
MOST_VALID_FOR = 7 * 24 * 3600

RuleParser = Callable[[Node], Rule]

#: Every rule a document may name.
REGISTRY: Mapping[str, RuleParser] = {
    **rules.RULES, **clock_rule.RULES, **boot_rules.RULES,
    **chain_rules.RULES, **ima_rules.RULES}


@dataclass(frozen=True, slots=True)
class AppraisalPolicy:
    """An Appraisal Policy for Evidence (RFC 9334), already validated.

    ``valid_until`` is when the first of its reference values expires.
    """

    name: str
    version: int
    rules: tuple[Rule, ...]
    valid_for: datetime.timedelta
    valid_until: datetime.datetime | None = None

    def __post_init__(self) -> None:
        if not self.rules:
            raise ValueError(f"policy {self.name}: must ask something")

    @property
    def registers(self) -> frozenset[int]:
        """The PCRs that must be quoted for every rule to be answered."""
        return frozenset().union(*(rule.registers for rule in self.rules))

    @property
    def file_questions(self) -> frozenset[str]:
        """What is asked about files; each by its ``Appraiser.key``."""
        return frozenset(
            rule.appraiser.key for rule in combine.leaves(self.rules)
            if isinstance(rule, ima_rules.FilesAreKnown))


@dataclass(frozen=True, slots=True)
class ProfileDocument:
    """A validated document.  Only :func:`parse` makes these."""

    valid_for: datetime.timedelta | None
    rules: tuple[Rule, ...]
    references: tuple[ReferenceValues, ...]

    def to_document(self) -> dict[str, Any]:
        """Return the plain values it was read from."""
        document: dict[str, Any] = {
            "schema": SCHEMA,
            "require": [rule.to_document() for rule in self.rules]}
        if self.valid_for is not None:
            document["valid_for"] = int(self.valid_for.total_seconds())
        return document

    def policy(self, name: str, version: int, *,
               default_valid_for: datetime.timedelta) -> AppraisalPolicy:
        """Return the policy that this version of that profile means."""
        return AppraisalPolicy(
            name, version, self.rules, self.valid_for or default_valid_for,
            min((s.expires_at for s in self.references
                 if s.expires_at is not None), default=None))


def parse(document: Any, *, sets: Sets,
          now: datetime.datetime) -> ProfileDocument:
    """Read a document; every set of reference values must still hold.

    :raises Invalid: PROFILE_INVALID, with the place and what is wrong.
    """
    used: dict[str, ReferenceValues] = {}

    def recording(name: str) -> ReferenceValues:
        used[name] = sets(name)
        return used[name]

    root = Node(document, "", recording)
    found = root.fields("schema", "require", optional=("valid_for",))
    found["schema"].number(least=SCHEMA, most=SCHEMA)
    valid_for = None
    if "valid_for" in found:
        valid_for = datetime.timedelta(seconds=found["valid_for"].number(
            least=LEAST_VALID_FOR, most=MOST_VALID_FOR))
    require = _Reader().read(found["require"], 1)
    for known in used.values():
        if known.expires_at is not None and now >= known.expires_at:
            raise errors.Invalid(
                f"the reference values {known.name!r} expired at "
                f"{known.expires_at:%Y-%m-%dT%H:%M:%SZ}",
                Code.PROFILE_INVALID)
    return ProfileDocument(valid_for, require, tuple(used.values()))


def named_sets(document: Any) -> frozenset[str]:
    """Return the names of all reference values in a validated document.

    Unlike :func:`parse` it does not need them to exist.
    """
    if isinstance(document, Mapping):
        own = document.get("reference_values", ())
        return frozenset(own).union(*map(named_sets, document.values()))
    if isinstance(document, list):
        return frozenset().union(*map(named_sets, document))
    return frozenset()


class _Reader:
    """Reads rules and counts them, so that no document is a bomb."""

    def __init__(self) -> None:
        self._left = MAX_RULES

    def read(self, node: Node, depth: int) -> tuple[Rule, ...]:
        if depth > MAX_DEPTH:
            raise node.refuse(f"nested deeper than {MAX_DEPTH}")
        return tuple(self._rule(item, depth) for item in node.items())

    def _rule(self, node: Node, depth: int) -> Rule:
        if self._left == 0:
            raise node.refuse(f"more than {MAX_RULES} rules")
        self._left -= 1
        name, value = node.single()
        if name == "any-of":
            return combine.AnyOf(self.read(value, depth + 1))
        if name == "all-of":
            return combine.AllOf(self.read(value, depth + 1))
        if name not in REGISTRY:
            known = ", ".join(sorted([*REGISTRY, "any-of", "all-of"]))
            raise node.refuse(f"no rule is called {name!r}; known: {known}")
        return REGISTRY[name](value)
