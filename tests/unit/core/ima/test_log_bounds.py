# SPDX-License-Identifier: Apache-2.0
"""How a list is written: names and headers at their bounds."""

from __future__ import annotations

import struct

import pytest

from attestation_service.core.errors import MalformedEvidence
from attestation_service.core.ima import log
from attestation_service.core.ima.log import Format, Shape
from tests.fakes import logs

ASCII, BINARY = Shape(Format.ASCII, 20), Shape(Format.BINARY, 20)


def entry(name, data=b"data"):
    return (struct.pack("<I20sI", 10, b"h" * 20, len(name)) + name
            + struct.pack("<I", len(data)) + data)


def cut(data, form=BINARY):
    return [raw for chunk in log.chunks(data, form) for raw in chunk]


def test_the_usual_shape():
    assert log.BINARY == BINARY


@pytest.mark.parametrize("zeros", [0, 1, 19, 20])
def test_a_violation_has_a_hash_of_nothing_but_zeros(zeros):
    claimed = bytes(zeros).ljust(20, b"h")
    assert log.Entry(10, claimed, "ima-ng", b"").violation is (zeros == 20)


@pytest.mark.parametrize("name", [b"x", b"n" * 255])
def test_a_name_tells_the_shape(name):
    assert log.shape(entry(name)) == BINARY


@pytest.mark.parametrize("name", [b"", b"n" * 256, b"\1\2", b"\xc3\xa9"])
def test_what_is_no_name_tells_nothing(name):
    with pytest.raises(MalformedEvidence):
        log.shape(entry(name))


@pytest.mark.parametrize("names", [
    [b"", b""], [b"x", b"x"], [b"abc", b"ima-ng"], [b"x", b"n" * 255]])
def test_names_may_change_from_entry_to_entry(names):
    raws = [entry(name) for name in names]
    assert cut(b"".join(raws)) == raws


def test_a_name_beyond_the_limit_is_refused():
    with pytest.raises(MalformedEvidence):
        cut(entry(b"x") + entry(b"n" * 256))


def test_a_legacy_entry_with_too_short_a_digest_is_refused():
    with pytest.raises(MalformedEvidence):
        log.parse(struct.pack("<I20sI", 10, b"h" * 20, 3) + b"ima"
                  + bytes(19), BINARY)


@pytest.mark.parametrize("size", [0, 19, 21, 32])
def test_a_line_with_a_hash_of_another_size_is_refused(size):
    with pytest.raises(MalformedEvidence):
        log.parse(b"10 " + b"00" * size + b" ima-ng sha256:00 /a", ASCII)


def test_nothing_is_no_entry():
    assert cut(b"", ASCII) == []


def test_one_entry_with_a_line_feed_is_one():
    one = logs.ImaList([logs.ima_file("/a\nb", b"x")]).ascii()
    assert cut(one, ASCII) == [one.rstrip(b"\n")]
