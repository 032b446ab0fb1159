# SPDX-License-Identifier: Apache-2.0
"""The parser of event logs: liberal in contents, strict in framing, total."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attestation_service.core import errors
from attestation_service.core.bootlog import tcg
from attestation_service.core.bootlog.event_types import type_name
from tests.fakes import logs

SMALL = logs.BootLog((4, 11)).add(0, logs.SEPARATOR, bytes(4)).add(
    4, logs.EFI_ACTION, b"go")


def rows(log):
    return [(e.register, e.untrusted_type, e.untrusted_data)
            for e in log.events]


EXPECTED = [(0, logs.SEPARATOR, bytes(4)), (4, logs.EFI_ACTION, b"go")]


def test_events_and_banks_are_read():
    log = tcg.parse(SMALL.dump())
    assert log.algorithms == ((4, 20), (11, 32))
    assert rows(log) == EXPECTED
    assert log.events[0].digests == tuple(
        SMALL.events[0].digests.values())
    assert (log.column(4), log.column(11), log.column(12)) == (0, 1, None)


def test_a_log_without_a_header_is_sha1():
    log = tcg.parse(SMALL.legacy())
    assert log.algorithms == ((4, 20),)
    assert rows(log) == EXPECTED


def test_a_legacy_log_may_begin_with_its_own_header():
    first = struct.pack("<II20sI", 0, 3, bytes(20), 16) + b"Spec ID Event02\0"
    assert rows(tcg.parse(first + SMALL.legacy()))[1:] == EXPECTED


@pytest.mark.parametrize("filler", [b"\0", b"\xff"])
@pytest.mark.parametrize("dump", [SMALL.dump, SMALL.legacy])
def test_the_rest_of_the_log_area_is_no_event(dump, filler):
    for size in (1, 11, 31, 32, 5000):
        assert rows(tcg.parse(dump() + filler * size)) == EXPECTED


@pytest.mark.parametrize("dump", [SMALL.dump, SMALL.legacy])
def test_other_bytes_behind_the_log_are_refused(dump):
    for tail in (b"\1", b"?", b"\0?", b"\xff?", bytes(40) + b"\1",
                 b"\0\xff", b"\xff" * 40 + b"\0"):
        with pytest.raises(errors.MalformedEvidence):
            tcg.parse(dump() + tail)


def test_a_log_of_no_event_but_the_header():
    assert tcg.parse(logs.BootLog().dump()).events == ()


def test_banks_that_nobody_knows_are_read():
    log = logs.BootLog((11,), {0x12: 32, 0x27: 32, 0x9999: 7, 11: 32})
    log.events.append(logs.Event(3, 0x12345678, {
        0x12: b"m" * 32, 0x27: b"s" * 32, 0x9999: b"9" * 7,
        11: b"d" * 32}, b""))
    parsed = tcg.parse(log.dump())
    assert parsed.events[0].digests == (
        b"m" * 32, b"s" * 32, b"9" * 7, b"d" * 32)
    assert [tcg.label(a) for a, _ in parsed.algorithms] == [
        "sm3", "sha3_256", "0x9999", "sha256"]
    assert type_name(0x12345678) == "0x12345678"
    assert type_name(logs.SEPARATOR) == "EV_SEPARATOR"


def test_digests_are_put_in_the_headers_order():
    log = SMALL.copy()
    event = log.events[0]
    event.digests = dict(reversed(event.digests.items()))
    assert tcg.parse(log.dump()).events[0].digests == tuple(
        SMALL.events[0].digests.values())


def test_an_event_may_have_fewer_digests_or_others():
    log = SMALL.copy()
    log.events[0].digests = {0xC: b"x" * 48, 4: b"y" * 20}
    log.events[1].digests = {}
    parsed = tcg.parse(log.dump())
    assert [e.digests for e in parsed.events] == [
        (b"y" * 20, None), (None, None)]


def test_vendor_information_may_be_left_out_of_the_headers_size():
    log = SMALL.copy()
    log.vendor = b"vendor"
    data = bytearray(log.dump())
    assert rows(tcg.parse(bytes(data))) == EXPECTED
    size, = struct.unpack_from("<I", data, 28)
    struct.pack_into("<I", data, 28, size - 6)
    assert rows(tcg.parse(bytes(data))) == EXPECTED
    struct.pack_into("<I", data, 28, size - 3)
    with pytest.raises(errors.MalformedEvidence):
        tcg.parse(bytes(data))


def header(**changes):
    log = SMALL.copy()
    for name, value in changes.items():
        setattr(log, name, value)
    return log.dump()


def patched(offset, form, value):
    data = bytearray(SMALL.dump())
    struct.pack_into(form, data, offset, value)
    return bytes(data)


def twice():
    """A log of two banks of 32 bytes whose second is the first again."""
    log = logs.BootLog((11,), {11: 32, 0x12: 32})
    log.events.append(logs.Event(
        0, 1, {11: b"a" * 32, 0x12: b"b" * 32}, b""))
    return bytearray(log.dump())


def bank_twice():
    data = twice()
    struct.pack_into("<H", data, 64, 11)
    return bytes(data)


def digest_twice():
    data = twice()
    struct.pack_into("<H", data, len(data) - 4 - 34, 11)
    return bytes(data)


FIRST = len(SMALL.header())
DIGESTS = 12 + 2 + 20 + 2 + 32


@pytest.mark.parametrize("data", [
    pytest.param(b"", id="nothing"),
    pytest.param(b"\0" * 31, id="less than an event"),
    pytest.param(SMALL.header()[:60], id="header cut short"),
    pytest.param(header(sizes={}), id="no bank"),
    pytest.param(header(sizes=dict.fromkeys(range(100, 117), 20)),
                 id="seventeen banks"),
    pytest.param(header(sizes={11: 20}), id="SHA-256 of 20 bytes"),
    pytest.param(bank_twice(), id="a bank twice"),
    pytest.param(patched(60 - 4, "<I", 3), id="more banks than fit"),
    pytest.param(patched(FIRST + 8, "<I", 17), id="seventeen digests"),
    pytest.param(patched(FIRST + 8, "<I", 0xFFFFFFFF), id="endless digests"),
    pytest.param(digest_twice(), id="one digest twice"),
    pytest.param(patched(FIRST + 12, "<H", 0x7777), id="unknown digest"),
    pytest.param(patched(FIRST + DIGESTS, "<I", 0xFFFFFFFF),
                 id="endless event"),
    pytest.param(patched(FIRST + DIGESTS, "<I", 5), id="event one longer"),
])
def test_what_is_no_log(data):
    with pytest.raises(errors.MalformedEvidence):
        tcg.parse(data)


def test_a_header_has_a_greatest_size():
    log = logs.BootLog()
    log.vendor = b"v" * 255
    tcg.parse(log.dump())
    data = struct.pack("<II20sI", 0, 3, bytes(20), 600) + (
        log.header()[32:].ljust(600, b"\0"))
    with pytest.raises(errors.MalformedEvidence):
        tcg.parse(data)


@pytest.mark.parametrize("dump", [SMALL.dump, SMALL.legacy])
def test_limits(dump):
    tcg.parse(dump(), max_size=len(dump()), max_events=2)
    with pytest.raises(errors.OversizedEvidence):
        tcg.parse(dump(), max_size=len(dump()) - 1)
    with pytest.raises(errors.OversizedEvidence):
        tcg.parse(dump(), max_events=1)


@pytest.mark.parametrize("dump", [SMALL.dump, SMALL.legacy])
def test_a_log_cut_inside_an_event_is_refused(dump):
    data, whole = dump(), set()
    for size in range(len(data)):
        try:
            found = rows(tcg.parse(data[:size]))
        except errors.MalformedEvidence:
            continue
        # Cut between events, or so early in one that it looks like padding:
        # replay will miss the rest.
        assert found == EXPECTED[:len(found)]
        whole.add(len(found))
    assert whole <= {0, 1}


@given(st.binary(max_size=400))
def test_the_parser_is_total(data):
    for start in (b"", SMALL.header()):
        with contextlib.suppress(errors.MalformedEvidence):
            tcg.parse(start + data)


@given(st.integers(0, len(SMALL.dump()) - 1), st.integers(0, 255))
def test_a_changed_byte_is_read_or_refused(at, value):
    data = bytearray(SMALL.dump())
    data[at] = value
    with contextlib.suppress(errors.MalformedEvidence):
        tcg.parse(bytes(data))
