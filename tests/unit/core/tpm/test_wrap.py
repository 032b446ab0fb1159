# SPDX-License-Identifier: Apache-2.0
"""Sealed keys and credentials: the bytes that real TPMs took, and no others.

The digests below are of bytes whose like tests/swtpm feeds to a real TPM; they
keep a change of any constant from passing unnoticed where there is none.
"""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed, decode_dss_signature)

from attestation_service.core.errors import UnendorsedKey
from attestation_service.core.tpm import envelope, wrap
from attestation_service.core.tpm.credential import make_credential
from attestation_service.core.tpm.structures import (
    Attributes, Public, Signature, untpm2b)
from nova_trusted_launch.wire.digests import HashAlg, PcrBank, PcrSelection
from nova_trusted_launch.wire.release import SealedKey, policy_ref
from tests.fakes.tpm import (
    EK_ATTRIBUTES, FakeTpm, TpmRefused, new_key, public_area)

P256, P384 = "ek-p256", "ek-p384"
AES = {P256: "000600800043", P384: "000601000043"}
BOOT = PcrBank(HashAlg.SHA256, {0: b"\1" * 32, 7: b"\7" * 32})
POLICY_KEY = ec.derive_private_key(77, ec.SECP256R1())
POLICY_PUBLIC = wrap.policy_key_public(POLICY_KEY.public_key())


def fixed_parent(kind):
    curve = ec.SECP256R1() if kind == P256 else ec.SECP384R1()
    key = ec.derive_private_key(0x1234567890, curve)
    return Public.parse(public_area(
        key.public_key(), EK_ATTRIBUTES, alg=0x0B if kind == P256 else 0x0C,
        symmetric=bytes.fromhex(AES[kind])))


def seal(parent, kind=P256, **changed):
    return wrap.seal(changed.pop("secret", b"k" * 32), **{
        "parent": parent, "parent_name": kind, "pcrs": BOOT,
        "release_id": "r-1", "nonce_tpm": bytes(32), "expiration": 60,
        "policy_key_public": POLICY_PUBLIC, "randomness": bytes(range(96)),
    } | changed)


def sha256(data):
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize(("kind", "credential", "sealed"), [
    (P256, "4ee41c8cfde23b46910dd692c5ff54f87be5738c70e2a29d21674c8892dd97fe",
     "2aabe56241fc3bdfc903e206042dca20986d3e80a48b0d8b0531ece056e26809"),
    (P384, "0f7a77a7c5045439c79d301527780b904dc9a435155235eff35f24414a24c2a2",
     "fe9308dd5db17f23b062282ac4cf4f83debbbdd908d9f9b4133f1357b8f6a56f")])
def test_bytes_are_those_a_real_tpm_takes(kind, credential, sealed):
    parent = fixed_parent(kind)
    id_object, secret = make_credential(
        parent, b"\x00\x0b" + bytes(32), b"c" * 32, bytes(range(64)))
    assert sha256(id_object + secret) == credential
    made = seal(parent, kind)
    assert sha256(made.public) == (
        "8cccf253df288873911a69449d990bbc48b2828b73f6272a48f0c7c141862866")
    assert sha256(made.duplicate + made.seed) == sealed
    assert made.to_sign.hex() == (
        "5e21840a2aeedf3f6e37364aea21ab3eeecbb88a8b569def4c41f5d2ff995c57")
    assert made.parent == kind


def signed(made):
    der = POLICY_KEY.sign(made.to_sign, ec.ECDSA(Prehashed(hashes.SHA256())))
    return made.sealed_key(
        wrap.policy_signature(*decode_dss_signature(der)), b"bundle")


@pytest.fixture(scope="module", params=[P256, P384, "ek-rsa2048"])
def tpm(request):
    return FakeTpm(ek=request.param, pcrs=BOOT.values)


def seal_for(tpm, **changed):
    nonce = tpm.start_session()
    return nonce, signed(seal(Public.parse(tpm.ek_public), tpm.parent_name,
                              nonce_tpm=nonce, **changed))


def test_key_opens_in_its_tpm_state_and_session(tpm):
    nonce, sealed = seal_for(tpm)
    assert SealedKey.from_dict(sealed.to_dict()) == sealed
    assert tpm.unseal(sealed, "r-1", nonce) == b"k" * 32
    with pytest.raises(TpmRefused, match="session"):
        tpm.unseal(sealed, "r-1", nonce)


