# SPDX-License-Identifier: Apache-2.0
"""What is kept of profiles and reference values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from attestation_service import records as r


class Profiles(Protocol):
    """Profiles and their immutable versions."""

    def add(self, profile: r.Profile) -> None:
        """Add a profile.

        :raises Conflict: PROFILE_TAKEN
        """

    def add_version(self, name: str, document: Mapping[str, Any],
                    created_at: r.Time, created_by: str) -> r.ProfileVersion:
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

    def active(self) -> Sequence[tuple[str, int]]:
        """Return name and version in force of every active profile, by
        name.  Their documents are long, and whoever asks mostly knows them.
        """

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

    def created_at(self, name: str) -> r.Time:
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
