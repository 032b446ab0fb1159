# SPDX-License-Identifier: Apache-2.0
"""What has to be done now and then: forget, and withdraw stale hints."""

from __future__ import annotations

import collections

from attestation_service import records as r
from attestation_service.flows.judgement import Publisher
from attestation_service.flows.settings import Settings
from attestation_service.ports import Store

_PAGE = 1000


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
        """Return hosts with results that expired lately, not long ago."""
        found: dict[str, list[str]] = collections.defaultdict(list)
        since = now - self._settings.silence
        page = r.Page(_PAGE)
        while True:
            with self._store.unit() as unit:
                some = unit.results.latest(page)
            for stored in some:
                if since < stored.result.expires_at <= now:
                    found[stored.result.host].append(stored.result.profile)
            if len(some) < _PAGE:
                return found
            page = r.Page(_PAGE, str(some[-1].sequence))
