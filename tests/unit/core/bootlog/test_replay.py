# SPDX-License-Identifier: Apache-2.0
"""Replay: one lie, one refusal."""

from __future__ import annotations


import pytest

from attestation_service.core import errors
from attestation_service.core.bootlog import tcg
from attestation_service.core.bootlog.replay import (
    ReplayedEvent,
    replay,
)
from attestation_service.core.memo import Memo
from nova_trusted_launch.wire.digests import HashAlg, PcrBank
from tests.fakes import logs
from tests.unit.core.bootlog.replaying import BOUND, proven, refused


@pytest.fixture
def log():
    return logs.secure_log()


def test_a_truthful_log_is_proven(log):
    events = proven(log)
    assert events.proven == frozenset(range(15))
    assert events.unexplained == frozenset()
    assert (events.quirks, events.startup_locality) == ((), 0)
    assert events.alg is HashAlg.SHA256


def test_events_come_with_what_was_measured(log):
    assert list(proven(log).of(0, 4)) == [
        ReplayedEvent(0, 0, 8, log.events[0].digests[11],
                      log.events[0].data, log.events[0].data),
        ReplayedEvent(6, 0, 4, log.events[6].digests[11],
                      bytes(4), bytes(4)),
        ReplayedEvent(10, 4, 4, log.events[10].digests[11],
                      bytes(4), bytes(4)),
    ]
    assert next(proven(log).of(0)).type_name == "EV_S_CRTM_VERSION"


@pytest.mark.parametrize("alg", [11, 12, 13])
def test_every_bank_that_can_be_quoted(alg):
    log = logs.secure_log(algs=(4, 11, 12, 13))
    assert proven(log, log.pcrs(alg)).proven == frozenset(range(15))


def test_a_bank_the_log_lacks(log):
    other = logs.secure_log(algs=(12,)).pcrs(12)
    assert "sha384" in refused(log, other)


@pytest.mark.parametrize("register", [*range(10), 14])
def test_a_register_that_differs(log, register):
    pcrs = log.pcrs()
    wrong = {**pcrs.values, register: b"\1" * 32}
    refused(log, PcrBank(pcrs.alg, wrong))


@pytest.mark.parametrize("register", [10, 11, 12, 13])
def test_a_register_extended_later_is_not_proven(log, register):
    log.add(register, logs.IPL, b"early")
    pcrs = log.pcrs()
    assert register in proven(log).proven
    later = PcrBank(pcrs.alg, {**pcrs.values, register: b"\1" * 32})
    events = proven(log, later)
    assert events.unexplained == {register}
    assert list(events.of(register)) == []


def test_which_registers_are_extended_later_can_be_chosen(log):
    pcrs = log.pcrs()
    later = PcrBank(pcrs.alg, {**pcrs.values, 9: b"\1" * 32})
    assert proven(log, later,
                  extended_later=frozenset({9})).unexplained == {9}
    refused(log, PcrBank(pcrs.alg, {**pcrs.values, 10: b"\1" * 32}),
            extended_later=frozenset({9}))


def test_events_of_a_register_that_was_not_quoted_are_not_proven(log):
    events = proven(log, log.pcrs(only=[0, 7]))
    assert events.proven == {0, 7}
    assert list(events.of(1, 4)) == []


def test_dynamic_registers_start_as_all_ones(log):
    log.add(17, logs.IPL, b"dynamic")
    pcrs = PcrBank(HashAlg.SHA256, {**log.pcrs(only=range(23)).values,
                                    23: bytes(32)})
    assert pcrs.values[17] not in (bytes(32), b"\xff" * 32)
    assert proven(log, pcrs).proven == frozenset(range(24))


def test_an_event_without_a_digest_for_the_bank():
    log = logs.secure_log(algs=(11, 12))
    proven(log)
    del log.events[5].digests[11]
    assert "event 5 " in refused(log)


def test_the_first_event_without_a_digest_is_named():
    log = logs.secure_log(algs=(11, 12))
    del log.events[0].digests[11]
    del log.events[5].digests[11]
    assert "event 0 " in refused(log)


def test_a_register_that_does_not_exist(log):
    log.add(24, logs.IPL, b"x")
    with pytest.raises(errors.MalformedEvidence):
        replay(tcg.parse(log.dump()), logs.secure_log().pcrs())


def test_no_action_events_are_never_extended(log):
    log.no_action(b"SP800-155 Event\0", register=0xFFFFFFFF)
    log.no_action(b"anything", register=7)
    events = proven(log)
    assert len(list(events.of(7))) == 7


@pytest.mark.parametrize("locality", [0, 3, 4])
def test_startup_locality_is_honoured(log, locality):
    log.startup = locality
    log.no_action(b"StartupLocality\0" + bytes([locality]))
    log.events.insert(0, log.events.pop())
    events = proven(log)
    assert (events.startup_locality, events.quirks) == (locality, ())
    assert len(list(events.of(0))) == 2


