# SPDX-License-Identifier: Apache-2.0
"""Rules about the boot: what is said of good, bad and unknown hosts."""

from __future__ import annotations

import datetime

import pytest

from attestation_service.core import errors
from attestation_service.core.bootlog.facts import boot_facts
from attestation_service.core.facts import HostFacts
from attestation_service.core.policy import document
from attestation_service.core.policy.boot_rules import SecureBootIsOn
from attestation_service.core.policy.chain_rules import (
    CommandLine,
    ComponentsAreKnown,
)
from attestation_service.core.policy.reference_values import ReferenceValues
from nova_trusted_launch.wire.digests import PcrBank
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


@pytest.fixture
def log():
    return logs.secure_log()


@pytest.mark.parametrize("name", EVERY)
def test_a_host_without_a_log_is_unknown(name):
    assert tiers(rule(name, **EVERY[name]), facts()) == [UNKNOWN]


@pytest.mark.parametrize("name, body", [
    ("boot-log", {"required": False}),
    ("boot-log", {}),
    ("boot-log", {"required": True, "quirks": []}),
    ("secure-boot", {"enabled": False}),
    ("secure-boot", {"enabled": True, "authorities": ["ab"]}),
    ("secure-boot", {"enabled": True, "revoked": []}),
    ("boot-components", {"kind": "images"}),
    ("boot-components", {"kind": "toys", "values": ["ab" * 32]}),
    ("boot-components", {"kind": "images", "values": ["ab" * 20]}),
    ("boot-components", {"kind": "images", "values": [7]}),
    ("boot-components", {"kind": "images", "values": ["ab" * 32,
                                                      "ab" * 48]}),
    ("boot-components", {"kind": "images", "reference_values": ["files"]}),
    ("command-line", {}),
    ("command-line", {"words": []}),
])
def test_documents_that_are_refused(name, body):
    with pytest.raises(errors.Invalid):
        document.parse({"schema": 1, "require": [{name: body}]}, sets=sets,
                       now=NOW)


def test_rules_that_ask_nothing_cannot_be_made():
    with pytest.raises(ValueError):
        ComponentsAreKnown("images", ())
    with pytest.raises(ValueError):
        CommandLine()


def test_registers_that_must_be_quoted():
    assert rule("boot-log", required=True).registers == frozenset(range(8))
    assert rule("secure-boot", enabled=True).registers == {7}
    assert rule("command-line", words=["a"]).registers == {8, 12}
    for kind, register in (("firmware", 0), ("drivers", 2), ("images", 4),
                           ("files", 9), ("machine-owner", 14)):
        assert rule("boot-components", kind=kind,
                    values=["ab" * 48]).registers == {register}


# The log as such.

def test_a_log_that_replays(log):
    assert tiers(rule("boot-log", required=True), facts(log)) == [YES]


def test_a_quirk_is_a_warning_unless_it_is_named(log):
    log.startup = 3
    quirk = "startup-locality-unlogged"
    assert tiers(rule("boot-log", required=True), facts(log)) == [WARNING]
    assert tiers(rule("boot-log", required=True, quirks=["x", quirk]),
                 facts(log)) == [YES]
    # What would have been accepted is told, also when nothing would.
    other, = rule("boot-log", required=True, quirks=["x"]).judge(facts(log))
    assert (other.tier, other.expected, other.actual) == (
        WARNING, "x", quirk)
    none, = rule("boot-log", required=True).judge(facts(log))
    assert none.expected
    assert quirk not in none.expected


# Secure Boot.

def test_secure_boot_is_on(log):
    assert tiers(rule("secure-boot", enabled=True), facts(log)) == [YES]


@pytest.mark.parametrize("value, tier", [
    (b"\0", NO), (b"", NO), (b"\2", UNKNOWN)])
def test_secure_boot_is_not_on(value, tier):
    log = logs.secure_log(value)
    asked = rule("secure-boot", enabled=True, authorities=["01" * 32],
                 revoked=["02" * 32])
    assert tiers(asked, facts(log)) == [tier]


def test_shim_loads_anything(log):
    log.add(7, logs.AUTHORITY, logs.variable(
        logs.SHIM, "MokSBState", b"\1"))
    found, = rule("secure-boot", enabled=True).judge(facts(log))
    assert (found.tier, found.actual) == (NO, "validation off")


def test_authorities_must_be_accepted(log):
    log.add(7, logs.AUTHORITY, logs.variable(
        logs.SHIM, "SbatLevel", b"sbat,1,2021030218\n"))
    asked = rule("secure-boot", enabled=True, authorities=["01" * 32])
    assert tiers(asked, facts(log)) == [YES, YES]
    log.add(7, logs.AUTHORITY, logs.variable(
        logs.DATABASE, "db", logs.SHIM.bytes_le + b"\3" * 32))
    log.add(7, logs.AUTHORITY, logs.variable(
        logs.DATABASE, "db", logs.SHIM.bytes_le + b"\4" * 32))
    found = list(asked.judge(facts(log)))
    assert [f.tier for f in found] == [YES, NO, NO]
    assert found[1].actual == "03" * 32
    assert found[1].subject == "event 16"


def test_authorities_are_named_by_their_certificate():
    path = logs.VECTORS / "hosts/sb-tcg/bios_measurements"
    log = logs.load(path)
    pcrs = logs.pcrs_of("sb-tcg")
    found = list(SecureBootIsOn(authorities=(bytes(32),)).judge(
        facts(log, pcrs)))
    assert "Microsoft Corporation UEFI CA 2011" in found[1].detail
    assert "CN=Debian Secure Boot CA in MokListRT" in found[2].detail


