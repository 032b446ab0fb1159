# SPDX-License-Identifier: Apache-2.0
"""Keys as a TPM has them: public areas and signatures, for tests."""

from __future__ import annotations

from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature)

from attestation_service.core.tpm.structures import HASHES, tpm2b
from nova_trusted_launch.wire.digests import HashAlg

AK_ATTRIBUTES = 0x00050072
EK_ATTRIBUTES = 0x000300B2
_CURVES = {"p256": (3, ec.SECP256R1, 32), "p384": (4, ec.SECP384R1, 48)}
_NULL = b"\x00\x10"


def public_area(key: Any, attributes: int, *, alg: int = 0x000B,
                symmetric: bytes = _NULL, scheme: bytes = _NULL,
                policy: bytes = b"") -> bytes:
    """Write a TPMT_PUBLIC."""
    head = (alg.to_bytes(2, "big") + attributes.to_bytes(4, "big")
            + tpm2b(policy) + symmetric + scheme)
    numbers = key.public_numbers()
    if isinstance(numbers, rsa.RSAPublicNumbers):
        return (b"\x00\x01" + head + key.key_size.to_bytes(2, "big")
                + bytes(4) + tpm2b(numbers.n.to_bytes(key.key_size // 8)))
    curve, _, size = _CURVES["p" + str(key.key_size)]
    return (b"\x00\x23" + head + curve.to_bytes(2, "big") + _NULL
            + tpm2b(numbers.x.to_bytes(size))
            + tpm2b(numbers.y.to_bytes(size)))


def new_key(kind: str) -> Any:
    """Make a private key: ``p256``, ``p384`` or ``rsa2048``."""
    if kind.startswith("rsa"):
        return rsa.generate_private_key(65537, int(kind[3:]))
    return ec.generate_private_key(_CURVES[kind][1]())


def sign(key: Any, message: bytes, scheme: str,
         alg: HashAlg = HashAlg.SHA256) -> bytes:
    """Write a TPMT_SIGNATURE: ``ecdsa``, ``rsassa`` or ``rsapss``."""
    head = alg.value.to_bytes(2, "big")
    if scheme == "ecdsa":
        r, s = decode_dss_signature(key.sign(message, ec.ECDSA(HASHES[alg])))
        size = key.key_size // 8
        return (b"\x00\x18" + head + tpm2b(r.to_bytes(size))
                + tpm2b(s.to_bytes(size)))
    pad: Any = padding.PKCS1v15() if scheme == "rsassa" else padding.PSS(
        padding.MGF1(HASHES[alg]), padding.PSS.DIGEST_LENGTH)
    return ({"rsassa": b"\x00\x14", "rsapss": b"\x00\x16"}[scheme] + head
            + tpm2b(key.sign(message, pad, HASHES[alg])))
