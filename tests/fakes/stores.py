# SPDX-License-Identifier: Apache-2.0
"""All stores, in memory: one lock, and copies that undo what failed.

Records are immutable, so a copy of the containers is a snapshot.  The same
contract tests run over this and over the SQL store.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import datetime
import threading
from typing import Any

from attestation_service import records as r
from attestation_service.core import errors
from nova_trusted_launch.wire import receipts
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.results import TrustTier
from nova_trusted_launch.wire.snapshot import SnapshotEntry

_NEVER = datetime.datetime.min.replace(tzinfo=datetime.UTC)


def page_of(items: Any, page: r.Page, identity: Any, **matches: Any) -> list:
    """Return the part of ``items`` after the marker that matches."""
    items = list(items)
    unknown = set(page.filters) - set(matches)
    assert not unknown, f"no such filters: {unknown}"
    if page.marker is not None:
        names = [identity(item) for item in items]
        if page.marker not in names:
            raise errors.Invalid(f"marker: {page.marker!r} names nothing")
        items = items[names.index(page.marker) + 1:]
    return [item for item in items
            if all(matches[name](item) == value
                   for name, value in page.filters.items())][:page.limit]


def number_of(page: r.Page, default: int) -> int:
    """Return the marker of a list that is ordered by numbers."""
    if page.marker is None:
        return default
    if not page.marker.isascii() or not page.marker.isdigit():
        raise errors.Invalid("marker: not a number")
    return int(page.marker)


class Table:
    """Containers of one store; ``unit`` copies and restores them."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        raise NotImplementedError

    def snapshot(self) -> dict[str, Any]:
        return {name: copy.copy(value)
                for name, value in self.__dict__.items()
                if not name.startswith("_")}

    def restore(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)


def _load(rows: dict, key: Any, code: Code, what: str) -> Any:
    try:
        return rows[key]
    except KeyError as exc:
        raise errors.Unknown(f"there is no {what} {key!r}", code) from exc


class Attesters(Table):
    def reset(self):
        self.enrolments, self.rows = {}, {}

    def begin(self, enrolment, *, most_open, now):
        is_open = sum(e.ek_digest == enrolment.ek_digest
                      and e.expires_at > now
                      for e in self.enrolments.values())
        if is_open >= most_open:
            raise errors.LimitReached(
                f"{is_open} enrolments of this TPM are open")
        self.enrolments[enrolment.id] = enrolment

    def take(self, enrolment_id, now):
        found = self.enrolments.pop(enrolment_id, None)
        if found is None or found.expires_at <= now:
            raise errors.Forbidden("the enrolment is unknown, taken or "
                                   "expired", Code.ENROLMENT_EXPIRED)
        return found

    def add(self, attester):
        for other in self.rows.values():
            if other.state is r.AttesterState.RETIRED:
                continue
            if other.host == attester.host:
                raise errors.Conflict(
                    f"host {attester.host!r} is enrolled already",
                    Code.ATTESTER_TAKEN)
            if other.ek_digest == attester.ek_digest:
                raise errors.Conflict(
                    f"the TPM is enrolled already as {other.host!r}",
                    Code.ATTESTER_TAKEN)
        self.rows[attester.id] = attester

    def load(self, attester_id):
        return _load(self.rows, attester_id, Code.ATTESTER_UNKNOWN,
                     "attester")

    def find(self, name):
        if name in self.rows:
            return self.rows[name]
        for row in self.rows.values():
            if (row.host == name
                    and row.state is not r.AttesterState.RETIRED):
                return row
        raise errors.Unknown(f"there is no attester {name!r}",
                             Code.ATTESTER_UNKNOWN)

    def save(self, attester, *, was):
        now = self.load(attester.id)
        if now.updated_at != was.updated_at:
            raise errors.Conflict("somebody else changed the attester")
        # What record_boot noted meanwhile is not a person's change.
        self.rows[attester.id] = dataclasses.replace(
            attester, counters=now.counters, ima_position=now.ima_position,
            last_seen_at=now.last_seen_at)

    def record_boot(self, attester_id, counters, ima_position, seen_at):
        self.rows[attester_id] = dataclasses.replace(
            self.load(attester_id), counters=counters,
            ima_position=ima_position, last_seen_at=seen_at)

    def list(self, page):
        return page_of(
            sorted(self.rows.values(), key=lambda a: (a.host, a.id)), page,
            lambda a: a.id, state=lambda a: a.state, host=lambda a: a.host)


