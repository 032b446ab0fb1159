# SPDX-License-Identifier: Apache-2.0
"""ATTACKS D1: whose EK certificate is not believed, and why."""

from __future__ import annotations

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from attestation_service.core.endorsement import (
    TrustAnchors)
from attestation_service.core.errors import MalformedEvidence, UnendorsedKey
from attestation_service.core.tpm.structures import Public
from tests.attacks.endorsing import CA, endorse
from tests.fakes.ca import EK_USAGE, NOW, PLATFORM_USAGE, YEAR, Authority
from tests.fakes.tpm import (
    EK_ATTRIBUTES, FakeCa, FakeTpm, new_key,
    public_area)

SECOND = datetime.timedelta(seconds=1)
AES = bytes.fromhex("000600800043")


@pytest.fixture(scope="module")
def tpm():
    return FakeTpm(ca=CA)


@pytest.fixture(scope="module")
def ek_key(tpm):
    return Public.parse(tpm.ek_public).key


def test_the_tpms_own_certificate_is_believed(tpm):
    proven = endorse(tpm)
    assert proven.hardware
    assert (proven.manufacturer, proven.model, proven.version) == (
        "IFX", "SLB9672", "id:000F0018")
    assert proven.ek == Public.parse(tpm.ek_public)


def test_d1_self_signed_refused(tpm, ek_key):
    alone = Authority("host", key=tpm._ek_key)
    with pytest.raises(UnendorsedKey):
        endorse(tpm, alone.issue(ek_key))
    # Nor when it brings itself along as its own intermediate.
    with pytest.raises(UnendorsedKey):
        endorse(tpm, alone.issue(ek_key), intermediates=[alone.der])


def test_d1_other_ca_of_the_same_name_refused(tpm, ek_key):
    other = FakeCa()
    with pytest.raises(UnendorsedKey):
        endorse(tpm, other.issue(ek_key),
                intermediates=[other.intermediate.der, other.root.der])


@pytest.mark.parametrize(("start", "end"), [
    pytest.param(NOW - YEAR, NOW - SECOND, id="expired"),
    pytest.param(NOW + SECOND, NOW + YEAR, id="not yet")])
def test_d1_outside_its_validity_refused(tpm, ek_key, start, end):
    with pytest.raises(UnendorsedKey):
        endorse(tpm, CA.issue(ek_key, start=start, end=end))


def test_d1_only_the_given_time_counts(tpm):
    with pytest.raises(UnendorsedKey):
        endorse(tpm, now=NOW + 11 * YEAR)
    with pytest.raises(UnendorsedKey):
        endorse(tpm, now=NOW - 2 * YEAR)


def test_d1_the_time_is_taken_in_utc(tpm, ek_key):
    # 12:30 in a zone two hours ahead is 10:30, and 11:00 is the end.
    end = NOW.replace(hour=11)
    ahead = datetime.timezone(datetime.timedelta(hours=2))
    certificate = CA.issue(ek_key, end=end)
    endorse(tpm, certificate,
            now=NOW.replace(hour=12, minute=30, tzinfo=ahead))
    with pytest.raises(UnendorsedKey):
        endorse(tpm, certificate, now=NOW.replace(hour=13, minute=30,
                                                  tzinfo=ahead))


@pytest.mark.parametrize("usage", [
    pytest.param((), id="none"), pytest.param((PLATFORM_USAGE,),
                                              id="platform certificate"),
    pytest.param((ExtendedKeyUsageOID.CLIENT_AUTH,), id="client"),
    pytest.param((ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,), id="any")])
def test_d1_wrong_or_no_usage_refused(tpm, ek_key, usage):
    with pytest.raises(UnendorsedKey, match="EKU"):
        endorse(tpm, CA.issue(ek_key, usage=usage))


def test_d1_missing_intermediate_refused(tpm):
    with pytest.raises(UnendorsedKey):
        endorse(tpm, intermediates=())


def test_d1_ca_certificate_as_an_eks_refused(tpm, ek_key):
    with pytest.raises(UnendorsedKey, match="CA"):
        endorse(tpm, CA.issue(ek_key, ca=True))


