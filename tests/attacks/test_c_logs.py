# SPDX-License-Identifier: Apache-2.0
"""ATTACKS.md, part C: banks and logs.

Every fault of ``tests/vectors/faults`` is sent to the real core, and comes to
what its folder says; attacks that are too large to store are made here.
"""

from __future__ import annotations

import filecmp
import json
import struct
import time

import pytest

from attestation_service.core import errors
from attestation_service.core.bootlog import tcg
from attestation_service.core.bootlog.facts import boot_facts
from attestation_service.core.bootlog.replay import replay
from attestation_service.core.ima.facts import ima_facts
from nova_trusted_launch.wire.digests import HashAlg, PcrBank
from nova_trusted_launch.wire.encoding import WireError
from tests.attacks.faults import (
    BOOT, FAULTS, HOST, appraiser, comes_to_what_it_says, of)
from tests.fakes import logs
from tests.vectors import build
from tests.vectors.ima_faults import IMA_ENTRIES


def test_building_the_faults_again_changes_nothing(tmp_path):
    target = tmp_path / "faults"
    build.build(target)
    built = sorted(p.relative_to(target) for p in target.rglob("*.*")
                   if p.is_file())
    kept = sorted(p.relative_to(build.FAULTS)
                  for p in build.FAULTS.rglob("*.*")
                  if p.is_file() and p.name != "README.rst")
    assert built == kept
    same, different, odd = filecmp.cmpfiles(
        target, build.FAULTS,
        [p.relative_to(target) for p in target.rglob("*") if p.is_file()],
        shallow=False)
    assert (different, odd) == ([], [])
    assert len(same) == 3 * len(FAULTS)


def test_every_attack_of_part_c_has_a_fault():
    attacks = {json.loads((build.FAULTS / name / "expected.json")
                          .read_text())["attack"] for name in FAULTS}
    assert attacks == {f"C{number}" for number in range(1, 14)}


def test_what_the_faults_are_made_of_is_accepted():
    log, values = build.captured()
    facts = boot_facts(log.dump(), PcrBank(HashAlg.SHA256, values))
    assert facts.secure_boot.enabled
    small = logs.secure_log()
    assert boot_facts(small.dump(), small.pcrs()).secure_boot.enabled
    files = logs.load_ima(HOST / "ima_bin", IMA_ENTRIES)
    others = {i: v for i, v in logs.pcrs_of("sb-tcg").values.items()
              if i < 10}
    for data in (files.dump(), files.ascii()):
        found = ima_facts(data, files.pcrs(others), boot=BOOT)
        assert found.tally(appraiser()).bad_count == 0


@of("c1")
def test_c1_bank_never_used(fault):
    comes_to_what_it_says(fault)


def test_c1_bank_empty():
    with pytest.raises(WireError):
        PcrBank(HashAlg.SHA256, {})
    # No register of the firmware was quoted: nothing of the log is proven.
    log = logs.secure_log()
    found = replay(tcg.parse(log.dump()), log.pcrs(only=[10]))
    assert list(found.of(*range(24))) == []


@of("c2")
def test_c2_bank_never_capped(fault):
    comes_to_what_it_says(fault)


@of("c3")
def test_c3_unacceptable_bank(fault):
    comes_to_what_it_says(fault)


def test_c3_a_sha1_quote_cannot_be_expressed():
    with pytest.raises(WireError):
        PcrBank.from_dict({"sha1": {"0": "00" * 20}})


@of("c4")
def test_c4_evidence_of_another_bank(fault):
    comes_to_what_it_says(fault)


@of("c5")
def test_c5_event_type_rewritten(fault):
    comes_to_what_it_says(fault)


@pytest.mark.parametrize("kind", [
    logs.NO_ACTION, logs.SEPARATOR, logs.EFI_ACTION, logs.DRIVER_CONFIG,
    logs.AUTHORITY, logs.VARIABLE_BOOT, logs.COMPACT_HASH, logs.IPL, 0x7777])
