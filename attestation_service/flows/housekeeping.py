# SPDX-License-Identifier: Apache-2.0
"""What has to be done now and then: forget, and withdraw stale hints."""

from __future__ import annotations

import collections

from attestation_service import records as r
from attestation_service.flows.judgement import Publisher
from attestation_service.flows.settings import Settings
from attestation_service.ports import Store


class Housekeep:
    """Safe to call by any number of replicas, as often as they like."""

    def __init__(self, store: Store, publisher: Publisher,
                 settings: Settings) -> None:
        self._store = store
        self._publisher = publisher
        self._settings = settings

    def __call__(self, now: r.Time) -> None:
        """Forget what expired; take traits from hosts that fell silent."""
        with self._store.unit() as unit:
            unit.challenges.forget_expired(now)
        with self._store.unit() as unit:
            unit.results.forget_older(now - self._settings.history_life)
        with self._store.unit() as unit:
            unit.kept_evidence.forget_older(
                now - self._settings.history_life)
        for host, profiles in self._silent(now).items():
            self._publisher.publish(host, (), profiles, now)

    def _silent(self, now: r.Time) -> dict[str, list[str]]:
        """Return hosts with results that ended lately, not long ago."""
        found: dict[str, list[str]] = collections.defaultdict(list)
        with self._store.unit() as unit:
            ended = unit.results.ended(now - self._settings.silence, now)
        for host, profile in ended:
            found[host].append(profile)
        return found
