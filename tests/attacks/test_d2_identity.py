# SPDX-License-Identifier: Apache-2.0
"""ATTACKS D2 to D5, D10: keys and TPMs that are not what they claim."""

from __future__ import annotations

import pathlib
import secrets

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from attestation_service.core.endorsement import (
    TrustAnchors, verify_certificate)
from attestation_service.core.errors import (
    MalformedEvidence, StaleEvidence, UnauthenticEvidence, UnendorsedKey)
from attestation_service.core.tpm.certify import verify_certified_parent
from attestation_service.core.tpm.credential import make_credential
from attestation_service.core.tpm.quote import load_attestation_key
from attestation_service.core.tpm.structures import Public, tpm2b
from tests.attacks.endorsing import CA, endorse
from tests.fakes.ca import NOW
from tests.fakes.tpm import (
    AK_ATTRIBUTES, FakeTpm, TpmRefused, new_key,
    public_area)

VECTORS = pathlib.Path(__file__).parents[1] / "vectors"

AES = bytes.fromhex("000600800043")
NONCE = bytes(range(32))


@pytest.fixture(scope="module")
def tpm():
    return FakeTpm(ca=CA)


def test_d2_software_ca_is_no_hardware(tpm):
    assert not endorse(tpm, anchors=TrustAnchors.of(
        software=[CA.root.der])).hardware
    assert not endorse(tpm, anchors=TrustAnchors.of(
        hardware=[CA.root.der], software=[CA.intermediate.der])).hardware
    assert endorse(tpm, anchors=TrustAnchors.of(
        hardware=[CA.intermediate.der])).hardware
    # The nearest anchor speaks.
    near = endorse(tpm, anchors=TrustAnchors.of(
        hardware=[CA.intermediate.der], software=[CA.root.der]))
    assert near.hardware
    assert near.anchor == "CN=fake-tpm-maker issuing"


def test_d2_real_software_tpm_is_no_hardware_whatever_the_anchor_claims():
    certificate = (VECTORS / "ek-certificates" / "ek_rsa.der").read_bytes()
    anchors = TrustAnchors.of(hardware=[
        path.read_bytes() for path in VECTORS.glob("ek-ca/*.pem")])
    assert not verify_certificate(certificate, (), anchors=anchors,
                                  now=NOW).hardware


@pytest.mark.parametrize(("attributes", "why"), [
    pytest.param(AK_ATTRIBUTES & ~0x00010000, "restricted", id="restricted"),
    pytest.param(AK_ATTRIBUTES & ~0x00000002, "fixedTPM", id="fixedTPM"),
    pytest.param(AK_ATTRIBUTES & ~0x00000010, "fixedParent",
                 id="fixedParent"),
    pytest.param(AK_ATTRIBUTES & ~0x00000020, "sensitiveDataOrigin",
                 id="imported"),
    pytest.param(AK_ATTRIBUTES & ~0x00040000, "signing", id="sign"),
    pytest.param(AK_ATTRIBUTES | 0x00020000, "decrypt", id="decrypts")])
def test_d3_attestation_key_with_other_attributes_refused(attributes, why):
    area = public_area(new_key("p256").public_key(), attributes,
                       scheme=bytes.fromhex("0018000b"))
    with pytest.raises(UnendorsedKey, match=why):
        load_attestation_key(area)


@pytest.mark.parametrize("scheme", [
    pytest.param("0010", id="none"), pytest.param("001a000b", id="ECDAA"),
    pytest.param("001b000b", id="SM2"), pytest.param("0014000b",
                                                     id="of RSA")])
def test_d3_attestation_key_with_another_scheme_refused(scheme):
    area = public_area(new_key("p256").public_key(), AK_ATTRIBUTES,
                       scheme=bytes.fromhex(scheme))
    with pytest.raises(UnendorsedKey, match="scheme"):
        load_attestation_key(area)


@pytest.mark.parametrize("ek", ["ek-p256", "ek-p384", "ek-rsa2048"])
def test_d4_credential_for_another_ak_stays_shut(ek):
    tpm = FakeTpm(ek=ek)
    credential = secrets.token_bytes(32)
    public = Public.parse(tpm.ek_public)
    good = make_credential(public, tpm.ak.name, credential, bytes(64))
    assert tpm.activate_credential(*good) == credential
    other = make_credential(public, FakeTpm().ak.name, credential, bytes(64))
    with pytest.raises(TpmRefused):
        tpm.activate_credential(*other)


