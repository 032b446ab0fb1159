# SPDX-License-Identifier: Apache-2.0
"""Look at results: the latest, what was, why, and the signed snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from attestation_service import records as r
from attestation_service.flows.settings import Settings
from attestation_service.ports import Signer, Store
from nova_trusted_launch.wire.snapshot import SNAPSHOT_TYPE, Snapshot


class ReadResults:
    """Lists of signed results."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def latest(self, page: r.Page) -> Sequence[r.StoredResult]:
        """List the latest; see :class:`ports.Results`."""
        with self._store.unit() as unit:
            return unit.results.latest(page)

    def history(self, name: str, page: r.Page) -> Sequence[r.StoredResult]:
        """List what was said of a host, newest first."""
        with self._store.unit() as unit:
            return unit.results.history(unit.attesters.find(name).id, page)


@dataclass(frozen=True, slots=True)
class Explanation:
    """A host, what is known of it with every finding, and the evidence."""

    attester: r.Attester
    results: Sequence[r.StoredResult]
    evidence: Sequence[r.KeptEvidence]


class Explain:
    """An operator asks why a host is not trusted, or why it is."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __call__(self, name: str, profile: str | None) -> Explanation:
        """Return the latest results, of one profile or all."""
        with self._store.unit() as unit:
            attester = unit.attesters.find(name)
            filters = {"attester_id": attester.id}
            if profile is not None:
                filters["profile"] = profile
            return Explanation(
                attester, unit.results.latest(r.Page(1000, None, filters)),
                unit.kept_evidence.list(attester.id))


class TakeSnapshot:
    """A scheduler fetches everything, or what changed since."""

    def __init__(self, store: Store, signer: Signer,
                 settings: Settings) -> None:
        self._store = store
        self._signer = signer
        self._settings = settings

    def __call__(self, since: int, now: r.Time) -> str:
        """Return the signed snapshot.

        A sequence from the future is one of another life of the database:
        whoever asks gets everything.
        """
        with self._store.unit() as unit:
            if since > unit.results.sequence():
                since = 0
            sequence, entries = unit.results.entries(since)
        return self._signer.sign(Snapshot(
            since, sequence, now, now + self._settings.snapshot_life,
            tuple(entries)).to_claims(), SNAPSHOT_TYPE)
