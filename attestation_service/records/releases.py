# SPDX-License-Identifier: Apache-2.0
"""Keys, tokens, releases, and what became of them."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from attestation_service.records.time import Time
from nova_trusted_launch.wire.release import Action


@dataclass(frozen=True, slots=True, repr=False)
class KeyMaterial:
    """Secret bytes that do not show themselves."""

    secret: bytes

    def __repr__(self) -> str:
        return f"<{len(self.secret)} secret bytes>"


class KeyPurpose(enum.Enum):
    """What a key opens."""

    IMAGE = "image"
    DISK = "disk"


@dataclass(frozen=True, slots=True)
class ReleasePolicy:
    """What must hold before a key is released.

    ``launches`` is how many instances may ever be launched with it (None:
    any number).
    """

    profile: str | None
    image_id: str | None = None
    image_digest: bytes | None = None
    demand_token: bool = False
    expires_at: Time | None = None
    launches: int | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """A registered key; its material is in the vault under ``vault_ref``."""

    id: str
    name: str
    purpose: KeyPurpose
    project_id: str
    policy: ReleasePolicy
    vault_ref: str
    created_at: Time
    launches_used: int = 0
    instance_id: str | None = None


@dataclass(frozen=True, slots=True)
class Launch:
    """A launch token: the tenant's nonce N and what it may be used for.

    ``nonce_ref`` names N in the vault; ``instance_id`` is None until the
    first release binds the token, and never changes after.
    """

    id: str
    project_id: str
    user_id: str
    profile: str
    image_id: str | None
    image_digest: bytes | None
    nonce_ref: str
    nonce_digest: bytes
    created_at: Time
    expires_at: Time
    instance_id: str | None = None


class ReleaseState(enum.Enum):
    """The life of a release."""

    OPEN = "open"
    GRANTED = "granted"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Release:
    """One request for an instance's keys, and what became of it."""

    id: str
    attester_id: str
    host: str
    instance_id: str
    project_id: str | None
    action: Action
    request: Mapping[str, Any]
    state: ReleaseState
    created_at: Time
    expires_at: Time
    code: str | None = None
    detail: str | None = None
    log_index: int | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """An instance that was released: once trusted, always trusted.

    ``profiles`` is what every later release must satisfy as well; a closed
    lease never opens again.
    """

    instance_id: str
    project_id: str
    host: str
    profiles: tuple[str, ...]
    image_id: str | None
    image_digest: bytes | None
    image_key_id: str | None
    disk_key_id: str
    launch_id: str | None
    nonce_ref: str
    nonce_digest: bytes
    opened_at: Time
    closed_at: Time | None = None


@dataclass(frozen=True, slots=True)
class StoredReceipt:
    """A receipt in the log; ``jwt`` is what the leaf hashes."""

    index: int
    release_id: str
    instance_id: str
    project_id: str
    jwt: str
    created_at: Time


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What Nova says of an instance.

    ``hosts`` are all nova-compute hosts it is on or moving to.
    """

    instance_id: str
    project_id: str
    image_id: str | None
    hosts: frozenset[str]
    deleted: bool = False
