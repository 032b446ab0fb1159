# SPDX-License-Identifier: Apache-2.0
"""A TPM maker's certificate authority: a root, an intermediate, EK papers."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID, ObjectIdentifier

NOW = datetime.datetime(2026, 11, 25, tzinfo=datetime.UTC)
YEAR = datetime.timedelta(days=365)
EK_USAGE = ObjectIdentifier("2.23.133.8.1")
PLATFORM_USAGE = ObjectIdentifier("2.23.133.8.2")
TPM_OIDS = tuple(ObjectIdentifier(f"2.23.133.2.{n}") for n in (1, 2, 3))
TPM = ("id:49465800", "SLB9672", "id:000F0018")


def name(common: str) -> x509.Name:
    """Make a distinguished name."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def tpm_names(values: tuple[str, ...]) -> x509.SubjectAlternativeName:
    """Make the directory name of manufacturer, model and version."""
    return x509.SubjectAlternativeName([x509.DirectoryName(x509.Name([
        x509.NameAttribute(oid, value)
        for oid, value in zip(TPM_OIDS, values, strict=False)]))])


@dataclass
class Authority:
    """One CA certificate and its key."""

    subject: str
    issuer: Authority | None = None
    key: Any = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    certificate: x509.Certificate = field(init=False)

    def __post_init__(self) -> None:
        self.certificate = self.sign(
            x509.CertificateBuilder().subject_name(name(self.subject))
            .public_key(self.key.public_key())
            .add_extension(x509.BasicConstraints(True, None), critical=True)
            .add_extension(x509.KeyUsage(
                False, False, False, False, False, True, True, False, False),
                critical=True),
            by=self.issuer or self)

    @property
    def der(self) -> bytes:
        """The certificate as DER."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @staticmethod
    def sign(builder: x509.CertificateBuilder, *, by: Authority,
             start: datetime.datetime = NOW - YEAR,
             end: datetime.datetime = NOW + 10 * YEAR,
             alg: Any = None) -> x509.Certificate:
        """Sign what is prepared."""
        return (builder.issuer_name(name(by.subject))
                .serial_number(x509.random_serial_number())
                .not_valid_before(start).not_valid_after(end)
                .sign(by.key, alg or hashes.SHA256()))

    def issue(self, public_key: Any, *, usage: Any = (EK_USAGE,),
              tpm: tuple[str, ...] = TPM, ca: bool = False,
              subject: str = "host", extra: Any = (),
              **signing: Any) -> bytes:
        """Issue an EK certificate (DER); each argument can spoil it."""
        builder = (x509.CertificateBuilder().subject_name(name(subject))
                   .public_key(public_key)
                   .add_extension(x509.BasicConstraints(ca, None), True))
        if tpm:
            builder = builder.add_extension(tpm_names(tpm), critical=True)
        if usage:
            builder = builder.add_extension(
                x509.ExtendedKeyUsage(usage), critical=False)
        for extension, critical in extra:
            builder = builder.add_extension(extension, critical)
        return self.sign(builder, by=self, **signing).public_bytes(
            serialization.Encoding.DER)


class FakeCa:
    """A root that vouches for an intermediate that vouches for EKs."""

    def __init__(self, maker: str = "fake-tpm-maker") -> None:
        self.root = Authority(f"{maker} root")
        self.intermediate = Authority(f"{maker} issuing", self.root)

    def issue(self, public_key: Any, **how: Any) -> bytes:
        """Issue an EK certificate; see :meth:`Authority.issue`."""
        return self.intermediate.issue(public_key, **how)
