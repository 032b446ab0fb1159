# SPDX-License-Identifier: Apache-2.0
"""Secure Boot: on, off, or undecided for a reason."""

from __future__ import annotations

import dataclasses

import pytest

from attestation_service.core.bootlog import tcg
from attestation_service.core.bootlog.replay import replay
from attestation_service.core.bootlog.secure_boot import secure_boot
from nova_trusted_launch.wire.digests import HashAlg, PcrBank
from tests.fakes import logs

ACTION = logs.EFI_ACTION


def state(log, pcrs=None):
    return secure_boot(replay(tcg.parse(log.dump()), pcrs or log.pcrs()))


@pytest.fixture
def log():
    return logs.secure_log()


def index_of(log, kind, text=b""):
    return next(i for i, e in enumerate(log.events)
                if e.type == kind and e.register == 7 and text in e.data)


def name(text):
    return text.encode("utf-16-le")


def without(log, kind, text=b""):
    del log.events[index_of(log, kind, text)]
    return log


def moved(log, position):
    """Put the event that was added last where it belongs."""
    log.events.insert(position, log.events.pop())
    return log


def test_on(log):
    found = state(log)
    assert (found.enabled, found.undecided) == (True, "")
    assert {n: len(s) for n, s in found.databases.items()} == {
        "PK": 1, "KEK": 1, "db": 1, "dbx": 0}
    authority, = found.authorities
    assert (authority.variable, authority.before_separator) == ("db", False)
    assert authority.signature.data == b"\1" * 32
    assert found.shim_validates and found.dma_protection


@pytest.mark.parametrize("value", [b"\0", b""])
def test_off(value):
    found = state(logs.secure_log(value))
    assert (found.enabled, found.undecided) == (False, "")


def test_off_needs_no_keys():
    found = state(logs.secure_log(b"\0", keys=b""))
    assert found.enabled is False


def test_an_authority_before_the_separator(log):
    log.add(7, logs.AUTHORITY, logs.variable(
        logs.DATABASE, "db", logs.SHIM.bytes_le + b"\2" * 32))
    found = state(moved(log, 6))
    assert [a.before_separator for a in found.authorities] == [True, False]


@pytest.mark.parametrize("value, validates", [
    (b"\1", False), (b"\0", True), (b"\0\1", False), (b"", True)])
def test_shim_may_be_told_not_to_validate(log, value, validates):
    log.add(7, logs.AUTHORITY, logs.variable(logs.SHIM, "MokSBState", value))
    found = state(log)
    assert (found.enabled, found.shim_validates) == (True, validates)


def test_only_shims_own_variable_counts(log):
    log.add(7, logs.AUTHORITY, logs.variable(
        logs.GLOBAL, "MokSBState", b"\1"))
    assert state(log).shim_validates


def test_firmware_that_admits_to_unprotected_memory(log):
    log.add(7, ACTION, b"DMA Protection Disabled")
    found = state(moved(log, 1))
    assert (found.enabled, found.dma_protection) == (True, False)


def test_other_variables_are_no_databases(log):
    log.add(7, logs.DRIVER_CONFIG, logs.variable(
        logs.GLOBAL, "AuditMode", b"\0"))
    moved(log, 1)
    log.add(7, logs.DRIVER_CONFIG, logs.variable(
        logs.GLOBAL, "db", b"junk"))
    found = state(moved(log, 1))
    assert found.enabled is True
    assert set(found.databases) == {"PK", "KEK", "db", "dbx"}


def undecided(log, reason, pcrs=None):
    found = state(log, pcrs)
    assert found.enabled is None
    assert reason in found.undecided


def test_register_7_was_not_quoted(log):
    undecided(log, "not proven", log.pcrs(only=range(7)))


@pytest.mark.parametrize("kind", [
    logs.COMPACT_HASH, logs.IPL, logs.BOOT_APPLICATION, 0x12345678])
def test_an_event_of_another_type(log, kind):
    log.add(7, kind, b"data")
    undecided(log, "does not belong")


def test_an_event_without_measured_data(log):
    log.add(7, logs.IPL, b"data", measured=b"other")
    undecided(log, "no measured data")


def test_a_hidden_variable(log):
    # SecureBoot was 0, and is hidden behind another type; the one that says
    # 1 was extended later, from the operating system.
    log = logs.secure_log(b"\0")
    log.events[index_of(log, logs.DRIVER_CONFIG, name("SecureBoot"))].type = (
        logs.COMPACT_HASH)
    log.add(7, logs.DRIVER_CONFIG, logs.variable(
        logs.GLOBAL, "SecureBoot", b"\1"))
    undecided(log, "does not belong")


