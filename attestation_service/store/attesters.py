# SPDX-License-Identifier: Apache-2.0
"""Enrolled attesters and enrolments under way, in SQL."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from attestation_service import records as r
from attestation_service.core import errors
from attestation_service.store import rows
from attestation_service.store.schema import attesters, enrolments
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.codes import Code

_LISTING = rows.Listing(
    order=(attesters.c.host, attesters.c.id), marker=attesters.c.id,
    filters={"state": attesters.c.state, "host": attesters.c.host})

_MINE = attesters.c.id == sa.bindparam("which")
_LOAD = attesters.select().where(_MINE)
_HOLD = _LOAD.with_for_update()
_RECORD_BOOT = attesters.update().where(_MINE).values(
    {name: sa.bindparam(name, type_=attesters.c[name].type)
     for name in ("counters", "last_seen_at", "ima_position")})


class SqlAttesters:
    """See :class:`attestation_service.ports.Attesters`."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def begin(self, enrolment: r.Enrolment, *, most_open: int,
              now: r.Time) -> None:
        """Remember an enrolment."""
        still_open = self._connection.execute(
            sa.select(sa.func.count()).select_from(enrolments).where(
                enrolments.c.ek_digest == enrolment.ek_digest,
                enrolments.c.expires_at > now)).scalar_one()
        if still_open >= most_open:
            raise errors.LimitReached(
                f"{still_open} enrolments of this TPM are open")
        values = _fields(enrolment) | _certificates(enrolment)
        self._connection.execute(enrolments.insert(), values)

    def take(self, enrolment_id: str, now: r.Time) -> r.Enrolment:
        """Take an enrolment out, once."""
        spent = errors.Forbidden(
            "the enrolment is unknown, expired or was used already",
            Code.ENROLMENT_EXPIRED)
        mine = enrolments.c.id == enrolment_id
        row = rows.one(self._connection, enrolments.select().where(mine),
                       spent)
        # Of two that read the row, one deletes it.
        if rows.changed(self._connection,
                        enrolments.delete().where(mine)) != 1:
            raise spent
        if row.expires_at <= now:
            raise spent
        return r.Enrolment(**row._asdict() | {
            "intermediates": _intermediates(row)})

    def add(self, attester: r.Attester) -> None:
        """Add an attester."""
        values = (_fields(attester) | _slots(attester)
                  | _certificates(attester))
        values["counters"] = _counters(attester.counters)
        rows.add(self._connection, attesters, values, errors.Conflict(
            f"host {attester.host} or its TPM is enrolled already",
            Code.ATTESTER_TAKEN))

    def load(self, attester_id: str) -> r.Attester:
        """Return one by id."""
        return self._one(_LOAD, attester_id)

    def hold(self, attester_id: str) -> r.Attester:
        """Return one by id that is ours until the unit ends."""
        return self._one(_HOLD, attester_id)

    def find(self, name: str) -> r.Attester:
        """Return one by id, or the not retired one of that host name."""
        by_id = sa.case((attesters.c.id == name, 0), else_=1)
        return _record(rows.one(
            self._connection,
            attesters.select().where(
                (attesters.c.id == name) | (attesters.c.host_slot == name)
            ).order_by(by_id).limit(1),
            _unknown(name)))

    def save(self, attester: r.Attester, *, was: r.Attester) -> None:
        """Replace ``was``, but for what ``record_boot`` keeps."""
        values = _fields(attester) | _slots(attester)
        for name in ("id", "counters", "ima_position", "last_seen_at",
                     "ek_certificate", "intermediates"):
            del values[name]
        found = rows.changed(self._connection, attesters.update().where(
            attesters.c.id == was.id,
            attesters.c.updated_at == was.updated_at,
            attesters.c.state == was.state).values(**values))
        if found != 1:
            raise errors.Conflict(f"attester {was.id} was changed meanwhile")

    def record_boot(self, attester_id: str, counters: r.BootCounters,
                    ima_position: Mapping[str, Any] | None,
                    seen_at: r.Time) -> None:
        """Note the counters and IMA position of accepted evidence."""
        self._connection.execute(_RECORD_BOOT, {
            "which": attester_id, "counters": _counters(counters),
            "last_seen_at": seen_at, "ima_position": ima_position})

    def list(self, page: r.Page) -> Sequence[r.Attester]:
        """List by host name, then id."""
        return [_record(row) for row in _LISTING.rows(
            self._connection, attesters.select(), page)]

    def _one(self, query: sa.Select, attester_id: str) -> r.Attester:
        row = self._connection.execute(
            query, {"which": attester_id}).first()
        if row is None:
            raise _unknown(attester_id)
        return _record(row)


def _fields(record: Any) -> dict[str, Any]:
    return {f.name: getattr(record, f.name)
            for f in dataclasses.fields(record)}


def _certificates(record: r.Enrolment | r.Attester) -> dict[str, Any]:
    return {"intermediates": [
        encoding.b64(c) for c in record.intermediates]}


def _intermediates(row: sa.Row) -> tuple[bytes, ...]:
    return tuple(encoding.unb64(c, "intermediates")
                 for c in row.intermediates or ())


def _slots(attester: r.Attester) -> dict[str, Any]:
    """Hold host and EK, or give them back."""
    if attester.state is r.AttesterState.RETIRED:
        return {"host_slot": None, "ek_slot": None}
    return {"host_slot": attester.host, "ek_slot": attester.ek_digest}


def _counters(counters: r.BootCounters | None) -> dict[str, int] | None:
    return None if counters is None else _fields(counters)


def _record(row: sa.Row) -> r.Attester:
    values = row._asdict()
    del values["host_slot"], values["ek_slot"]
    values["ek_certificate"] = row.ek_certificate or b""
    values["intermediates"] = _intermediates(row)
    if row.counters is not None:
        values["counters"] = r.BootCounters(**row.counters)
    return r.Attester(**values)


def _unknown(name: str) -> errors.Unknown:
    return errors.Unknown(f"no attester {name!r}", Code.ATTESTER_UNKNOWN)
