# SPDX-License-Identifier: Apache-2.0
"""A host's history as bars over time, for a plot without any script.

In: results as the service lists them, newest first.  Out: one row for each
profile, of bars in hundredths of a percent of the plot's width.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nova_trusted_launch.horizon import words
from nova_trusted_launch.wire import encoding

WIDTH = 1000


@dataclass(frozen=True, slots=True)
class Bar:
    """A time in which the tier was the same."""

    tier: str
    since: datetime.datetime
    until: datetime.datetime
    x: int
    width: int

    @property
    def word(self) -> Any:
        """The tier in words."""
        return words.tier(self.tier)[0]

    @property
    def kind(self) -> str:
        """The tier's colour class."""
        return words.tier(self.tier)[1]

    @property
    def sign(self) -> str:
        """The tier's sign."""
        return words.tier(self.tier)[2]


@dataclass(frozen=True, slots=True)
class Row:
    """The bars of one profile, oldest first."""

    profile: str
    bars: tuple[Bar, ...]


def rows(results: list[dict[str, Any]],
         now: datetime.datetime) -> tuple[Row, ...]:
    """Plot the results of one host; an expired result leaves a gap."""
    spans = defaultdict(list)
    for result in reversed(results):
        spans[result["profile"]].append((
            result["tier"],
            encoding.untimestamp(result["issued_at"], "issued_at"),
            encoding.untimestamp(result["expires_at"], "expires_at")))
    if not spans:
        return ()
    start = min(found[0][1] for found in spans.values())
    whole = max((now - start).total_seconds(), 1.0)

    def place(moment: datetime.datetime) -> int:
        return round((moment - start).total_seconds() / whole * WIDTH)

    return tuple(
        Row(profile, tuple(
            Bar(tier, since, until, place(since),
                max(place(until) - place(since), 2))
            for tier, since, until in _merged(found, now)))
        for profile, found in sorted(spans.items()))


def _merged(found: list[tuple[str, datetime.datetime, datetime.datetime]],
            now: datetime.datetime) -> Iterator[
                tuple[str, datetime.datetime, datetime.datetime]]:
    """Join neighbours of one tier; a later result ends an earlier one."""
    found = sorted(found, key=lambda span: span[1])
    current = None
    for number, (tier, since, expires) in enumerate(found):
        following = (found[number + 1][1] if number + 1 < len(found)
                     else now)
        until = min(expires, following, now)
        if current and current[0] == tier and current[2] >= since:
            current = (tier, current[1], until)
            continue
        if current:
            yield current
        current = (tier, since, until)
    if current:
        yield current
