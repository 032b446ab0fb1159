# SPDX-License-Identifier: Apache-2.0
"""Trusted instances: their lease, their releases, their end."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from attestation_service import records as r
from attestation_service.core import errors
from attestation_service.flows import events
from attestation_service.ports import KeyVault, Store
from nova_trusted_launch.wire.codes import Code


@dataclass(frozen=True, slots=True)
class InstanceView:
    """A lease, and the last release of that instance.

    ``trusted``: its keys can still be released.
    """

    lease: r.Lease
    last_release: r.Release | None

    @property
    def trusted(self) -> bool:
        """Once trusted, always trusted, until it is deleted."""
        return self.lease.closed_at is None


class ManageInstances:
    """Show an instance's lease; close it when the instance is gone."""

    def __init__(self, store: Store, vault: KeyVault) -> None:
        self._store = store
        self._vault = vault

    def show(self, instance_id: str, project_id: str | None) -> InstanceView:
        """Return what is known of an instance; ``None`` sees any project's.

        :raises Unknown: it was never trusted, or is of another project.
        """
        with self._store.unit() as unit:
            lease = unit.leases.load(instance_id)
            if lease is None or project_id not in {None, lease.project_id}:
                raise errors.Unknown(
                    f"instance {instance_id!r} was never trusted",
                    Code.RECEIPT_UNKNOWN)
            last = unit.releases.list(r.Page(
                1, filters={"instance_id": instance_id}))
        return InstanceView(lease, last[0] if last else None)

    def close(self, instance_id: str, now: r.Time) -> None:
        """Close the lease and destroy the instance's disk keys.

        The lease closes first, for ever; then the secrets go, then their
        records.  Whoever was interrupted calls again and finishes.

        :raises Unavailable: the vault does not answer; the lease is closed.
        """
        with self._store.unit() as unit:
            was = unit.leases.load(instance_id)
            lease = unit.leases.close(instance_id, now)
            if lease is None or was is None:
                return
            if was.closed_at is None:
                unit.outbox.put(events.lease_closed(lease, now))
            keys = unit.keys.list(r.Page(10_000, filters={
                "instance_id": instance_id, "purpose": r.KeyPurpose.DISK}))
        for key in keys:
            self._vault.delete(key.vault_ref)
            # Somebody else may be closing it as well.
            with contextlib.suppress(errors.Unknown), (
                    self._store.unit()) as unit:
                unit.keys.delete(key.id)
        if lease.launch_id is None:
            self._vault.delete(lease.nonce_ref)


class ReadReleases:
    """Tenants and operators look at what was asked and decided."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def list(self, page: r.Page) -> Sequence[r.Release]:
        """List releases, newest first; see :class:`ports.Releases`."""
        with self._store.unit() as unit:
            return unit.releases.list(page)

    def show(self, release_id: str, project_id: str | None) -> r.Release:
        """Return a release; ``None`` sees any project's.

        :raises Unknown: there is none, or it is of another project.
        """
        with self._store.unit() as unit:
            release = unit.releases.load(release_id)
        if project_id not in {None, release.project_id}:
            raise errors.Unknown(f"there is no release {release_id!r}",
                                 Code.RELEASE_UNKNOWN)
        return release


class ReadReceipts:
    """Tenants fetch their receipts."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def list(self, page: r.Page) -> Sequence[r.StoredReceipt]:
        """List receipts, newest first; see :class:`ports.ReceiptLog`."""
        with self._store.unit() as unit:
            return unit.log.list(page)

    def show(self, index: int, project_id: str | None) -> r.StoredReceipt:
        """Return the receipt at an index; ``None`` sees any project's.

        :raises Unknown: there is none, or it is of another project.
        """
        with self._store.unit() as unit:
            receipt = unit.log.load(index)
        if project_id not in {None, receipt.project_id}:
            raise errors.Unknown(f"there is no receipt {index}",
                                 Code.RECEIPT_UNKNOWN)
        return receipt
