# SPDX-License-Identifier: Apache-2.0
"""All stores over one transaction: the unit of work."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import sqlalchemy as sa

from attestation_service import ports
from attestation_service.store.attesters import SqlAttesters
from attestation_service.store.challenges import SqlChallenges
from attestation_service.store.database import Database
from attestation_service.store.kept_evidence import SqlKeptEvidence
from attestation_service.store.keys import SqlKeys
from attestation_service.store.launches import SqlLaunches
from attestation_service.store.leases import SqlLeases
from attestation_service.store.log import SqlReceiptLog
from attestation_service.store.outbox import SqlOutbox
from attestation_service.store.profiles import SqlProfiles
from attestation_service.store.reference_values import SqlReferenceValues
from attestation_service.store.releases import SqlReleases
from attestation_service.store.results import SqlResults


class SqlUnit:
    """See :class:`attestation_service.ports.UnitOfWork`."""

    def __init__(self, connection: sa.Connection, most_events: int) -> None:
        self.attesters: ports.Attesters = SqlAttesters(connection)
        self.challenges: ports.Challenges = SqlChallenges(connection)
        self.profiles: ports.Profiles = SqlProfiles(connection)
        self.reference_values: ports.ReferenceValues = SqlReferenceValues(
            connection)
        self.results: ports.Results = SqlResults(connection)
        self.kept_evidence: ports.KeptEvidence = SqlKeptEvidence(connection)
        self.keys: ports.Keys = SqlKeys(connection)
        self.launches: ports.Launches = SqlLaunches(connection)
        self.releases: ports.Releases = SqlReleases(connection)
        self.leases: ports.Leases = SqlLeases(connection)
        self.log: ports.ReceiptLog = SqlReceiptLog(connection)
        self.outbox: ports.Outbox = SqlOutbox(connection, most=most_events)


class SqlStore:
    """See :class:`attestation_service.ports.Store`.

    ``most_events`` bounds the outbox.
    """

    def __init__(self, database: Database, *,
                 most_events: int = 10_000) -> None:
        self._database = database
        self._most_events = most_events

    @contextlib.contextmanager
    def unit(self) -> Iterator[ports.UnitOfWork]:
        """Open a unit of work."""
        with self._database.transaction() as connection:
            yield SqlUnit(connection, self._most_events)