def test_key_stays_shut_elsewhere_and_later(tpm):
    nonce, sealed = seal_for(tpm)
    with pytest.raises(TpmRefused, match="session"):
        tpm.unseal(sealed, "r-1", bytes(32))
    with pytest.raises(TpmRefused):
        FakeTpm(ek=tpm.parent_name).unseal(sealed, "r-1", nonce)
    with pytest.raises(TpmRefused, match="signature"):
        tpm.unseal(sealed, "r-2", nonce)
    nonce, sealed = seal_for(tpm)
    tpm.clock += 61_000
    with pytest.raises(TpmRefused, match="expired"):
        tpm.unseal(sealed, "r-1", nonce)
    nonce, sealed = seal_for(tpm, pcrs=PcrBank(
        HashAlg.SHA256, {0: b"\1" * 32, 7: b"\2" * 32}))
    with pytest.raises(TpmRefused, match="policy"):
        tpm.unseal(sealed, "r-1", nonce)


def test_sealed_object_allows_nothing_but_its_policy():
    public = untpm2b(seal(fixed_parent(P256)).public, "PUBLIC")
    attributes = int.from_bytes(public[4:8], "big")
    assert attributes == (
        Attributes.ADMIN_WITH_POLICY | Attributes.NO_DA)
    assert public[10:42] == wrap.policy_digest(
        BOOT, wrap.policy_key_name(POLICY_PUBLIC), policy_ref("r-1"))


def test_policy_depends_on_everything_in_it():
    name = wrap.policy_key_name(POLICY_PUBLIC)
    other_bank = PcrBank(HashAlg.SHA384, {0: bytes(48), 7: bytes(48)})
    policies = {
        wrap.policy_digest(pcrs, key, reference)
        for pcrs in (BOOT, BOOT.only({0}), other_bank, PcrBank(
            HashAlg.SHA256, {1: b"\1" * 32, 7: b"\7" * 32}))
        for key in (name, name[:-1] + b"\0")
        for reference in (b"", policy_ref("r-1"), policy_ref("r-2"))}
    assert len(policies) == 4 * 2 * 3


def test_authorization_depends_on_everything_in_it():
    digests = {wrap.policy_signed_ahash(nonce, seconds, cp, reference)
               for nonce in (bytes(32), b"\1" * 32)
               for seconds in (1, 60) for cp in (b"", b"\2" * 32)
               for reference in (b"", policy_ref("r"))}
    assert len(digests) == 16
    nonce, reference = bytes(16), policy_ref("r")
    assert wrap.policy_signed_ahash(nonce, 258, b"cp", reference) == (
        hashlib.sha256(nonce + b"\0\0\1\2" + b"cp" + reference).digest())


@pytest.mark.parametrize("size", [0, 1, 15, 65])
def test_authorization_without_a_session_is_never_made(size):
    with pytest.raises(ValueError, match="nonce"):
        seal(fixed_parent(P256), nonce_tpm=bytes(size))
    for fine in (16, 64):
        seal(fixed_parent(P256), nonce_tpm=bytes(fine))


@pytest.mark.parametrize("expiration", [0, -1, -60, 2 ** 31])
def test_authorization_for_ever_or_with_a_ticket_is_never_made(expiration):
    with pytest.raises(ValueError, match="expires"):
        seal(fixed_parent(P256), expiration=expiration)
    for fine in (1, 2 ** 31 - 1):
        seal(fixed_parent(P256), expiration=fine)


@pytest.mark.parametrize("changed", [
    {"secret": b""}, {"secret": bytes(129)}, {"randomness": bytes(95)},
    {"randomness": bytes(97)}])
def test_wrong_lengths_are_our_own_error(changed):
    with pytest.raises(ValueError, match="sealed object"):
        seal(fixed_parent(P256), **changed)


@pytest.mark.parametrize("size", [1, 128])
def test_secret_has_one_byte_to_as_many_as_a_tpm_takes(size):
    # Encrypted are sizes and type (10), the obfuscation value and the secret.
    made = seal(fixed_parent(P256), secret=bytes(size))
    assert len(made.duplicate) == 2 + 34 + 10 + 32 + size