class Challenges(Table):
    def __init__(self, attesters):
        super().__init__()
        self._attesters = attesters

    def reset(self):
        self.rows = {}

    def issue(self, challenge, *, most_open, now):
        is_open = sum((c.attester_id, c.purpose) == (
            challenge.attester_id, challenge.purpose) and c.expires_at > now
            for c in self.rows.values())
        if is_open >= most_open:
            raise errors.LimitReached(
                f"{is_open} challenges of this attester are open")
        self.rows[challenge.nonce] = challenge

    def spend(self, nonce, attester_id, purpose):
        found = self.rows.get(nonce)
        if found is None or (found.attester_id, found.purpose) != (
                attester_id, purpose):
            raise errors.StaleEvidence(
                "the nonce was never issued to this attester for this, or "
                "is spent")
        return self.rows.pop(nonce)

    def forget_expired(self, now):
        count = 0
        for rows in (self.rows, self._attesters.enrolments):
            for key in [k for k, row in rows.items()
                        if row.expires_at <= now]:
                del rows[key]
                count += 1
        return count


class Profiles(Table):
    def reset(self):
        self.rows, self.documents = {}, {}

    def add(self, profile):
        if profile.name in self.rows:
            raise errors.Conflict(f"profile {profile.name!r} exists",
                                  Code.PROFILE_TAKEN)
        self.rows[profile.name] = profile

    def add_version(self, name, document, created_at, created_by):
        version = r.ProfileVersion(name, len(self.versions(name)) + 1,
                                   document, created_at, created_by)
        self.documents[name, version.version] = version
        return version

    def load(self, name):
        return _load(self.rows, name, Code.PROFILE_UNKNOWN, "profile")

    def load_version(self, name, version):
        self.load(name)
        return _load(self.documents, (name, version), Code.PROFILE_UNKNOWN,
                     "profile version")

    def versions(self, name):
        self.load(name)
        return [v for v in self.documents.values() if v.name == name]

    def save(self, profile):
        self.load(profile.name)
        self.rows[profile.name] = profile

    def active(self):
        return [self.documents[p.name, p.active_version]
                for p in sorted(self.rows.values(), key=lambda p: p.name)
                if p.active_version is not None]

    def list(self, page):
        return page_of(sorted(self.rows.values(), key=lambda p: p.name),
                       page, lambda p: p.name)


class ReferenceValues(Table):
    def reset(self):
        self.rows = {}

    def add(self, values):
        if values.name in self.rows:
            raise errors.Conflict(
                f"reference values {values.name!r} exist",
                Code.REFERENCE_VALUES_TAKEN)
        self.rows[values.name] = values

    def load(self, name):
        return _load(self.rows, name, Code.REFERENCE_VALUES_UNKNOWN,
                     "set of reference values")

    def created_at(self, name):
        return self.load(name).created_at

    def delete(self, name):
        self.load(name)
        del self.rows[name]

    def list(self, page):
        return [dataclasses.replace(s, values={}) for s in page_of(
            sorted(self.rows.values(), key=lambda s: s.name), page,
            lambda s: s.name)]


