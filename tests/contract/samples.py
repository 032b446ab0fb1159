# SPDX-License-Identifier: Apache-2.0
"""Records to keep, each complete and different from its default."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
from typing import Any, TypeVar

from attestation_service import records as r
from nova_trusted_launch.wire.challenge import Challenge, Purpose
from nova_trusted_launch.wire.digests import HashAlg, PcrSelection
from nova_trusted_launch.wire.release import Action
from nova_trusted_launch.wire.results import (
    AttestationResult,
    Finding,
    TrustClaim,
    TrustTier,
)

T = TypeVar("T")

# A time that only microseconds keep.
NOW = datetime.datetime(2026, 11, 25, 12, 30, 15, 123457, tzinfo=datetime.UTC)


def at(seconds: float) -> datetime.datetime:
    """Return a time so many seconds after NOW."""
    return NOW + datetime.timedelta(seconds=seconds)


def hashed(text: str) -> bytes:
    """Return 32 bytes that depend on ``text``."""
    return hashlib.sha256(text.encode()).digest()


def _with(record: T, changes: dict[str, Any]) -> T:
    return dataclasses.replace(record, **changes)  # type: ignore[type-var]


def enrolment(name: str = "e1", **changes: Any) -> r.Enrolment:
    """Return an enrolment whose TPM is named after it."""
    return _with(r.Enrolment(
        id=name, host=f"host-{name}", user_id="agent-user",
        ek_certificate=b"\0\xffcertificate", intermediates=(b"one", b"\0two"),
        ek_public=b"ek\0", ak_public=b"ak\0", ek_digest=hashed(name),
        manufacturer="STM ", firmware="1.2.3", hardware=True,
        proof_digest=hashed("proof"), expires_at=at(60)), changes)


def attester(name: str = "a1", **changes: Any) -> r.Attester:
    """Return an approved attester on ``host-NAME``."""
    return _with(r.Attester(
        id=name, host=f"host-{name}", state=r.AttesterState.APPROVED,
        user_id="agent-user", ek_public=b"ek\0", ak_public=b"ak\0",
        ek_digest=hashed(name), manufacturer="STM ", firmware="1.2.3",
        hardware=False, labels={"region": "nörd", "rack": "7"},
        created_at=NOW, updated_at=NOW, ek_certificate=b"\0\xffpaper",
        intermediates=(b"one", b"\0two")), changes)


def counters(reset_count: int = 7) -> r.BootCounters:
    """Return counters, one beyond what a signed 64-bit number holds."""
    return r.BootCounters(reset_count, 2, 2 ** 64 - 1, 2 ** 63 + 5)


def challenge(name: str = "n1", **changes: Any) -> Challenge:
    """Return a challenge for attester a1."""
    return _with(Challenge(
        hashed(name), "a1", Purpose.ATTEST,
        PcrSelection(HashAlg.SHA384, frozenset({0, 7, 14})), 2 ** 33,
        at(60), "subject"), changes)


def profile(name: str = "p1", **changes: Any) -> r.Profile:
    """Return a profile that nobody has activated."""
    return _with(r.Profile(name, "Für alle", None, ("project-1",), NOW, NOW),
                 changes)


def reference_set(name: str = "s1", **changes: Any) -> r.ReferenceSet:
    """Return a set of two digests."""
    return _with(r.ReferenceSet(
        name, "ima", "Debian 12", NOW, at(3600),
        {"aa" * 32: ("/usr/bin/a", "/usr/bin/ä"), "bb" * 32: ()}), changes)


def result(host: str = "host-a1", profile_name: str = "p1",
           tier: TrustTier = TrustTier.AFFIRMING,
           **changes: Any) -> r.StoredResult:
    """Return a result with two findings."""
    findings = tuple(
        Finding(rule, TrustClaim.EXECUTABLES, of, f"PCR says “{rule}”",
                "PCR 4", "aa", "bb", "update the profile")
        for rule, of in (("boot", TrustTier.AFFIRMING), ("pcr-4", tier)))
    return r.StoredResult(_with(AttestationResult(
        "a1", host, profile_name, 3, findings, NOW, at(600), 7, True),
        changes), f"header.{host}.{profile_name}")


def kept(name: str = "k1", **changes: Any) -> r.KeptEvidence:
    """Return evidence to keep of attester a1."""
    return _with(r.KeptEvidence(name, "a1", NOW, b'{"quote": "x"}' * 9,
                                hashed("qualifying")), changes)


def key(name: str = "key-1", **changes: Any) -> r.Key:
    """Return an image key with every condition."""
    return _with(r.Key(
        name, "my image", r.KeyPurpose.IMAGE, "project-1",
        r.ReleasePolicy("p1", "image-1", hashed("image"), True, at(9999), 2),
        f"vault/{name}", NOW), changes)


def launch(name: str = "launch-1", **changes: Any) -> r.Launch:
    """Return a token that is bound to nothing."""
    return _with(r.Launch(
        name, "project-1", "tenant", "p1", "image-1", hashed("image"),
        f"vault/{name}", hashed(name), NOW, at(600)), changes)


def release(name: str = "release-1", **changes: Any) -> r.Release:
    """Return an open release of instance i1."""
    return _with(r.Release(
        name, "a1", "host-a1", "i1", None, Action.POWER_ON,
        {"instance_id": "i1", "profile": None}, r.ReleaseState.OPEN, NOW,
        at(60)), changes)


def lease(name: str = "i1", **changes: Any) -> r.Lease:
    """Return the open lease of an instance."""
    return _with(r.Lease(
        name, "project-1", "host-a1", ("p1", "p2"), "image-1",
        hashed("image"), "key-1", "disk-1", "launch-1", "vault/n",
        hashed("n"), NOW), changes)


def receipt(name: str, **changes: Any) -> r.StoredReceipt:
    """Return a receipt that is in no log yet."""
    return _with(r.StoredReceipt(
        -1, f"release-{name}", "i1", "project-1", f"jwt.{name}.x", NOW),
        changes)


def event(name: str = "tier.changed") -> r.Event:
    """Return an event."""
    return r.Event(name, {"host": "höst", "tiers": [2, None]}, NOW)