def test_every_byte_of_randomness_counts():
    parent = fixed_parent(P256)
    made = seal(parent)
    for at in (0, 63, 64, 95):
        randomness = bytearray(range(96))
        randomness[at] ^= 1
        other = seal(parent, randomness=bytes(randomness))
        assert other.duplicate != made.duplicate
        assert (other.public != made.public) is (at >= 64)
        assert (other.seed != made.seed) is (at < 64)


def test_parents_have_names():
    for kind in (P256, P384):
        assert wrap.parent_name_of(fixed_parent(kind)) == kind
    rsa = FakeTpm(ek="ek-rsa2048")
    assert wrap.parent_name_of(Public.parse(rsa.ek_public)) == "ek-rsa2048"


def test_parent_of_another_size_or_kind_has_none():
    big = public_area(new_key("rsa3072").public_key(), EK_ATTRIBUTES,
                      symmetric=bytes.fromhex(AES[P256]))
    with pytest.raises(UnendorsedKey, match="size"):
        wrap.parent_name_of(Public.parse(big))
    with pytest.raises(UnendorsedKey, match="storage"):
        wrap.parent_name_of(Public.parse(FakeTpm().ak_public))


def test_policy_key_is_a_tpm_public_area():
    public = Public.parse(POLICY_PUBLIC)
    assert public.key.public_numbers() == (
        POLICY_KEY.public_key().public_numbers())
    assert public.scheme == (0x0018, 0x000B)
    assert public.attributes == (
        Attributes.SIGN | Attributes.USER_WITH_AUTH)
    assert public.name == wrap.policy_key_name(POLICY_PUBLIC)
    with pytest.raises(ValueError, match="P-256"):
        wrap.policy_key_public(new_key("p384").public_key())


def test_policy_signature_is_a_tpm_signature():
    parsed = Signature.parse(wrap.policy_signature(5, 2 ** 255))
    assert [int.from_bytes(n, "big") for n in parsed.parts] == [5, 2 ** 255]
    assert [len(n) for n in parsed.parts] == [32, 32]
    assert (parsed.scheme.value, parsed.hash_alg) == (0x0018, 0x000B)


def test_selection_as_a_tpm_writes_it():
    selection = PcrSelection(HashAlg.SHA384, frozenset({0, 9, 23}))
    assert wrap.marshal_selection(selection).hex() == (
        "00000001" "000c" "03" "010280")


# The envelope around both.

@pytest.mark.parametrize("size", [0, 63, 65])
def test_seed_needs_its_randomness(size):
    with pytest.raises(ValueError, match="random"):
        envelope.share_seed(fixed_parent(P256), b"X\0", bytes(size))


def test_seed_is_shared_with_a_storage_key_only():
    with pytest.raises(UnendorsedKey, match="storage"):
        envelope.share_seed(Public.parse(FakeTpm().ak_public), b"X\0",
                            bytes(64))


def test_every_randomness_makes_a_scalar():
    # All zero, and the group's order, where a scalar would be 0.
    order = int("ffffffff00000000ffffffffffffffff"
                "bce6faada7179e84f3b9cac2fc632551", 16)
    for number in (0, order - 1, order, 2 ** 512 - 1):
        envelope.share_seed(fixed_parent(P256), b"X\0", number.to_bytes(64))


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 32, 100])
def test_cfb_is_cfb(size):
    # NIST SP 800-38A has no zero IV; its first block is AES of it.
    key = bytes(range(16))
    plain = bytes(range(size))
    first = bytes.fromhex("c6a13b37878f5b826f4f8162a1c8d879")
    out = envelope.cfb_encrypt(key, plain)
    assert len(out) == size
    assert out[:16] == bytes(
        a ^ b for a, b in zip(plain, first, strict=False))


def test_kdf_context_and_label_count():
    made = {envelope.kdfa(HashAlg.SHA256, key, label, context, bits)
            for key in (b"k", b"l") for label in (b"A\0", b"B\0")
            for context in (b"", b"c") for bits in (128, 256)}
    assert len(made) == 16
    assert {len(m) for m in made} == {16, 32}


def test_kdf_of_more_than_one_round_is_our_own_error():
    envelope.kdfa(HashAlg.SHA384, b"", b"", b"", 384)
    with pytest.raises(AssertionError):
        envelope.kdfa(HashAlg.SHA256, b"", b"", b"", 264)
