# SPDX-License-Identifier: Apache-2.0
"""The public templates of the keys an agent uses, as marshalled TPMT_PUBLIC.

Attestation key: a restricted ECDSA P-256 signing key.  Endorsement keys: the
low and high range templates of the TCG EK Credential Profile, section
"Default EK Templates".
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

_RSA, _ECC = 0x0001, 0x0023
_SHA256, _SHA384 = 0x000B, 0x000C
_NULL, _AES, _CFB, _ECDSA = 0x0010, 0x0006, 0x0043, 0x0018
_P256, _P384 = 0x0003, 0x0004

_FIXED = 0x0002 | 0x0010 | 0x0020       # fixedTPM, fixedParent, own secret
USER_WITH_AUTH = 0x0040
_ADMIN_WITH_POLICY = 0x0080
_NO_DA = 0x0400
_RESTRICTED, _DECRYPT, _SIGN = 0x10000, 0x20000, 0x40000

_AK_ATTRIBUTES = _FIXED | USER_WITH_AUTH | _NO_DA | _RESTRICTED | _SIGN
_EK_ATTRIBUTES = _FIXED | _ADMIN_WITH_POLICY | _RESTRICTED | _DECRYPT

# TPM2_PolicySecret's command code, and the endorsement hierarchy's name.
_SECRET = struct.pack(">II", 0x0151, 0x4000000B)

# PolicyC of the profile: TPM2_PolicyAuthorizeNV of the index reserved for it.
_POLICY_C = {
    "sha256": bytes.fromhex(
        "3767e2edd43ff45a3a7e1eaefcef78643dca964632e7aad82c673a30d8633fde"),
    "sha384": bytes.fromhex(
        "d6032ce61f2fb3c240eb3cf6a33237ef2b6a16f4293c22b455e261cffd217ad5"
        "b4947c2d73e63005eed2dc2b3593d165"),
}


def _sized(data: bytes) -> bytes:
    return struct.pack(">H", len(data)) + data


def policy_secret(alg: str) -> bytes:
    """PolicyA: the policy of whoever knows the endorsement authorization."""
    first = hashlib.new(alg, bytes(hashlib.new(alg).digest_size) + _SECRET)
    return hashlib.new(alg, first.digest()).digest()


def policy_branches(alg: str) -> tuple[bytes, bytes]:
    """The two branches of PolicyB, as TPM2_PolicyOR takes them."""
    return policy_secret(alg), _POLICY_C[alg]


def policy_or(alg: str) -> bytes:
    """PolicyB: either branch, the policy of the high range templates."""
    return hashlib.new(
        alg, bytes(hashlib.new(alg).digest_size) + struct.pack(">I", 0x0171)
        + b"".join(policy_branches(alg))).digest()


def attestation_key(unique: bytes) -> bytes:
    """Return the template of the attestation key for ``unique``."""
    return (struct.pack(">HHI", _ECC, _SHA256, _AK_ATTRIBUTES) + _sized(b"")
            + struct.pack(">HHHHH", _NULL, _ECDSA, _SHA256, _P256, _NULL)
            + _sized(unique) + _sized(b""))


@dataclass(frozen=True, slots=True)
class _Range:
    """What the low and the high range templates differ in."""

    attributes: int
    padded: bool

    def policy(self, alg: str) -> bytes:
        return policy_secret(alg) if self.padded else policy_or(alg)


_LOW = _Range(_EK_ATTRIBUTES, padded=True)
_HIGH = _Range(_EK_ATTRIBUTES | USER_WITH_AUTH, padded=False)


def _ecc(curve: int, part: _Range) -> bytes:
    alg, name_alg, bits = {_P256: ("sha256", _SHA256, 128),
                           _P384: ("sha384", _SHA384, 256)}[curve]
    unique = _sized(bytes(32) if part.padded else b"")
    return (struct.pack(">HHI", _ECC, name_alg, part.attributes)
            + _sized(part.policy(alg))
            + struct.pack(">HHHHHH", _AES, bits, _CFB, _NULL, curve, _NULL)
            + unique * 2)


def _rsa(part: _Range) -> bytes:
    return (struct.pack(">HHI", _RSA, _SHA256, part.attributes)
            + _sized(part.policy("sha256"))
            + struct.pack(">HHHHHI", _AES, 128, _CFB, _NULL, 2048, 0)
            + _sized(bytes(256) if part.padded else b""))


@dataclass(frozen=True, slots=True)
class EkTemplate:
    """One row of the profile: where the certificate and template are.

    ``kind`` is the name of this parent in a sealed key.
    """

    kind: str
    certificate_index: int
    template_index: int
    default: bytes


EK_TEMPLATES = (
    EkTemplate("ek-p384", 0x01C00016, 0x01C00017, _ecc(_P384, _HIGH)),
    EkTemplate("ek-p256", 0x01C0000A, 0x01C0000C, _ecc(_P256, _LOW)),
    EkTemplate("ek-p256", 0x01C00014, 0x01C00015, _ecc(_P256, _HIGH)),
    EkTemplate("ek-rsa2048", 0x01C00002, 0x01C00004, _rsa(_LOW)),
    EkTemplate("ek-rsa2048", 0x01C00012, 0x01C00013, _rsa(_HIGH)),
)
INTERMEDIATES = range(0x01C00100, 0x01C00200)


def shape(public: bytes) -> bytes:
    """Return type and parameters of a storage key's TPMT_PUBLIC.

    Equal for keys that differ in name algorithm, attributes or policy only.
    """
    start, end = _parameters(public)
    return public[:2] + public[start:end]


def unique_numbers(public: bytes) -> tuple[int, ...]:
    """Return the key in a storage key's TPMT_PUBLIC: (n,) or (x, y)."""
    _, at = _parameters(public)
    found = []
    while at < len(public):
        (size,) = struct.unpack_from(">H", public, at)
        found.append(int.from_bytes(public[at + 2:at + 2 + size], "big"))
        at += 2 + size
    return tuple(found)


def _parameters(public: bytes) -> tuple[int, int]:
    # Our own TPM made it: symmetric (algorithm, bits, mode), scheme, then
    # bits and exponent, or curve and KDF.
    kind, _, _, policy = struct.unpack_from(">HHIH", public)
    start = 10 + policy
    return start, start + 6 + 2 + (6 if kind == _RSA else 4)


def is_storage_key(public: bytes) -> bool:
    """Tell whether a TPMT_PUBLIC is a restricted decryption key."""
    attributes = struct.unpack_from(">I", public, 4)[0]
    wanted = _RESTRICTED | _DECRYPT
    return bool(attributes & (wanted | _SIGN) == wanted)
