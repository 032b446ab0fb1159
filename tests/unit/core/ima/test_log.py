# SPDX-License-Identifier: Apache-2.0
"""Measurement lists are read entry by entry, whatever is in them."""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attestation_service.core.errors import MalformedEvidence
from attestation_service.core.ima import log, templates
from attestation_service.core.ima.log import Entry, FileFacts, Format, Shape
from attestation_service.core.ima.walk import walk
from tests.fakes import logs

DIGEST = hashlib.sha256(b"x").digest()
ASCII, BINARY = Shape(Format.ASCII, 20), Shape(Format.BINARY, 20)


def entries(data, form=None):
    return [raw for chunk in log.chunks(data, form or log.shape(data))
            for raw in chunk]


ONE_OF_EACH = [
    (logs.ima_file("/a b".replace(" ", "_"), b"x"),
     FileFacts("sha256", DIGEST, b"/a_b", b"", b"", False)),
    (logs.ima_file("/b", b"x", template="ima-sig"),
     FileFacts("sha256", DIGEST, b"/b", b"", b"", False)),
    (logs.ima_file("/c", b"x", template="ima-sig", signature=b"\3\2s"),
     FileFacts("sha256", DIGEST, b"/c", b"\3\2s", b"", False)),
    (logs.ima_file("/d", b"x", template="ima-ngv2"),
     FileFacts("sha256", DIGEST, b"/d", b"", b"", False)),
    (logs.ima_file("/e", b"x", template="ima-sigv2", signature=b"s"),
     FileFacts("sha256", DIGEST, b"/e", b"s", b"", False)),
    (logs.ima_file("keys", b"x", template="ima-buf", signature=b"buffer"),
     FileFacts("sha256", DIGEST, b"keys", b"", b"buffer", False)),
    (logs.ima_file("/f", b"x", alg="sha1"),
     FileFacts("sha1", hashlib.sha1(b"x").digest(), b"/f", b"", b"", False)),
]


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


GOOD = logs.ima_file("/a", b"x").data


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


# Every template, as the kernel's own code writes it (ima_template_lib.c).

XATTRS = b"security.ima|security.selinux\0"
EVM = logs.ima_file("/g", b"x", template="evm-sig")
EVM.data += b"".join(map(logs.sized, (
    b"\3\2evm", XATTRS + b"\0", b"\1\0\0\0\2\0\0\0", b"abc",
    b"\xe8\3\0\0", b"\0\0\0\0", b"\xa4\x81")))
EVM_LINE = b" ".join((
    b"10", EVM.hash.hex().encode(), b"evm-sig",
    b"sha256:" + DIGEST.hex().encode(), b"/g", b"\3\2evm".hex().encode(),
    XATTRS[:-1], b"0100000002000000", b"616263", b"1000", b"0",
    b"33188")) + b"\n"
MODSIG = logs.ima_file("/h.ko", b"x", template="ima-modsig")
MODSIG.data += b"".join(map(logs.sized, (
    b"", b"sha256:\0" + DIGEST, b"PKCS7")))
MODSIG_LINE = b" ".join((
    b"10", MODSIG.hash.hex().encode(), b"ima-modsig",
    b"sha256:" + DIGEST.hex().encode(), b"/h.ko", b"",
    b"sha256:" + DIGEST.hex().encode(), b"504b435337")) + b"\n"
UNSIGNED = logs.ima_file("/i.ko", b"x", template="ima-modsig")
UNSIGNED.data += logs.sized(b"") * 3
UNSIGNED_LINE = b" ".join((
    b"10", UNSIGNED.hash.hex().encode(), b"ima-modsig",
    b"sha256:" + DIGEST.hex().encode(), b"/i.ko", b"", b"", b"")) + b"\n"
CUSTOM = logs.ima_file("/j", b"x", template="d-ng|n-ng|imode")
CUSTOM.data += logs.sized(b"\xa4\x81")
CUSTOM_LINE = b" ".join((
    b"10", CUSTOM.hash.hex().encode(), b"d-ng|n-ng|imode",
    b"sha256:" + DIGEST.hex().encode(), b"/j", b"33188")) + b"\n"


@pytest.mark.parametrize(("entry", "line", "path"), [
    (EVM, EVM_LINE, b"/g"), (MODSIG, MODSIG_LINE, b"/h.ko"),
    (UNSIGNED, UNSIGNED_LINE, b"/i.ko"), (CUSTOM, CUSTOM_LINE, b"/j")],
    ids=["evm-sig", "ima-modsig", "no-modsig", "custom"])
def test_rarer_templates(entry, line, path):
    for data in (entry.dump(), line):
        found = log.parse(entries(data)[0], log.shape(data))
        assert found.data == entry.data
        facts = log.file_facts(found)
        assert (facts.path, facts.digest) == (path, DIGEST)
    assert walk(entry.dump() + entry.dump()) == walk(line + line)


OLD_DIGEST = hashlib.sha1(b"old").digest()