def test_c5_no_rewritten_type_makes_secure_boot_look_on(kind):
    # Secure Boot is off, and whatever type any event of register 7 is given,
    # together with an event extended later that says on, it never looks on.
    log = logs.secure_log(b"\0")
    log.add(7, logs.DRIVER_CONFIG, logs.variable(
        logs.GLOBAL, "SecureBoot", b"\1"))
    for index, event in enumerate(log.events):
        lie = log.copy()
        lie.events[index].type = kind
        if event.register != 7:
            continue
        try:
            facts = boot_facts(lie.dump(), log.pcrs())
        except errors.UnauthenticEvidence:
            continue
        assert facts.secure_boot.enabled is not True


@of("c6")
def test_c6_data_does_not_hash_to_its_digest(fault):
    comes_to_what_it_says(fault)


def test_c6_no_byte_of_register_7_can_change_unnoticed():
    log = logs.secure_log()
    pcrs = log.pcrs()
    for event in log.events:
        if event.register != 7:
            continue
        for at in range(len(event.data)):
            whole = event.data
            event.data = (whole[:at] + bytes([whole[at] ^ 1])
                          + whole[at + 1:])
            with pytest.raises(errors.UnauthenticEvidence):
                boot_facts(log.dump(), pcrs)
            event.data = whole


@of("c7")
def test_c7_events_appended_removed_reordered_duplicated(fault):
    comes_to_what_it_says(fault)


def test_c7_no_event_can_be_removed_or_doubled():
    log, values = build.captured()
    pcrs = PcrBank(HashAlg.SHA256, values)
    for index in range(len(log.events)):
        removed, doubled = log.copy(), log.copy()
        del removed.events[index]
        doubled.events.insert(index, doubled.events[index])
        for lie in (removed, doubled):
            with pytest.raises(errors.UnauthenticEvidence):
                boot_facts(lie.dump(), pcrs)


@of("c8")
def test_c8_startup_locality_and_no_action_misused(fault):
    comes_to_what_it_says(fault)


@of("c9")
def test_c9_event_without_a_digest(fault):
    comes_to_what_it_says(fault)


@of("c10")
def test_c10_sizes_that_lie(fault):
    comes_to_what_it_says(fault)


def test_c10_oversized():
    data = logs.secure_log().dump()
    with pytest.raises(errors.OversizedEvidence):
        tcg.parse(data + bytes(tcg.MAX_SIZE))


@pytest.mark.parametrize("one", [
    struct.pack("<IIII", 1, 1, 0, 0),
    struct.pack("<IIIH32sI", 1, 1, 1, 11, b"d" * 32, 0)])
def test_c10_a_million_events(one):
    header = logs.BootLog().header()
    count = 10 ** 6 if len(one) == 16 else 330_000
    started = time.process_time()
    with pytest.raises(errors.OversizedEvidence) as caught:
        tcg.parse(header + one * count)
    assert str(caught.value.code) == "evidence.too_large"
    assert time.process_time() - started < 5


def test_c10_sixteen_mebibytes_are_read_once():
    # Large events, and what could be taken for padding at every step.
    log = logs.secure_log()
    for _ in range(15):
        log.add(1, 0x10, bytes(2 ** 20))
    started = time.process_time()
    assert boot_facts(log.dump() + bytes(2 ** 18), log.pcrs()) is not None
    zeros = struct.pack("<II20sI", 0, 0, bytes(20), 0)
    with pytest.raises(errors.MalformedEvidence):
        tcg.parse(zeros * 60_000 + b"\1")
    with pytest.raises(errors.MalformedEvidence):
        tcg.parse(zeros * 500_000 + b"\1")
    assert time.process_time() - started < 5


@of("c11")
def test_c11_log_missing(fault):
    comes_to_what_it_says(fault)


@of("c12")
def test_c12_secure_boot_variable_lies(fault):
    comes_to_what_it_says(fault)
