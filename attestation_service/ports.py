# SPDX-License-Identifier: Apache-2.0
"""What the flows need of the outside world, as protocols.

Each store port has two implementations, SQL (``store``) and in memory
(``tests/fakes/stores.py``), and one contract test that runs over both.  All
store calls happen inside one unit of work (:class:`UnitOfWork`): what a flow
did is kept as a whole or not at all.  "raises Unknown" etc. are the classes of
``core.errors`` with the noun's own code.

Lists: ``Page.marker`` names the last item seen (its id, name, index or
sequence, as text) and the page starts after it; one that names nothing raises
Invalid (of a sequence or index: one that is no number).  ``Page.filters``
holds values of the records' own types (``state`` is an enum member).
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from attestation_service import records as r
from nova_trusted_launch.wire.challenge import Challenge, Purpose
from nova_trusted_launch.wire.results import TrustTier
from nova_trusted_launch.wire.snapshot import SnapshotEntry

Time = datetime.datetime


class Attesters(Protocol):
    """Enrolled attesters and enrolments under way."""

    def begin(self, enrolment: r.Enrolment, *, most_open: int,
              now: Time) -> None:
        """Remember an enrolment until it is activated or expires.

        :raises LimitReached: its ``ek_digest`` has ``most_open`` unexpired
            ones.
        """

    def take(self, enrolment_id: str, now: Time) -> r.Enrolment:
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
                    seen_at: Time) -> None:
        """Note the counters and IMA position of accepted evidence.

        ``updated_at`` stays as it is: it tells people's changes.
        """

    def list(self, page: r.Page) -> Sequence[r.Attester]:
        """List by host name, then id; filters: state, host."""


class Challenges(Protocol):
    """Nonces we issued and nobody has answered yet."""

    def issue(self, challenge: Challenge, *, most_open: int,
              now: Time) -> None:
        """Remember a challenge.

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

    def forget_expired(self, now: Time) -> int:
        """Delete expired challenges and enrolments; return how many."""


class Profiles(Protocol):
    """Profiles and their immutable versions."""

    def add(self, profile: r.Profile) -> None:
        """Add a profile.

        :raises Conflict: PROFILE_TAKEN
        """

    def add_version(self, name: str, document: Mapping[str, Any],
                    created_at: Time, created_by: str) -> r.ProfileVersion:
        """Add the next version.

        :raises Unknown: PROFILE_UNKNOWN
        """

    def load(self, name: str) -> r.Profile:
        """Return a profile.

        :raises Unknown: PROFILE_UNKNOWN
        """

    def load_version(self, name: str, version: int) -> r.ProfileVersion:
        """Return a version.

        :raises Unknown: PROFILE_UNKNOWN
        """

    def versions(self, name: str) -> Sequence[r.ProfileVersion]:
        """Return all versions, oldest first.

        :raises Unknown: PROFILE_UNKNOWN
        """

    def save(self, profile: r.Profile) -> None:
        """Replace a profile's description, active version and projects."""

    def active(self) -> Sequence[r.ProfileVersion]:
        """Return the version in force of every active profile."""

    def list(self, page: r.Page) -> Sequence[r.Profile]:
        """List by name."""


class ReferenceValues(Protocol):
    """Named, immutable sets of reference values."""

    def add(self, values: r.ReferenceSet) -> None:
        """Add a set.

        :raises Conflict: REFERENCE_VALUES_TAKEN
        """

    def load(self, name: str) -> r.ReferenceSet:
        """Return a set with its values.

        :raises Unknown: REFERENCE_VALUES_UNKNOWN
        """

    def created_at(self, name: str) -> Time:
        """Return when the set was made, without fetching its values.

        A set that was deleted and made again has another time.

        :raises Unknown: REFERENCE_VALUES_UNKNOWN
        """

    def delete(self, name: str) -> None:
        """Delete a set.

        :raises Unknown: REFERENCE_VALUES_UNKNOWN
        """

    def list(self, page: r.Page) -> Sequence[r.ReferenceSet]:
        """List by name; ``values`` is left empty."""


