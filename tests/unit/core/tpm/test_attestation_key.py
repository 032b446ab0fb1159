# SPDX-License-Identifier: Apache-2.0
"""An AK knows its own signatures, in its own scheme, and no others."""

from __future__ import annotations

import pathlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from attestation_service.core.errors import MalformedEvidence, UnendorsedKey
from attestation_service.core.tpm.attestation_key import (
    load_attestation_key, unjudged_attestation_key)
from attestation_service.core.tpm.structures import (
    HASHES, Public, Scheme, tpm2b, untpm2b)
from nova_trusted_launch.wire.digests import HashAlg
from tests.fakes.tpm import AK_ATTRIBUTES, FakeTpm, new_key, public_area, sign
import contextlib

QUOTES = pathlib.Path(__file__).parents[3] / "vectors" / "quotes"
SCHEMES = {"ecdsa": 0x0018, "rsassa": 0x0014, "rsapss": 0x0016}
TPM = FakeTpm()
SIGNED = TPM.sign(b"message")


@pytest.fixture(scope="module")
def keys():
    return {kind: new_key(kind) for kind in ("p256", "p384", "rsa2048")}


def load(key, scheme, alg, *, name_alg=0x000B):
    return load_attestation_key(public_area(
        key.public_key(), AK_ATTRIBUTES, alg=name_alg,
        scheme=SCHEMES[scheme].to_bytes(2) + alg.value.to_bytes(2)))


@pytest.mark.parametrize("alg", HashAlg)
@pytest.mark.parametrize(("kind", "scheme"), [
    ("p256", "ecdsa"), ("p384", "ecdsa"), ("rsa2048", "rsassa"),
    ("rsa2048", "rsapss")])
def test_every_accepted_scheme_verifies(keys, kind, scheme, alg):
    ak = load(keys[kind], scheme, alg)
    signature = sign(keys[kind], b"message", scheme, alg)
    assert ak.signed(b"message", signature)
    assert not ak.signed(b"massage", signature)
    assert (ak.hash_alg, ak.scheme.name.lower()) == (alg, scheme)


@pytest.mark.parametrize("kind", ["cli-ecc", "cli-rsa"])
def test_real_signatures_verify(kind):
    folder = QUOTES / kind
    area = untpm2b((folder / "ak.tpm2b_public").read_bytes(), "AK")
    ak = load_attestation_key(area)
    assert ak.name == (folder / "ak.name").read_bytes()
    assert ak.signed((folder / "quote.attest").read_bytes(),
                     (folder / "quote.sig").read_bytes())


def test_pss_salt_of_any_length_verifies(keys):
    # TPMs salt as long as the key allows or, newer ones, as the hash is.
    key = keys["rsa2048"]
    ak = load(key, "rsapss", HashAlg.SHA256)
    for salt in (padding.PSS.MAX_LENGTH, padding.PSS.DIGEST_LENGTH):
        alg = HASHES[HashAlg.SHA256]
        raw = key.sign(b"m", padding.PSS(padding.MGF1(alg), salt), alg)
        assert ak.signed(b"m", bytes.fromhex("0016000b") + tpm2b(raw))


def test_name_may_have_another_hash_than_the_scheme(keys):
    ak = load(keys["p384"], "ecdsa", HashAlg.SHA384, name_alg=0x000C)
    assert ak.name[:2] == b"\x00\x0c"
    assert ak.hash_alg is HashAlg.SHA384


def test_name_with_sha1_refused(keys):
    with pytest.raises(UnendorsedKey, match="Name"):
        load(keys["p256"], "ecdsa", HashAlg.SHA256, name_alg=0x0004)


@pytest.mark.parametrize("scheme", ["rsassa", "rsapss"])
def test_rsa_scheme_on_an_ecc_key_refused(keys, scheme):
    with pytest.raises(UnendorsedKey, match="another type"):
        load(keys["p256"], scheme, HashAlg.SHA256)


def test_ecdsa_on_an_rsa_key_refused(keys):
    with pytest.raises(UnendorsedKey, match="another type"):
        load(keys["rsa2048"], "ecdsa", HashAlg.SHA256)


def test_short_rsa_key_refused():
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505
    with pytest.raises(UnendorsedKey, match="1024"):
        load(key, "rsassa", HashAlg.SHA256)


@pytest.mark.parametrize("numbers", [
    (b"", b""), (b"\x00", b"\x00"), (b"\xff" * 32, b"\xff" * 32),
    (b"\x01" * 500, b"\x01"), (b"\x01", b"\x01" * 500),
    (b"\x01" * 200, b"\x01"), (b"\x01", b"\x01" * 200)])
def test_numbers_that_are_no_signature_do_not_verify(numbers):
    r, s = numbers
    assert not TPM.ak.signed(b"message", bytes.fromhex("0018000b")
                             + tpm2b(r) + tpm2b(s))


def test_numbers_verify_whatever_they_begin_with():
    """Zeros are left out of DER and a sign is kept out, and nothing else."""
    begun = set()
    while len(begun) < 256:
        signature = TPM.sign(b"message")
        begun |= {signature[6], signature[-32]}
        assert TPM.ak.signed(b"message", signature)


@settings(max_examples=200)
@given(st.integers(0, len(SIGNED) * 8 - 1))
def test_no_flipped_bit_of_a_signature_verifies(bit):
    flipped = bytearray(SIGNED)
    flipped[bit // 8] ^= 1 << bit % 8
    with contextlib.suppress(MalformedEvidence):
        assert not TPM.ak.signed(b"message", bytes(flipped))


@given(st.binary(max_size=100))
def test_no_bytes_at_all_are_a_signature(data):
    with contextlib.suppress(MalformedEvidence):
        assert not TPM.ak.signed(b"message", data)


def test_bare_key_verifies_but_has_no_name():
    public = Public.parse(TPM.ak_public).key
    bare = unjudged_attestation_key(public, Scheme.ECDSA, HashAlg.SHA256)
    assert bare.signed(b"message", SIGNED)
    assert bare.name == b""


def test_bare_key_of_another_type_refused(keys):
    with pytest.raises(UnendorsedKey):
        unjudged_attestation_key(keys["rsa2048"].public_key(), Scheme.ECDSA,
                                 HashAlg.SHA256)
    with pytest.raises(UnendorsedKey):
        unjudged_attestation_key(
            ec.generate_private_key(ec.SECP256R1()).public_key(),
            Scheme.RSASSA, HashAlg.SHA256)