def test_a_separator_of_ones(log):
    event = log.events[index_of(log, logs.SEPARATOR)]
    event.data = b"\xff" * 4
    event.digests = {11: logs.hashed(11, event.data)}
    assert state(log).enabled is True


def test_two_separators(log):
    log.add(7, logs.SEPARATOR, bytes(4))
    undecided(log, "second separator")


def test_an_unknown_action(log):
    log.add(7, ACTION, b"Calling EFI Application from Boot Option")
    undecided(log, "unknown action")


def test_a_debugger(log):
    log.add(7, ACTION, b"UEFI Debug Mode")
    undecided(moved(log, 1), "debugger")


def test_a_variable_after_the_separator(log):
    log.add(7, logs.DRIVER_CONFIG, logs.variable(
        logs.GLOBAL, "AuditMode", b"\0"))
    undecided(log, "after the separator")


def test_a_variable_twice(log):
    log.add(7, logs.DRIVER_CONFIG, logs.variable(
        logs.GLOBAL, "SecureBoot", b"\1"))
    undecided(moved(log, 1), "again")


@pytest.mark.parametrize("kind", [logs.DRIVER_CONFIG, logs.AUTHORITY])
def test_a_variable_that_cannot_be_read(log, kind):
    log.add(7, kind, b"no variable")
    undecided(moved(log, 1), "cut short")


def test_a_database_that_cannot_be_read():
    log = logs.secure_log(keys=logs.KEYS[:-1])
    undecided(log, "signature list")


def test_secure_boot_was_not_measured(log):
    undecided(without(log, logs.DRIVER_CONFIG, name("SecureBoot")),
              "was not measured")


def test_another_variable_of_that_name(log):
    without(log, logs.DRIVER_CONFIG, name("SecureBoot"))
    log.add(7, logs.DRIVER_CONFIG, logs.variable(
        logs.DATABASE, "SecureBoot", b"\1"))
    undecided(moved(log, 1), "was not measured")


@pytest.mark.parametrize("value", [b"\2", b"\1\0", b"\xff"])
def test_a_value_nobody_defined(value):
    undecided(logs.secure_log(value), "neither 0 nor 1")


@pytest.mark.parametrize("empty", ["PK", "KEK", "db"])
def test_on_without_keys(log, empty):
    vendor = logs.DATABASE if empty == "db" else logs.GLOBAL
    position = index_of(log, logs.DRIVER_CONFIG, name(empty))
    without(log, logs.DRIVER_CONFIG, name(empty))
    undecided(log, f"{empty} is empty")
    log.add(7, logs.DRIVER_CONFIG, logs.variable(vendor, empty, b""))
    undecided(moved(log, position), f"{empty} is empty")


def test_on_and_nothing_was_authorised(log):
    without(log, logs.AUTHORITY)
    undecided(log, "nothing was authorised")
    # A policy of shim's is no authority.
    log.add(7, logs.AUTHORITY, logs.variable(
        logs.SHIM, "SbatLevel", b"sbat,1,2021030218\n"))
    undecided(log, "nothing was authorised")


def test_what_was_seen_before_is_kept_for_people(log):
    log.add(7, ACTION, b"DMA Protection Disabled")
    moved(log, 1)
    log.add(7, logs.AUTHORITY, logs.variable(
        logs.SHIM, "MokSBState", b"\1"))
    log.add(7, logs.IPL, b"odd")
    found = state(log)
    assert found.enabled is None
    assert len(found.databases) == 4 and len(found.authorities) == 2
    assert not found.shim_validates and not found.dma_protection


def test_a_register_without_separator_never_gets_here():
    # replay() demands one for a quoted register 7; asked directly, the state
    # is undecided all the same.
    log = logs.secure_log()
    without(log, logs.SEPARATOR)
    events = replay(tcg.parse(logs.secure_log().dump()),
                    logs.secure_log().pcrs())
    odd = dataclasses.replace(
        events, log=tcg.parse(log.dump()), _tied={})
    found = secure_boot(odd)
    assert found.enabled is None and "no separator" in found.undecided


def test_a_separator_of_other_contents():
    events = replay(tcg.parse(logs.secure_log().dump()),
                    logs.secure_log().pcrs())
    log = logs.BootLog().add(7, logs.SEPARATOR, b"odd!")
    odd = dataclasses.replace(
        events, log=tcg.parse(log.dump()), _tied={})
    assert "no proper separator" in secure_boot(odd).undecided


def test_banks_other_than_sha256():
    log = logs.secure_log(algs=(12,))
    pcrs = PcrBank(HashAlg.SHA384, log.pcrs(12).values)
    assert state(log, pcrs).enabled is True