def test_d1_issued_by_what_is_no_ca_refused(tpm, ek_key):
    # The key of an EK that could sign, with its own honest certificate.
    leaf_key = new_key("p256")
    leaf = CA.issue(leaf_key.public_key(), subject="leaf")
    rogue = Authority("leaf", key=leaf_key)
    with pytest.raises(UnendorsedKey):
        endorse(tpm, rogue.issue(ek_key),
                intermediates=[leaf, *tpm.intermediates])


@pytest.mark.parametrize("spoil", [
    pytest.param(lambda der: der + b"\0", id="padding"),
    pytest.param(lambda der: der + b"\xff" * 20, id="NV padding"),
    pytest.param(lambda der: der[:-1], id="truncated"),
    pytest.param(lambda der: b"", id="nothing"),
    pytest.param(lambda der: der + der, id="twice"),
    pytest.param(lambda der: b"\x30\x82\xff\xff" + der[4:], id="length")])
def test_d1_malformed_refused(tpm, spoil):
    with pytest.raises(MalformedEvidence):
        endorse(tpm, spoil(tpm.ek_certificate))
    with pytest.raises(MalformedEvidence):
        endorse(tpm, intermediates=[spoil(tpm.intermediates[0])])


def test_d1_malformed_extension_refused(tpm, ek_key):
    usage = x509.UnrecognizedExtension(
        x509.ExtendedKeyUsage.oid, b"\x30\x03\x06\x05\x67")
    with pytest.raises((MalformedEvidence, UnendorsedKey)):
        endorse(tpm, CA.issue(ek_key, usage=(), extra=[(usage, False)]))


def test_d1_unknown_critical_extension_refused(tpm, ek_key):
    strange = x509.UnrecognizedExtension(
        x509.ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00")
    endorse(tpm, CA.issue(ek_key, extra=[(strange, False)]))
    with pytest.raises(UnendorsedKey):
        endorse(tpm, CA.issue(ek_key, extra=[(strange, True)]))


def test_d1_flipped_bit_refused(tpm):
    for at in range(0, len(tpm.ek_certificate), 7):
        flipped = bytearray(tpm.ek_certificate)
        flipped[at] ^= 0x10
        with pytest.raises((MalformedEvidence, UnendorsedKey)):
            endorse(tpm, bytes(flipped))


def test_d1_key_other_than_the_eks_refused(tpm):
    other = FakeTpm(ca=CA)
    with pytest.raises(UnendorsedKey, match="another key"):
        endorse(tpm, other.ek_certificate)
    with pytest.raises(UnendorsedKey, match="another key"):
        endorse(tpm, ek_public=other.ek_public)


def test_certificate_for_ek_and_platform_is_one_for_an_ek(tpm, ek_key):
    endorse(tpm, CA.issue(ek_key, usage=(PLATFORM_USAGE, EK_USAGE)))


@pytest.mark.parametrize("attributes", [
    pytest.param(EK_ATTRIBUTES & ~0x00010000, id="not restricted"),
    pytest.param(EK_ATTRIBUTES & ~0x00020000, id="not decrypting"),
    pytest.param(EK_ATTRIBUTES | 0x00040000, id="signing"),
    pytest.param(EK_ATTRIBUTES & ~0x00000002, id="not fixedTPM"),
    pytest.param(EK_ATTRIBUTES & ~0x00000010, id="not fixedParent")])
def test_d1_ek_that_is_no_storage_key_refused(tpm, ek_key, attributes):
    with pytest.raises(UnendorsedKey, match="storage key"):
        endorse(tpm, ek_public=public_area(ek_key, attributes, symmetric=AES))


@pytest.mark.parametrize("symmetric", [
    pytest.param("0010", id="none"), pytest.param("002600800043", id="other"),
    pytest.param("000600c00043", id="AES-192"),
    pytest.param("000600800042", id="CBC")])
def test_d1_ek_without_aes_cfb_refused(tpm, ek_key, symmetric):
    with pytest.raises(UnendorsedKey, match="AES"):
        endorse(tpm, ek_public=public_area(
            ek_key, EK_ATTRIBUTES, symmetric=bytes.fromhex(symmetric)))


def test_d1_ek_with_a_sha1_name_refused(tpm, ek_key):
    with pytest.raises(UnendorsedKey, match="hash"):
        endorse(tpm, ek_public=public_area(ek_key, EK_ATTRIBUTES, alg=0x0004,
                                           symmetric=AES))


def der(tag, body):
    size = len(body)
    if size < 128:
        return bytes([tag, size]) + body
    octets = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(octets)]) + octets + body


