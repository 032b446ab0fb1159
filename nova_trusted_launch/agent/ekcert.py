# SPDX-License-Identifier: Apache-2.0
"""EK certificates as TPMs and their makers hand them out.

In: bytes of NV indexes and files.  Out: single DER certificates.  Nothing is
verified here: the service does that.
"""

from __future__ import annotations

from collections.abc import Iterable

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

_SEQUENCE = 0x30
_PEM = b"-----BEGIN CERTIFICATE-----"


def split_der(data: bytes) -> list[bytes]:
    """Cut concatenated DER certificates apart; padding after them goes.

    NV indexes are often larger than the certificate and filled up with zeros
    or ones.
    """
    found = []
    while len(data) > 4 and data[0] == _SEQUENCE:
        size = _der_size(data)
        if size is None or size > len(data):
            break
        found.append(data[:size])
        data = data[size:]
    return found


def _der_size(data: bytes) -> int | None:
    """Return the size of the SEQUENCE at the start, header included."""
    first = data[1]
    if first < 0x80:
        return 2 + first
    count = first & 0x7F
    if not 1 <= count <= 3 or len(data) < 2 + count:
        return None
    return 2 + count + int.from_bytes(data[2:2 + count], "big")


def read_files(paths: Iterable[str]) -> list[bytes]:
    """Read DER or PEM files; a PEM file may hold several certificates.

    :raises OSError: a file cannot be read.
    :raises ValueError: there is no certificate in it.
    """
    found = []
    for path in paths:
        with open(path, "rb") as stream:
            data = stream.read()
        if _PEM in data:
            found += [c.public_bytes(serialization.Encoding.DER)
                      for c in x509.load_pem_x509_certificates(data)]
            continue
        certificates = split_der(data)
        if not certificates:
            raise ValueError(f"{path} holds no certificate")
        found += certificates
    return found


def key_numbers(certificate: bytes) -> tuple[int, ...] | None:
    """Return the numbers of the certificate's key: (n,) or (x, y).

    None when the certificate or its key is of an unknown make.
    """
    try:
        key = x509.load_der_x509_certificate(certificate).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    numbers = getattr(key, "public_numbers", lambda: None)()
    if isinstance(numbers, rsa.RSAPublicNumbers):
        return (numbers.n,)
    if isinstance(numbers, ec.EllipticCurvePublicNumbers):
        return numbers.x, numbers.y
    return None
