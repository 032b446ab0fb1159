# SPDX-License-Identifier: Apache-2.0
"""Requests for an instance's keys that are granted: a first, a later one."""

from __future__ import annotations

import dataclasses
import datetime

from attestation_service import records as r
from attestation_service.core.release_case import Case
from nova_trusted_launch.wire.release import Action, ReleaseRequest
from nova_trusted_launch.wire.results import (
    AttestationResult,
    Finding,
    TrustClaim,
    TrustTier,
)

NOW = datetime.datetime(2026, 11, 25, 12, tzinfo=datetime.UTC)
HOUR = datetime.timedelta(hours=1)
DIGEST, OTHER_DIGEST = b"\1" * 32, b"\2" * 32


def result(profile="gold", tier=TrustTier.AFFIRMING, *, life=HOUR,
           details=("state",)):
    return AttestationResult(
        "a1", "host-1", profile, 3, tuple(
            Finding("pcr", TrustClaim.EXECUTABLES, tier, detail)
            for detail in details), NOW, NOW + life, 7, True)


ATTESTER = r.Attester(
    "a1", "host-1", r.AttesterState.APPROVED, "agents", b"ek", b"ak",
    b"digest", "IFX", "1", True, {}, NOW, NOW)
KEY = r.Key("k1", "key", r.KeyPurpose.IMAGE, "p1", r.ReleasePolicy(
    "gold", "img-1", DIGEST, True, NOW + HOUR, 2), "ref-k", NOW, 1)
LAUNCH = r.Launch("t1", "p1", "tenant", "gold", "img-1", DIGEST, "ref-n",
                  b"H(N)", NOW, NOW + HOUR)
LEASE = r.Lease(
    "vm-1", "p1", "host-0", ("gold",), "img-1", DIGEST, "k1", "d1", "t1",
    "ref-n", b"H(N)", NOW - HOUR)
PLACE = r.Whereabouts("vm-1", "p1", "img-1", frozenset({"host-1", "host-2"}))
REQUEST = ReleaseRequest("a1", "vm-1", Action.SPAWN, b"\0" * 16, "gold",
                         "img-1", "k1", "t1")
FIRST = Case(REQUEST, ATTESTER, {"gold": result()}, {"gold": None}, KEY,
             LAUNCH, None, PLACE)
BOUND = dataclasses.replace(LAUNCH, instance_id="vm-1",
                            expires_at=NOW - HOUR)
USED_UP = dataclasses.replace(KEY, launches_used=2)
LATER = dataclasses.replace(
    FIRST, lease=LEASE, launch=BOUND, key=USED_UP,
    request=dataclasses.replace(REQUEST, action=Action.POWER_ON))


def having(case, **changes):
    """Change fields of the case's parts: ``key__name=value``."""
    for name, value in changes.items():
        part, _, field = name.partition("__")
        changed = value if not field else dataclasses.replace(
            getattr(case, part), **{field: value})
        case = dataclasses.replace(case, **{part: changed})
    return case


def policy(**changes):
    return dataclasses.replace(KEY.policy, **changes)
