# SPDX-License-Identifier: Apache-2.0
"""Proofs about the log, as a tenant checks them without trusting anyone."""

from __future__ import annotations

import functools
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nova_trusted_launch.wire import receipts
from nova_trusted_launch.wire.encoding import WireError

# Known answers for the eight leaves that implementations of RFC 6962 share.
ROOT = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"}
INCLUSION = [
    (b"", 0, 1, []),
    (b"", 0, 8, [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"]),
    (bytes.fromhex("40414243"), 5, 8, [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"]),
    (bytes.fromhex("10"), 2, 3, [
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
]
CONSISTENCY = [
    (1, 1, []),
    (1, 8, [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"]),
    (6, 8, [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"]),
    (2, 5, [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"]),
]


def unhex(path):
    return [bytes.fromhex(x) for x in path]


def root(size):
    return bytes.fromhex(ROOT[size])


@pytest.mark.parametrize(("leaf", "index", "size", "path"), INCLUSION)
def test_known_inclusion_proofs(leaf, index, size, path):
    receipts.verify_inclusion(hashlib.sha256(b"\0" + leaf).digest(), index,
                              size, unhex(path), root(size))


@pytest.mark.parametrize(("first", "second", "path"), CONSISTENCY)
def test_known_consistency_proofs(first, second, path):
    receipts.verify_consistency(first, root(first), second, root(second),
                                unhex(path))


# The definitions of RFC 6962, section 2.1, with the side of each step.

LEAVES = [hashlib.sha256(bytes([0, i])).digest() for i in range(18)]


def tree(leaves):
    if len(leaves) == 1:
        return leaves[0]
    left, right = halves(leaves)
    return hashlib.sha256(b"\1" + tree(left) + tree(right)).digest()


def halves(leaves):
    at = 1
    while at * 2 < len(leaves):
        at *= 2
    return leaves[:at], leaves[at:]


def audit(index, leaves):
    if len(leaves) == 1:
        return []
    left, right = halves(leaves)
    if index < len(left):
        return [*audit(index, left), ("right", tree(right))]
    return [*audit(index - len(left), right), ("left", tree(left))]


def prefix(size, leaves, known=True):
    if size == len(leaves):
        return [] if known else [("start", tree(leaves))]
    left, right = halves(leaves)
    if size <= len(left):
        return [*prefix(size, left, known), ("new", tree(right))]
    return [*prefix(size - len(left), right, False), ("both", tree(left))]


@functools.cache
def included(index, size):
    """The steps of a proof, and their hashes."""
    return apart(audit(index, LEAVES[:size]))


@functools.cache
def consistent(first, second):
    return apart(prefix(first, LEAVES[:second])) if first else ((), ())


def apart(proof):
    return tuple(s for s, _ in proof), tuple(value for _, value in proof)


def holds(verify, *what):
    try:
        verify(*what)
    except WireError:
        return False
    return True


PLACES = [(index, size) for size in range(1, 18) for index in range(size)]


@pytest.mark.parametrize("size", range(1, 18))
def test_an_inclusion_proof_holds_where_its_steps_lead_and_nowhere_else(size):
    root_of_it = tree(LEAVES[:size])
    for index in range(size):
        steps, hashes = included(index, size)
        for place in PLACES:
            assert holds(
                receipts.verify_inclusion, LEAVES[index], *place, hashes,
                root_of_it) is (steps == included(*place)[0])


@pytest.mark.parametrize("second", range(2, 18))
def test_a_consistency_proof_holds_where_its_steps_lead_and_nowhere_else(
        second):
    new = tree(LEAVES[:second])
    for first in range(1, second):
        old = tree(LEAVES[:first])
        steps, hashes = consistent(first, second)
        for less, size in PLACES:
            assert holds(
                receipts.verify_consistency, less, old, size, new,
                hashes) is (steps == consistent(less, size)[0])


def lies(path):
    path = unhex(path)
    yield "longer", [*path, b"\0" * 32]
    yield "longer at the front", [b"\0" * 32, *path]
    if path:
        yield "shorter", path[:-1]
        yield "headless", path[1:]
        yield "empty", []
        yield "flipped", [*path[:-1], bytes([path[-1][0] ^ 1])
                          + path[-1][1:]]
        yield "last again", [*path, path[-1]]
    if len(path) > 1:
        yield "turned", path[::-1]


@pytest.mark.parametrize(("leaf", "index", "size", "path"), INCLUSION)
def test_i7_an_altered_inclusion_proof_fails(leaf, index, size, path):
    leaf = hashlib.sha256(b"\0" + leaf).digest()
    for _, lie in lies(path):
        with pytest.raises(WireError):
            receipts.verify_inclusion(leaf, index, size, lie, root(size))
    for what in ((leaf, -1, size), (leaf, size, size), (leaf, index, 0),
                 (b"\0" * 32, index, size)):
        with pytest.raises(WireError):
            receipts.verify_inclusion(*what, unhex(path), root(size))
    with pytest.raises(WireError):
        receipts.verify_inclusion(leaf, index, size, unhex(path), b"\0" * 32)


@pytest.mark.parametrize(("first", "second", "path"), CONSISTENCY)
def test_i7_an_altered_consistency_proof_fails(first, second, path):
    for _, lie in lies(path):
        with pytest.raises(WireError):
            receipts.verify_consistency(first, root(first), second,
                                        root(second), lie)
    for roots in ((b"\0" * 32, root(second)), (root(first), b"\0" * 32)):
        with pytest.raises(WireError):
            receipts.verify_consistency(first, roots[0], second, roots[1],
                                        unhex(path))


def test_i7_a_log_never_shrinks():
    with pytest.raises(WireError, match="shrunk"):
        receipts.verify_consistency(8, root(8), 6, root(6), [])
    with pytest.raises(WireError, match="shrunk"):
        receipts.verify_consistency(-1, root(8), 6, root(6), [])


def test_anything_follows_an_empty_log():
    receipts.verify_consistency(0, receipts.EMPTY_ROOT, 8, root(8), [])
    receipts.verify_consistency(0, receipts.EMPTY_ROOT, 0,
                                receipts.EMPTY_ROOT, [])
    with pytest.raises(WireError):
        receipts.verify_consistency(0, root(1), 8, root(8), [])
    with pytest.raises(WireError):
        receipts.verify_consistency(0, receipts.EMPTY_ROOT, 8, root(8),
                                    [root(1)])


@given(st.integers(0, 20), st.integers(0, 20),
       st.lists(st.binary(min_size=32, max_size=32), max_size=6))
def test_a_made_up_path_proves_nothing(index, size, path):
    with pytest.raises(WireError):
        receipts.verify_inclusion(b"\1" * 32, index, size, path, b"\2" * 32)
    if 0 < index < size:
        with pytest.raises(WireError):
            receipts.verify_consistency(index, b"\1" * 32, size, b"\2" * 32,
                                        path)


def test_a_leaf_is_not_a_node():
    assert receipts.leaf_hash("jwt") == hashlib.sha256(b"\0jwt").digest()
    assert receipts.node_hash(b"l", b"r") == hashlib.sha256(
        b"\1lr").digest()
    assert hashlib.sha256(b"").digest() == receipts.EMPTY_ROOT
