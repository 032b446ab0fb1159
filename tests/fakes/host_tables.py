# SPDX-License-Identifier: Apache-2.0
"""Stores in memory of hosts: who they are, what was asked and found."""

from __future__ import annotations

import dataclasses

from attestation_service import records as r
from attestation_service.core import errors
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.results import TrustTier
from nova_trusted_launch.wire.snapshot import SnapshotEntry
from tests.fakes.tables import Table, load, number_of, page_of


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
        return load(self.rows, attester_id, Code.ATTESTER_UNKNOWN,
                     "attester")

    hold = load

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
        return load(self.rows, name, Code.PROFILE_UNKNOWN, "profile")

    def load_version(self, name, version):
        self.load(name)
        return load(self.documents, (name, version), Code.PROFILE_UNKNOWN,
                     "profile version")

    def versions(self, name):
        self.load(name)
        return [v for v in self.documents.values() if v.name == name]

    def save(self, profile):
        self.load(profile.name)
        self.rows[profile.name] = profile

    def active(self):
        return [(p.name, p.active_version)
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
        return load(self.rows, name, Code.REFERENCE_VALUES_UNKNOWN,
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

    def save(self, *stored):
        return [self._save(one) for one in stored]

    def _save(self, stored):
        self.last += 1
        kept = dataclasses.replace(stored, sequence=self.last)
        self.rows[kept.result.host, kept.result.profile] = kept
        self.past.append(kept)
        return kept

    def latest(self, page):
        filters = dict(page.filters)
        after = max(number_of(page, 0), filters.pop("since", 0))
        return page_of(
            sorted((s for s in self.rows.values()
                    if s.jwt and s.sequence > after),
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

    def ended(self, after, until):
        return [key for key, s in self.rows.items()
                if after < s.result.expires_at <= until]

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
