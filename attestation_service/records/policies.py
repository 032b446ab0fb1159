# SPDX-License-Identifier: Apache-2.0
"""Profiles and reference values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from attestation_service.records.time import Time


@dataclass(frozen=True, slots=True)
class ProfileVersion:
    """One immutable version of a profile's document."""

    name: str
    version: int
    document: Mapping[str, Any]
    created_at: Time
    created_by: str


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile: its name, which version is in force and who may use it.

    ``active_version`` is None before activation and after retirement;
    ``projects`` is None for everybody.
    """

    name: str
    description: str
    active_version: int | None
    projects: tuple[str, ...] | None
    created_at: Time
    updated_at: Time


@dataclass(frozen=True, slots=True)
class ReferenceSet:
    """A named, immutable set of reference values with its provenance.

    ``kind`` is ``ima`` (file digests) or ``digest`` (any other).  ``values``
    maps digest hex to the names (paths) it may stand for; an empty tuple
    means any name.
    """

    name: str
    kind: str
    provenance: str
    created_at: Time
    expires_at: Time | None
    values: Mapping[str, tuple[str, ...]]
