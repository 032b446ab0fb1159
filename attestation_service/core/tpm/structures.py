# SPDX-License-Identifier: Apache-2.0
"""TPM 2.0 structures as typed values: public areas and signatures.

In: untrusted bytes.  Out: a value whose every byte was accounted for, or
:class:`MalformedEvidence`.

Not decided here: whether a key may attest (``core.tpm.quote``), endorse
(``core.endorsement``) or protect (``core.tpm.envelope``).
"""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass
from typing import NamedTuple

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from attestation_service.core.errors import MalformedEvidence, UnendorsedKey
from attestation_service.core.tpm.reader import Reader
from nova_trusted_launch.wire.digests import HashAlg

ALG_NULL = 0x0010
CURVES: dict[int, type[ec.EllipticCurve]] = {
    0x0003: ec.SECP256R1, 0x0004: ec.SECP384R1}
HASHES: dict[HashAlg, hashes.HashAlgorithm] = {
    HashAlg.SHA256: hashes.SHA256(), HashAlg.SHA384: hashes.SHA384(),
    HashAlg.SHA512: hashes.SHA512()}

RSA_BITS = (2048, 3072, 4096)
# The only exponent every TPM has; 0 in a public area stands for it.
RSA_EXPONENT = 65537


class KeyType(enum.Enum):
    """TPMI_ALG_PUBLIC: the asymmetric kinds; nothing else is a key here."""

    RSA = 0x0001
    ECC = 0x0023


class Scheme(enum.Enum):
    """The signature schemes we accept."""

    RSASSA = 0x0014
    RSAPSS = 0x0016
    ECDSA = 0x0018


class Attributes(enum.IntFlag):
    """TPMA_OBJECT: what a TPM lets a key be used for."""

    FIXED_TPM = 1 << 1
    FIXED_PARENT = 1 << 4
    SENSITIVE_DATA_ORIGIN = 1 << 5
    USER_WITH_AUTH = 1 << 6
    ADMIN_WITH_POLICY = 1 << 7
    NO_DA = 1 << 10
    RESTRICTED = 1 << 16
    DECRYPT = 1 << 17
    SIGN = 1 << 18


def tpm2b(data: bytes) -> bytes:
    """Write a TPM2B: a 16-bit size, then the bytes."""
    return len(data).to_bytes(2, "big") + data


def untpm2b(data: bytes, what: str) -> bytes:
    """Read one TPM2B and nothing after it.

    :raises MalformedEvidence: it is anything else.
    """
    r = Reader(data, what)
    inner = r.sized()
    r.finish()
    return inner


@dataclass(frozen=True, slots=True)
class Public:
    """TPMT_PUBLIC of an RSA or ECC key, taken apart but not judged.

    ``symmetric`` is (algorithm, key bits, mode) or None; ``scheme`` is
    (algorithm, hash) or None, as numbers.  ``parameter`` is the RSA key size
    in bits or the TPM_ECC_CURVE.  ``unique`` holds the modulus, or x and y.
    """

    encoded: bytes
    type: KeyType
    name_alg: int
    attributes: Attributes
    auth_policy: bytes
    symmetric: tuple[int, int, int] | None
    scheme: tuple[int, int] | None
    parameter: int
    exponent: int
    unique: tuple[bytes, ...]

    @classmethod
    def parse(cls, tpmt: bytes) -> Public:
        """Take a TPMT_PUBLIC apart.

        :raises MalformedEvidence: it is not one of an RSA or ECC key.
        """
        r = Reader(tpmt, "TPMT_PUBLIC")
        kind = r.uint(2)
        if kind not in {t.value for t in KeyType}:
            raise MalformedEvidence(
                f"TPMT_PUBLIC: {kind:#06x} is not an RSA or ECC key")
        name_alg, attributes, policy = r.uint(2), r.uint(4), r.sized()
        symmetric, scheme = _parse_symmetric(r), _parse_scheme(r)
        if kind == KeyType.RSA.value:
            parameter, exponent = r.uint(2), r.uint(4)
            unique: tuple[bytes, ...] = (r.sized(),)
        else:
            parameter, exponent = r.uint(2), 0
            if r.uint(2) != ALG_NULL:
                raise MalformedEvidence("TPMT_PUBLIC: key has its own KDF")
            unique = (r.sized(), r.sized())
        r.finish()
        return cls(tpmt, KeyType(kind), name_alg, Attributes(attributes),
                   policy, symmetric, scheme, parameter, exponent, unique)

    @classmethod
    def from_tpm2b(cls, data: bytes) -> Public:
        """Take a TPM2B_PUBLIC apart.

        :raises MalformedEvidence: it is anything else.
        """
        return cls.parse(untpm2b(data, "TPM2B_PUBLIC"))

    @property
    def name_hash(self) -> HashAlg:
        """The hash of the key's Name.

        :raises UnendorsedKey: one we do not accept, such as SHA-1.
        """
        return acceptable_hash(self.name_alg, "the key's Name")

    @property
    def name(self) -> bytes:
        """The TPM Name: algorithm and digest of the public area.

        :raises UnendorsedKey: its hash is one we do not accept.
        """
        return (self.name_alg.to_bytes(2, "big")
                + self.name_hash.digest(self.encoded))

    @property
    def key(self) -> ec.EllipticCurvePublicKey | rsa.RSAPublicKey:
        """The public key itself, proven to be well formed.

        :raises UnendorsedKey: of a size, exponent or curve we do not accept.
        :raises MalformedEvidence: the modulus or point is none.
        """
        if self.type is KeyType.RSA:
            return self._rsa_key()
        return self._ecc_key()

    def has(self, wanted: Attributes) -> bool:
        """Whether every one of these attributes is set."""
        return self.attributes & wanted == wanted

    def _rsa_key(self) -> rsa.RSAPublicKey:
        if self.parameter not in RSA_BITS:
            raise UnendorsedKey(f"RSA keys of {self.parameter} bits are not "
                                "accepted")
        if self.exponent not in (0, RSA_EXPONENT):
            raise UnendorsedKey(f"RSA exponent {self.exponent} is not "
                                "accepted")
        modulus = int.from_bytes(self.unique[0], "big")
        # An odd number with the top bit set: anything less is no modulus.
        if modulus.bit_length() != self.parameter or modulus % 2 == 0:
            raise MalformedEvidence("TPMT_PUBLIC: not an RSA modulus of "
                                    f"{self.parameter} bits")
        return rsa.RSAPublicNumbers(RSA_EXPONENT, modulus).public_key()

    def _ecc_key(self) -> ec.EllipticCurvePublicKey:
        if self.parameter not in CURVES:
            raise UnendorsedKey(f"curve {self.parameter:#06x} is not accepted")
        curve = CURVES[self.parameter]()
        x, y = (int.from_bytes(n, "big") for n in self.unique)
        try:
            return ec.EllipticCurvePublicNumbers(x, y, curve).public_key()
        except ValueError as exc:
            raise MalformedEvidence(
                "TPMT_PUBLIC: the point is not on its curve") from exc


