# SPDX-License-Identifier: Apache-2.0
"""Rules about the boot: what is said of good, bad and unknown hosts."""

from __future__ import annotations

import pytest

from attestation_service.core import errors
from attestation_service.core.policy import document
from attestation_service.core.policy.boot_rules import SecureBootIsOn
from attestation_service.core.policy.chain_rules import (
    CommandLine,
    ComponentsAreKnown,
)
from tests.fakes import logs
from tests.unit.core.policy.judged import (
    EVERY,
    NO,
    NOW,
    UNKNOWN,
    WARNING,
    YES,
    digest,
    facts,
    rule,
    sets,
    tiers,
)


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
