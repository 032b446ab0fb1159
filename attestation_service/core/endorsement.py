# SPDX-License-Identifier: Apache-2.0
"""Verify that an endorsement key (EK) is that of a TPM whose maker we trust.

In: an EK certificate, certificates between it and a root, the EK's public
area, all from an Attester; the operator's trust anchors and the time.  Out: a
:class:`VerifiedEndorsement`.

Path validation is OpenSSL's own; what it does not ask is asked here.  A
software TPM's CA is a trust anchor like others, only that whatever it vouches
for is not hardware.

Not decided here: whether the host may enrol (``flows.enrol``), nor whether a
profile wants hardware (``core.policy``).
"""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.x509.oid import ObjectIdentifier, SignatureAlgorithmOID
from OpenSSL import crypto

from attestation_service.core.errors import MalformedEvidence, UnendorsedKey
from attestation_service.core.tpm.envelope import verify_storage_key
from attestation_service.core.tpm.structures import Public
from attestation_service.core.trust_anchors import (
    UNREADABLE, Anchor, TrustAnchors, is_ca, read_der)

__all__ = ("Anchor", "TrustAnchors", "VerifiedCertificate",
           "VerifiedEndorsement", "verify_certificate", "verify_endorsement")

EK_USAGE = ObjectIdentifier("2.23.133.8.1")
_MANUFACTURER = ObjectIdentifier("2.23.133.2.1")
_MODEL = ObjectIdentifier("2.23.133.2.2")
_VERSION = ObjectIdentifier("2.23.133.2.3")
_VENDOR_ID = re.compile(r"id:([0-9A-Fa-f]{8})\Z")
_SIGNATURES = {
    SignatureAlgorithmOID.ECDSA_WITH_SHA256,
    SignatureAlgorithmOID.ECDSA_WITH_SHA384,
    SignatureAlgorithmOID.ECDSA_WITH_SHA512,
    SignatureAlgorithmOID.RSA_WITH_SHA256,
    SignatureAlgorithmOID.RSA_WITH_SHA384,
    SignatureAlgorithmOID.RSA_WITH_SHA512}
_SOFTWARE_MODELS = {"swtpm"}
_LEAST_RSA = 2048
_LEAST_EC = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedCertificate:
    """An EK certificate that an anchor vouches for, and what it says.

    ``manufacturer`` is the TCG vendor id in letters, such as ``IFX``, or as
    ``id:00001014`` when it has none; ``version`` is that of the firmware at
    manufacture.  They are empty when the certificate does not say.
    ``hardware`` is False when the path has an anchor for software TPMs, and
    when the certificate itself says so, whatever the anchor is said to be.
    ``ek_digest`` is SHA-256 of the key's SubjectPublicKeyInfo.
    """

    ek_digest: bytes
    hardware: bool
    manufacturer: str
    model: str
    version: str
    subject: str
    anchor: str
    not_after: datetime.datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedEndorsement(VerifiedCertificate):
    """An EK proven to be that of a TPM we trust.

    Only :func:`verify_endorsement` makes these.
    """

    ek: Public


def verify_endorsement(
    ek_certificate: bytes,
    intermediates: Sequence[bytes],
    ek_public: bytes,
    *,
    anchors: TrustAnchors,
    now: datetime.datetime,
) -> VerifiedEndorsement:
    """Prove that ``ek_public`` (a TPMT_PUBLIC) is an endorsed EK.

    Checks, in this order:

    1. those of :func:`verify_certificate`;
    2. the certificate's key is the key of ``ek_public``;
    3. ``ek_public`` is a storage key that stays in its TPM.

    :raises UnendorsedKey: a check failed.
    :raises MalformedEvidence: not DER certificates and a TPMT_PUBLIC.
    """
    certificate = verify_certificate(ek_certificate, intermediates,
                                     anchors=anchors, now=now)
    ek = Public.parse(ek_public)
    if hashlib.sha256(_spki(ek.key)).digest() != certificate.ek_digest:
        raise UnendorsedKey("the EK certificate is that of another key")
    verify_storage_key(ek)
    facts = {f.name: getattr(certificate, f.name)
             for f in dataclasses.fields(certificate)}
    return VerifiedEndorsement(ek=ek, **facts)


