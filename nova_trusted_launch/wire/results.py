# SPDX-License-Identifier: Apache-2.0
"""Attestation results: findings, their tier, and how they travel as an EAR.

Tiers and claims are those of AR4SI; the JWT payload is that of an EAT
Attestation Result (EAR).  Only ``TrustTier.AFFIRMING`` is a yes.
"""

from __future__ import annotations

import datetime
import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.encoding import WireError

EAR_PROFILE = "tag:ietf.org,2026:rats/ear#trusted-launch-1"
VERIFIER = "nova-trusted-launch"


class TrustTier(enum.IntEnum):
    """The coarse outcome (AR4SI).  NONE means: we do not know."""

    NONE = 0
    AFFIRMING = 2
    WARNING = 32
    CONTRAINDICATED = 96

    @property
    def label(self) -> str:
        """The name on the wire, such as ``affirming``."""
        return self.name.lower()

    @classmethod
    def from_label(cls, label: Any) -> TrustTier:
        """Look a tier up by its wire name.

        :raises WireError: nobody defined it.
        """
        for tier in cls:
            if tier.label == label:
                return tier
        raise WireError(f"unknown tier {label!r}")


class TrustClaim(enum.Enum):
    """What a finding speaks about (AR4SI trustworthiness claims)."""

    INSTANCE_IDENTITY = "instance-identity"
    CONFIGURATION = "configuration"
    EXECUTABLES = "executables"
    FILE_SYSTEM = "file-system"
    HARDWARE = "hardware"
    RUNTIME_OPAQUE = "runtime-opaque"
    STORAGE_OPAQUE = "storage-opaque"
    SOURCED_DATA = "sourced-data"


def worst(tiers: Iterable[TrustTier]) -> TrustTier:
    """Combine tiers: not knowing outweighs a yes and never hides a no."""
    found = set(tiers)
    for tier in (TrustTier.CONTRAINDICATED, TrustTier.WARNING,
                 TrustTier.NONE, TrustTier.AFFIRMING):
        if tier in found:
            return tier
    return TrustTier.NONE


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule says of one fact.

    ``subject`` is the PCR, event, file or field it looked at; ``expected``
    and ``actual`` are for people and may be empty; ``action`` says what the
    operator can do and is empty when the tier is AFFIRMING.
    """

    rule: str
    claim: TrustClaim
    tier: TrustTier
    detail: str
    subject: str = ""
    expected: str = ""
    actual: str = ""
    action: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return the finding as a JSON object of strings."""
        return {"rule": self.rule, "claim": self.claim.value,
                "tier": self.tier.label, "detail": self.detail,
                "subject": self.subject, "expected": self.expected,
                "actual": self.actual, "action": self.action}

    @classmethod
    def from_dict(cls, value: Any) -> Finding:
        """Read what :meth:`to_dict` writes.

        :raises WireError: it is anything else.
        """
        names = ("rule", "claim", "tier", "detail", "subject", "expected",
                 "actual", "action")
        found = encoding.fields(value, "finding", *names)
        if not all(isinstance(found[name], str) for name in names):
            raise WireError("finding: every field is a string")
        return cls(found["rule"],
                   encoding.member(found["claim"], TrustClaim, "claim"),
                   TrustTier.from_label(found["tier"]),
                   *(found[name] for name in names[3:]))


@dataclass(frozen=True, slots=True)
class AttestationResult:
    """What one profile version says of one host at one time.

    ``host`` is the nova-compute host name; ``reset_count`` tells the boot.
    """

    attester_id: str
    host: str
    profile: str
    version: int
    findings: tuple[Finding, ...]
    issued_at: datetime.datetime
    expires_at: datetime.datetime
    reset_count: int
    hardware: bool

    @property
    def tier(self) -> TrustTier:
        """The worst finding; NONE without any."""
        return worst(f.tier for f in self.findings)

    def to_claims(self) -> dict[str, Any]:
        """Return the payload of the EAR."""
        return {
            "eat_profile": EAR_PROFILE,
            "iat": int(self.issued_at.timestamp()),
            "exp": int(self.expires_at.timestamp()),
            "ear.verifier-id": {"developer": VERIFIER, "build": "1"},
            "submods": {"host": {
                "ear.status": self.tier.label,
                "ear.trustworthiness-vector": self._vector(),
                "ear.appraisal-policy-id":
                    f"{self.profile}/{self.version}"}},
            "trusted_launch": {
                "attester_id": self.attester_id, "host": self.host,
                "profile": self.profile, "version": self.version,
                "issued_at": encoding.timestamp(self.issued_at),
                "expires_at": encoding.timestamp(self.expires_at),
                "reset_count": self.reset_count, "hardware": self.hardware,
                "findings": [f.to_dict() for f in self.findings]}}

    def _vector(self) -> dict[str, int]:
        claims = {f.claim for f in self.findings}
        return {c.value: int(worst(f.tier for f in self.findings
                                   if f.claim is c))
                for c in TrustClaim if c in claims}

    @classmethod
    def from_claims(cls, payload: Any) -> AttestationResult:
        """Read an EAR payload whose signature was already verified.

        :raises WireError: not such a payload, or its status is not that of
            its findings.
        """
        if (not isinstance(payload, dict)
                or payload.get("eat_profile") != EAR_PROFILE):
            raise WireError("not an attestation result of this service")
        own = encoding.fields(
            payload.get("trusted_launch"), "result", "attester_id", "host",
            "profile", "version", "issued_at", "expires_at", "reset_count",
            "hardware", "findings")
        if not isinstance(own["findings"], list):
            raise WireError("result: findings are a list")
        if type(own["hardware"]) is not bool:
            raise WireError("result: hardware is true or false")
        result = cls(
            encoding.text(own["attester_id"], "attester_id"),
            encoding.text(own["host"], "host"),
            encoding.text(own["profile"], "profile"),
            encoding.number(own["version"], "version", least=1),
            tuple(Finding.from_dict(f) for f in own["findings"]),
            encoding.untimestamp(own["issued_at"], "issued_at"),
            encoding.untimestamp(own["expires_at"], "expires_at"),
            encoding.number(own["reset_count"], "reset_count"),
            own["hardware"])
        if result.to_claims() != payload:
            raise WireError("result: the claims contradict each other")
        return result
