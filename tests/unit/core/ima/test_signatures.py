# SPDX-License-Identifier: Apache-2.0
"""A signature counts only as all of what its header says."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives import hashes

from attestation_service.core.ima.signatures import KeyRing, key_id
from attestation_service.core.ima.templates import FileFacts
from tests.unit.core.ima.signing import EC, RSA, sign

RING = KeyRing.of([RSA.public_key(), EC.public_key()])
TREE = bytes((6, 4)) + hashlib.sha256(b"x").digest()


def signer(signature, *, alg="sha256", hashed=None, verity=False):
    digest = hashlib.new(hashed or alg, b"x").digest()
    return RING.signer(FileFacts(alg, digest, b"/x", signature, b"", verity))


@pytest.mark.parametrize("key", [RSA, EC])
@pytest.mark.parametrize(("number", "hash_"), [
    (4, hashes.SHA256()), (5, hashes.SHA384()), (6, hashes.SHA512())])
def test_every_hash_that_is_accepted(key, number, hash_):
    found = sign(key, b"x", algorithm=number, hash_=hash_)
    assert signer(found, alg=hash_.name) == key_id(key.public_key())


def test_a_signature_of_another_length_than_it_says():
    good = sign(EC, b"x")
    assert signer(good) is not None
    size = int.from_bytes(good[7:9], "big")
    for wrong in (size - 1, size + 1):
        assert signer(good[:7] + wrong.to_bytes(2, "big") + good[9:]) is None


def test_a_digest_of_the_same_size_is_of_another_hash():
    assert signer(sign(EC, b"x"), alg="sm3", hashed="sha256") is None


def test_a_tree_is_signed_as_a_tree_and_a_file_as_a_file():
    tree = sign(EC, TREE, kind=6, version=3)
    assert signer(tree, verity=True) == key_id(EC.public_key())
    assert signer(tree) is None


@pytest.mark.parametrize(("kind", "version"), [
    (3, 2), (3, 3), (6, 2), (6, 4), (4, 3)])
def test_a_tree_is_signed_in_one_way(kind, version):
    named = bytes((kind, 4)) + TREE[2:]
    assert signer(sign(EC, named, kind=kind, version=version),
                  verity=True) is None
