# SPDX-License-Identifier: Apache-2.0
"""Replay at its bounds: sizes, counts, pieces and what is remembered."""

from __future__ import annotations

import dataclasses

import pytest

from attestation_service.core import errors
from attestation_service.core.ima import log
from attestation_service.core.ima import replay as module
from attestation_service.core.ima.replay import ImaPosition, replay
from attestation_service.core.memo import Memo
from nova_trusted_launch.wire.digests import HashAlg, PcrBank
from tests.fakes import logs
from tests.unit.core.ima.read import swapped

BOOT = (3, 1)
FILES = logs.ImaList([logs.ima_file(f"/{i}") for i in range(4)])
DATA = FILES.dump()


def test_a_list_is_no_longer_than_this():
    fits = ImaPosition(BOOT, 192 * 2 ** 20 - len(DATA), 2 ** 20 - 4,
                       bytes(32))
    replay(DATA, FILES.pcrs(), boot=BOOT, start=fits)
    for change in ({"offset": fits.offset + 1},
                   {"entries": fits.entries + 1}):
        with pytest.raises(errors.OversizedEvidence):
            replay(DATA, FILES.pcrs(), boot=BOOT,
                   start=dataclasses.replace(fits, **change))


def test_a_short_list_is_cut_into_entries_once():
    found = replay(DATA, FILES.pcrs(), boot=BOOT)
    one, = found.chunks()
    again, = found.chunks()
    assert one.entries[0] is again.entries[0]


@pytest.mark.parametrize("form", ["dump", "ascii"])
@pytest.mark.parametrize("count", [1, 2, 3, 4])
@pytest.mark.parametrize("kept", [0, 2 ** 20])
def test_no_piece_is_returned_beyond_what_is_proven(
        monkeypatch, form, count, kept):
    monkeypatch.setattr(log, "_CHUNK", 1)
    monkeypatch.setattr(module, "_KEPT", kept)
    pcrs = logs.ImaList(FILES.entries[:count]).pcrs()
    found = replay(getattr(FILES, form)(), pcrs, boot=BOOT)
    assert [len(c.entries) for c in found.chunks()] == [1] * count
    assert [found.entry(c.entries[0]).data for c in found.chunks()] == [
        e.data for e in FILES.entries[:count]]


def test_a_part_is_not_returned_beyond_what_is_proven():
    first, more = (logs.ImaList(FILES.entries[:n]) for n in (2, 3))
    start = replay(first.dump(), first.pcrs(), boot=BOOT).end
    found = replay(DATA[start.offset:], more.pcrs(), boot=BOOT, start=start)
    assert [c.entries for c in found.chunks()] == [[FILES.entries[2].dump()]]
    assert found.in_flight == 1


def test_nothing_more_is_nothing_in_flight():
    start = replay(DATA, FILES.pcrs(), boot=BOOT).end
    assert replay(b"", FILES.pcrs(), boot=BOOT, start=start).in_flight == 0


def test_a_line_feed_that_lacks_is_counted():
    text = FILES.ascii()
    assert replay(text[:-1], FILES.pcrs(), boot=BOOT).end == replay(
        text, FILES.pcrs(), boot=BOOT).end


def test_larger_entries_are_not_remembered():
    files = logs.ImaList([logs.ima_file(path) for path in (
        "/" + "p" * 936, "/" + "p" * 937)])
    assert [len(e.dump()) for e in files.entries] == [1024, 1025]
    memo = Memo(9)
    replay(files.dump(), files.pcrs(), boot=BOOT, memo=memo)
    assert list(memo.recent) == [files.entries[0].dump()]


def test_lists_of_another_order_are_not_remembered():
    binary, line, data = swapped(FILES.entries[0])
    value = HashAlg.SHA256.digest(bytes(32) + HashAlg.SHA256.digest(data))
    memo = Memo(9)
    for form in (binary, line):
        found = replay(form, PcrBank(HashAlg.SHA256, {10: value}),
                       boot=BOOT, memo=memo)
        assert found.end.entries == 1
    assert not memo.recent
