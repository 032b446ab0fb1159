# SPDX-License-Identifier: Apache-2.0
"""Files that are vouched for by their signatures."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives import hashes

from attestation_service.core.ima.appraise import (
    Verdict,
)
from attestation_service.core.ima.signatures import key_id
from tests.fakes import logs
from tests.unit.core.ima.judged import (
    FORMS,
    appraiser,
    bad,
    sha256,
)
from tests.unit.core.ima.signing import EC, RING, RSA, sign, signed


@FORMS
@pytest.mark.parametrize("key", [RSA, EC])
def test_files_that_are_signed(files, form, key):
    judge = appraiser(keys=RING)
    files.entries += [
        signed(sign(key, b"x")),
        signed(sign(key, b"x", algorithm=6, hash_=hashes.SHA512()),
               alg="sha512"),
        signed(sign(key, b"x"), template="ima-sigv2")]
    for _ in range(2):
        assert bad(files, form, judge) == []
    assert len(bad(files, form)) == 3


def test_a_key_is_named_as_the_kernel_does():
    numbers = RSA.public_key().public_numbers()
    assert key_id(RSA.public_key()) != key_id(EC.public_key())
    # RSAPublicKey ::= SEQUENCE { modulus, publicExponent }
    modulus = b"\0" + numbers.n.to_bytes(256, "big")
    der = (b"\x30\x82\x01\x0a\x02\x82\x01\x01" + modulus
           + b"\x02\x03\x01\0\1")
    assert key_id(RSA.public_key()) == int.from_bytes(
        hashlib.sha1(der).digest()[-4:], "big")


GOOD = sign(EC, b"x")


@pytest.mark.parametrize("entry", [
    pytest.param(signed(sign(EC, b"y")), id="of another file"),
    pytest.param(signed(sign(RSA, b"y")), id="of another file, RSA"),
    pytest.param(signed(sign(EC, b"x", name=1)), id="by an unknown key"),
    pytest.param(signed(sign(EC, b"x", name=key_id(RSA.public_key()))),
                 id="by another key"),
    pytest.param(signed(sign(EC, b"x", version=1)), id="version 1"),
    pytest.param(signed(sign(EC, b"x", version=3)), id="version 3"),
    pytest.param(signed(sign(EC, b"x", kind=6)), id="of a Merkle tree"),
    pytest.param(signed(sign(EC, b"x", kind=4)), id="a hash"),
    pytest.param(signed(sign(EC, b"x", algorithm=5)), id="another hash"),
    pytest.param(signed(sign(EC, b"x", algorithm=2, hash_=hashes.SHA1()),
                        alg="sha1"), id="SHA-1"),
    pytest.param(signed(sign(EC, b"x"), alg="sha512"), id="another digest"),
    pytest.param(signed(GOOD[:-1]), id="cut short"),
    pytest.param(signed(GOOD + b"\0"), id="a byte too many"),
    pytest.param(signed(GOOD[:8]), id="no signature"),
    pytest.param(signed(b""), id="nothing"),
])
def test_signatures_that_do_not_count(files, entry):
    files.entries.append(entry)
    assert bad(files, judge=appraiser(keys=RING)) == [
        (3, Verdict.UNKNOWN, "/signed")]


def verity(signature):
    entry = signed(signature, template="ima-sigv2")
    entry.data = entry.data.replace(b"\x2c\0\0\0ima:", b"\x2f\0\0\0verity:")
    return entry


def test_signatures_of_merkle_trees(files):
    ident = bytes((6, 4)) + sha256(b"x")
    files.entries += [verity(sign(EC, ident, kind=6, version=3)),
                      verity(sign(EC, b"x")),
                      verity(sign(EC, ident, kind=3, version=3)),
                      verity(sign(EC, ident, kind=6, version=2)),
                      verity(sign(EC, b"x", kind=6, version=3))]
    assert [n for n, _, _ in bad(files, judge=appraiser(keys=RING))] == [
        4, 5, 6, 7]


def test_a_digest_of_another_length(files):
    entry = signed(GOOD)
    entry.data = entry.data.replace(
        logs.sized(b"sha256:\0" + sha256(b"x")),
        logs.sized(b"sha256:\0" + sha256(b"x")[:31]))
    files.entries.append(entry)
    assert len(bad(files, judge=appraiser(keys=RING))) == 1
