# SPDX-License-Identifier: Apache-2.0
"""Registers are capped by separators, and data hashes to its digest."""

from __future__ import annotations


import pytest

from nova_trusted_launch.wire.digests import HashAlg, PcrBank
from tests.fakes import logs
from tests.unit.core.bootlog.replaying import BOUND, proven, refused


@pytest.fixture
def log():
    return logs.secure_log()


# Separators.

@pytest.mark.parametrize("register", range(8))
def test_every_register_of_the_firmware_is_capped(register):
    log = logs.BootLog().add(0, 8, b"v")
    logs.capped(log, set(range(8)) - {register})
    assert f"register {register}" in refused(log)
    others = [i for i in range(15) if i != register]
    assert proven(log, log.pcrs(only=others)).proven == frozenset(others)


@pytest.mark.parametrize("data", [bytes(4), b"\xff" * 4])
def test_separators_of_both_kinds(data):
    log = logs.BootLog()
    for register in range(8):
        log.add(register, logs.SEPARATOR, data)
    assert proven(log).proven == frozenset(range(15))


@pytest.mark.parametrize("data", [b"", bytes(5), b"\0\0\0\2", b"WBCL"])
def test_what_is_no_separator(data):
    log = logs.capped(logs.BootLog(), range(1, 8))
    log.add(0, logs.SEPARATOR, data)
    refused(log)


def test_a_separator_by_its_digest_alone(log):
    log.events[6].data = b"\1\2\3\4"
    refused(log)


def test_a_separator_that_reports_an_error(log):
    log.add(3, logs.SEPARATOR, b"\0\0\0\1"[::-1])
    assert "failed to measure register 3" in refused(log)


def test_a_separator_of_a_register_that_is_not_proven(log):
    log.add(11, logs.SEPARATOR, b"\1\0\0\0")
    pcrs = PcrBank(HashAlg.SHA256, {**log.pcrs().values, 11: b"\1" * 32})
    assert proven(log, pcrs).unexplained == {11}


def test_a_separator_by_type_alone_is_not_enough(log):
    log.events[6].type = 0x80000008
    refused(log)


# Data and digests.

LABEL = [logs.BOOT_APPLICATION, logs.BOOT_DRIVER, 1, 8, logs.IPL, 0x10,
         logs.EVENT_TAG, 0x12345678]


@pytest.mark.parametrize("kind", BOUND)
def test_data_that_does_not_hash_to_its_digest(log, kind):
    log.add(1, kind, b"what was measured")
    proven(log)
    log.events[-1].data = b"what is claimed"
    assert f"event {len(log.events) - 1} " in refused(log)


@pytest.mark.parametrize("kind", LABEL)
def test_data_that_is_only_a_label(log, kind):
    log.add(1, kind, b"label", measured=b"image")
    last = list(proven(log).of(1))[-1]
    assert last.measured is None and last.claimed_data == b"label"


@pytest.mark.parametrize("kind", BOUND)
def test_data_of_a_register_that_is_not_proven_proves_nothing(log, kind):
    log.add(11, kind, b"label", measured=b"other")
    pcrs = log.pcrs()
    later = PcrBank(pcrs.alg, {**pcrs.values, 11: b"\1" * 32})
    assert proven(log, later).unexplained == {11}


def test_grub_text_of_a_register_that_is_not_proven(log):
    log.add(11, logs.IPL, b"grub_cmd: a\0", measured=b"b")
    pcrs = log.pcrs()
    later = PcrBank(pcrs.alg, {**pcrs.values, 11: b"\1" * 32})
    assert proven(log, later).unexplained == {11}
