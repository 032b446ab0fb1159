# SPDX-License-Identifier: Apache-2.0
"""What the fake client remembers."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Callable
from typing import Any

from nova_trusted_launch.client.errors import Refused
from nova_trusted_launch.client.fake_log import FakeLog, FakeSigner
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.results import TrustTier

Json = dict[str, Any]


class _Inside(threading.local):
    """Whether this thread is in a call: what that calls does not count."""

    call = False


class FakeState:
    """Everything the fake service remembers.

    ``failure`` is raised by every call while it is set; ``calls`` names the
    calls that were made.
    """

    def __init__(self, now: Callable[[], datetime.datetime],
                 project_id: str) -> None:
        self.now, self.project_id = now, project_id
        self.failure: Exception | None = None
        self.calls: list[str] = []
        self.inside = _Inside()
        self.signer, self.log = FakeSigner(), FakeLog()
        self.attesters: dict[str, Json] = {}
        self.results: dict[tuple[str, str], tuple[int, Json]] = {}
        self.findings: dict[tuple[str, str], list[Json]] = {}
        self.profiles: dict[str, Json] = {}
        self.versions: dict[str, list[Json]] = {}
        self.references: dict[str, Json] = {}
        self.keys: dict[str, Json] = {}
        self.launches: dict[str, Json] = {}
        self.releases: list[Json] = []
        self.receipts: list[Json] = []
        self.instances: dict[str, Json] = {}
        self.sequence = 0

    def stamp(self, **after: float) -> str:
        """Return a time as the API shows it."""
        return encoding.timestamp(
            self.now() + datetime.timedelta(**after))

    def rows(self) -> list[tuple[int, Json]]:
        """Return the results by the number of their last change."""
        return sorted(self.results.values(), key=lambda kept: kept[0])

    def keep(self, host: str, profile: str, row: Json) -> None:
        """Keep a result as the latest."""
        self.sequence += 1
        self.results[host, profile] = self.sequence, row

    def withdraw(self, host: str, profile: str) -> None:
        """End a result."""
        _, row = self.results[host, profile]
        self.keep(host, profile, {**row, "tier": TrustTier.NONE.label,
                                  "expires_at": self.stamp(), "jwt": ""})

    def attester(self, name: str) -> Json:
        """Return an attester by id or host."""
        for known in self.attesters.values():
            if known["id"] == name or (
                    known["host"] == name and known["state"] != "retired"):
                return known
        raise Refused(Code.ATTESTER_UNKNOWN, f"no attester {name}")


def page(found: list[Json], name: str, limit: int | None,
         marker: str | None) -> list[Json]:
    """Return the part of a list after ``marker``."""
    if marker is not None:
        names = [entry[name] for entry in found]
        found = found[names.index(marker) + 1:] if marker in names else []
    return [dict(entry) for entry in found[:limit]]