class Results(Table):
    def reset(self):
        self.rows, self.past, self.last = {}, [], 0

    def save(self, stored):
        self.last += 1
        kept = dataclasses.replace(stored, sequence=self.last)
        self.rows[kept.result.host, kept.result.profile] = kept
        self.past.append(kept)
        return kept

    def latest(self, page):
        filters = dict(page.filters)
        after = max(number_of(page, 0), filters.pop("since", 0))
        return page_of(
            sorted((s for s in self.rows.values() if s.sequence > after),
                   key=lambda s: s.sequence),
            r.Page(page.limit, None, filters), None,
            attester_id=lambda s: s.result.attester_id,
            host=lambda s: s.result.host,
            profile=lambda s: s.result.profile)

    def tiers(self, attester_id, now):
        return {s.result.profile: s.result.tier for s in self.rows.values()
                if s.result.attester_id == attester_id
                and s.result.expires_at > now}

    def history(self, attester_id, page):
        before = number_of(page, self.last + 1)
        return page_of(
            (s for s in reversed(self.past) if s.sequence < before
             and s.result.attester_id == attester_id),
            r.Page(page.limit, None, page.filters), None,
            profile=lambda s: s.result.profile)

    def drop(self, now, *, attester_id=None, profile=None):
        assert attester_id is not None or profile is not None
        for key, stored in sorted(self.rows.items()):
            if (attester_id in {None, stored.result.attester_id}
                    and profile in {None, stored.result.profile}
                    and stored.jwt):
                self.last += 1
                self.rows[key] = r.StoredResult(
                    dataclasses.replace(stored.result, expires_at=now), "",
                    self.last)

    def entries(self, since):
        return self.last, [
            SnapshotEntry(s.result.host, s.result.profile,
                          s.result.tier if s.jwt else TrustTier.NONE,
                          int(s.result.expires_at.timestamp()))
            for s in sorted(self.rows.values(), key=lambda s: s.sequence)
            if s.sequence > since]

    def sequence(self):
        return self.last

    def forget_older(self, before):
        kept = [s for s in self.past if s.result.issued_at >= before]
        count = len(self.past) - len(kept)
        self.past = kept
        return count


class KeptEvidence(Table):
    def reset(self):
        self.rows = {}

    def save(self, kept, *, keep):
        self.rows[kept.attester_id] = (
            [kept, *self.rows.get(kept.attester_id, [])][:keep])

    def list(self, attester_id):
        return list(self.rows.get(attester_id, []))

    def forget_older(self, before):
        had = sum(map(len, self.rows.values()))
        self.rows = {of: [k for k in kept if k.received_at >= before]
                     for of, kept in self.rows.items()}
        return had - sum(map(len, self.rows.values()))


class Keys(Table):
    def reset(self):
        self.rows = {}

    def add(self, key):
        self.rows[key.id] = key

    def load(self, key_id):
        return _load(self.rows, key_id, Code.KEY_UNKNOWN, "key")

    def use(self, key_id):
        key = self.load(key_id)
        most = key.policy.launches
        if most is not None and key.launches_used >= most:
            raise errors.Forbidden(
                f"all {most} launches with key {key_id!r} are used",
                Code.RELEASE_EXHAUSTED)
        self.rows[key_id] = dataclasses.replace(
            key, launches_used=key.launches_used + 1)

    def delete(self, key_id):
        self.load(key_id)
        del self.rows[key_id]

    def list(self, page):
        return page_of(
            sorted(self.rows.values(), key=lambda k: (k.created_at, k.id)),
            page, lambda k: k.id, project_id=lambda k: k.project_id,
            purpose=lambda k: k.purpose,
            instance_id=lambda k: k.instance_id)


class Launches(Table):
    def reset(self):
        self.rows = {}

    def add(self, launch):
        self.rows[launch.id] = launch

    def load(self, launch_id):
        return _load(self.rows, launch_id, Code.LAUNCH_UNKNOWN, "launch")

    def bind(self, launch_id, instance_id):
        launch = self.load(launch_id)
        if launch.instance_id not in {None, instance_id}:
            raise errors.Forbidden(
                "the launch token belongs to another instance",
                Code.TOKEN_SPENT)
        self.rows[launch_id] = dataclasses.replace(
            launch, instance_id=instance_id)

    def delete(self, launch_id):
        self.load(launch_id)
        del self.rows[launch_id]

    def list(self, page):
        return page_of(
            sorted(self.rows.values(), key=lambda a: (a.created_at, a.id)),
            page, lambda a: a.id, project_id=lambda a: a.project_id,
            instance_id=lambda a: a.instance_id)


