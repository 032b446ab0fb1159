# SPDX-License-Identifier: Apache-2.0
"""Who attests, what was found, and what was kept of it."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from attestation_service.records.time import Time
from nova_trusted_launch.wire.results import AttestationResult


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
class StoredResult:
    """A signed result as it is kept: the values and their JWT."""

    result: AttestationResult
    jwt: str
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class KeptEvidence:
    """Evidence of one appraisal, kept to judge it again."""

    id: str
    attester_id: str
    received_at: Time
    envelope: bytes
    qualifying: bytes
