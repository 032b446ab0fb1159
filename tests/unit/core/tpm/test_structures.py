# SPDX-License-Identifier: Apache-2.0
"""Public areas and signatures are taken apart whole, or not at all."""

from __future__ import annotations

import pathlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from attestation_service.core.errors import MalformedEvidence, UnendorsedKey
from attestation_service.core.tpm.structures import (
    Attributes, KeyType, Public, Scheme, Signature, tpm2b, untpm2b)
from nova_trusted_launch.wire.digests import HashAlg
from tests.fakes.tpm import AK_ATTRIBUTES, new_key, public_area
import contextlib

QUOTES = pathlib.Path(__file__).parents[3] / "vectors" / "quotes"
P256 = new_key("p256").public_key()
ECDSA = bytes.fromhex("0018000b")
AREA = public_area(P256, AK_ATTRIBUTES, scheme=ECDSA)


@pytest.fixture(scope="module")
def modulus():
    return new_key("rsa2048").public_key().public_numbers().n


def rsa_area(modulus, bits=2048, exponent=0, size=256):
    return (bytes.fromhex("0001000b00050072000000100014000b")
            + bits.to_bytes(2) + exponent.to_bytes(4)
            + tpm2b(modulus.to_bytes(size)))


@pytest.mark.parametrize("kind", ["cli-ecc", "cli-rsa"])
def test_real_keys_have_their_names(kind):
    folder = QUOTES / kind
    public = Public.from_tpm2b((folder / "ak.tpm2b_public").read_bytes())
    assert public.name == (folder / "ak.name").read_bytes()
    assert public.attributes == AK_ATTRIBUTES
    assert public.name_hash is HashAlg.SHA256


def test_real_ecc_key():
    public = Public.from_tpm2b(
        (QUOTES / "cli-ecc" / "ak.tpm2b_public").read_bytes())
    assert (public.type, public.symmetric, public.scheme, public.parameter,
            public.exponent, public.auth_policy) == (
        KeyType.ECC, None, (Scheme.ECDSA.value, 0x000B), 3, 0, b"")
    assert isinstance(public.key, ec.EllipticCurvePublicKey)


def test_real_rsa_key_and_ek():
    folder = QUOTES / "cli-rsa"
    public = Public.from_tpm2b((folder / "ak.tpm2b_public").read_bytes())
    assert (public.type, public.parameter) == (KeyType.RSA, 2048)
    assert isinstance(public.key, rsa.RSAPublicKey)
    ek = Public.from_tpm2b((folder / "ek.pub").read_bytes())
    assert ek.symmetric == (0x0006, 128, 0x0043)
    assert ek.scheme is None
    assert len(ek.auth_policy) == 32


def test_attributes_are_those_of_tpma_object():
    assert {a.name: a.value for a in Attributes} == {
        "FIXED_TPM": 0x2, "FIXED_PARENT": 0x10,
        "SENSITIVE_DATA_ORIGIN": 0x20, "USER_WITH_AUTH": 0x40,
        "ADMIN_WITH_POLICY": 0x80, "NO_DA": 0x400, "RESTRICTED": 0x10000,
        "DECRYPT": 0x20000, "SIGN": 0x40000}


def test_attributes_are_all_asked_for():
    public = Public.parse(AREA)
    assert public.has(Attributes.SIGN | Attributes.RESTRICTED)
    assert not public.has(Attributes.SIGN | Attributes.DECRYPT)


@pytest.mark.parametrize("kind", [0x0008, 0x0025, 0x0000])
def test_other_kinds_of_object_are_malformed(kind):
    with pytest.raises(MalformedEvidence, match="not an RSA or ECC"):
        Public.parse(kind.to_bytes(2) + AREA[2:])


def test_key_with_its_own_kdf_is_malformed():
    at = AREA.index(ECDSA) + 4 + 2
    with pytest.raises(MalformedEvidence, match="KDF"):
        Public.parse(AREA[:at] + b"\x00\x20" + AREA[at + 2:])


@pytest.mark.parametrize("area", [AREA, rsa_area(1 << 2047 | 1)])
def test_truncation_and_tails_are_malformed(area):
    Public.parse(area)
    for end in range(len(area)):
        with pytest.raises(MalformedEvidence):
            Public.parse(area[:end])
    with pytest.raises(MalformedEvidence):
        Public.parse(area + b"\0")
    with pytest.raises(MalformedEvidence):
        Public.from_tpm2b(tpm2b(area) + b"\0")


@pytest.mark.parametrize("alg", [0x0004, 0x0012, 0x0010, 0])
def test_name_with_a_hash_we_do_not_accept_is_none(alg):
    public = Public.parse(AREA[:2] + alg.to_bytes(2) + AREA[4:])
    with pytest.raises(UnendorsedKey, match="hash"):
        public.name  # noqa: B018