class Results(Protocol):
    """Signed results: the latest of each host and profile, and history."""

    def save(self, stored: r.StoredResult) -> r.StoredResult:
        """Keep it as the latest; return it with its new sequence number."""

    def latest(self, page: r.Page) -> Sequence[r.StoredResult]:
        """List the latest; filters: attester_id, host, profile, since
        (a sequence number); ordered by sequence; marker is a sequence, which
        need not be there any more."""

    def tiers(self, attester_id: str, now: Time) -> Mapping[str, TrustTier]:
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

    def drop(self, now: Time, *, attester_id: str | None = None,
             profile: str | None = None) -> None:
        """Withdraw latest results of an attester, a profile, or both.

        (Retired, rebooted, profile gone; at least one must be named.)

        Each keeps its row with ``expires_at`` = ``now``, without its JWT
        (which would still look good to others) and with a new sequence
        number, so that deltas tell: tier NONE.  History keeps what was.
        """

    def sequence(self) -> int:
        """Return the newest sequence number."""

    def forget_older(self, before: Time) -> int:
        """Delete history older than this; return how much."""


class KeptEvidence(Protocol):
    """Envelopes of the last appraisals."""

    def save(self, kept: r.KeptEvidence, *, keep: int) -> None:
        """Keep it, and at most ``keep`` of that attester."""

    def list(self, attester_id: str) -> Sequence[r.KeptEvidence]:
        """Return what is kept, newest first."""

    def forget_older(self, before: Time) -> int:
        """Delete what came in before this; return how many."""


class Keys(Protocol):
    """Registered keys (never their material)."""

    def add(self, key: r.Key) -> None:
        """Add a key."""

    def load(self, key_id: str) -> r.Key:
        """Return a key.

        :raises Unknown: KEY_UNKNOWN
        """

    def use(self, key_id: str) -> None:
        """Count one more launch, atomically against the policy's number.

        :raises Forbidden: RELEASE_EXHAUSTED
        """

    def delete(self, key_id: str) -> None:
        """Forget a key.

        :raises Unknown: KEY_UNKNOWN
        """

    def list(self, page: r.Page) -> Sequence[r.Key]:
        """List by creation, then id; filters: project_id, purpose,
        instance_id."""


class Launches(Protocol):
    """Launch tokens."""

    def add(self, launch: r.Launch) -> None:
        """Add a token."""

    def load(self, launch_id: str) -> r.Launch:
        """Return a token.

        :raises Unknown: LAUNCH_UNKNOWN
        """

    def bind(self, launch_id: str, instance_id: str) -> None:
        """Bind it to an instance, atomically; again to the same is fine.

        :raises Forbidden: TOKEN_SPENT: bound to another instance.
        """

    def delete(self, launch_id: str) -> None:
        """Forget a token.

        :raises Unknown: LAUNCH_UNKNOWN
        """

    def list(self, page: r.Page) -> Sequence[r.Launch]:
        """List by creation, then id; filters: project_id, instance_id."""


class Releases(Protocol):
    """Requests for keys and what became of them."""

    def add(self, release: r.Release) -> None:
        """Add an open release."""

    def load(self, release_id: str) -> r.Release:
        """Return a release.

        :raises Unknown: RELEASE_UNKNOWN
        """

    def close(self, release: r.Release) -> None:
        """Store the decision, atomically.

        :raises Conflict: RELEASE_BAD_STATE: it is not open any more.
        """

    def list(self, page: r.Page) -> Sequence[r.Release]:
        """List newest first; filters: instance_id, project_id, state,
        attester_id."""


class Leases(Protocol):
    """Instances that were released."""

    def load(self, instance_id: str) -> r.Lease | None:
        """Return an instance's lease, or None: it was never trusted."""

    def save(self, lease: r.Lease, *, was: r.Lease | None) -> None:
        """Add (``was`` is None) or replace ``was``, atomically.

        Without this, two first releases at once would each make a disk key
        and one disk could never be opened again.

        :raises Forbidden: RELEASE_CLOSED: the stored one is closed.
        :raises Conflict: REQUEST_CONFLICT: there is one already, or its host
            or disk key are no longer those of ``was``.
        """

    def close(self, instance_id: str, now: Time) -> r.Lease | None:
        """Close it for ever; return it, or None without one.

        Closing a closed one changes nothing.
        """

    def list(self, page: r.Page) -> Sequence[r.Lease]:
        """List by instance; filters: project_id, host, open (bool)."""