def forged(issuer, certificate, changes, sign):
    """Change the inside of a certificate and have it signed again."""
    tbs = x509.load_der_x509_certificate(certificate).tbs_certificate_bytes
    inner = tbs[2 + (tbs[1] & 0x7f if tbs[1] & 0x80 else 0):]
    for old, new in changes:
        assert old in inner
        inner = inner.replace(old, new)
    tbs = der(0x30, inner)
    return der(0x30, tbs + changes[0][1]
               + der(0x03, b"\0" + sign(issuer.key, tbs)))


ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
ECDSA_SHA1 = bytes.fromhex("300906072a8648ce3d0401")
RSA_SHA256 = bytes.fromhex("300d06092a864886f70d01010b0500")


def sign_sha1(key, tbs):
    return key.sign(tbs, ec.ECDSA(hashes.SHA1()))  # noqa: S303


def test_d1_sha1_signature_refused(tpm):
    certificate = forged(CA.intermediate, tpm.ek_certificate,
                         [(ECDSA_SHA256, ECDSA_SHA1)], sign_sha1)
    with pytest.raises(UnendorsedKey, match="hash"):
        endorse(tpm, certificate)


def test_d1_key_on_a_curve_that_nobody_knows_refused(tpm, ek_key):
    # prime239v1: OpenSSL follows the path, but nobody should wrap for it.
    strange = bytes.fromhex(
        "3055301306072a8648ce3d020106082a8648ce3d030104033e000444a5f49be2d933"
        "01a13f495978dc6af1809d09214533811cfe8ddf31ddd94ed54225ad96dbcbf76292"
        "34aa6a68199b247e426c404f15997e7bb9d016")
    spki = ek_key.public_bytes(
        serialization.Encoding.DER,
        serialization.PublicFormat.SubjectPublicKeyInfo)
    issuer = Authority("rsa", CA.root, key=new_key("rsa2048"))
    certificate = forged(
        issuer, issuer.issue(ek_key),
        [(RSA_SHA256, RSA_SHA256), (spki, strange)],
        lambda key, tbs: key.sign(tbs, padding.PKCS1v15(), hashes.SHA256()))
    with pytest.raises(UnendorsedKey, match="key that is not accepted"):
        endorse(tpm, certificate, intermediates=[issuer.der])


def test_d1_sha1_signature_of_an_intermediate_refused(tpm, ek_key):
    # Not only the EK's own certificate counts.
    middle = Authority("middle", CA.root)
    weak = forged(CA.root, middle.der, [(ECDSA_SHA256, ECDSA_SHA1)],
                  sign_sha1)
    with pytest.raises(UnendorsedKey, match="hash"):
        endorse(tpm, middle.issue(ek_key), intermediates=[weak])
    # As an anchor it is trusted as it is.
    endorse(tpm, middle.issue(ek_key), intermediates=(),
            anchors=TrustAnchors.of(hardware=[weak]))


def test_d1_short_or_strange_ca_key_refused(tpm, ek_key):
    for key in (rsa.generate_private_key(65537, 1024),  # noqa: S505
                ec.generate_private_key(ec.SECP224R1())):
        weak = Authority("weak", CA.root, key=key)
        with pytest.raises(UnendorsedKey, match="key"):
            endorse(tpm, weak.issue(ek_key), intermediates=[weak.der])


def test_d1_key_that_is_neither_rsa_nor_ecc_refused(tpm):
    key = ed25519.Ed25519PrivateKey.generate()
    with pytest.raises(UnendorsedKey, match="key"):
        endorse(tpm, CA.issue(key.public_key()))


def test_d1_without_anchors_nothing_is_endorsed(tpm):
    with pytest.raises(UnendorsedKey):
        endorse(tpm, anchors=TrustAnchors(()),
                intermediates=[*tpm.intermediates, CA.root.der])