@pytest.mark.parametrize(("alg", "size"), [(0x0C, 48), (0x0D, 64)])
def test_name_starts_with_its_hash(alg, size):
    name = Public.parse(AREA[:2] + alg.to_bytes(2) + AREA[4:]).name
    assert name[:2] == alg.to_bytes(2)
    assert len(name) == 2 + size


def test_rsa_key_is_the_one_in_the_area(modulus):
    for exponent in (0, 65537):
        numbers = Public.parse(
            rsa_area(modulus, exponent=exponent)).key.public_numbers()
        assert (numbers.n, numbers.e) == (modulus, 65537)


@pytest.mark.parametrize("exponent", [1, 3, 65536, 65539, 2 ** 32 - 1])
def test_other_rsa_exponents_refused(modulus, exponent):
    with pytest.raises(UnendorsedKey, match="exponent"):
        Public.parse(rsa_area(modulus, exponent=exponent)).key  # noqa: B018


@pytest.mark.parametrize("bits", [0, 1024, 2047, 2056, 8192, 65535])
def test_other_rsa_sizes_refused(bits):
    area = rsa_area(1 << max(0, bits - 1) | 1, bits, size=8192)
    with pytest.raises(UnendorsedKey, match="bits"):
        Public.parse(area).key  # noqa: B018


@pytest.mark.parametrize("bits", [3072, 4096])
def test_larger_rsa_sizes_accepted(bits):
    area = rsa_area(1 << bits - 1 | 1, bits, size=bits // 8)
    assert Public.parse(area).key.key_size == bits


@pytest.mark.parametrize("modulus", [
    pytest.param(0, id="zero"), pytest.param(1 << 2046 | 1, id="short"),
    pytest.param(1 << 2048 | 1, id="long"),
    pytest.param(1 << 2047, id="even")])
def test_what_is_no_modulus_is_malformed(modulus):
    with pytest.raises(MalformedEvidence, match="modulus"):
        Public.parse(rsa_area(modulus, size=257)).key  # noqa: B018


@pytest.mark.parametrize("curve", [0, 1, 2, 5, 0x10, 0x20])
def test_other_curves_refused(curve):
    at = AREA.index(ECDSA) + 4
    public = Public.parse(AREA[:at] + curve.to_bytes(2) + AREA[at + 2:])
    with pytest.raises(UnendorsedKey, match="curve"):
        public.key  # noqa: B018


@pytest.mark.parametrize(("x", "y"), [
    pytest.param(b"", b"", id="infinity"),
    pytest.param(b"\x01" * 32, b"\x02" * 32, id="off the curve"),
    pytest.param(b"\xff" * 32, b"\xff" * 32, id="not in the field"),
    pytest.param(b"\xff" * 999, b"\x01", id="very long")])
def test_point_that_is_none_is_malformed(x, y):
    at = len(AREA) - 2 * 34
    with pytest.raises(MalformedEvidence, match="curve"):
        Public.parse(AREA[:at] + tpm2b(x) + tpm2b(y)).key  # noqa: B018


@given(st.binary(max_size=200))
def test_parsers_are_total(data):
    for parse in (Public.parse, Public.from_tpm2b, Signature.parse):
        for head in (b"", AREA[:20], rsa_area(1)[:16], ECDSA):
            with contextlib.suppress(MalformedEvidence):
                parse(head + data)


@given(st.integers(0, len(AREA) * 8 - 1))
def test_no_flipped_bit_gives_the_same_name(bit):
    flipped = bytearray(AREA)
    flipped[bit // 8] ^= 1 << bit % 8
    with contextlib.suppress(MalformedEvidence, UnendorsedKey):
        assert Public.parse(bytes(flipped)).name != Public.parse(AREA).name


@pytest.mark.parametrize(("data", "parts"), [
    ("0018000b000101000102", (b"\x01", b"\x02")),
    ("0014000c000103", (b"\x03",)), ("0016000d0000", (b"",))])
def test_signatures(data, parts):
    parsed = Signature.parse(bytes.fromhex(data))
    assert parsed.scheme.value == int(data[:4], 16)
    assert parsed.hash_alg == int(data[4:8], 16)
    assert parsed.parts == parts


@pytest.mark.parametrize("data", [
    "", "00", "0010", "0010000b", "0005000b0000", "001a000b00010100010200",
    "0018000b0001010001020a", "0014000c00010300", "0018000b000101"])
def test_other_signatures_are_malformed(data):
    with pytest.raises(MalformedEvidence, match="TPMT_SIGNATURE"):
        Signature.parse(bytes.fromhex(data))


@given(st.binary(max_size=300))
def test_tpm2b_round_trip(data):
    assert untpm2b(tpm2b(data), "X") == data
