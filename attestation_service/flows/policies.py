# SPDX-License-Identifier: Apache-2.0
"""The policies in force, compiled once and kept while they are the same.

Versions of profiles are immutable; sets of reference values are, too, but a
set may be deleted and another made under its name, so a compiled policy is
kept under the times its sets were made.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from attestation_service import records as r
from attestation_service.core import errors
from attestation_service.core.appraise import Unanswerable
from attestation_service.core.policy import document
from attestation_service.core.policy.document import AppraisalPolicy
from attestation_service.core.policy.node import Sets
from attestation_service.core.policy.reference_values import ReferenceValues
from attestation_service.ports import UnitOfWork

_MOST_KEPT = 256


@dataclass(frozen=True, slots=True)
class _Compiled:
    policy: AppraisalPolicy
    sets: tuple[tuple[str, r.Time], ...]


class Policies:
    """Compiles what :class:`ports.Profiles` keeps; safe for threads."""

    def __init__(self, default_valid_for: datetime.timedelta) -> None:
        self._default = default_valid_for
        self._kept: dict[tuple[str, int], _Compiled] = {}

    def in_force(self, unit: UnitOfWork, now: r.Time
                 ) -> Sequence[AppraisalPolicy]:
        """Return the policy of every active profile.

        One whose reference values are gone or expired never says yes.
        """
        return [self._policy(unit, name, version, now)
                for name, version in unit.profiles.active()]

    def _policy(self, unit: UnitOfWork, name: str, version: int,
                now: r.Time) -> AppraisalPolicy:
        key = name, version
        kept = self._kept.get(key)
        if kept is not None and _still_good(unit, kept, now):
            return kept.policy
        try:
            compiled = self._compile(
                unit, unit.profiles.load_version(name, version), now)
        except errors.Invalid as exc:
            return AppraisalPolicy(
                name, version, (Unanswerable(str(exc)),), self._default)
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        self._kept[key] = compiled
        return compiled.policy

    def _compile(self, unit: UnitOfWork, version: r.ProfileVersion,
                 now: r.Time) -> _Compiled:
        found = document.parse(version.document, sets=sets_of(unit), now=now)
        return _Compiled(
            found.policy(version.name, version.version,
                         default_valid_for=self._default),
            tuple((s.name, unit.reference_values.created_at(s.name))
                  for s in found.references))


def sets_of(unit: UnitOfWork) -> Sets:
    """Return how documents find reference values in the store."""

    def load(name: str) -> ReferenceValues:
        found = unit.reference_values.load(name)
        return ReferenceValues.parse(found.name, found.kind, found.values,
                                     found.expires_at)

    return load


def _still_good(unit: UnitOfWork, kept: _Compiled, now: r.Time) -> bool:
    until = kept.policy.valid_until
    if until is not None and now >= until:
        return False
    try:
        return all(unit.reference_values.created_at(name) == made
                   for name, made in kept.sets)
    except errors.Unknown:
        return False