@pytest.mark.parametrize("data, register, where", [
    pytest.param(b"\3", 1, 0, id="of another register"),
    pytest.param(b"\1", 0, 0, id="locality 1"),
    pytest.param(b"", 0, 0, id="no locality"),
    pytest.param(b"\3\0", 0, 0, id="two bytes"),
    pytest.param(b"\3", 0, 1, id="after register 0 was extended"),
])
def test_startup_locality_misused(log, data, register, where):
    pcrs = log.pcrs()
    log.no_action(b"StartupLocality\0" + data, register=register)
    log.events.insert(where, log.events.pop())
    refused(log, pcrs, errors.MalformedEvidence)


def test_startup_locality_twice(log):
    log.startup = 3
    for _ in range(2):
        log.no_action(b"StartupLocality\0\3")
        log.events.insert(0, log.events.pop())
    refused(log, error=errors.MalformedEvidence)


def test_a_lie_about_the_startup_locality(log):
    log.no_action(b"StartupLocality\0\3")
    log.events.insert(0, log.events.pop())
    pcrs = PcrBank(HashAlg.SHA256, {
        **log.pcrs().values, 0: logs.secure_log().registers()[0]})
    log.startup = 3
    assert pcrs.values[0] != log.registers()[0]
    refused(log, pcrs)


# Quirks.

EBS = [b"Exit Boot Services Invocation",
       b"Exit Boot Services Returned with Success",
       b"Exit Boot Services Returned with Failure"]


@pytest.mark.parametrize("unlogged", [
    [0, 1], [0, 2], [0, 2, 1], [0, 2, 0, 1]])
def test_exit_boot_services_may_be_missing(log, unlogged):
    log.unlogged = [(5, EBS[i]) for i in unlogged]
    events = proven(log)
    assert events.quirks == ("exit-boot-services-unlogged",)
    assert 5 in events.proven


@pytest.mark.parametrize("unlogged", [
    [(5, EBS[0])], [(5, EBS[1])], [(5, EBS[1]), (5, EBS[0])],
    [(4, EBS[0]), (4, EBS[1])]])
def test_other_events_may_not_be_missing(log, unlogged):
    log.unlogged = unlogged
    refused(log)


@pytest.mark.parametrize("locality", [3, 4])
def test_the_startup_locality_may_be_missing(log, locality):
    log.startup = locality
    assert proven(log).quirks == ("startup-locality-unlogged",)


@pytest.mark.parametrize("locality", [1, 2, 255])
def test_no_other_start_is_tried(log, locality):
    log.startup = locality
    refused(log)


def test_a_quirk_does_not_count_events_that_were_not_extended(log):
    log.no_action(b"x", register=5)
    log.no_action(b"y", register=0)
    log.unlogged = [(5, EBS[0]), (5, EBS[1])]
    log.startup = 3
    assert proven(log).quirks == ("startup-locality-unlogged",
                                  "exit-boot-services-unlogged")


# The memo.

@pytest.fixture
def machine():
    """A log with every form of data, and its registers."""
    log = logs.load(logs.VECTORS / "hosts/sb-tcg/bios_measurements")
    log.add(8, logs.IPL, b"grub_cmd a\0", measured=b"a\0")
    return log


def test_a_memo_changes_nothing(machine):
    memo = Memo(4096)
    for _ in range(3):
        assert proven(machine, memo=memo) == proven(machine)
    # What was extended, and what was measured.
    assert {64, 32} == set(map(len, memo.recent))


def test_a_memo_that_forgets(machine):
    for limit in (1, 10, 50):
        memo = Memo(limit)
        for _ in range(3):
            assert proven(machine, memo=memo) == proven(machine)
            assert len(memo.recent) <= limit


def test_large_data_is_not_remembered(log):
    log.add(1, logs.VARIABLE_BOOT, bytes(4096))
    log.add(1, logs.VARIABLE_BOOT, bytes(4097))
    memo = Memo(100)
    for _ in range(2):
        assert proven(log, memo=memo).proven == frozenset(range(15))
    assert max(map(len, memo.recent.values())) == 4096


@pytest.mark.parametrize("at", range(47))
def test_a_memo_believes_no_lie(machine, at):
    memo = Memo(4096)
    pcrs = machine.pcrs()
    proven(machine, pcrs, memo=memo)
    event = machine.events[at]
    told = event.type in (*BOUND, logs.SEPARATOR) or (
        event.data.startswith((b"grub_cmd", b"kernel_cmdline")))
    event.data = event.data[:-2] + b"X" + event.data[-1:]
    if told:
        refused(machine, pcrs, memo=memo)
    else:
        proven(machine, pcrs, memo=memo)
    event.digests[11] = b"\1" * 32
    refused(machine, pcrs, memo=memo)


def test_a_form_of_one_type_is_none_of_another(log):
    # The memo knows what hashes to the digest; it must also be a form in
    # which this type is measured.
    whole = logs.variable(logs.GLOBAL, "Boot0001", b"contents")
    log.add(1, logs.VARIABLE_BOOT, whole, measured=b"contents")
    memo = Memo(100)
    proven(log, memo=memo)
    log.add(1, logs.DRIVER_CONFIG, whole, measured=b"contents")
    refused(log, memo=memo)
