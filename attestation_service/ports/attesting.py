# SPDX-License-Identifier: Apache-2.0
"""What is kept of attesters, their evidence and results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from attestation_service import records as r
from nova_trusted_launch.wire.challenge import Challenge, Purpose
from nova_trusted_launch.wire.results import TrustTier
from nova_trusted_launch.wire.snapshot import SnapshotEntry


class Attesters(Protocol):
    """Enrolled attesters and enrolments under way."""

    def begin(self, enrolment: r.Enrolment, *, most_open: int,
              now: r.Time) -> None:
        """Remember an enrolment until it is activated or expires.

        :raises LimitReached: its ``ek_digest`` has ``most_open`` unexpired
            ones.
        """

    def take(self, enrolment_id: str, now: r.Time) -> r.Enrolment:
        """Take an enrolment out, once.

        Atomic: of two calls at once one succeeds.

        :raises Forbidden: ENROLMENT_EXPIRED: unknown, taken or expired.
        """

    def add(self, attester: r.Attester) -> None:
        """Add an attester.

        Atomic against other adds.

        :raises Conflict: ATTESTER_TAKEN: a not retired attester has this host
            or this ``ek_digest``.
        """

    def load(self, attester_id: str) -> r.Attester:
        """Return one by id.

        :raises Unknown: ATTESTER_UNKNOWN
        """

    def hold(self, attester_id: str) -> r.Attester:
        """Return one by id that is ours until the unit ends.

        Units that hold the same attester, or change it, take turns.

        :raises Unknown: ATTESTER_UNKNOWN
        """

    def find(self, name: str) -> r.Attester:
        """Return one by id, or the not retired one of that host name.

        :raises Unknown: ATTESTER_UNKNOWN
        """

    def save(self, attester: r.Attester, *, was: r.Attester) -> None:
        """Replace ``was``, but for what :meth:`record_boot` keeps.

        ``counters``, ``ima_position`` and ``last_seen_at`` stay as stored, so
        that an operator's edit never takes a boot back.

        :raises Conflict: REQUEST_CONFLICT: somebody else changed it since
            (compare ``updated_at``).
        """

    def record_boot(self, attester_id: str, counters: r.BootCounters,
                    ima_position: Mapping[str, Any] | None,
                    seen_at: r.Time) -> None:
        """Note the counters and IMA position of accepted evidence.

        ``updated_at`` stays as it is: it tells people's changes.
        """

    def list(self, page: r.Page) -> Sequence[r.Attester]:
        """List by host name, then id; filters: state, host."""


class Challenges(Protocol):
    """Nonces we issued and nobody has answered yet."""

    def issue(self, challenge: Challenge, *, most_open: int,
              now: r.Time) -> None:
        """Remember a challenge; the unit holds its attester.

        :raises LimitReached: the attester has ``most_open`` unexpired ones
            of that purpose.
        """

    def spend(self, nonce: bytes, attester_id: str,
              purpose: Purpose) -> Challenge:
        """Take the challenge out; a second call for it fails.

        One atomic statement.  A flow calls this alone in a unit of work of
        its own, so that the nonce is gone whatever happens afterwards.
        Expiry is not judged here.

        :raises StaleEvidence: never issued to this attester for this purpose,
            or spent.
        """

    def forget_expired(self, now: r.Time) -> int:
        """Delete expired challenges and enrolments; return how many."""


class Results(Protocol):
    """Signed results: the latest of each host and profile, and history."""

    def save(self, *stored: r.StoredResult) -> Sequence[r.StoredResult]:
        """Keep them as the latest of their hosts and profiles.

        Returns them with their new sequence numbers.  Nobody else can save
        or drop until the unit ends: do it late.
        """

    def latest(self, page: r.Page) -> Sequence[r.StoredResult]:
        """List the latest that were not withdrawn; filters: attester_id,
        host, profile, since (a sequence number); ordered by sequence; marker
        is a sequence, which need not be there any more."""

    def tiers(self, attester_id: str, now: r.Time) -> Mapping[str, TrustTier]:
        """Return what is known of an attester, by profile.

        What has expired, or was withdrawn, is not known any more.
        """

    def history(self, attester_id: str, page: r.Page
                ) -> Sequence[r.StoredResult]:
        """List what was, newest first; filters: profile."""

    def entries(self, since: int) -> tuple[int, Sequence[SnapshotEntry]]:
        """Return the newest sequence number, and what changed after
        ``since`` (0: all), without findings: what a snapshot holds.

        No change with a number up to the returned one is ever missed.
        """

    def drop(self, now: r.Time, *, attester_id: str | None = None,
             profile: str | None = None) -> None:
        """Withdraw latest results of an attester, a profile, or both.

        (Retired, rebooted, profile gone; at least one must be named.)

        They are not listed any more (their JWTs would still look good to
        others), and each ends ``now`` with a new sequence number, so that
        deltas tell: tier NONE.  History keeps what was.
        """

    def ended(self, after: r.Time, until: r.Time
              ) -> Sequence[tuple[str, str]]:
        """Return host and profile of the latest results that expired or
        were withdrawn later than ``after``, and not later than ``until``.
        """

    def sequence(self) -> int:
        """Return the newest sequence number."""

    def forget_older(self, before: r.Time) -> int:
        """Delete history older than this; return how much."""


class KeptEvidence(Protocol):
    """Envelopes of the last appraisals."""

    def save(self, kept: r.KeptEvidence, *, keep: int) -> None:
        """Keep it, and at most ``keep`` of that attester."""

    def list(self, attester_id: str) -> Sequence[r.KeptEvidence]:
        """Return what is kept, newest first."""

    def forget_older(self, before: r.Time) -> int:
        """Delete what came in before this; return how many."""