def verify_certificate(
    ek_certificate: bytes,
    intermediates: Sequence[bytes],
    *,
    anchors: TrustAnchors,
    now: datetime.datetime,
) -> VerifiedCertificate:
    """Prove that a trust anchor vouches for this EK certificate.

    Checks, in this order:

    1. a path of CA certificates, all valid ``now``, leads to an anchor;
    2. no signature on it is made with SHA-1 or MD5, no key is short;
    3. the certificate is not itself that of a CA;
    4. it is for an endorsement key (EKU 2.23.133.8.1): a platform
       certificate is not.

    :raises UnendorsedKey: a check failed.
    :raises MalformedEvidence: not DER certificates, or bytes follow one.
    """
    certificate = _parse(ek_certificate)
    path = _find_path(certificate, [_parse(c) for c in intermediates],
                      anchors, now)
    hardware = {a.certificate: a.hardware for a in anchors.anchors}
    try:
        _verify_strength(path, hardware)
        if is_ca(certificate):
            raise UnendorsedKey("the EK certificate is that of a CA")
        if EK_USAGE not in _usages(certificate):
            raise UnendorsedKey("the certificate is not for an endorsement "
                                "key (no EKU 2.23.133.8.1)")
        return _describe(certificate, path, hardware)
    except UNREADABLE as exc:
        raise MalformedEvidence(f"the EK certificate: {exc}") from exc


def _describe(certificate: x509.Certificate, path: list[x509.Certificate],
              hardware: Mapping[x509.Certificate, bool]
              ) -> VerifiedCertificate:
    """Collect what a certificate that passed says.

    :raises ValueError: a part of it cannot be read.
    """
    said = _says_of_its_tpm(certificate)
    return VerifiedCertificate(
        ek_digest=hashlib.sha256(_spki(certificate.public_key())).digest(),
        # A path ends at the first anchor that it meets.
        hardware=(said.get(_MODEL, "") not in _SOFTWARE_MODELS
                  and hardware[path[-1]]),
        manufacturer=_vendor(said.get(_MANUFACTURER, "")),
        model=said.get(_MODEL, ""), version=said.get(_VERSION, ""),
        subject=certificate.subject.rfc4514_string(),
        anchor=path[-1].subject.rfc4514_string(),
        not_after=certificate.not_valid_after_utc)


def _parse(der: bytes) -> x509.Certificate:
    try:
        return read_der(der)
    except ValueError as exc:
        raise MalformedEvidence(str(exc)) from exc


def _find_path(certificate: x509.Certificate,
               intermediates: list[x509.Certificate], anchors: TrustAnchors,
               now: datetime.datetime) -> list[x509.Certificate]:
    """Have OpenSSL find and validate a path, without any system default."""
    store = crypto.X509Store()
    # Flags come after the time, which would overwrite them.
    store.set_time(now.astimezone(datetime.UTC))
    # What the operator trusts need not be a root.
    store.set_flags(crypto.X509StoreFlags.PARTIAL_CHAIN)
    for anchor in anchors.anchors:
        store.add_cert(crypto.X509.from_cryptography(anchor.certificate))
    untrusted = [crypto.X509.from_cryptography(c)
                 for c in (*intermediates, *anchors.intermediates)]
    context = crypto.X509StoreContext(
        store, crypto.X509.from_cryptography(certificate), untrusted)
    try:
        path = context.get_verified_chain()
    except crypto.X509StoreContextError as exc:
        raise UnendorsedKey(
            f"no trust anchor vouches for the EK certificate: {exc}") from exc
    return [c.to_cryptography() for c in path]


def _verify_strength(path: list[x509.Certificate],
                     trusted: Container[x509.Certificate]) -> None:
    for certificate in path:
        # An anchor is trusted as it is: its own signature is not used.
        if (certificate not in trusted
                and certificate.signature_algorithm_oid not in _SIGNATURES):
            raise UnendorsedKey(_complaint(
                certificate, "has a signature or hash that is not accepted"))
        if not _is_strong(certificate):
            raise UnendorsedKey(_complaint(
                certificate, "has a key that is not accepted"))


def _is_strong(certificate: x509.Certificate) -> bool:
    try:
        key = certificate.public_key()
    except (UnsupportedAlgorithm, ValueError):
        return False
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size >= _LEAST_RSA
    return (isinstance(key, ec.EllipticCurvePublicKey)
            and key.key_size >= _LEAST_EC)


def _complaint(certificate: x509.Certificate, what: str) -> str:
    return f"{certificate.subject.rfc4514_string()!r} {what}"


def _usages(certificate: x509.Certificate) -> list[ObjectIdentifier]:
    try:
        return list(certificate.extensions.get_extension_for_class(
            x509.ExtendedKeyUsage).value)
    except x509.ExtensionNotFound:
        return []


def _says_of_its_tpm(certificate: x509.Certificate
                     ) -> dict[ObjectIdentifier, str]:
    """Read manufacturer, model and version from the directory name."""
    try:
        names = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return {}
    return {attribute.oid: str(attribute.value)
            for name in names.get_values_for_type(x509.DirectoryName)
            for attribute in name}


def _vendor(said: str) -> str:
    """Write a vendor id in letters where it has them."""
    found = _VENDOR_ID.match(said)
    if not found:
        return said
    letters = bytes.fromhex(found[1]).decode("latin-1").rstrip("\0 ")
    if letters.isascii() and letters.isalnum():
        return letters
    return f"id:{found[1].upper()}"


def _spki(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(serialization.Encoding.DER,
                            serialization.PublicFormat.SubjectPublicKeyInfo)
