# SPDX-License-Identifier: Apache-2.0
"""What people see of a log, and the facts that others ask for."""

from __future__ import annotations

import dataclasses

import pytest

from attestation_service.core import errors
from attestation_service.core.bootlog import tcg
from attestation_service.core.bootlog.facts import boot_facts
from attestation_service.core.bootlog.replay import (
    replay_banks,
)
from nova_trusted_launch.wire.digests import HashAlg, PcrBank
from tests.fakes import logs
from tests.unit.core.bootlog.replaying import proven


@pytest.fixture
def log():
    return logs.secure_log()


def test_banks_are_replayed_for_display():
    log = logs.secure_log(algs=(4, 11))
    log.sizes[0x7777] = 3
    for event in log.events:
        event.digests[0x7777] = b"abc"
    banks = replay_banks(tcg.parse(log.dump()))
    assert set(banks) == {"sha1", "sha256"}
    for alg, bank in ((4, "sha1"), (11, "sha256")):
        assert banks[bank] == {
            i: value for i, value in log.registers(alg).items() if i < 8}


def test_a_bank_may_lack_an_event_for_display():
    log = logs.secure_log(algs=(4, 11))
    del log.events[3].digests[4]
    banks = replay_banks(tcg.parse(log.dump()))
    assert banks["sha1"][7] == log.registers(4)[7]


def test_sm3_and_sha3_have_no_surprises():
    log = logs.BootLog((11,), {0x12: 32, 0x27: 32, 11: 32})
    log.events.append(logs.Event(3, 1, {
        0x12: b"m" * 32, 0x27: b"s" * 32, 11: b"d" * 32}, b""))
    assert set(replay_banks(tcg.parse(log.dump()))) == {
        "sha3_256", "sha256"}


def test_a_missing_log_is_a_fact(log):
    assert boot_facts(None, log.pcrs()) is None
    assert boot_facts(b"", log.pcrs()) is None


def test_facts_keep_what_was_proven(log):
    facts = boot_facts(log.dump(), log.pcrs())
    assert facts.proven == frozenset(range(15))
    assert facts.quirks == ()
    assert facts.secure_boot is facts.secure_boot
    assert facts.chain is facts.chain


def test_facts_pass_limits_on(log):
    with pytest.raises(errors.OversizedEvidence):
        boot_facts(log.dump(), log.pcrs(), max_size=10)
    with pytest.raises(errors.OversizedEvidence):
        boot_facts(log.dump(), log.pcrs(), max_events=3)
    pcrs = PcrBank(HashAlg.SHA256, {**log.pcrs().values, 9: b"\1" * 32})
    assert boot_facts(log.dump(), pcrs,
                      extended_later=frozenset({9})).proven == (
                          frozenset(range(15)) - {9})


def test_nobody_else_changes_what_was_proven(log):
    with pytest.raises(dataclasses.FrozenInstanceError):
        proven(log).proven = frozenset()
