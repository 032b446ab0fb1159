# SPDX-License-Identifier: Apache-2.0
"""A service that answers the scheduler with signed snapshots, or lies."""

from __future__ import annotations

import datetime

from nova_trusted_launch.scheduler.snapshot import SnapshotKeeper
from nova_trusted_launch.wire.results import TrustTier
from nova_trusted_launch.wire.snapshot import Snapshot, SnapshotEntry

START = 1_800_000_000.0
AFFIRMING = TrustTier.AFFIRMING


class FakeService:
    """Answers truthfully from a list of changes; a test may lie in one."""

    def __init__(self):
        self.now = START
        self.ticks = 0.0
        self.changes = []
        self.requests = []
        self.wait = None
        self.lie = {}
        self.valid_for = 300

    def change(self, host, tier=AFFIRMING, profile="gold"):
        self.changes.append(SnapshotEntry(host, profile, tier,
                                          int(self.now) + 600))

    def fetch(self, since):
        self.requests.append(since)
        if self.wait:
            self.wait.wait(20)
        return str(since)

    def verify(self, token):
        since = int(token)
        issued = datetime.datetime.fromtimestamp(self.now, datetime.UTC)
        values = {
            "base": since, "sequence": len(self.changes),
            "issued_at": issued, "expires_at":
                issued + datetime.timedelta(seconds=self.valid_for),
            "entries": tuple(self.changes[since:]), **self.lie}
        return Snapshot(**values)

    def keeper(self, timeout=5.0, max_age=10.0):
        return SnapshotKeeper(
            self.fetch, self.verify, max_age=max_age, timeout=timeout,
            max_skew=60, wall=lambda: self.now, monotonic=lambda: self.ticks)

    def later(self, seconds):
        self.now += seconds
        self.ticks += seconds
