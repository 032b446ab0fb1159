# SPDX-License-Identifier: Apache-2.0
"""ATTACKS.md, part C: IMA lists, in parts too."""

from __future__ import annotations

import time

import pytest

from attestation_service.core import errors
from attestation_service.core.ima.facts import ImaProgress, ima_facts
from nova_trusted_launch.wire.digests import HashAlg, PcrBank
from tests.attacks.faults import (
    BOOT, HOST, appraiser, comes_to_what_it_says, of)
from tests.fakes import logs
from tests.vectors.ima_faults import IMA_ENTRIES


@of("c13")
def test_c13_ima_list(fault):
    comes_to_what_it_says(fault)


@pytest.fixture
def ima():
    files = logs.load_ima(HOST / "ima_bin", IMA_ENTRIES)
    others = {i: v for i, v in logs.pcrs_of("sb-tcg").values.items()
              if i < 10}
    first = logs.ImaList(files.entries[:6])
    proven = ima_facts(first.dump(), first.pcrs(others), boot=BOOT)
    proven.tally(appraiser())
    return files, files.pcrs(others), proven.progress


@pytest.mark.parametrize("entries", [-3, -1, 1, 3])
def test_c13_offset_rewound_or_skipped(ima, entries):
    files, pcrs, progress = ima
    rest = logs.ImaList(files.entries[6:])
    assert ima_facts(rest.dump(), pcrs, boot=BOOT,
                     earlier=progress).list.end.entries == len(files.entries)
    lie = logs.ImaList(files.entries[6 + entries:])
    with pytest.raises(errors.UnauthenticEvidence):
        ima_facts(lie.dump(), pcrs, boot=BOOT, earlier=progress)


def test_c13_position_of_another_boot(ima):
    files, pcrs, progress = ima
    rest = logs.ImaList(files.entries[6:]).dump()
    for boot in ((2, 0), (1, 1)):
        with pytest.raises(errors.StaleEvidence):
            ima_facts(rest, pcrs, boot=boot, earlier=progress)


def test_c13_a_bad_file_is_not_forgotten_in_the_next_part(ima):
    files, pcrs, _ = ima
    values = {i: v for i, v in pcrs.values.items() if i < 10}
    files.entries.insert(3, logs.ima_file("/evil"))
    first = logs.ImaList(files.entries[:6])
    facts = ima_facts(first.dump(), first.pcrs(values), boot=BOOT)
    facts.tally(appraiser())
    kept = ImaProgress.from_dict(facts.progress.to_dict())
    rest = ima_facts(logs.ImaList(files.entries[6:]).dump(),
                     files.pcrs(values), boot=BOOT, earlier=kept)
    assert [b.path for b in rest.tally(appraiser()).bad] == [b"/evil"]


def test_c13_a_million_entries():
    one = logs.ima_file("/bin/a", b"a").dump()
    pcrs = PcrBank(HashAlg.SHA256, {10: b"\1" * 32})
    started = time.process_time()
    with pytest.raises(errors.OversizedEvidence) as caught:
        ima_facts(one * 100_001, pcrs, boot=BOOT, max_entries=100_000)
    assert str(caught.value.code) == "evidence.too_large"
    with pytest.raises(errors.OversizedEvidence):
        ima_facts(one * 1000, pcrs, boot=BOOT, max_size=len(one) * 999)
    assert time.process_time() - started < 5