class ReceiptLog(Protocol):
    """The append-only log of receipts (RFC 6962 tree)."""

    def append(self, receipt: r.StoredReceipt) -> r.StoredReceipt:
        """Append; ``index`` of the argument is ignored, the returned has it.

        Appends of any number of processes get distinct, gapless indexes.
        """

    def size(self) -> int:
        """Return the number of entries."""

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of a complete subtree of 2**level leaves.

        :raises Unknown: LOG_RANGE
        """

    def load(self, index: int) -> r.StoredReceipt:
        """Return an entry.

        :raises Unknown: RECEIPT_UNKNOWN
        """

    def list(self, page: r.Page) -> Sequence[r.StoredReceipt]:
        """List newest first; filters: instance_id, project_id."""


class Outbox(Protocol):
    """Events waiting for the bus: bounded, oldest dropped first."""

    def put(self, event: r.Event) -> None:
        """Keep an event in the same unit of work as its cause."""

    def claim(self, *, most: int, now: Time,
              until: Time) -> Sequence[tuple[int, r.Event]]:
        """Return the oldest events that nobody has claimed beyond ``now``,
        each with its number, and claim them until ``until``.

        Sending happens outside of any unit of work, so that a slow bus holds
        no lock; who dies before :meth:`sent` leaves them to the next claim.
        """

    def sent(self, numbers: Iterable[int]) -> None:
        """Forget events that were sent."""


class UnitOfWork(Protocol):
    """One transaction over all stores."""

    attesters: Attesters
    challenges: Challenges
    profiles: Profiles
    reference_values: ReferenceValues
    results: Results
    kept_evidence: KeptEvidence
    keys: Keys
    launches: Launches
    releases: Releases
    leases: Leases
    log: ReceiptLog
    outbox: Outbox


class Store(Protocol):
    """Where everything is."""

    def unit(self) -> AbstractContextManager[UnitOfWork]:
        """Open a unit of work: committed at the end, undone on an exception.

        Units do not nest.

        :raises Unavailable: the database does not answer, or gave way to
            another writer: nothing was kept, it may be tried again.
        """


class KeyVault(Protocol):
    """Keeps secrets; outside the unit of work (it may be remote)."""

    def put(self, material: r.KeyMaterial, context: str) -> str:
        """Keep a secret; return its reference.

        ``context`` (such as ``key/ID``) is authenticated: it must be the same
        at :meth:`fetch`.

        :raises Unavailable: the vault does not answer.
        """

    def fetch(self, reference: str, context: str) -> r.KeyMaterial:
        """Return a secret.

        :raises Unknown: KEY_CORRUPT: gone, changed, or of another context.
        :raises Unavailable: the vault does not answer.
        """

    def delete(self, reference: str) -> None:
        """Forget a secret; an unknown reference is no error."""


class Signer(Protocol):
    """The service's signing keys (ES256), current and previous."""

    def sign(self, claims: Mapping[str, Any], typ: str) -> str:
        """Return a JWT with header ``typ``, ``kid`` and these claims."""

    def verify(self, jwt: str, typ: str) -> Mapping[str, Any]:
        """Return the claims of a JWT we signed.

        :raises Invalid: it is not ours.
        """

    def jwks(self) -> Mapping[str, Any]:
        """Return the public keys as a JSON Web Key Set."""

    def policy_public(self) -> bytes:
        """Return the TPMT_PUBLIC of the key that signs TPM policies."""

    def sign_policy(self, digest: bytes) -> bytes:
        """Sign a SHA-256 digest for TPM2_PolicySigned: a TPMT_SIGNATURE."""


class Instances(Protocol):
    """Nova, asked where an instance is."""

    def locate(self, instance_id: str) -> r.Whereabouts | None:
        """Return what Nova says, or None: it knows no such instance.

        :raises Unavailable: RELEASE_UNCONFIRMED: Nova does not answer.
        """


class Traits(Protocol):
    """Placement: the hint that a host satisfies a profile."""

    def publish(self, host: str, affirming: Iterable[str],
                known: Iterable[str]) -> None:
        """Set the traits of ``affirming`` profiles on a host and take away
        those of the other ``known`` ones.

        :raises Unavailable: Placement does not answer.
        """


class AgentCalls(Protocol):
    """Ask agents, over the bus, to attest now."""

    def attest_now(self, host: str | None) -> None:
        """Ask one host's agent, or all.

        :raises Unavailable: the bus does not answer.
        """


class Randomness(Protocol):
    """Where nonces, seeds and keys come from."""

    def bytes(self, size: int) -> bytes:
        """Return ``size`` random bytes."""

    def uuid(self) -> str:
        """Return a random UUID."""
