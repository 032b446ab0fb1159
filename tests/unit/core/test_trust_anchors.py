# SPDX-License-Identifier: Apache-2.0
"""What an operator may trust."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from attestation_service.core.trust_anchors import (
    TrustAnchors, is_ca, read_certificates)
from tests.fakes.ca import Authority, FakeCa, name
from tests.fakes.tpm import new_key

CA = FakeCa()


def pem(authority):
    return authority.certificate.public_bytes(serialization.Encoding.PEM)


def test_der_and_pem_with_one_or_more():
    bundle = b"# comment\n" + pem(CA.root) + b"text\n" + pem(CA.intermediate)
    assert read_certificates(bundle) == [
        CA.root.certificate, CA.intermediate.certificate]
    assert read_certificates(CA.root.der) == [CA.root.certificate]


@pytest.mark.parametrize("data", [
    b"", b"junk", CA.root.der + b"\0",
    b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"],
    ids=["nothing", "no-certificate", "one-byte-more", "broken-pem"])
def test_anything_else_is_no_certificate(data):
    with pytest.raises(ValueError):  # noqa: PT011 - the library's own
        TrustAnchors.of(hardware=[data])


def test_pem_with_other_characters_in_it_is_no_certificate():
    text = pem(CA.root).replace(b"MII", b"MI*I", 1)
    with pytest.raises(ValueError, match="base64"):
        read_certificates(text)


def test_what_openssl_alone_does_not_read_is_no_certificate():
    strange = CA.root.der.replace(b"fake-tpm-maker", b"\xffake-tpm-maker")
    with pytest.raises(ValueError, match="not a certificate"):
        TrustAnchors.of(hardware=[strange])


def test_version_that_does_not_exist_is_no_certificate():
    # Found by tools/mutated_inputs.py: the library has a class for it.
    strange = CA.root.der.replace(b"\xa0\x03\x02\x01\x02",
                                  b"\xa0\x03\x02\x01\x51")
    with pytest.raises(ValueError, match="not a certificate"):
        TrustAnchors.of(hardware=[strange])


def test_anchors_keep_what_they_stand_for():
    anchors = TrustAnchors.of(
        hardware=[pem(CA.root)], software=[CA.intermediate.der],
        intermediates=[pem(CA.root) + pem(CA.intermediate)])
    assert [a.hardware for a in anchors.anchors] == [True, False]
    assert len(anchors.intermediates) == 2


def test_only_a_ca_is_an_anchor():
    leaf = CA.issue(new_key("p256").public_key())
    with pytest.raises(ValueError, match="not a CA"):
        TrustAnchors.of(hardware=[leaf])
    bare = Authority.sign(
        x509.CertificateBuilder().subject_name(name("bare")).public_key(
            CA.root.key.public_key()), by=CA.root)
    assert not is_ca(bare)


def test_same_anchor_may_stand_twice_but_for_one_thing():
    assert TrustAnchors.of(hardware=[CA.root.der, pem(CA.root)])
    with pytest.raises(ValueError, match="hardware and of software"):
        TrustAnchors.of(hardware=[CA.root.der], software=[CA.root.der])
