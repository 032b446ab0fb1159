# SPDX-License-Identifier: Apache-2.0
"""All stores over one transaction: the unit of work."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import sqlalchemy as sa

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
        self.attesters = SqlAttesters(connection)
        self.challenges = SqlChallenges(connection)
        self.profiles = SqlProfiles(connection)
        self.reference_values = SqlReferenceValues(connection)
        self.results = SqlResults(connection)
        self.kept_evidence = SqlKeptEvidence(connection)
        self.keys = SqlKeys(connection)
        self.launches = SqlLaunches(connection)
        self.releases = SqlReleases(connection)
        self.leases = SqlLeases(connection)
        self.log = SqlReceiptLog(connection)
        self.outbox = SqlOutbox(connection, most=most_events)


class SqlStore:
    """See :class:`attestation_service.ports.Store`.

    ``most_events`` bounds the outbox.
    """

    def __init__(self, database: Database, *,
                 most_events: int = 10_000) -> None:
        self._database = database
        self._most_events = most_events

    @contextlib.contextmanager
    def unit(self) -> Iterator[SqlUnit]:
        """Open a unit of work."""
        with self._database.transaction() as connection:
            yield SqlUnit(connection, self._most_events)
