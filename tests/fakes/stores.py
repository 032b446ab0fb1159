# SPDX-License-Identifier: Apache-2.0
"""All stores, in memory: one lock, and copies that undo what failed.

Records are immutable, so a copy of the containers is a snapshot.  The same
contract tests run over this and over the SQL store.
"""

from __future__ import annotations

import contextlib
import threading

from attestation_service.core import errors
from tests.fakes import host_tables as hosts
from tests.fakes import tenant_tables as tenants
from tests.fakes.tables import Table


class Unit:
    """The stores of one transaction."""

    def __init__(self) -> None:
        self.attesters = hosts.Attesters()
        self.challenges = hosts.Challenges(self.attesters)
        self.profiles = hosts.Profiles()
        self.reference_values = hosts.ReferenceValues()
        self.results = hosts.Results()
        self.kept_evidence = hosts.KeptEvidence()
        self.keys = tenants.Keys()
        self.launches = tenants.Launches()
        self.releases = tenants.Releases()
        self.leases = tenants.Leases()
        self.log = tenants.ReceiptLog()
        self.outbox = tenants.Outbox()

    def tables(self) -> list[Table]:
        return [value for value in self.__dict__.values()
                if isinstance(value, Table)]


class MemoryStore:
    """A store whose units run one after the other.

    ``fail_at`` counts units: the one with that number raises instead of
    committing, as when the database is lost between two steps.
    """

    def __init__(self) -> None:
        self.tables = Unit()
        self.units = 0
        self.fail_at: int | None = None
        self._lock = threading.Lock()
        self._owner: int | None = None

    @contextlib.contextmanager
    def unit(self):
        me = threading.get_ident()
        assert self._owner != me, "a unit of work inside another one"
        with self._lock:
            self._owner = me
            self.units += 1
            before = [(t, t.snapshot()) for t in self.tables.tables()]
            try:
                yield self.tables
                if self.units == self.fail_at:
                    raise errors.Unavailable("the database does not answer")
            except BaseException:
                for table, state in before:
                    table.restore(state)
                raise
            finally:
                self._owner = None
