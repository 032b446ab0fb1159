# SPDX-License-Identifier: Apache-2.0
"""All that is kept, in one unit of work."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from attestation_service import records as r
from attestation_service.ports.attesting import (
    Attesters,
    Challenges,
    KeptEvidence,
    Results,
)
from attestation_service.ports.policies import Profiles, ReferenceValues
from attestation_service.ports.releasing import (
    Keys,
    Launches,
    Leases,
    ReceiptLog,
    Releases,
)


class Outbox(Protocol):
    """Events waiting for the bus: bounded, oldest dropped first."""

    def put(self, event: r.Event) -> None:
        """Keep an event in the same unit of work as its cause."""

    def claim(self, *, most: int, now: r.Time,
              until: r.Time) -> Sequence[tuple[int, r.Event]]:
        """Return the oldest events that nobody has claimed beyond ``now``,
        each with its number, and claim them until ``until``.

        Sending happens outside of any unit of work, so that a slow bus holds
        no lock; who dies before :meth:`sent` leaves them to the next claim.
        """

    def sent(self, numbers: Iterable[int]) -> None:
        """Forget events that were sent."""


class UnitOfWork(Protocol):
    """One transaction over all stores."""

    attesters: Attesters
    challenges: Challenges
    profiles: Profiles
    reference_values: ReferenceValues
    results: Results
    kept_evidence: KeptEvidence
    keys: Keys
    launches: Launches
    releases: Releases
    leases: Leases
    log: ReceiptLog
    outbox: Outbox


class Store(Protocol):
    """Where everything is."""

    def unit(self) -> AbstractContextManager[UnitOfWork]:
        """Open a unit of work: committed at the end, undone on an exception.

        Units do not nest.

        :raises Unavailable: the database does not answer, or gave way to
            another writer: nothing was kept, it may be tried again.
        """
