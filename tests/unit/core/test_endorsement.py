# SPDX-License-Identifier: Apache-2.0
"""What a certificate that is believed says of its TPM."""

from __future__ import annotations

import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from hypothesis import given, settings
from hypothesis import strategies as st

from attestation_service.core.endorsement import (
    TrustAnchors, verify_certificate, verify_endorsement)
from attestation_service.core.errors import (
    EvidenceError, MalformedEvidence, UnendorsedKey)
from tests.fakes.ca import NOW, YEAR, Authority, FakeCa, name
from tests.fakes.tpm import FakeTpm, new_key

CA = FakeCa()
TPM = FakeTpm(ca=CA)
ANCHORS = TrustAnchors.of(hardware=[CA.root.der])
KEY = new_key("p256").public_key()


def verify(certificate, anchors=ANCHORS, intermediates=TPM.intermediates):
    return verify_certificate(certificate, intermediates, anchors=anchors,
                              now=NOW)


def test_facts_of_an_endorsement():
    proven = verify_endorsement(
        TPM.ek_certificate, TPM.intermediates, TPM.ek_public,
        anchors=ANCHORS, now=NOW)
    spki = proven.ek.key.public_bytes(
        serialization.Encoding.DER,
        serialization.PublicFormat.SubjectPublicKeyInfo)
    assert proven.ek_digest == hashlib.sha256(spki).digest()
    assert proven.subject == "CN=host"
    assert proven.anchor == "CN=fake-tpm-maker root"
    assert proven.not_after == NOW + 10 * YEAR
    assert proven.ek.encoded == TPM.ek_public


@pytest.mark.parametrize("ek", ["ek-p384", "ek-rsa2048"])
def test_other_kinds_of_keys(ek):
    tpm = FakeTpm(ca=CA, ek=ek)
    assert verify_endorsement(
        tpm.ek_certificate, tpm.intermediates, tpm.ek_public,
        anchors=ANCHORS, now=NOW).hardware


@pytest.mark.parametrize(("said", "vendor"), [
    ("id:49465800", "IFX"), ("id:494E5443", "INTC"), ("id:4e544300", "NTC"),
    ("id:53544D20", "STM"), ("id:00001014", "id:00001014"),
    ("id:0000abcd", "id:0000ABCD"), ("id:414D4421", "id:414D4421"),
    ("id:C4DCD600", "id:C4DCD600"), ("id:4946580", "id:4946580"),
    ("id:494658000", "id:494658000"), ("IFX", "IFX"),
    ("id:20202020", "id:20202020")])
def test_vendor_in_letters_where_it_has_them(said, vendor):
    proven = verify(CA.issue(KEY, tpm=(said, "m", "v")))
    assert proven.manufacturer == vendor
    assert (proven.model, proven.version) == ("m", "v")


def test_certificate_that_says_nothing_of_its_tpm():
    proven = verify(CA.issue(KEY, tpm=()))
    assert (proven.manufacturer, proven.model, proven.version) == ("",) * 3
    assert proven.hardware
    # Another kind of name says nothing of it either.
    other = x509.SubjectAlternativeName([x509.DNSName("id:49465800")])
    assert verify(CA.issue(KEY, tpm=(), extra=[(other, False)])
                  ).manufacturer == ""


def test_certificate_without_basic_constraints_is_no_cas():
    certificate = Authority.sign(
        x509.CertificateBuilder().subject_name(name("host")).public_key(KEY)
        .add_extension(x509.ExtendedKeyUsage(
            [x509.ObjectIdentifier("2.23.133.8.1")]), critical=False),
        by=CA.intermediate)
    assert verify(certificate.public_bytes(
        serialization.Encoding.DER)).subject == "CN=host"


def test_model_of_a_software_tpm_is_never_hardware():
    assert not verify(CA.issue(KEY, tpm=("id:00001014", "swtpm", "v"))
                      ).hardware


def test_operators_own_intermediates_help():
    anchors = TrustAnchors.of(hardware=[CA.root.der],
                              intermediates=[CA.intermediate.der])
    assert verify(TPM.ek_certificate, anchors, ()).hardware
    # They help, but nothing more.
    with pytest.raises(UnendorsedKey):
        verify(TPM.ek_certificate,
               TrustAnchors.of(intermediates=[CA.intermediate.der,
                                              CA.root.der]), ())


def test_anchor_need_not_be_a_root():
    anchors = TrustAnchors.of(hardware=[CA.intermediate.der])
    for chain in ((), (CA.root.der,), TPM.intermediates):
        assert verify(TPM.ek_certificate, anchors, chain).anchor == (
            "CN=fake-tpm-maker issuing")


def test_malformed_extension_is_malformed():
    # OpenSSL does not look at this one; whoever reads it stumbles.
    broken = x509.UnrecognizedExtension(
        x509.PolicyConstraints.oid, b"\x30\x03\x80\x01\x05\x00")
    with pytest.raises((MalformedEvidence, UnendorsedKey)):
        verify(CA.issue(KEY, extra=[(broken, False)]))
    broken = x509.UnrecognizedExtension(
        x509.IssuerAlternativeName.oid, b"\x30\x03junk")
    with pytest.raises(MalformedEvidence, match="EK certificate"):
        verify(CA.issue(KEY, extra=[(broken, False)]))


def test_name_of_a_kind_that_nobody_reads_is_malformed():
    x400 = x509.UnrecognizedExtension(
        x509.SubjectAlternativeName.oid, b"\x30\x02\xa3\x00")
    with pytest.raises((MalformedEvidence, UnendorsedKey)):
        verify(CA.issue(KEY, tpm=(), extra=[(x400, False)]))
    edi = x509.UnrecognizedExtension(
        x509.SubjectAlternativeName.oid,
        bytes.fromhex("3009a507a1050c0378797a"))
    with pytest.raises(MalformedEvidence):
        verify(CA.issue(KEY, tpm=(), extra=[(edi, False)]))


def test_what_openssl_alone_does_not_read_is_malformed():
    at = TPM.ek_certificate.index(b"fake-tpm-maker")
    strange = bytearray(TPM.ek_certificate)
    strange[at] = 0xFF  # Not UTF-8 any more; the other library reads later.
    with pytest.raises(MalformedEvidence):
        verify(bytes(strange))


@settings(max_examples=150)
@given(st.integers(0, len(TPM.ek_certificate) - 1), st.binary(max_size=4),
       st.integers(0, 4))
def test_no_changed_certificate_is_endorsed(at, inserted, cut):
    der = TPM.ek_certificate
    changed = der[:at] + inserted + der[at + cut:]
    if changed == der:
        return
    with pytest.raises(EvidenceError):
        verify(changed)


@given(st.binary(max_size=100))
def test_no_bytes_at_all_are_a_certificate(data):
    with pytest.raises(MalformedEvidence):
        verify(data)
    with pytest.raises(MalformedEvidence):
        verify(TPM.ek_certificate, intermediates=[data])
