# SPDX-License-Identifier: Apache-2.0
"""Measurement lists are read entry by entry, whatever is in them."""

from __future__ import annotations

import contextlib
import gzip
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attestation_service.core.errors import MalformedEvidence
from attestation_service.core.ima import log, templates
from attestation_service.core.ima.log import Entry, Format
from tests.fakes import logs
from tests.unit.core.ima.read import (
    ASCII,
    BINARY,
    DIGEST,
    GOOD,
    ONE_OF_EACH,
    entries,
)


@pytest.mark.parametrize("entry, facts", ONE_OF_EACH,
                         ids=[e.template for e, _ in ONE_OF_EACH])
@pytest.mark.parametrize("register", [9, 10, 11])
def test_both_formats_say_the_same(entry, facts, register):
    entry.register = register
    expected = Entry(register, entry.hash, entry.template, entry.data)
    for data in (entry.dump(), logs.ImaList([entry]).ascii()):
        raw, = entries(data)
        found = log.parse(raw, log.shape(data))
        assert found == expected
        assert log.file_facts(found) == facts
        assert not found.violation


def test_a_list_of_all_templates():
    found = logs.ImaList([entry for entry, _ in ONE_OF_EACH])
    for data in (found.dump(), found.ascii()):
        assert [log.file_facts(log.parse(raw, log.shape(data))).path
                for raw in entries(data)] == [f.path for _, f in ONE_OF_EACH]


def test_a_verity_digest_is_no_digest_of_a_file():
    entry = logs.ima_file("/a", b"x", template="ima-sigv2")
    entry.data = entry.data.replace(b"\x2c\0\0\0ima:", b"\x2f\0\0\0verity:")
    facts = log.file_facts(log.parse(entry.dump(), BINARY))
    assert (facts.verity, facts.algorithm) == (True, "sha256")


def test_a_violation():
    entry = logs.ima_file("/a", violation=True)
    for data in (entry.dump(), logs.ImaList([entry]).ascii()):
        assert log.parse(entries(data)[0], log.shape(data)).violation


@pytest.mark.parametrize("host, count", [("sb-tcg", 248), ("viol", 253),
                                         ("many", 6493)])
def test_captured_lists_say_the_same_in_both_formats(host, count):
    parsed = []
    for name in ("ima_ascii", "ima_bin"):
        path = logs.VECTORS / "hosts" / host / name
        data = path.read_bytes() if path.exists() else gzip.decompress(
            path.with_name(name + ".gz").read_bytes())
        form = log.shape(data)
        parsed.append([log.parse(raw, form) for raw in entries(data)])
    assert parsed[0] == parsed[1]
    assert len(parsed[0]) == count


@pytest.mark.parametrize("size, name", [(20, "sha1"), (32, "sha256"),
                                        (48, "sha384"), (64, "sha512")])
def test_template_hashes_of_all_sizes(size, name):
    entry = logs.ima_file("/a", b"x")
    entry.claimed = hashlib.new(name, entry.data).digest()
    for data in (entry.dump(), logs.ImaList([entry]).ascii()):
        form = log.shape(data)
        assert form.hash_size == size
        assert log.parse(entries(data)[0], form).claimed_hash == entry.claimed


def test_registers_below_ten_begin_with_a_space():
    data = logs.ImaList([logs.ima_file("/a", register=9)]).ascii()
    assert data[:2] == b" 9"
    assert log.shape(data) == ASCII


@pytest.mark.parametrize("data", [
    b"", b"x", b"\0" * 100, b"10 abc ima-ng sha256:00 /a\n", b"10 ",
    b"hello world, this is no list of anything", b"\x1f\x8b" + b"\1" * 60,
    b"10", b"\xff" * 200])
def test_what_is_no_list(data):
    with pytest.raises(MalformedEvidence):
        log.shape(data)


def test_long_lists_come_in_pieces():
    path = "/" + "p" * 1000
    found = logs.ImaList([logs.ima_file(path, b"%d" % i) for i in range(900)])
    for data in (found.dump(), found.ascii()):
        form = log.shape(data)
        pieces = list(log.chunks(data, form))
        assert 3 < len(pieces) < 9
        assert [raw for piece in pieces for raw in piece] == entries(data)
        assert len(entries(data)) == 900
        between = b"\n" if form.format is Format.ASCII else b""
        assert between.join(entries(data)) + between == data


def test_one_huge_entry_is_one_piece():
    entry = logs.ima_file("buffer", template="ima-buf",
                          signature=bytes(2 ** 20))
    found = logs.ImaList([entry, logs.ima_file("/a"), entry])
    for data in (found.dump(), found.ascii()):
        assert len(entries(data)) == 3


