# SPDX-License-Identifier: Apache-2.0
"""ATTACKS A: nothing but the quote that was asked for is ever believed."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from attestation_service.core.errors import (
    EvidenceError, MalformedEvidence, UnauthenticEvidence, UnendorsedKey)
from attestation_service.core.tpm import wrap
from attestation_service.core.tpm.quote import (
    load_attestation_key, verify_quote)
from attestation_service.core.tpm.structures import tpm2b
from nova_trusted_launch.wire.digests import HashAlg, PcrBank, PcrSelection
from tests.fakes.tpm import (
    AK_ATTRIBUTES, FakeTpm, new_key, public_area, sign)

NONCE = bytes(range(32))
ASKED = PcrSelection(HashAlg.SHA256, frozenset({0, 7}))
VALUES = {0: b"\x01" * 32, 7: b"\x07" * 32}
EMPTY = tpm2b(b"")


@pytest.fixture
def tpm():
    return FakeTpm(pcrs=VALUES)


def verify(tpm, attest, signature, pcrs=None, **changed):
    asked = {"ak": tpm.ak, "nonce": NONCE, "selection": ASKED} | changed
    return verify_quote(attest, signature,
                        pcrs or tpm.bank(ASKED.registers), **asked)


def signed(tpm, attest):
    return attest, tpm.sign(attest)


def quoted(tpm, selections, digest):
    """Sign a quote with any selections and digest."""
    return signed(tpm, tpm.attest(0x8018, NONCE, selections + tpm2b(digest)))


def test_the_quote_that_was_asked_for_is_believed(tpm):
    attest, signature = tpm.quote(NONCE, ASKED)
    proven = verify(tpm, attest, signature)
    assert proven.pcrs.values == VALUES
    assert (proven.reset_count, proven.restart_count) == (1, 0)
    assert (proven.clock, proven.safe) == (tpm.clock, True)
    assert proven.firmware_version == tpm.firmware_version


def test_a1_flipped_bit_in_the_attest_refused(tpm):
    attest, signature = tpm.quote(NONCE, ASKED)
    for bit in range(len(attest) * 8):
        flipped = bytearray(attest)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(UnauthenticEvidence):
            verify(tpm, bytes(flipped), signature)


def test_a1_flipped_bit_in_the_signature_refused(tpm):
    attest, signature = tpm.quote(NONCE, ASKED)
    for bit in range(len(signature) * 8):
        flipped = bytearray(signature)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises((UnauthenticEvidence, MalformedEvidence)):
            verify(tpm, attest, bytes(flipped))


def test_a2_signed_by_another_key_refused(tpm):
    attest, _ = tpm.quote(NONCE, ASKED)
    with pytest.raises(UnauthenticEvidence):
        verify(tpm, attest, FakeTpm().sign(attest))


@pytest.fixture(scope="module")
def rsa_key():
    return new_key("rsa2048")


def rsa_ak(key, scheme):
    return load_attestation_key(public_area(
        key.public_key(), AK_ATTRIBUTES, scheme=bytes.fromhex(scheme)))


@pytest.mark.parametrize(("scheme", "good", "bad"), [
    ("0014000b", "rsassa", "rsapss"), ("0016000b", "rsapss", "rsassa")])
def test_a3_other_scheme_refused(tpm, rsa_key, scheme, good, bad):
    ak = rsa_ak(rsa_key, scheme)
    attest, _ = tpm.quote(NONCE, ASKED)
    verify(tpm, attest, sign(rsa_key, attest, good), ak=ak)
    with pytest.raises(UnauthenticEvidence):
        verify(tpm, attest, sign(rsa_key, attest, bad), ak=ak)


def test_a3_own_scheme_under_another_name_refused(tpm, rsa_key):
    ak = rsa_ak(rsa_key, "0014000b")
    attest, _ = tpm.quote(NONCE, ASKED)
    signature = sign(rsa_key, attest, "rsassa")
    with pytest.raises(UnauthenticEvidence):
        verify(tpm, attest, b"\x00\x16" + signature[2:], ak=ak)


@pytest.mark.parametrize("alg", [HashAlg.SHA384, HashAlg.SHA512])
def test_a3_other_hash_refused(tpm, alg):
    attest, _ = tpm.quote(NONCE, ASKED)
    with pytest.raises(UnauthenticEvidence):
        verify(tpm, attest, sign(tpm._ak_key, attest, "ecdsa", alg))


def test_a3_sha1_signature_refused(tpm):
    attest, signature = tpm.quote(NONCE, ASKED)
    with pytest.raises(UnauthenticEvidence):
        verify(tpm, attest, signature[:2] + b"\x00\x04" + signature[4:])


def test_a3_key_for_sha1_refused():
    area = public_area(ec.generate_private_key(ec.SECP256R1()).public_key(),
                       AK_ATTRIBUTES, scheme=bytes.fromhex("00180004"))
    with pytest.raises(UnendorsedKey):
        load_attestation_key(area)


def test_a4_other_magic_refused(tpm):
    attest, _ = tpm.quote(NONCE, ASKED)
    with pytest.raises(MalformedEvidence):
        verify(tpm, *signed(tpm, b"\xffTCH" + attest[4:]))


@pytest.mark.parametrize("kind", [
    pytest.param(0x8014, id="time"), pytest.param(0x8015, id="audit"),
    pytest.param(0x8016, id="session audit"),
    pytest.param(0x8017, id="certify"), pytest.param(0x8019, id="creation"),
    pytest.param(0x801c, id="nv")])
def test_a5_other_attestation_as_a_quote_refused(tpm, kind):
    # With a quote's own body, so that only the type tells.
    attest, _ = tpm.quote(NONCE, ASKED)
    with pytest.raises(MalformedEvidence):
        verify(tpm, *signed(
            tpm, attest[:4] + kind.to_bytes(2) + attest[6:]))


def test_a6_trailing_bytes_refused(tpm):
    attest, signature = tpm.quote(NONCE, ASKED)
    with pytest.raises(MalformedEvidence):
        verify(tpm, *signed(tpm, attest + b"\0"))
    with pytest.raises(MalformedEvidence):
        verify(tpm, attest, signature + b"\0")


def test_a6_truncated_refused(tpm):
    attest, signature = tpm.quote(NONCE, ASKED)
    for end in range(len(attest)):
        with pytest.raises(MalformedEvidence):
            verify(tpm, *signed(tpm, attest[:end]))
    for end in range(len(signature)):
        with pytest.raises(MalformedEvidence):
            verify(tpm, attest, signature[:end])


# Where lengths and counts stand in a quote of a SHA-256 AK, 32-byte nonce.
@pytest.mark.parametrize(("at", "size"), [
    pytest.param(6, 2, id="signer"), pytest.param(42, 2, id="nonce"),
    pytest.param(101, 4, id="banks"), pytest.param(107, 1, id="bitmap"),
    pytest.param(111, 2, id="digest")])
def test_a6_length_overflow_refused(tpm, at, size):
    attest, _ = tpm.quote(NONCE, ASKED)
    with pytest.raises(MalformedEvidence):
        verify(tpm, *signed(
            tpm, attest[:at] + b"\xff" * size + attest[at + size:]))


@pytest.mark.parametrize("registers", [
    pytest.param({0}, id="subset"), pytest.param({0, 7, 9}, id="superset"),
    pytest.param({0, 8}, id="other")])
def test_a7_other_registers_quoted_refused(tpm, registers):
    attest, signature = tpm.quote(NONCE, PcrSelection(
        HashAlg.SHA256, frozenset(registers)))
    with pytest.raises(UnauthenticEvidence):
        verify(tpm, attest, signature, tpm.bank(registers))


def test_a7_relabelled_registers_refused(tpm):
    # Equal values in equal order, so that the digest agrees.
    attest, signature = tpm.quote(NONCE, ASKED)
    relabelled = PcrBank(HashAlg.SHA256, {4: VALUES[0], 8: VALUES[7]})
    with pytest.raises(UnauthenticEvidence):
        verify(tpm, attest, signature, relabelled)
    with pytest.raises(UnauthenticEvidence):
        verify(tpm, attest, signature, relabelled,
               selection=relabelled.selection)


def test_a7_two_banks_refused(tpm):
    one = wrap.marshal_selection(ASKED)[4:]
    other = b"\x00\x0c" + one[2:]
    digest = HashAlg.SHA256.digest(tpm.bank(ASKED.registers).concatenated())
    verify(tpm, *quoted(tpm, (1).to_bytes(4) + one, digest))
    with pytest.raises(UnauthenticEvidence):
        verify(tpm, *quoted(tpm, (2).to_bytes(4) + one + other, digest))
    with pytest.raises(MalformedEvidence):
        verify(tpm, *quoted(tpm, (2).to_bytes(4) + one + one, digest))


def test_a7_other_bank_refused(tpm):
    selection = b"\x00\x0c".join(
        wrap.marshal_selection(ASKED).split(b"\x00\x0b"))
    digest = HashAlg.SHA256.digest(tpm.bank(ASKED.registers).concatenated())
    with pytest.raises(UnauthenticEvidence):
        verify(tpm, *quoted(tpm, selection, digest))


def test_a7_no_register_refused(tpm):
    for selections in (bytes(4), bytes.fromhex("00000001000b03000000")):
        with pytest.raises(UnauthenticEvidence):
            verify(tpm, *quoted(tpm, selections, HashAlg.SHA256.digest(b"")))


def test_a8_values_that_the_quote_does_not_cover_refused(tpm):
    attest, signature = tpm.quote(NONCE, ASKED)
    with pytest.raises(UnauthenticEvidence):
        verify(tpm, attest, signature, tpm.bank({0, 7, 9}))


def test_a8_value_missing_refused(tpm):
    attest, signature = tpm.quote(NONCE, ASKED)
    with pytest.raises(UnauthenticEvidence):
        verify(tpm, attest, signature, tpm.bank({0}))


def test_a8_other_value_refused(tpm):
    attest, signature = tpm.quote(NONCE, ASKED)
    tpm.extend(7, b"\x09" * 32)
    with pytest.raises(UnauthenticEvidence):
        verify(tpm, attest, signature)


def test_a9_right_values_in_another_order_refused(tpm):
    attest, signature = tpm.quote(NONCE, ASKED)
    swapped = PcrBank(HashAlg.SHA256, {0: VALUES[7], 7: VALUES[0]})
    with pytest.raises(UnauthenticEvidence):
        verify(tpm, attest, signature, swapped)
    # The order in which they are told does not matter.
    told = PcrBank(HashAlg.SHA256, {7: VALUES[7], 0: VALUES[0]})
    assert verify(tpm, attest, signature, told).pcrs == told


def test_every_refusal_has_a_code():
    for kind in (MalformedEvidence, UnauthenticEvidence, UnendorsedKey):
        assert issubclass(kind, EvidenceError)
        assert kind("x").code.value.startswith("evidence.")
