# SPDX-License-Identifier: Apache-2.0
"""Operators bring reference values; a set never changes."""

from __future__ import annotations

from collections.abc import Sequence

from attestation_service import records as r
from attestation_service.core import errors
from attestation_service.core.policy.document import named_sets
from attestation_service.core.policy.reference_values import ReferenceValues
from attestation_service.ports import Store
from nova_trusted_launch.wire import encoding


class ManageReferenceValues:
    """Create, look, delete."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, values: r.ReferenceSet) -> r.ReferenceSet:
        """Keep a set.

        :raises Invalid: its name, kind, digests or names are none, or it has
            expired already.
        :raises Conflict: the name is taken.
        """
        try:
            encoding.text(values.name, "name")
            encoding.text(values.provenance, "provenance", max_length=1024)
        except encoding.WireError as exc:
            raise errors.Invalid(str(exc)) from exc
        ReferenceValues.parse(values.name, values.kind, values.values)
        if (values.expires_at is not None
                and values.expires_at <= values.created_at):
            raise errors.Invalid("expires_at: has passed already")
        with self._store.unit() as unit:
            unit.reference_values.add(values)
        return values

    def show(self, name: str) -> r.ReferenceSet:
        """Return a set with its values."""
        with self._store.unit() as unit:
            return unit.reference_values.load(name)

    def list(self, page: r.Page) -> Sequence[r.ReferenceSet]:
        """List by name, without values."""
        with self._store.unit() as unit:
            return unit.reference_values.list(page)

    def delete(self, name: str) -> None:
        """Delete a set that no profile in force names.

        :raises Unknown: there is no such set.
        :raises Conflict: a profile needs it.
        """
        with self._store.unit() as unit:
            for profile, version in unit.profiles.active():
                if name in named_sets(unit.profiles.load_version(
                        profile, version).document):
                    raise errors.Conflict(
                        f"profile {profile!r} version {version} needs "
                        f"{name!r}")
            unit.reference_values.delete(name)
