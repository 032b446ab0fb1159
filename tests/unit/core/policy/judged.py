# SPDX-License-Identifier: Apache-2.0
"""One rule about the boot, asked about a made host."""

from __future__ import annotations

import datetime

from attestation_service.core.bootlog.facts import boot_facts
from attestation_service.core.facts import HostFacts
from attestation_service.core.policy import document
from attestation_service.core.policy.reference_values import ReferenceValues
from nova_trusted_launch.wire.results import TrustTier
from tests.fakes import logs

NOW = datetime.datetime(2026, 11, 23, 12, tzinfo=datetime.UTC)
YES, NO = TrustTier.AFFIRMING, TrustTier.CONTRAINDICATED
UNKNOWN, WARNING = TrustTier.NONE, TrustTier.WARNING
EVERY = {
    "boot-log": {"required": True},
    "secure-boot": {"enabled": True},
    "boot-components": {"kind": "images", "values": ["ab" * 32]},
    "command-line": {"words": ["quiet"]},
}


def digest(data):
    return logs.hashed(11, data)


KERNELS = ReferenceValues("kernels", "digest", {
    digest(b"kernel"): (), digest(b"named"): ("images",),
    digest(b"other"): ("drivers",)})
FILES = ReferenceValues("files", "ima", {b"\1" * 32: ()})


def sets(name):
    return {"kernels": KERNELS, "files": FILES}[name]


def rule(name, **body):
    parsed, = document.parse(
        {"schema": 1, "require": [{name: body}]}, sets=sets, now=NOW).rules
    assert parsed.to_document() == {name: body}
    return parsed


def facts(log=None, pcrs=None):
    pcrs = pcrs or (log or logs.secure_log()).pcrs()
    boot = boot_facts(log.dump(), pcrs) if log else None
    return HostFacts(pcrs, 1, 0, "IFX", 1, True, {}, boot)


def tiers(asked, known):
    found = list(asked.judge(known))
    assert all(f.rule in EVERY for f in found)
    assert all(f.action for f in found if f.tier is not YES)
    return [f.tier for f in found]