class Signature(NamedTuple):
    """TPMT_SIGNATURE: scheme, hash, and one number (RSA) or r and s.

    A tuple, as one is made for every quote and tuples are made fast.
    """

    scheme: Scheme
    hash_alg: int
    parts: tuple[bytes, ...]

    @classmethod
    def parse(cls, tpmt: bytes) -> Signature:
        """Take a TPMT_SIGNATURE apart.

        :raises MalformedEvidence: it is not one of a scheme we know.
        """
        try:
            alg, hash_alg, size = _SCHEME_HASH_SIZE.unpack_from(tpmt)
            end = _SCHEME_HASH_SIZE.size + size
            parts: tuple[bytes, ...] = (tpmt[_SCHEME_HASH_SIZE.size:end],)
            scheme = SCHEMES.get(alg)
            if scheme is Scheme.ECDSA:
                start = end + _SIZE.size
                size, = _SIZE.unpack_from(tpmt, end)
                end = start + size
                parts = (parts[0], tpmt[start:end])
        except struct.error as exc:
            raise MalformedEvidence("TPMT_SIGNATURE: cut short") from exc
        if scheme is None:
            raise MalformedEvidence("TPMT_SIGNATURE: unknown scheme")
        # The sizes add up to the whole: none was short, nothing is left.
        if end != len(tpmt):
            raise MalformedEvidence(
                "TPMT_SIGNATURE: cut short, or bytes follow")
        return cls(scheme, hash_alg, parts)


SCHEMES = {s.value: s for s in Scheme}
_SCHEME_HASH_SIZE = struct.Struct(">HHH")
_SIZE = struct.Struct(">H")


def acceptable_hash(alg: int, what: str) -> HashAlg:
    """Return the hash with this TPM_ALG_ID.

    :raises UnendorsedKey: not one of ours; SHA-1 is not.
    """
    try:
        return HashAlg(alg)
    except ValueError as exc:
        raise UnendorsedKey(
            f"{what} uses hash {alg:#06x}, which is not accepted") from exc


def _parse_symmetric(r: Reader) -> tuple[int, int, int] | None:
    """Read TPMT_SYM_DEF_OBJECT."""
    alg = r.uint(2)
    return None if alg == ALG_NULL else (alg, r.uint(2), r.uint(2))


def _parse_scheme(r: Reader) -> tuple[int, int] | None:
    """Read TPMT_RSA_SCHEME or TPMT_ECC_SCHEME.

    Only the schemes with a hash and nothing else: RSAES (no details) and
    ECDAA (a count) are in no key that we could accept.
    """
    alg = r.uint(2)
    return None if alg == ALG_NULL else (alg, r.uint(2))
