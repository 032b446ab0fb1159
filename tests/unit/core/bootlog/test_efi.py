# SPDX-License-Identifier: Apache-2.0
"""UEFI structures: a value, or MalformedEvidence."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attestation_service.core.bootlog import efi
from attestation_service.core.errors import MalformedEvidence
from tests.fakes import logs
from tests.unit.core.bootlog.structures import (
    DISK, END, OWN, TYPE, gpt, image, node)

VARIABLE = logs.variable(logs.GLOBAL, "PK", b"data")


def test_text_that_is_cut_short_says_so():
    assert efi.text(b"a\0b") == "a\ufffd"


def test_a_variable():
    assert efi.Variable.parse(VARIABLE) == efi.Variable(
        efi.GLOBAL_VARIABLE, "PK", b"data")


def test_a_variable_of_an_old_shim_has_zeros_behind():
    assert efi.Variable.parse(VARIABLE + bytes(7)).data == b"data"


@pytest.mark.parametrize("data", [
    VARIABLE[:31], VARIABLE[:-1], VARIABLE + bytes(8), VARIABLE + b"\1",
    VARIABLE + b"?", VARIABLE + b"\0\1", VARIABLE + b"\1\0",
    logs.GLOBAL.bytes_le + b"\xff" * 16])
def test_what_is_no_variable(data):
    with pytest.raises(MalformedEvidence):
        efi.Variable.parse(data)


def test_a_signature_database():
    data = (logs.signature_list(logs.SHA256_SIGNATURE, b"\1" * 32, b"\2" * 32)
            + logs.signature_list(logs.X509, b"no certificate"))
    found = efi.signature_database(data)
    assert [s.data for s in found] == [
        b"\1" * 32, b"\2" * 32, b"no certificate"]
    assert {s.owner for s in found} == {logs.SHIM.bytes_le}
    assert found[0].kind == efi.SHA256
    assert found[0].fingerprint == "01" * 32
    assert found[0].subject is None
    assert found[2].subject is None
    assert found[2].fingerprint == efi.hashlib.sha256(
        b"no certificate").hexdigest()
    assert efi.signature_database(b"") == ()


def test_a_large_signature_database():
    digests = [n.to_bytes(32) for n in range(1500)]
    data = logs.signature_list(logs.SHA256_SIGNATURE, *digests)
    assert len(data) > 2 ** 16
    assert [s.data for s in efi.signature_database(data)] == digests


def test_a_signature_list_may_have_a_header():
    data = bytearray(logs.signature_list(logs.SHA256_SIGNATURE, b"\1" * 32))
    struct.pack_into("<II", data, 16, len(data) + 5, 5)
    data[28:28] = b"heads"
    assert efi.signature_database(bytes(data))[0].data == b"\1" * 32


@pytest.mark.parametrize(("data", "expected"), [
    pytest.param(logs.SHA256_SIGNATURE.bytes_le
                 + struct.pack("<III", 28, 0, 48), [], id="no entry"),
    pytest.param(logs.signature_list(logs.SHA256_SIGNATURE, b""), [b""],
                 id="an entry that is an owner only"),
])
def test_a_signature_list_may_be_empty(data, expected):
    assert [s.data for s in efi.signature_database(data)] == expected


GOOD = logs.signature_list(logs.SHA256_SIGNATURE, b"\1" * 32)


def resized(*sizes):
    return GOOD[:16] + struct.pack("<III", *sizes) + GOOD[28:]


@pytest.mark.parametrize("data", [
    pytest.param(GOOD[:27], id="cut in its header"),
    pytest.param(GOOD[:-1], id="cut in an entry"),
    pytest.param(resized(len(GOOD), 0, 12), id="no room for the owner"),
    pytest.param(resized(len(GOOD), 0, 0), id="entries of no size"),
    pytest.param(resized(len(GOOD), 0, 47), id="part of an entry"),
    pytest.param(resized(27, 0, 48), id="ends before it starts"),
    pytest.param(resized(0, 0, 48), id="never ends"),
    pytest.param(resized(len(GOOD), 0xFFFFFFFF, 48), id="endless header"),
    pytest.param(resized(len(GOOD) + 48, 0, 48), id="longer than there is"),
])
def test_what_is_no_signature_database(data):
    with pytest.raises(MalformedEvidence):
        efi.signature_database(data)


DER = b"\x30\x82\x00\x04abcd"
LONG = b"\x30\x82\x01\x04" + bytes(260)


@pytest.mark.parametrize("data, expected", [
    pytest.param(DER, efi.Signature(efi.X509, None, DER), id="old shim"),
    pytest.param(LONG, efi.Signature(efi.X509, None, LONG), id="long"),
    pytest.param(logs.SHIM.bytes_le + DER,
                 efi.Signature(efi.X509, logs.SHIM.bytes_le, DER),
                 id="certificate"),
    pytest.param(logs.SHIM.bytes_le + b"\1" * 32,
                 efi.Signature(efi.SHA256, logs.SHIM.bytes_le, b"\1" * 32),
                 id="digest"),
    pytest.param(b"sbat,1,2021030218\n0000000", None, id="SBAT"),
    pytest.param(b"\1", None, id="a flag"),
    pytest.param(b"", None, id="nothing"),
    pytest.param(DER + b"\0", None, id="DER and a byte"),
    pytest.param(DER[:-1], None, id="DER cut short"),
    pytest.param(b"\x31" + DER[1:], None, id="a SET"),
])
def test_what_authorised_an_image(data, expected):
    assert efi.authority(data) == expected


@pytest.mark.parametrize("data, expected", [
    pytest.param(image(node(2, 1, b"pci"), node(
        4, 4, "\\EFI\\a.efi\0".encode("utf-16-le")), END), "\\EFI\\a.efi",
        id="file"),
    pytest.param(image(node(4, 4, "\\EFI\0".encode("utf-16-le")),
                       node(4, 4, "\\a\0".encode("utf-16-le")), END),
                 "\\EFI\\a", id="in parts"),
    pytest.param(image(node(4, 4, "\\a\0".encode("utf-16-le")), END,
                       node(4, 4, "\\b\0".encode("utf-16-le"))),
                 "\\a", id="after the end"),
    pytest.param(image(node(2, 1, b""), node(
        4, 4, "\\a\0".encode("utf-16-le")), END), "\\a", id="empty node"),
    pytest.param(image(node(2, 1, b"pci"), END), None, id="device"),
    pytest.param(image(), None, id="memory"),
    pytest.param(image(b"\4\4\3\0"), None, id="a node too short"),
    pytest.param(image(b"\4\4\0\0" * 9), None, id="nodes of no length"),
    pytest.param(image(b"\4\4"), None, id="half a node"),
    pytest.param(b"\0" * 31, None, id="cut short"),
    pytest.param(struct.pack("<QQQQ", 0, 0, 0, 2 ** 63) + END, None,
                 id="endless"),
])
def test_the_file_an_image_came_from(data, expected):
    assert efi.image_path(data) == expected


def test_a_partition_table():
    assert efi.PartitionTable.parse(gpt()) == efi.PartitionTable(DISK, (
        efi.Partition(TYPE, OWN, 34, 50, "boot"),))
    assert len(efi.PartitionTable.parse(gpt(3)).partitions) == 3
    two = efi.PartitionTable.parse(gpt(2)[:-72] + "root".encode(
        "utf-16-le").ljust(72, b"\0"))
    assert [p.name for p in two.partitions] == ["boot", "root"]
    assert efi.PartitionTable.parse(gpt(0)).partitions == ()


@pytest.mark.parametrize("data", [
    pytest.param(gpt()[:99], id="cut in the header"),
    pytest.param(gpt()[:-1], id="cut in an entry"),
    pytest.param(gpt(count=2), id="one entry too few"),
    pytest.param(gpt(count=2 ** 64 - 1), id="endless"),
    pytest.param(gpt(each=127), id="entries too small"),
    pytest.param(gpt(signature=b"EFI PARX"), id="no table"),
])
def test_what_is_no_partition_table(data):
    with pytest.raises(MalformedEvidence):
        efi.PartitionTable.parse(data)


@given(st.binary(max_size=300))
def test_parsers_are_total(data):
    for parse in (efi.Variable.parse, efi.signature_database,
                  efi.PartitionTable.parse, efi.authority, efi.image_path):
        for start in (b"", VARIABLE[:24], GOOD[:20], gpt()[:92]):
            with contextlib.suppress(MalformedEvidence):
                parse(start + data)