def legacy(name=b"/sbin/init", order="little", violation=False):
    """An entry of kernels before 3.13, in both forms."""
    hashed = OLD_DIGEST + name.ljust(256, b"\0")
    claimed = bytes(20) if violation else hashlib.sha1(hashed).digest()
    binary = ((10).to_bytes(4, order) + claimed + (3).to_bytes(4, order)
              + b"ima" + OLD_DIGEST + len(name).to_bytes(4, order) + name)
    line = b" ".join((b"10", claimed.hex().encode(), b"ima",
                      OLD_DIGEST.hex().encode(), name)) + b"\n"
    return binary, line, hashed


@pytest.mark.parametrize("order", ["little", "big"])
def test_the_oldest_template(order):
    binary, line, hashed = legacy(order=order)
    second, _, _ = legacy(b"/bin/sh", order)
    form = log.shape(binary)
    assert form.order == order
    raw, other = entries(binary + second)
    assert (raw, other) == (binary, second)
    assert log.parse(raw, form).data == hashed
    assert log.parse(line[:-1], ASCII).data == hashed
    found = walk(binary * 3, None)
    assert found == walk(line * 3)
    assert found.entries == 3
    # Its digests are SHA-1's, and its name is not measured.
    with pytest.raises(MalformedEvidence):
        log.file_facts(log.parse(raw, form))


@pytest.mark.parametrize("cut", [1, 4, 12, 30])
def test_the_oldest_template_cut(cut):
    binary, _, _ = legacy()
    with pytest.raises(MalformedEvidence):
        walk(binary + binary[:-cut])


@pytest.mark.parametrize("line", [
    b"10 " + b"00" * 20 + b" ima " + b"00" * 19 + b" /a",
    b"10 " + b"00" * 20 + b" ima " + b"00" * 20 + b" " + b"a" * 256,
    b"10 " + b"00" * 20 + b" ima " + b"00" * 20])
def test_the_oldest_template_of_another_form(line):
    with pytest.raises(MalformedEvidence):
        log.parse(line, ASCII)


def swapped(entry):
    """What a big-endian kernel writes and hashes for the same file."""
    fields, at, data = [], 0, entry.data
    while at < len(data):
        size = int.from_bytes(data[at:at + 4], "little")
        fields.append(data[at + 4:at + 4 + size])
        at += 4 + size
    data = b"".join(len(f).to_bytes(4, "big") + f for f in fields)
    name = entry.template.encode()
    claimed = hashlib.sha1(data).digest()
    binary = ((10).to_bytes(4, "big") + claimed
              + len(name).to_bytes(4, "big") + name
              + len(data).to_bytes(4, "big") + data)
    line = logs.ImaList([dataclasses.replace(
        entry, register=10)]).ascii().replace(
        entry.hash.hex().encode(), claimed.hex().encode())
    return binary, line, data


def test_a_big_endian_kernel():
    forms = [swapped(entry) for entry, _ in ONE_OF_EACH]
    binary = b"".join(b for b, _, _ in forms)
    lines = b"".join(line for _, line, _ in forms)
    for data in (binary, lines):
        form = log.shape(data)
        assert form.order == "big"
        found = [log.parse(raw, form) for raw in entries(data)]
        assert [e.data for e in found] == [d for _, _, d in forms]
        assert [log.file_facts(e) for e in found] == [
            facts for _, facts in ONE_OF_EACH]
    assert walk(binary) == walk(lines)
    value = bytes(32)
    for _, _, data in forms:
        value = hashlib.sha256(value + hashlib.sha256(data).digest()).digest()
    assert walk(binary, value).reached == len(forms)


@pytest.mark.parametrize("bank", ["sha256", "sha384", "sha512"])
def test_a_kernel_that_pads_sha1_is_told(bank):
    files = logs.ImaList([
        logs.ima_file("/a"), logs.ima_file("/b", violation=True),
        logs.ima_file("/c")])
    size = hashlib.new(bank).digest_size
    value = bytes(size)
    for entry in files.entries:
        digest = b"\xff" * 20 if entry.violation else entry.hash
        value = hashlib.new(
            bank, value + digest.ljust(size, b"\0")).digest()
    found = walk(files.dump(), value)
    assert (found.reached, found.violations, found.quirk) == (
        3, 1, "sha1-padded")
    assert walk(files.dump(), files.value(bank)).quirk == ""
    assert walk(files.dump(), bytes(range(size))).reached is None


@pytest.mark.parametrize("template", [
    "n-ng|d-ng", "sig|n-ng", "buf|buf", "d|n", "imode", "ima"])
def test_a_template_that_was_renamed_says_nothing(template):
    """Its name is not measured: only templates that begin alike are read."""
    with pytest.raises(MalformedEvidence):
        log.file_facts(Entry(10, b"\1" * 20, template, GOOD))


@pytest.mark.parametrize("text", [b"4294967296", b"+1", b"-1", b"x"])
def test_a_number_that_no_kernel_writes(text):
    with pytest.raises(ValueError):
        templates.data_from_ascii(
            "d-ng|n-ng|iuid", [b"sha256:00", b"/x", text], "little")