class Releases(Table):
    def reset(self):
        self.rows = {}

    def add(self, release):
        self.rows[release.id] = release

    def load(self, release_id):
        return _load(self.rows, release_id, Code.RELEASE_UNKNOWN, "release")

    def close(self, release):
        if self.load(release.id).state is not r.ReleaseState.OPEN:
            raise errors.Conflict("the release is not open any more",
                                  Code.RELEASE_BAD_STATE)
        self.rows[release.id] = release

    def list(self, page):
        return page_of(
            sorted(self.rows.values(), key=lambda a: (a.created_at, a.id),
                   reverse=True), page, lambda a: a.id,
            instance_id=lambda a: a.instance_id,
            project_id=lambda a: a.project_id, state=lambda a: a.state,
            attester_id=lambda a: a.attester_id)


class Leases(Table):
    def reset(self):
        self.rows = {}

    def load(self, instance_id):
        return self.rows.get(instance_id)

    def save(self, lease, *, was):
        now = self.rows.get(lease.instance_id)
        if now is not None and now.closed_at is not None:
            raise errors.Forbidden("the instance's lease is closed",
                                   Code.RELEASE_CLOSED)
        if _identity(now) != _identity(was):
            raise errors.Conflict("another release changed the lease")
        self.rows[lease.instance_id] = lease

    def close(self, instance_id, now):
        lease = self.rows.get(instance_id)
        if lease is not None and lease.closed_at is None:
            lease = dataclasses.replace(lease, closed_at=now)
            self.rows[instance_id] = lease
        return lease

    def list(self, page):
        return page_of(
            sorted(self.rows.values(), key=lambda a: a.instance_id), page,
            lambda a: a.instance_id, project_id=lambda a: a.project_id,
            host=lambda a: a.host, open=lambda a: a.closed_at is None)


def _identity(lease: r.Lease | None) -> Any:
    return None if lease is None else (lease.host, lease.disk_key_id)


class ReceiptLog(Table):
    def reset(self):
        self.rows, self.nodes = [], {}

    def append(self, receipt):
        index = len(self.rows)
        kept = dataclasses.replace(receipt, index=index)
        self.rows.append(kept)
        level, value = 0, receipts.leaf_hash(kept.jwt)
        self.nodes[level, index] = value
        while index & 1:
            value = receipts.node_hash(self.nodes[level, index - 1], value)
            level, index = level + 1, index >> 1
            self.nodes[level, index] = value
        return kept

    def size(self):
        return len(self.rows)

    def node(self, level, index):
        return _load(self.nodes, (level, index), Code.LOG_RANGE, "node")

    def load(self, index):
        if not 0 <= index < len(self.rows):
            raise errors.Unknown(f"there is no receipt {index}",
                                 Code.RECEIPT_UNKNOWN)
        return self.rows[index]

    def list(self, page):
        before = number_of(page, len(self.rows))
        return page_of(
            (a for a in reversed(self.rows) if a.index < before),
            r.Page(page.limit, None, page.filters), None,
            instance_id=lambda a: a.instance_id,
            project_id=lambda a: a.project_id)


class Outbox(Table):
    most_events = 10_000

    def reset(self):
        self.rows, self.last = {}, 0

    def put(self, event):
        self.last += 1
        self.rows[self.last] = event, _NEVER
        self.rows.pop(self.last - self.most_events, None)

    def claim(self, *, most, now, until):
        free = [n for n in sorted(self.rows) if self.rows[n][1] <= now]
        for number in free[:most]:
            self.rows[number] = self.rows[number][0], until
        return [(n, self.rows[n][0]) for n in free[:most]]

    def sent(self, numbers):
        for number in numbers:
            self.rows.pop(number, None)

    def events(self):
        """Return what waits, oldest first (for tests)."""
        return [self.rows[n][0] for n in sorted(self.rows)]


class Unit:
    """The stores of one transaction."""

    def __init__(self) -> None:
        self.attesters = Attesters()
        self.challenges = Challenges(self.attesters)
        self.profiles = Profiles()
        self.reference_values = ReferenceValues()
        self.results = Results()
        self.kept_evidence = KeptEvidence()
        self.keys = Keys()
        self.launches = Launches()
        self.releases = Releases()
        self.leases = Leases()
        self.log = ReceiptLog()
        self.outbox = Outbox()

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
