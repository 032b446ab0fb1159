# SPDX-License-Identifier: Apache-2.0
"""The CAs an operator trusts to know a TPM when they see one.

In: certificates from the operator's configuration.  Out: trust anchors.  There
are none by default, least of all a software TPM's.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography import x509
from OpenSSL import crypto

# What the library raises when it meets what it cannot read.
UNREADABLE = (ValueError, x509.InvalidVersion, x509.DuplicateExtension,
              x509.UnsupportedGeneralNameType)
_PEM = re.compile(
    rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Anchor:
    """A CA that the operator trusts; is what it vouches for hardware?"""

    certificate: x509.Certificate
    hardware: bool


@dataclass(frozen=True, slots=True)
class TrustAnchors:
    """CAs the operator trusts, and certificates that help to reach them.

    Without any anchor nothing is endorsed.
    """

    anchors: tuple[Anchor, ...]
    intermediates: tuple[x509.Certificate, ...] = ()

    def __post_init__(self) -> None:
        marked: dict[x509.Certificate, bool] = {}
        for anchor in self.anchors:
            who = anchor.certificate.subject.rfc4514_string()
            if not is_ca(anchor.certificate):
                raise ValueError(f"trust anchor {who!r} is not a CA's")
            if marked.setdefault(
                    anchor.certificate, anchor.hardware) != anchor.hardware:
                raise ValueError(f"trust anchor {who!r} is said to be of "
                                 "hardware and of software TPMs")

    @classmethod
    def of(cls, *, hardware: Iterable[bytes] = (),
           software: Iterable[bytes] = (),
           intermediates: Iterable[bytes] = ()) -> TrustAnchors:
        """Read certificates: each DER, or PEM with one or more.

        :raises ValueError: one of them is no certificate, or no CA.
        """
        return cls(
            tuple(Anchor(c, made) for group, made in (
                (hardware, True), (software, False))
                for data in group for c in read_certificates(data)),
            tuple(c for data in intermediates
                  for c in read_certificates(data)))


def read_certificates(data: bytes) -> list[x509.Certificate]:
    """Read certificates that an operator gave: DER, or PEM one or more.

    :raises ValueError: it is anything else.
    """
    found = [_unarmour(pem) for pem in _PEM.findall(data)]
    return [read_der(der) for der in found or [data]]


def _unarmour(pem: bytes) -> bytes:
    inside = b"".join(pem.split(b"-----")[2].split())
    return base64.b64decode(inside, validate=True)


def read_der(data: bytes) -> x509.Certificate:
    """Read one certificate that both our libraries understand.

    :raises ValueError: one of them does not, or bytes follow it.
    """
    try:
        certificate = x509.load_der_x509_certificate(data)
        crypto.X509.from_cryptography(certificate)
    except (*UNREADABLE, crypto.Error) as exc:
        raise ValueError(f"not a certificate: {exc}") from exc
    return certificate


def is_ca(certificate: x509.Certificate) -> bool:
    """Whether the certificate says that it is a CA's."""
    try:
        return certificate.extensions.get_extension_for_class(
            x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
