# SPDX-License-Identifier: Apache-2.0
"""The snapshot of all results that a scheduler keeps, and its deltas.

It travels as a JWT signed by the service.  ``sequence`` grows with every
change; a snapshot asked for with ``since=S`` holds only entries changed after
S and names S as its base.  An entry that is not AFFIRMING says so; a host or
profile that vanished is sent once with tier NONE.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.encoding import WireError
from nova_trusted_launch.wire.results import TrustTier

SNAPSHOT_TYPE = "trusted-launch-snapshot+jwt"


@dataclass(frozen=True, slots=True)
class SnapshotEntry:
    """One host under one profile; times in whole seconds since the epoch."""

    host: str
    profile: str
    tier: TrustTier
    expires_at: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Entries changed after ``base`` (0: all) up to ``sequence``."""

    base: int
    sequence: int
    issued_at: datetime.datetime
    expires_at: datetime.datetime
    entries: tuple[SnapshotEntry, ...]

    def to_claims(self) -> dict[str, Any]:
        """Return the payload of the snapshot's JWT."""
        return {"base": self.base, "sequence": self.sequence,
                "issued_at": encoding.timestamp(self.issued_at),
                "expires_at": encoding.timestamp(self.expires_at),
                "entries": [[e.host, e.profile, int(e.tier), e.expires_at]
                            for e in self.entries]}

    @classmethod
    def from_claims(cls, value: Any) -> Snapshot:
        """Read a payload whose signature was already verified.

        :raises WireError: it is anything else.
        """
        v = encoding.fields(value, "snapshot", "base", "sequence",
                            "issued_at", "expires_at", "entries")
        if not isinstance(v["entries"], list):
            raise WireError("snapshot: entries are a list")
        entries = tuple(_entry(e) for e in v["entries"])
        return cls(encoding.number(v["base"], "base"),
                   encoding.number(v["sequence"], "sequence"),
                   encoding.untimestamp(v["issued_at"], "issued_at"),
                   encoding.untimestamp(v["expires_at"], "expires_at"),
                   entries)


def _entry(value: Any) -> SnapshotEntry:
    # A snapshot has thousands: one comparison for all types.
    if (type(value) is not list
            or [type(v) for v in value] != [str, str, int, int]
            or value[2] not in _TIERS):
        raise WireError("snapshot: an entry is malformed")
    return SnapshotEntry(value[0], value[1], _TIERS[value[2]], value[3])


_TIERS = {int(tier): tier for tier in TrustTier}
