# SPDX-License-Identifier: Apache-2.0
"""Replay of measurement lists: one lie, one refusal."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attestation_service.core import errors
from attestation_service.core.ima import replay as module
from attestation_service.core.ima.replay import ImaPosition, replay
from nova_trusted_launch.wire.digests import HashAlg, PcrBank
from tests.fakes import logs
from tests.unit.core.ima.replayed import (
    BOOT,
    FORMS,
    mixed_list,
    proven,
    refused,
)


@pytest.fixture
def files():
    return mixed_list()


@FORMS
@pytest.mark.parametrize("alg", HashAlg)
def test_a_truthful_list_is_proven(files, form, alg):
    found = proven(files, form, files.pcrs(alg=alg))
    assert found.end.entries == 9
    assert found.end.value == files.value(alg.label)
    assert found.end.offset == len(getattr(files, form)())
    assert (found.violations, found.in_flight) == (1, 0)
    assert [len(c.entries) for c in found.chunks()] == [9]
    entry = found.entry(next(found.chunks()).entries[1])
    assert entry.data == files.entries[1].data


@pytest.mark.parametrize("host, violations", [
    ("sb-tcg", 0), ("viol", 2), ("many", 0)])
@pytest.mark.parametrize("name", ["ima_ascii", "ima_bin"])
def test_captured_lists(host, violations, name):
    path = logs.VECTORS / "hosts" / host / name
    data = path.read_bytes() if path.exists() else gzip.decompress(
        path.with_name(name + ".gz").read_bytes())
    found = replay(data, logs.pcrs_of(host), boot=BOOT)
    assert found.end.offset == len(data)
    assert (found.violations, found.in_flight) == (violations, 0)


@FORMS
@pytest.mark.parametrize("index", range(9))
def test_an_entry_that_was_changed(files, form, index):
    pcrs = files.pcrs()
    files.entries[index].data = files.entries[index].data.replace(
        b"/", b"!").replace(b"o", b"0").replace(b"k", b"K")
    if files.entries[index].violation:
        # Only the violation as such was extended.
        assert proven(files, form, pcrs).end.entries == 9
    else:
        refused(files, form, pcrs)


@FORMS
@pytest.mark.parametrize("index", range(9))
def test_an_entry_that_does_not_hash_to_its_hash(files, form, index):
    entry = files.entries[index]
    entry.claimed = b"\1" * 20
    refused(files, form)


@FORMS
def test_an_entry_passed_off_as_a_violation(files, form):
    pcrs = files.pcrs()
    files.entries[1].violation = True
    refused(files, form, pcrs)


@FORMS
def test_a_violation_passed_off_as_an_entry(files, form):
    pcrs = files.pcrs()
    files.entries[5].violation = False
    refused(files, form, pcrs)


@FORMS
@pytest.mark.parametrize("index", range(9))
def test_an_entry_that_is_missing(files, form, index):
    pcrs = files.pcrs()
    del files.entries[index]
    refused(files, form, pcrs)


@FORMS
@pytest.mark.parametrize("index", range(8))
def test_entries_in_another_order(files, form, index):
    pcrs = files.pcrs()
    files.entries[index:index + 2] = reversed(files.entries[index:index + 2])
    refused(files, form, pcrs)


@FORMS
def test_entries_of_another_register_are_passed_over(files, form):
    pcrs = files.pcrs()
    files.entries.insert(3, logs.ima_file("/other", register=11))
    files.entries.insert(0, logs.ima_file("/other", register=9))
    found = proven(files, form, pcrs)
    assert found.end.entries == 11


@FORMS
def test_an_entry_cannot_be_hidden_in_another_register(files, form):
    pcrs = files.pcrs()
    files.entries[1].register = 11
    refused(files, form, pcrs)


@FORMS
def test_entries_after_the_quote_are_not_proven(files, form):
    pcrs = files.pcrs()
    length = len(getattr(files, form)())
    files.entries += [logs.ima_file("/late"), logs.ima_file("/later")]
    found = proven(files, form, pcrs)
    assert (found.end.entries, found.in_flight) == (9, 2)
    assert found.end.offset == length
    assert sum(len(c.entries) for c in found.chunks()) == 9


@FORMS
def test_late_violations_are_not_counted(files, form):
    pcrs = files.pcrs()
    files.entries.append(logs.ima_file("/late", violation=True))
    assert proven(files, form, pcrs).violations == 1


@FORMS
def test_a_list_that_was_read_before_the_quote(files, form):
    pcrs = files.pcrs()
    files.entries.pop()
    refused(files, form, pcrs)


def test_register_10_was_not_quoted(files):
    refused(files, pcrs=PcrBank(HashAlg.SHA256, {0: bytes(32)}))


def test_the_list_of_a_host_that_measures_nothing():
    pcrs = PcrBank(HashAlg.SHA256, {10: bytes(32)})
    found = replay(b"", pcrs, boot=BOOT)
    assert found.end == found.start
    assert list(found.chunks()) == []
    with pytest.raises(errors.UnauthenticEvidence):
        replay(b"", PcrBank(HashAlg.SHA256, {10: b"\1" * 32}), boot=BOOT)


def test_what_is_no_list(files):
    with pytest.raises(errors.MalformedEvidence):
        replay(b"no list", files.pcrs(), boot=BOOT)


@FORMS
def test_limits(files, form):
    size = len(getattr(files, form)())
    proven(files, form, max_size=size, max_entries=9)
    refused(files, form, error=errors.OversizedEvidence, max_size=size - 1)
    refused(files, form, error=errors.OversizedEvidence, max_entries=8)


@FORMS
def test_limits_count_what_was_proven_before(files, form):
    first = logs.ImaList(files.entries[:4])
    start = proven(first, form).end
    rest = logs.ImaList(files.entries[4:])
    size = len(getattr(files, form)())
    proven(rest, form, files.pcrs(), start=start, max_size=size,
           max_entries=9)
    refused(rest, form, files.pcrs(), start=start, max_size=size - 1,
            error=errors.OversizedEvidence)
    refused(rest, form, files.pcrs(), start=start, max_entries=8,
            error=errors.OversizedEvidence)


# In parts.

@FORMS
@pytest.mark.parametrize("cut", range(10))
def test_a_list_in_two_parts(files, form, cut):
    whole = proven(files, form)
    first, rest = (logs.ImaList(files.entries[:cut]),
                   logs.ImaList(files.entries[cut:]))
    start = replay(getattr(first, form)(), first.pcrs(), boot=BOOT).end
    found = replay(getattr(rest, form)(), files.pcrs(), boot=BOOT,
                   start=start)
    assert found.start == start
    assert found.end == whole.end
    assert sum(len(c.entries) for c in found.chunks()) == 9 - cut


@FORMS
def test_a_part_may_begin_with_entries_in_flight_before(files, form):
    early = logs.ImaList(files.entries[:5]).pcrs()
    first = proven(files, form, early)
    assert (first.end.entries, first.in_flight) == (5, 4)
    rest = getattr(files, form)()[first.end.offset:]
    found = replay(rest, files.pcrs(), boot=BOOT, start=first.end)
    assert found.end == proven(files, form).end


@FORMS
def test_nothing_new_but_in_flight(files, form):
    start = proven(files, form).end
    late = logs.ImaList([logs.ima_file("/late")])
    found = replay(getattr(late, form)(), files.pcrs(), boot=BOOT,
                   start=start)
    assert (found.end, found.in_flight) == (start, 1)
    assert [c.entries for c in found.chunks()] in ([], [[]])


@FORMS
@pytest.mark.parametrize("skew", [-1, 1])
def test_a_part_from_another_place(files, form, skew):
    start = proven(logs.ImaList(files.entries[:4]), form).end
    rest = logs.ImaList(files.entries[4 + skew:])
    refused(rest, form, files.pcrs(), start=start)


def test_a_part_of_another_boot(files):
    start = proven(files).end
    for boot in ((3, 2), (4, 1)):
        with pytest.raises(errors.StaleEvidence):
            replay(b"", files.pcrs(), boot=boot, start=start)


def test_a_position_survives_the_store(files):
    end = proven(files).end
    assert ImaPosition.from_dict(json.loads(json.dumps(
        end.to_dict()))) == end


# Many entries.

@FORMS
def test_lists_too_long_to_keep_are_read_again(files, form, monkeypatch):
    monkeypatch.setattr(module, "_KEPT", 10)
    files.entries.append(logs.ima_file("/late"))
    pcrs = logs.ImaList(files.entries[:-1]).pcrs()
    found = proven(files, form, pcrs)
    chunk, = found.chunks()
    monkeypatch.undo()
    assert [chunk] == list(proven(files, form, pcrs).chunks())


@FORMS
def test_a_list_of_many_pieces(form):
    files = logs.ImaList([
        logs.ima_file("/" + "p" * 900 + str(i), b"%d" % i)
        for i in range(1000)])
    pcrs = logs.ImaList(files.entries[:700]).pcrs()
    found = proven(files, form, pcrs)
    assert (found.end.entries, found.in_flight) == (700, 300)
    assert found.end.offset == len(
        getattr(logs.ImaList(files.entries[:700]), form)())
    assert sum(len(c.entries) for c in found.chunks()) == 700


@settings(max_examples=60)
@given(st.binary(max_size=200), st.integers(0, 400))
def test_replay_is_total(data, at):
    files = logs.ImaList([
        logs.ima_file("/a", b"a"), logs.ima_file("/b", template="ima-sig")])
    for whole in (files.dump(), files.ascii()):
        for lie in (whole[:at] + data + whole[at:], data, whole + data):
            try:
                found = replay(lie, files.pcrs(), boot=BOOT)
            except errors.EvidenceError:
                continue
            assert found.end.value == files.value()
            assert lie[:found.end.offset].rstrip(b"\n") == (
                whole.rstrip(b"\n"))