def test_an_ascii_list_may_lack_its_last_line_feed():
    found = logs.ImaList([logs.ima_file("/a"), logs.ima_file("/b")])
    assert entries(found.ascii()[:-1]) == entries(found.ascii())


def test_a_line_feed_in_a_file_name():
    found = logs.ImaList([
        logs.ima_file("/a"), logs.ima_file("/two\nlines\n"),
        logs.ima_file("/b"), logs.ima_file("/c", register=9),
        logs.ima_file("/d\n10_x")])
    for data in (found.dump(), found.ascii()):
        form = log.shape(data)
        assert [log.parse(raw, form).data for raw in entries(data)] == [
            entry.data for entry in found.entries]


BAD_LINES = [
    b"10 " + b"0" * 40 + b" ima-ng sha256:00",
    b"10 " + b"0" * 40 + b" ima-ng sha256:00 /a b",
    b"10 " + b"0" * 40 + b" ima-ng sha256:0 /a",
    b"10 " + b"0" * 40 + b" ima-ng sha256 /a",
    b"10 " + b"0" * 40 + b" ima-ng sha256:zz /a",
    b"10 " + b"0" * 39 + b"z ima-ng sha256:00 /a",
    b"1x " + b"0" * 40 + b" ima-ng sha256:00 /a",
    b"10 " + b"0" * 40 + b" ima-xx sha256:00 /a",
    b"10 " + b"0" * 40 + b" \xff sha256:00 /a",
    b"10 " + b"0" * 40 + b" ima-sig sha256:00 /a 0",
    b"10 " + b"0" * 40 + b" ima-buf sha256:00 /a zz",
    b"10 " + b"0" * 64 + b" ima-ng sha256:00 /a",
    b"10",
]


@pytest.mark.parametrize("line", BAD_LINES)
def test_what_is_no_line(line):
    with pytest.raises(MalformedEvidence):
        log.parse(line, ASCII)


WHOLE = logs.ImaList([logs.ima_file("/a"), logs.ima_file("/b")])


def test_a_binary_list_cut_inside_an_entry_is_refused():
    data = WHOLE.dump()
    half = len(data) // 2
    for size in range(1, len(data)):
        if size == half:
            assert len(entries(data[:size], BINARY)) == 1
        else:
            with pytest.raises(MalformedEvidence):
                entries(data[:size], BINARY)


@pytest.mark.parametrize("offset, value", [
    pytest.param(24, 256, id="a long template name"),
    pytest.param(24, 0xFFFFFFFF, id="an endless template name"),
    pytest.param(34, 0xFFFFFFFF, id="endless data"),
])
def test_lengths_that_overflow(offset, value):
    data = bytearray(WHOLE.dump())
    data[offset:offset + 4] = value.to_bytes(4, "little")
    with pytest.raises(MalformedEvidence):
        entries(bytes(data), BINARY)


def test_a_template_name_is_text():
    entry = logs.ima_file("/a")
    raw = entry.dump().replace(b"ima-ng", b"ima-\1\1")
    with pytest.raises(MalformedEvidence):
        log.parse(raw, BINARY)


@pytest.mark.parametrize("template, data", [
    pytest.param("evm-sig", GOOD, id="unknown template"),
    pytest.param("ima-ng", b"", id="no data"),
    pytest.param("ima-ng", GOOD + b"\0", id="a byte too many"),
    pytest.param("ima-ng", GOOD[:-1], id="a byte too few"),
    pytest.param("ima-sig", GOOD, id="a field missing"),
    pytest.param("ima-ng", GOOD + bytes(4), id="a field too many"),
    pytest.param("ima-ng", GOOD[:-1] + b"b", id="a name without its NUL"),
    pytest.param("ima-ng", GOOD.replace(b"sha256:\0", b"sha256::"),
                 id="a digest without its algorithm"),
    pytest.param("ima-ng", b"\xff" * 4 + GOOD[4:], id="endless field"),
    pytest.param("ima-ng", logs.sized(b"") + logs.sized(b"a\0"),
                 id="no digest"),
])
def test_template_data_of_another_form(template, data):
    with pytest.raises(MalformedEvidence):
        log.file_facts(Entry(10, b"\1", template, data))


def test_template_data_is_made_of_its_parts():
    assert templates.template_data("sha256", DIGEST, b"/a") == GOOD


@given(st.binary(max_size=300), st.sampled_from(
    [b"", b"10 " + b"0" * 40 + b" ima-ng ", logs.ima_file("/a").dump()[:40]]))
def test_parsers_are_total(data, start):
    forms = [ASCII, BINARY]
    with contextlib.suppress(MalformedEvidence):
        forms.append(log.shape(start + data))
    for form in forms:
        with contextlib.suppress(MalformedEvidence):
            for raw in entries(start + data, form):
                log.file_facts(log.parse(raw, form))
