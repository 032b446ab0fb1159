# SPDX-License-Identifier: Apache-2.0
"""What is remembered of a host's evidence until its next.

How far its IMA list is proven, so that it need not send all of it each time,
and when evidence was kept last, so that it is asked for all of it now and
then: only whole evidence can be judged again.

Evidence for several challenges may be under way at once, each continuing
where its challenge said.  So a place in the list is remembered for as long as
a challenge that named it may be answered.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from attestation_service import records as r
from attestation_service.core.facts import HostFacts
from attestation_service.core.ima.facts import ImaProgress
from attestation_service.core.policy.document import AppraisalPolicy
from attestation_service.flows.settings import Settings
from nova_trusted_launch.wire import encoding

MOST_PLACES = 32


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a host's IMA list, and since when it is proven."""

    progress: ImaProgress
    since: r.Time

    @property
    def offset(self) -> int:
        """How many bytes of the list come before it."""
        return self.progress.position.offset


@dataclass(frozen=True, slots=True)
class Memory:
    """The ``ima_position`` of an attester, taken apart.

    ``places`` are of one boot, the furthest first.
    """

    places: tuple[Place, ...] = ()
    kept_at: r.Time | None = None

    @classmethod
    def of(cls, attester: r.Attester) -> Memory:
        """Read what :meth:`to_dict` wrote."""
        kept = attester.ima_position
        if kept is None:
            return cls()
        return cls(
            tuple(Place(ImaProgress.from_dict(p["progress"]),
                        encoding.untimestamp(p["since"], "since"))
                  for p in kept["places"]),
            None if kept["kept_at"] is None
            else encoding.untimestamp(kept["kept_at"], "kept_at"))

    def to_dict(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {
            "places": [{"progress": p.progress.to_dict(),
                        "since": encoding.timestamp(p.since)}
                       for p in self.places],
            "kept_at": None if self.kept_at is None
            else encoding.timestamp(self.kept_at)}

    def at(self, offset: int) -> ImaProgress | None:
        """Return what was proven up to that place."""
        for place in self.places:
            if place.offset == offset:
                return place.progress
        return None

    def without_places(self) -> Memory:
        """Return it so that the host shall send all of its list again."""
        return Memory((), self.kept_at)

    def next_offset(self, policies: Iterable[AppraisalPolicy],
                    settings: Settings, now: r.Time) -> int:
        """Return where a host shall continue its list; 0: send all of it.

        All of it is needed when a profile asks what none asked before, and
        when evidence is to be kept again.
        """
        if not self.places or self.keeping_is_due(settings, now):
            return 0
        known = self.places[0].progress.tallies.keys()
        if any(policy.file_questions - known for policy in policies):
            return 0
        return self.places[0].offset

    def keeping_is_due(self, settings: Settings, now: r.Time) -> bool:
        """Tell whether the evidence that is kept has become old."""
        return bool(settings.kept_evidence) and (
            self.kept_at is None or now >= (
                self.kept_at + settings.keep_interval))

    def after(self, facts: HostFacts, settings: Settings, now: r.Time,
              kept_at: r.Time | None) -> Memory:
        """Return what to remember once these facts were accepted."""
        boot = facts.reset_count, facts.restart_count
        same = [p for p in self.places if p.progress.position.boot == boot]
        if facts.ima is not None:
            progress = facts.ima.progress
            offset = progress.position.offset
            since = next((p.since for p in same if p.offset == offset), now)
            same = [p for p in same if p.offset != offset]
            same.append(Place(progress, since))
        same.sort(key=lambda p: p.offset, reverse=True)
        life = max(settings.challenge_life, settings.release_life)
        return Memory(tuple(_in_use(same, life, now))[:MOST_PLACES], kept_at)


def _in_use(places: list[Place], life: datetime.timedelta,
            now: r.Time) -> Iterable[Place]:
    """Yield the furthest place, and those that were it not long ago."""
    superseded: Mapping[int, r.Time] = {
        older.offset: newer.since
        for newer, older in zip(places, places[1:], strict=False)}
    for place in places:
        if place.offset not in superseded or (
                now < superseded[place.offset] + life):
            yield place
