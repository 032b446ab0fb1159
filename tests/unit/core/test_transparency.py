# SPDX-License-Identifier: Apache-2.0
"""The log's tree against a naive one written from the definition."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attestation_service.core import errors, transparency
from nova_trusted_launch.wire import receipts
from nova_trusted_launch.wire.codes import Code
from nova_trusted_launch.wire.encoding import WireError

# The test leaves of the reference implementation of RFC 6962 and their roots.
LEAVES = [bytes.fromhex(x) for x in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
    "606162636465666768696a6b6c6d6e6f")]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"]


def leaf(data):
    return hashlib.sha256(b"\0" + data).digest()


def naive_root(hashes):
    """MTH of RFC 6962, word for word."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while k * 2 < len(hashes):
        k *= 2
    return hashlib.sha256(b"\1" + naive_root(hashes[:k])
                          + naive_root(hashes[k:])).digest()


def tree(count):
    hashes = [leaf(i.to_bytes(4, "big")) for i in range(count)]
    asked = []

    def node(level, index):
        start, width = index << level, 1 << level
        assert start + width <= count, "not a complete subtree"
        asked.append((level, index))
        return naive_root(hashes[start:start + width])

    return hashes, node, asked


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_of_the_reference_leaves(size):
    hashes = [leaf(data) for data in LEAVES[:size]]

    def node(level, index):
        return naive_root(hashes[index << level:(index + 1) << level])

    assert transparency.root(node, size).hex() == ROOTS[size - 1]


def test_root_of_nothing():
    assert transparency.root(tree(0)[1], 0) == receipts.EMPTY_ROOT


@pytest.mark.parametrize("size", range(1, 40))
def test_root_equals_the_definition(size):
    hashes, node, asked = tree(size)
    assert transparency.root(node, size) == naive_root(hashes)
    assert len(asked) == size.bit_count()


@pytest.mark.parametrize("size", range(1, 34))
def test_every_entry_is_provable(size):
    hashes, node, _ = tree(size)
    root = naive_root(hashes)
    for index in range(size):
        path = transparency.inclusion_path(node, index, size)
        receipts.verify_inclusion(hashes[index], index, size, path, root)
        for other in {*range(size)} - {index}:
            with pytest.raises(WireError):
                receipts.verify_inclusion(hashes[index], other, size, path,
                                          root)


@pytest.mark.parametrize("second", range(34))
def test_every_prefix_is_provable(second):
    hashes, node, _ = tree(second)
    for first in range(second + 1):
        path = transparency.consistency_path(node, first, second)
        receipts.verify_consistency(
            first, naive_root(hashes[:first]), second, naive_root(hashes),
            path)


@given(st.integers(1, 200), st.data())
def test_i7_a_changed_or_removed_entry_breaks_the_proof(second, data):
    hashes, node, _ = tree(second)
    first = data.draw(st.integers(1, second))
    at = data.draw(st.integers(0, first - 1))
    changed = [*hashes[:at], leaf(b"forged"), *hashes[at + 1:]]
    removed = hashes[:at] + hashes[at + 1:]
    path = transparency.consistency_path(node, first, second)
    for lie in (changed[:first], removed[:first]):
        if lie == hashes[:first]:
            continue
        with pytest.raises(WireError):
            receipts.verify_consistency(
                first, naive_root(lie), second, naive_root(hashes), path)


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_no_proof_of_what_is_not_there(index, size):
    with pytest.raises(errors.Unknown) as refused:
        transparency.inclusion_path(tree(3)[1], index, size)
    assert refused.value.code is Code.LOG_RANGE


@pytest.mark.parametrize(("first", "second"), [(-1, 3), (3, 2)])
def test_no_proof_of_a_log_that_shrinks(first, second):
    with pytest.raises(errors.Unknown) as refused:
        transparency.consistency_path(tree(3)[1], first, second)
    assert refused.value.code is Code.LOG_RANGE
