# SPDX-License-Identifier: Apache-2.0
"""Stores in memory of tenants: keys, tokens, releases and receipts."""

from __future__ import annotations

import dataclasses
from typing import Any

from attestation_service import records as r
from attestation_service.core import errors
from nova_trusted_launch.wire import receipts
from nova_trusted_launch.wire.codes import Code
from tests.fakes.tables import NEVER, Table, load, number_of, page_of


class Keys(Table):
    def reset(self):
        self.rows = {}

    def add(self, key):
        self.rows[key.id] = key

    def load(self, key_id):
        return load(self.rows, key_id, Code.KEY_UNKNOWN, "key")

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
        return load(self.rows, launch_id, Code.LAUNCH_UNKNOWN, "launch")

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
        return load(self.rows, release_id, Code.RELEASE_UNKNOWN, "release")

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
        return load(self.nodes, (level, index), Code.LOG_RANGE, "node")

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
        self.rows[self.last] = event, NEVER
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
