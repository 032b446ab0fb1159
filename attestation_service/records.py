# SPDX-License-Identifier: Apache-2.0
"""What the service remembers, as plain values: the nouns of its ports.

Records are immutable; a change is a new record handed to the port.  All times
are aware and in UTC.  No record holds a secret in the clear except
:class:`KeyMaterial`, which does not show it.
"""

from __future__ import annotations

import datetime
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nova_trusted_launch.wire.release import Action
from nova_trusted_launch.wire.results import AttestationResult

Time = datetime.datetime


class AttesterState(enum.Enum):
    """The life of an attester."""

    PENDING = "pending"
    APPROVED = "approved"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """An enrolment whose credential was not activated yet.

    ``proof_digest`` is SHA-256 of the expected activation proof, so that a
    stolen database does not open it.
    """

    id: str
    host: str
    user_id: str
    ek_certificate: bytes
    intermediates: tuple[bytes, ...]
    ek_public: bytes
    ak_public: bytes
    ek_digest: bytes
    manufacturer: str
    firmware: str
    hardware: bool
    proof_digest: bytes
    expires_at: Time


@dataclass(frozen=True, slots=True)
class BootCounters:
    """The TPM's counters at the last accepted quote."""

    reset_count: int
    restart_count: int
    clock: int
    firmware_version: int


@dataclass(frozen=True, slots=True)
class Attester:
    """An enrolled TPM identity on a nova-compute host.

    ``ek_digest`` is SHA-256 of the EK's SubjectPublicKeyInfo; ``user_id`` the
    Keystone user that enrolled it, the only one that may speak for it.
    ``ima_position`` is an opaque JSON object of ``core.ima``: where the
    verified IMA list ended.  ``ek_certificate`` and ``intermediates`` are as
    they were at enrolment, kept so that evidence can be judged elsewhere.
    """

    id: str
    host: str
    state: AttesterState
    user_id: str
    ek_public: bytes
    ak_public: bytes
    ek_digest: bytes
    manufacturer: str
    firmware: str
    hardware: bool
    labels: Mapping[str, str]
    created_at: Time
    updated_at: Time
    counters: BootCounters | None = None
    ima_position: Mapping[str, Any] | None = None
    last_seen_at: Time | None = None
    # Nothing: enrolled before they were kept.
    ek_certificate: bytes = b""
    intermediates: tuple[bytes, ...] = ()


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
class StoredResult:
    """A signed result as it is kept: the values and their JWT."""

    result: AttestationResult
    jwt: str
    sequence: int = 0


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
class KeptEvidence:
    """Evidence of one appraisal, kept to judge it again."""

    id: str
    attester_id: str
    received_at: Time
    envelope: bytes
    qualifying: bytes


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


@dataclass(frozen=True, slots=True)
class Event:
    """Something to tell the bus: a tier changed, a release was decided."""

    event_type: str
    payload: Mapping[str, Any]
    created_at: Time


@dataclass(frozen=True, slots=True)
class Page:
    """What part of a list to return: after ``marker``, at most ``limit``."""

    limit: int
    marker: str | None = None
    filters: Mapping[str, Any] = field(default_factory=dict)
