# SPDX-License-Identifier: Apache-2.0
"""Operators write profiles; tenants see those they may use.

A version never changes.  Activating one takes effect for releases at once;
results made by the version before it hold until they expire or the hosts,
which are asked to, attest again.
"""

from __future__ import annotations

import collections
import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oslo_log import log

from attestation_service import records as r
from attestation_service.core import errors
from attestation_service.core.policy import document
from attestation_service.flows.policies import sets_of
from attestation_service.ports import AgentCalls, Store, UnitOfWork
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.results import TrustTier

LOG = log.getLogger(__name__)
# The same as nova_trusted_launch.admission accepts.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_MAX_DESCRIPTION = 1024
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class ProfileView:
    """A profile, its document in force, and how many hosts satisfy it."""

    profile: r.Profile
    document: Mapping[str, Any] | None
    hosts_affirming: int


class ManageProfiles:
    """Create, version, activate, share, retire, look."""

    def __init__(self, store: Store, agents: AgentCalls) -> None:
        self._store = store
        self._agents = agents

    def create(self, *, name: str, description: str, document: Any,
               projects: tuple[str, ...] | None, activate: bool,
               user_id: str, now: r.Time) -> ProfileView:
        """Create a profile with its first version.

        :raises Invalid: the name or the document is not valid.
        :raises Conflict: the name, or one like it, is taken.
        """
        if not isinstance(name, str) or not _NAME.match(name):
            raise errors.Invalid(
                "name: 1 to 64 letters, digits, '.', '_' and '-' are "
                "expected, a letter or digit first")
        profile = r.Profile(name, _text(description), None, projects, now,
                            now)
        with self._store.unit() as unit:
            _refuse_lookalike(unit, name)
            unit.profiles.add(profile)
            version = _add(unit, name, document, user_id, now)
            if activate:
                profile = dataclasses.replace(profile,
                                              active_version=version.version)
                unit.profiles.save(profile)
        self._hurry(activate)
        return ProfileView(profile,
                           version.document if activate else None, 0)

    def add_version(self, name: str, document: Any, *, activate: bool,
                    user_id: str, now: r.Time) -> r.ProfileVersion:
        """Add a version to a profile.

        :raises Unknown: no such profile.
        :raises Invalid: the document is not valid.
        """
        with self._store.unit() as unit:
            profile = unit.profiles.load(name)
            version = _add(unit, name, document, user_id, now)
            if activate:
                unit.profiles.save(dataclasses.replace(
                    profile, active_version=version.version, updated_at=now))
        self._hurry(activate)
        return version

    def update(self, name: str, changes: Mapping[str, Any],
               now: r.Time) -> ProfileView:
        """Change ``active_version``, ``description`` or ``projects``.

        What is not in ``changes`` stays.

        :raises Unknown: no such profile, or version of it.
        :raises Invalid: the version cannot be applied any more.
        """
        with self._store.unit() as unit:
            was = unit.profiles.load(name)
            profile = dataclasses.replace(was, updated_at=now)
            if "description" in changes:
                profile = dataclasses.replace(
                    profile, description=_text(changes["description"]))
            if "projects" in changes:
                projects = changes["projects"]
                profile = dataclasses.replace(
                    profile, projects=None if projects is None
                    else tuple(projects))
            if "active_version" in changes:
                profile = _activate(unit, profile, changes["active_version"],
                                    now)
            unit.profiles.save(profile)
            view = self._view(unit, profile, now)
        self._hurry(profile.active_version not in {
            None, was.active_version})
        return view

    def retire(self, name: str, now: r.Time) -> None:
        """Take a profile out of force; its results end at once.

        :raises Unknown: no such profile.
        """
        with self._store.unit() as unit:
            profile = unit.profiles.load(name)
            unit.profiles.save(_activate(
                unit, dataclasses.replace(profile, updated_at=now), None,
                now))

    def list(self, page: r.Page, project_id: str | None,
             now: r.Time) -> Sequence[ProfileView]:
        """List by name what the project may use; ``None`` sees all."""
        with self._store.unit() as unit:
            found: list[r.Profile] = []
            while len(found) < page.limit:
                some = unit.profiles.list(dataclasses.replace(
                    page, limit=_PAGE))
                found += [p for p in some if _may_use(p, project_id)]
                if len(some) < _PAGE:
                    break
                page = dataclasses.replace(page, marker=some[-1].name)
            counts = _affirming(unit, now)
            return [ProfileView(p, None, counts[p.name])
                    for p in found[:page.limit]]

    def show(self, name: str, project_id: str | None,
             now: r.Time) -> ProfileView:
        """Return a profile with its document in force.

        :raises Unknown: there is none that the project may use.
        """
        with self._store.unit() as unit:
            profile = unit.profiles.load(name)
            if not _may_use(profile, project_id):
                raise errors.Unknown(f"there is no profile {name!r}",
                                     Code.PROFILE_UNKNOWN)
            return self._view(unit, profile, now)

    def versions(self, name: str) -> Sequence[r.ProfileVersion]:
        """Return all versions, oldest first."""
        with self._store.unit() as unit:
            return unit.profiles.versions(name)

    def version(self, name: str, version: int) -> r.ProfileVersion:
        """Return one version."""
        with self._store.unit() as unit:
            return unit.profiles.load_version(name, version)

    @staticmethod
    def _view(unit: UnitOfWork, profile: r.Profile,
              now: r.Time) -> ProfileView:
        active = None
        if profile.active_version is not None:
            active = unit.profiles.load_version(
                profile.name, profile.active_version).document
        return ProfileView(profile, active, _affirming(
            unit, now, profile.name)[profile.name])

    def _hurry(self, activated: bool) -> None:
        """Have every host judged by what is in force now."""
        if activated:
            try:
                self._agents.attest_now(None)
            except errors.Unavailable as exc:
                LOG.info("Agents are not asked to attest now: %s", exc)


