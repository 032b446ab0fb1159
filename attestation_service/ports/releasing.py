# SPDX-License-Identifier: Apache-2.0
"""What is kept of keys, tokens, releases, leases and receipts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from attestation_service import records as r


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

    def close(self, instance_id: str, now: r.Time) -> r.Lease | None:
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