def test_revocations_must_be_there(log):
    asked = rule("secure-boot", enabled=True, revoked=["01" * 32])
    assert tiers(asked, facts(log)) == [YES, NO]
    event = log.events[5]
    event.data = logs.variable(logs.DATABASE, "dbx", logs.KEYS)
    event.digests = {11: digest(event.data)}
    assert tiers(asked, facts(log)) == [YES, YES]
    more = rule("secure-boot", enabled=True, revoked=["01" * 32, "02" * 32])
    assert tiers(more, facts(log)) == [YES, NO]


# Components.

def test_components_with_reference_values(log):
    for data in (b"kernel", b"named", b"value"):
        log.add(4, logs.BOOT_APPLICATION, b"path", measured=data)
    asked = rule("boot-components", kind="images",
                 values=[digest(b"value").hex()],
                 reference_values=["kernels"])
    assert tiers(asked, facts(log)) == [YES]
    fewer = rule("boot-components", kind="images",
                 reference_values=["kernels"])
    assert tiers(fewer, facts(log)) == [NO]
    named = rule("boot-components", kind="images",
                 values=[digest(b"value").hex()])
    assert tiers(named, facts(log)) == [NO, NO]


def test_a_reference_value_may_be_for_another_kind(log):
    log.add(4, logs.BOOT_APPLICATION, b"path", measured=b"other")
    log.add(2, logs.BOOT_DRIVER, b"path", measured=b"other")
    for kind, expected in (("images", [NO]), ("drivers", [YES])):
        assert tiers(rule("boot-components", kind=kind,
                          reference_values=["kernels"]),
                     facts(log)) == expected


@pytest.mark.parametrize("kind, register", [
    ("firmware", 0), ("drivers", 2), ("images", 4), ("files", 9),
    ("machine-owner", 14)])
def test_a_component_without_a_reference_value(kind, register):
    log = logs.capped(logs.BootLog())
    log.add(register, logs.IPL, b"a name", measured=b"bad")
    found, = rule("boot-components", kind=kind,
                  reference_values=["kernels"]).judge(facts(log))
    assert (found.tier, found.subject) == (NO, "event 8")
    assert found.actual == digest(b"bad").hex()
    claimed = register not in (2, 4)
    assert ("'a name'" in found.detail) is claimed


def test_components_of_a_register_that_is_not_proven(log):
    asked = rule("boot-components", kind="files",
                 reference_values=["kernels"])
    assert tiers(asked, facts(log)) == [YES]
    assert tiers(asked, facts(log, log.pcrs(only=range(9)))) == [UNKNOWN]


# Command lines.

@pytest.fixture
def grub():
    log = logs.secure_log()
    line = b"/vmlinuz root=/dev/vda ima_policy=tcb quiet"
    log.add(8, logs.IPL, b"kernel_cmdline: " + line + b"\0", measured=line)
    return log


@pytest.mark.parametrize("body, tier", [
    ({"patterns": ["/vmlinuz root=* quiet"]}, YES),
    ({"patterns": ["nothing", "/vmlinuz*"]}, YES),
    ({"patterns": ["*root=/dev/vda"]}, NO),
    ({"patterns": ["*ROOT=*"]}, NO),
    ({"words": ["ima_policy=tcb", "quiet"]}, YES),
    ({"words": ["ima_policy"]}, NO),
    ({"words": ["quiet", "audit=1"]}, NO),
    ({"forbidden": ["ima_appraise=*", "debug"]}, YES),
    ({"forbidden": ["root=*"]}, NO),
    ({"patterns": ["*"], "words": ["quiet"], "forbidden": ["qui*"]}, NO),
])
def test_a_command_line(grub, body, tier):
    assert tiers(rule("command-line", **body), facts(grub)) == [tier]


def test_a_command_line_cannot_pretend_to_be_more_lines(grub):
    line = b"/vmlinuz a\nall is well"
    grub.add(8, logs.IPL, b"kernel_cmdline: " + line + b"\0", measured=line)
    found = list(rule("command-line", words=["quiet"]).judge(facts(grub)))
    assert found[1].actual == r"/vmlinuz a\nall is well"


ANY = {"patterns": ["*quiet"]}


def test_every_command_line_counts(grub):
    line = b"/vmlinuz evil"
    grub.add(8, logs.IPL, b"grub_cmd: " + line + b"\0", measured=line)
    found = list(rule("command-line", **ANY).judge(facts(grub)))
    assert [f.tier for f in found] == [YES, NO]
    assert found[1].actual == "/vmlinuz evil"


def test_no_command_line_was_measured(log):
    assert tiers(rule("command-line", **ANY), facts(log)) == [UNKNOWN]


@pytest.mark.parametrize("register", [8, 12])
def test_a_text_that_is_not_proven_may_be_a_command_line(grub, register):
    grub.add(register, logs.IPL, b"label", measured=b"/vmlinuz evil")
    assert tiers(rule("command-line", **ANY), facts(grub)) == [YES, UNKNOWN]


def test_a_register_that_was_not_quoted_may_hold_one(grub):
    assert tiers(rule("command-line", **ANY),
                 facts(grub, grub.pcrs(only=range(10)))) == [YES, UNKNOWN]


def test_a_register_that_is_not_explained_may_hold_one(grub):
    pcrs = grub.pcrs()
    later = PcrBank(pcrs.alg, {**pcrs.values, 12: b"\1" * 32})
    assert tiers(rule("command-line", **ANY),
                 facts(grub, later)) == [YES, UNKNOWN]