def usable(unit: UnitOfWork, name: str, project_id: str) -> r.Profile:
    """Return a profile in force that a project may ask for.

    :raises Unknown: there is none.
    """
    profile = unit.profiles.load(name)
    if profile.active_version is None or not _may_use(profile, project_id):
        raise errors.Unknown(f"there is no profile {name!r}",
                             Code.PROFILE_UNKNOWN)
    return profile


def _may_use(profile: r.Profile, project_id: str | None) -> bool:
    return (project_id is None or profile.projects is None
            or project_id in profile.projects)


def _add(unit: UnitOfWork, name: str, written: Any, user_id: str,
         now: r.Time) -> r.ProfileVersion:
    found = document.parse(written, sets=sets_of(unit), now=now)
    return unit.profiles.add_version(name, found.to_document(), now, user_id)


def _activate(unit: UnitOfWork, profile: r.Profile, number: int | None,
              now: r.Time) -> r.Profile:
    """Put a version in force, or none; then nothing is known by it."""
    if number is None:
        unit.results.drop(now, profile=profile.name)
    else:
        version = unit.profiles.load_version(profile.name, number)
        document.parse(version.document, sets=sets_of(unit), now=now)
    return dataclasses.replace(profile, active_version=number)


def _refuse_lookalike(unit: UnitOfWork, name: str) -> None:
    """Two profiles must not share a Placement trait."""
    page = r.Page(_PAGE)
    while some := unit.profiles.list(page):
        for other in some:
            if _trait(other.name) == _trait(name):
                raise errors.Conflict(
                    f"profile {other.name!r} exists, which is the same or "
                    "too much alike", Code.PROFILE_TAKEN)
        page = r.Page(_PAGE, some[-1].name)


def _trait(name: str) -> str:
    return re.sub(r"[^A-Z0-9]", "_", name.upper())


def _affirming(unit: UnitOfWork, now: r.Time,
               profile: str | None = None) -> Mapping[str, int]:
    """Count the hosts that satisfy each profile now."""
    counts: collections.Counter[str] = collections.Counter()
    filters = {} if profile is None else {"profile": profile}
    page = r.Page(_PAGE, None, filters)
    while some := unit.results.latest(page):
        counts.update(s.result.profile for s in some
                      if s.result.tier is TrustTier.AFFIRMING
                      and now < s.result.expires_at)
        page = r.Page(_PAGE, str(some[-1].sequence), filters)
    return counts


def _text(description: Any) -> str:
    if (not isinstance(description, str)
            or len(description) > _MAX_DESCRIPTION):
        raise errors.Invalid("description: at most "
                             f"{_MAX_DESCRIPTION} characters are expected")
    return description