def test_d5_credential_made_for_another_tpm_stays_shut(tpm):
    other = FakeTpm(ca=CA)
    blobs = make_credential(Public.parse(other.ek_public), tpm.ak.name,
                            secrets.token_bytes(32), bytes(64))
    with pytest.raises(TpmRefused):
        tpm.activate_credential(*blobs)


def test_d5_short_credential_is_never_made(tpm):
    for size in (0, 15, 33):
        with pytest.raises(ValueError, match="credential"):
            make_credential(Public.parse(tpm.ek_public), tpm.ak.name,
                            bytes(size), bytes(64))
    for size in (16, 32):
        make_credential(Public.parse(tpm.ek_public), tpm.ak.name,
                        bytes(size), bytes(64))


# D10: a storage key beside the AK.

SRK_ATTRIBUTES = 0x00030472


def srk_area(attributes=SRK_ATTRIBUTES, **more):
    return public_area(new_key("p256").public_key(), attributes,
                       symmetric=AES, **more)


def certify(tpm, area, *, kind=0x8017, nonce=NONCE, tail=b"", name=None):
    name = name or Public.parse(area).name
    info = tpm.attest(kind, nonce, tpm2b(name) + tpm2b(name) + tail)
    return info, tpm.sign(info)


def parent(tpm, certified, area):
    return verify_certified_parent(*certified, ak=tpm.ak, nonce=NONCE,
                                   parent_public=area)


def test_d10_certified_storage_key_is_believed(tpm):
    area = srk_area()
    assert parent(tpm, certify(tpm, area), area) == Public.parse(area)


def test_d10_key_that_the_ak_did_not_certify_refused(tpm):
    area = srk_area()
    info, _ = certify(tpm, area)
    for signature in (FakeTpm().sign(info), tpm.sign(b"something else")):
        with pytest.raises(UnauthenticEvidence):
            parent(tpm, (info, signature), area)


def test_d10_other_key_than_the_certified_refused(tpm):
    with pytest.raises(UnauthenticEvidence, match="another key"):
        parent(tpm, certify(tpm, srk_area()), srk_area())


@pytest.mark.parametrize("changed", [
    pytest.param({"kind": 0x8018}, id="quote"),
    pytest.param({"tail": b"\0"}, id="trailing bytes")])
def test_d10_anything_but_a_certification_refused(tpm, changed):
    area = srk_area()
    with pytest.raises(MalformedEvidence):
        parent(tpm, certify(tpm, area, **changed), area)


def test_d10_old_certification_refused(tpm):
    area = srk_area()
    with pytest.raises(StaleEvidence):
        parent(tpm, certify(tpm, area, nonce=bytes(32)), area)


@pytest.mark.parametrize("changed", [
    pytest.param({"attributes": SRK_ATTRIBUTES & ~0x00010000},
                 id="not restricted"),
    pytest.param({"attributes": SRK_ATTRIBUTES & ~0x00000002},
                 id="not fixedTPM"),
    pytest.param({"policy": bytes(32)}, id="other policy")])
def test_d10_wrapping_key_of_another_kind_refused(tpm, changed):
    area = srk_area(**changed)
    with pytest.raises(UnendorsedKey):
        parent(tpm, certify(tpm, area), area)


def test_vectors_are_certificates_of_a_software_tpm():
    ca, issued = VECTORS / "ek-ca", VECTORS / "ek-certificates"
    anchors = TrustAnchors.of(
        software=[(ca / "swtpm-localca-rootca-cert.pem").read_bytes()])
    issuer = x509.load_pem_x509_certificate(
        (ca / "issuercert.pem").read_bytes()).public_bytes(
            serialization.Encoding.DER)
    for kind in ("ek_rsa", "ek_ecc"):
        proven = verify_certificate(
            (issued / f"{kind}.der").read_bytes(), [issuer],
            anchors=anchors, now=NOW)
        assert proven.subject == "CN=host-sb-tcg"
        assert proven.manufacturer == "id:00001014"
        assert (proven.model, proven.version) == ("swtpm", "id:20191023")
        assert proven.anchor == "CN=swtpm-localca-rootca"
