# SPDX-License-Identifier: Apache-2.0
"""Signed results, in SQL: all of them, and the latest of each host."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from attestation_service import records as r
from attestation_service.store import rows
from attestation_service.store.schema import latest_results as latest
from attestation_service.store.schema import results
from nova_trusted_launch.wire.results import (
    AttestationResult,
    Finding,
    TrustTier,
)
from nova_trusted_launch.wire.snapshot import SnapshotEntry

_COUNTER = "results"
_LATEST = rows.Listing(
    order=(latest.c.sequence,), marker=latest.c.sequence,
    filters={"attester_id": latest.c.attester_id, "host": latest.c.host,
             "profile": latest.c.profile})
_HISTORY = rows.Listing(
    order=(results.c.sequence,), marker=results.c.sequence,
    filters={"profile": results.c.profile}, newest_first=True)

_INSERT = results.insert()
# Together an upsert, which SQLAlchemy would compile anew each time.
_GIVE_WAY = latest.delete().where(
    latest.c.host == sa.bindparam("of_host"),
    latest.c.profile == sa.bindparam("of_profile"))
_TAKE_PLACE = latest.insert()
_TIERS = sa.select(latest.c.profile, latest.c.tier).where(
    latest.c.attester_id == sa.bindparam("of_attester"),
    latest.c.expires_at > sa.bindparam("now"))
_LATEST_ROWS = sa.select(
    latest.c.sequence, latest.c.expires_at, results.c.attester_id,
    results.c.host, results.c.profile, results.c.version,
    results.c.findings, results.c.issued_at, results.c.reset_count,
    results.c.hardware, results.c.jwt,
).join(results, (results.c.sequence == latest.c.result)
       # Not that of one that was withdrawn.
       & (results.c.expires_at == latest.c.expires_at))


class SqlResults:
    """See :class:`attestation_service.ports.Results`.

    Every change takes its number from one locked counter, so that a reader
    who saw a number has seen every lower one.
    """

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def save(self, *stored: r.StoredResult) -> list[r.StoredResult]:
        """Keep them as the latest; return them with their new numbers."""
        if not stored:
            return []
        # Every other writer waits from here to the end of the unit.
        last = rows.count_up(self._connection, _COUNTER, len(stored))
        kept = [dataclasses.replace(one, sequence=number) for number, one
                in enumerate(stored, last - len(stored) + 1)]
        self._connection.execute(_INSERT, [
            {"sequence": one.sequence, "jwt": one.jwt,
             **_values(one.result)} for one in kept])
        self._connection.execute(_GIVE_WAY, [
            {"of_host": one.result.host, "of_profile": one.result.profile}
            for one in kept])
        self._connection.execute(_TAKE_PLACE, [_latest(one) for one in kept])
        return kept

    def latest(self, page: r.Page) -> Sequence[r.StoredResult]:
        """List the latest, by the number of the last change."""
        query = _LATEST_ROWS
        filters = dict(page.filters)
        since = filters.pop("since", None)
        if since is not None:
            query = query.where(latest.c.sequence > since)
        return [_record(row) for row in _LATEST.rows(
            self._connection, query,
            r.Page(page.limit, page.marker, filters))]

    def tiers(self, attester_id: str, now: r.Time) -> dict[str, TrustTier]:
        """Return what is known of an attester, by profile."""
        found = self._connection.execute(
            _TIERS, {"of_attester": attester_id, "now": now})
        return {profile: TrustTier(tier) for profile, tier in found}

    def history(self, attester_id: str, page: r.Page
                ) -> Sequence[r.StoredResult]:
        """List what was, newest first."""
        query = results.select().where(results.c.attester_id == attester_id)
        return [_record(row) for row in _HISTORY.rows(
            self._connection, query, page)]

    def entries(self, since: int) -> tuple[int, Sequence[SnapshotEntry]]:
        """Return the newest number, and what changed after ``since``."""
        # The number first: what is committed between the two is then told
        # again in the next delta, and never missed.
        newest = self.sequence()
        found = self._connection.execute(
            sa.select(latest.c.host, latest.c.profile, latest.c.tier,
                      latest.c.expires_at)
            .where(latest.c.sequence > since)
            .order_by(latest.c.sequence))
        return newest, [
            SnapshotEntry(host, profile, TrustTier(tier),
                          int(expires.timestamp()))
            for host, profile, tier, expires in found]

    def drop(self, now: r.Time, *, attester_id: str | None = None,
             profile: str | None = None) -> None:
        """Withdraw latest results; deltas tell."""
        if attester_id is None and profile is None:
            raise ValueError("name an attester, a profile or both")
        # What was withdrawn before is not told again.
        query = sa.select(latest.c.host, latest.c.profile).where(
            latest.c.expires_at > now)
        if attester_id is not None:
            query = query.where(latest.c.attester_id == attester_id)
        if profile is not None:
            query = query.where(latest.c.profile == profile)
        first = rows.count_up(self._connection, _COUNTER, 0)
        found = self._connection.execute(query).all()
        for number, (host, name) in enumerate(found, first + 1):
            self._connection.execute(latest.update().where(
                latest.c.host == host, latest.c.profile == name).values(
                    sequence=number, expires_at=now,
                    tier=int(TrustTier.NONE)))
        rows.count_up(self._connection, _COUNTER, len(found))

    def ended(self, after: r.Time, until: r.Time
              ) -> Sequence[tuple[str, str]]:
        """Return host and profile of what ended in a span of time."""
        found = self._connection.execute(
            sa.select(latest.c.host, latest.c.profile).where(
                latest.c.expires_at > after, latest.c.expires_at <= until))
        return [(host, profile) for host, profile in found]

    def sequence(self) -> int:
        """Return the newest number."""
        return rows.counted(self._connection, _COUNTER)

    def forget_older(self, before: r.Time) -> int:
        """Delete history older than this; the latest always stay."""
        return rows.changed(self._connection, results.delete().where(
            results.c.issued_at < before,
            results.c.sequence.not_in(sa.select(latest.c.result))))


def _values(result: AttestationResult) -> dict[str, Any]:
    return {"attester_id": result.attester_id, "host": result.host,
            "profile": result.profile, "version": result.version,
            "findings": [f.to_dict() for f in result.findings],
            "issued_at": result.issued_at, "expires_at": result.expires_at,
            "reset_count": result.reset_count, "hardware": result.hardware}


def _latest(kept: r.StoredResult) -> dict[str, Any]:
    result = kept.result
    return {"host": result.host, "profile": result.profile,
            "sequence": kept.sequence, "result": kept.sequence,
            "attester_id": result.attester_id, "tier": int(result.tier),
            "expires_at": result.expires_at}


def _record(row: sa.Row) -> r.StoredResult:
    return r.StoredResult(AttestationResult(
        row.attester_id, row.host, row.profile, row.version,
        tuple(Finding.from_dict(f) for f in row.findings), row.issued_at,
        row.expires_at, row.reset_count, row.hardware), row.jwt, row.sequence)
