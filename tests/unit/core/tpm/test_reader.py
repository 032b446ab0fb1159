# SPDX-License-Identifier: Apache-2.0
"""The reader never reads short and never ignores a tail."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attestation_service.core.errors import MalformedEvidence
from attestation_service.core.tpm.reader import Reader


def test_reads_in_turn():
    r = Reader(b"\x01\x02\x03\x00\x02ab", "X")
    assert (r.uint(1), r.take(2), r.sized()) == (1, b"\x02\x03", b"ab")
    r.finish()


@pytest.mark.parametrize("read", [
    lambda r: r.take(4), lambda r: r.uint(4), lambda r: r.sized()])
def test_short_read_is_malformed_and_names_the_structure(read):
    with pytest.raises(MalformedEvidence, match=r"X: need \d+ bytes"):
        read(Reader(b"\x00\x02\x01", "X"))


@pytest.mark.parametrize("data", [b"", b"\x00", b"\xff"])
def test_length_itself_cut_is_malformed(data):
    with pytest.raises(MalformedEvidence, match="have 0"):
        Reader(data, "X").sized()


def test_exact_reads_pass():
    Reader(b"abc", "X").take(3)
    Reader(b"\x00\x00", "X").sized()
    Reader(b"\x00\x01a", "X").sized()


def test_tail_is_malformed():
    with pytest.raises(MalformedEvidence, match="1 trailing"):
        Reader(b"a", "X").finish()


def test_shortage_says_what_is_there():
    r = Reader(b"abcd", "X")
    r.take(3)
    with pytest.raises(MalformedEvidence,
                       match="need 2 bytes at offset 3, have 1"):
        r.take(2)
    with pytest.raises(MalformedEvidence,
                       match="need 9 bytes at offset 2, have 1"):
        Reader(b"\x00\x09a", "X").sized()


@given(st.binary(max_size=64), st.integers(0, 70))
def test_take_gives_all_or_nothing(data, size):
    try:
        assert Reader(data, "X").take(size) == data[:size]
        assert size <= len(data)
    except MalformedEvidence:
        assert size > len(data)
