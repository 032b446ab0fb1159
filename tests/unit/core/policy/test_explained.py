# SPDX-License-Identifier: Apache-2.0
"""Whatever is not affirmed is explained: what, expected, actual, what to do.

One bad host for each thing that a rule can say.
"""

from __future__ import annotations

import datetime
import hashlib

import pytest

from attestation_service.core.appraise import Unanswerable
from attestation_service.core.bootlog.facts import boot_facts
from attestation_service.core.facts import HostFacts
from attestation_service.core.ima.facts import ima_facts
from attestation_service.core.policy import document
from attestation_service.core.policy.rule import ask
from nova_trusted_launch.wire.digests import HashAlg, PcrBank
from nova_trusted_launch.wire.results import TrustTier
from tests.fakes import logs

NOW = datetime.datetime(2026, 11, 23, 12, tzinfo=datetime.UTC)
X = "ab" * 32


def host(log=None, files=None, only=range(15), extended=(), **changes):
    values = (log or logs.BootLog()).registers()
    values[10] = bytes(32) if files is None else files.value()
    for register in extended:
        values[register] = hashlib.sha256(values[register]).digest()
    pcrs = PcrBank(HashAlg.SHA256, {i: values[i] for i in only})
    return HostFacts(
        pcrs, 1, 0, changes.get("maker", "STM"), 2, False, {},
        boot_facts(log.dump() if log else None, pcrs),
        None if files is None else ima_facts(
            files.dump(), pcrs, boot=(1, 0)))


def boot(*more, enabled=b"\1", **changes):
    log = logs.secure_log(enabled, **changes)
    for event in more:
        log.add(*event)
    return log


def files(*entries):
    return logs.ImaList(entries)


AGGREGATE = logs.ima_file("boot_aggregate", b"of another boot")
UNLOGGED = boot()
UNLOGGED.unlogged = [(5, b"Exit Boot Services Invocation"),
                     (5, b"Exit Boot Services Returned with Success")]
SHIM_OFF = boot((7, logs.AUTHORITY, logs.variable(
    logs.SHIM, "MokSBState", b"\1")))
MANY = files(*(logs.ima_file(f"/{n}", str(n).encode()) for n in range(40)))
IMA = {"ima": {"values": {X: ["/a"]}}}
LINE = {"command-line": {"words": ["quiet"]}}
IMAGES = {"boot-components": {"kind": "images", "values": [X]}}
SECURE = {"secure-boot": {"enabled": True}}

BAD = {
    "pcr differs": ({"pcr": {"bank": "sha256", "index": 0, "values": [X]}},
                    host()),
    "pcr not quoted": ({"pcr": {"bank": "sha256", "index": 16,
                                "values": [X]}}, host()),
    "tpm": ({"tpm": {"manufacturers": ["IFX"], "firmware": ["00" * 8]}},
            host()),
    "software": ({"hardware-root": {"required": True}}, host()),
    "unsafe clock": ({"tpm-clock": {"safe": True}}, host()),
    "no label": ({"label": {"name": "region", "values": ["eu"]}}, host()),
    "no log": ({"boot-log": {"required": True}}, host()),
    "quirk": ({"boot-log": {"required": True}}, host(UNLOGGED)),
    "secure boot without log": (SECURE, host()),
    "secure boot off": (SECURE, host(boot(enabled=b"\0"))),
    "secure boot undecided": (SECURE, host(boot(enabled=b"\2"))),
    "shim off": (SECURE, host(SHIM_OFF)),
    "authority": ({"secure-boot": {"enabled": True, "authorities": [X]}},
                  host(boot())),
    "dbx": ({"secure-boot": {"enabled": True, "revoked": [X]}},
            host(boot())),
    "component": (IMAGES, host(boot((4, logs.BOOT_APPLICATION, b"shim")))),
    "component without log": (IMAGES, host()),
    "component unproven": (
        {"boot-components": {"kind": "files", "values": [X]}},
        host(boot(), only=range(9))),
    "no command line": (LINE, host(boot())),
    "command line without log": (LINE, host()),
    "command line unproven": (LINE, host(boot(), extended=[12])),
    "command line": (LINE, host(boot((8, logs.IPL, b"/vmlinuz")))),
    "no list": (IMA, host()),
    "unknown file": (IMA, host(files=files(logs.ima_file("/b")))),
    "changed file": (IMA, host(files=files(logs.ima_file("/a")))),
    "violation": (IMA, host(files=files(
        logs.ima_file("/a", violation=True)))),
    "boot aggregate": (IMA, host(files=files(AGGREGATE))),
    "boot aggregate unknown": (IMA, host(files=files(AGGREGATE),
                                         only=[10])),
    "unreadable": (IMA, host(files=files(
        logs.ImaEntry(b"odd data of no form at all", "odd")))),
    "many": (IMA, host(files=MANY)),
    "any of": ({"any-of": [IMA, LINE]}, host()),
    "all of": ({"all-of": [IMA, LINE]}, host()),
}


def explained(finding):
    return all((finding.rule, finding.detail, finding.subject,
                finding.expected, finding.actual, finding.action))


@pytest.mark.parametrize("what", BAD)
def test_everything_that_is_wrong_is_explained(what):
    written, known = BAD[what]
    rule, = document.parse({"schema": 1, "require": [written]},
                           sets={}.__getitem__, now=NOW).rules
    wrong = [f for f in ask(rule, known)
             if f.tier is not TrustTier.AFFIRMING]
    assert wrong
    assert [f for f in wrong if not explained(f)] == []
    assert all(f.subject.isprintable() and f.actual.isprintable()
               for f in wrong)


def test_every_rule_is_among_them():
    assert set(document.REGISTRY) <= {
        next(iter(written)) for written, _ in BAD.values()}


def test_a_profile_that_cannot_be_applied_is_explained():
    finding, = Unanswerable("its set expired").judge(host())
    assert explained(finding)


def test_events_and_entries_are_named():
    for what, named in (("authority", "event "), ("component", "event "),
                        ("command line", "event "),
                        ("unknown file", "entry 1: /b")):
        written, known = BAD[what]
        rule, = document.parse({"schema": 1, "require": [written]},
                               sets={}.__getitem__, now=NOW).rules
        assert any(f.subject.startswith(named) for f in ask(rule, known)
                   if f.tier is not TrustTier.AFFIRMING)
