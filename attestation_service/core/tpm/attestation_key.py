# SPDX-License-Identifier: Apache-2.0
"""An attestation key (AK), and what it signed.

In: the public area of a key.  Out: an :class:`AttestationKey`, which signs
nothing but what its TPM says of itself, in one scheme.

Not decided here: in whose TPM the key is (``core.tpm.credential`` proves that
at enrolment).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from attestation_service.core.errors import UnendorsedKey
from attestation_service.core.tpm.structures import (
    HASHES, SCHEMES, Attributes, KeyType, Public, Scheme, Signature,
    acceptable_hash)
from nova_trusted_launch.wire.digests import HashAlg

_TYPE_OF_SCHEME = {Scheme.ECDSA: KeyType.ECC, Scheme.RSASSA: KeyType.RSA,
                   Scheme.RSAPSS: KeyType.RSA}
_MUST_HAVE = {
    Attributes.RESTRICTED: "may sign what no TPM made (not restricted)",
    Attributes.SIGN: "is not a signing key",
    Attributes.FIXED_TPM: "can leave its TPM (not fixedTPM)",
    Attributes.FIXED_PARENT: "can get another parent (not fixedParent)",
    Attributes.SENSITIVE_DATA_ORIGIN:
        "was made outside of the TPM (not sensitiveDataOrigin)",
}

# Bytes of a number below the order of P-384, the largest, as DER writes it.
_LONGEST = 49
# Takes the numbers of a signature and the message; raises InvalidSignature.
_Verify = Callable[[tuple[bytes, ...], bytes], None]


@dataclass(frozen=True, slots=True)
class AttestationKey:
    """The public half of an AK; make it once and keep it, it is not cheap.

    ``name`` is its TPM Name, empty for a bare key of unknown attributes.
    """

    name: bytes
    scheme: Scheme
    hash_alg: HashAlg
    _hash_id: int
    # Copied for each digest: a new one would be looked up by its name.
    _empty: Any
    _verify: _Verify

    def digest(self, data: bytes) -> bytes:
        """Hash as this key does, which is how its quotes digest PCRs."""
        state = self._empty.copy()
        state.update(data)
        digest: bytes = state.digest()
        return digest

    def signed(self, message: bytes, signature: bytes) -> bool:
        """Whether this key made this TPMT_SIGNATURE of ``message``.

        A signature in another scheme or with another hash is none of ours.

        :raises MalformedEvidence: it is no TPMT_SIGNATURE.
        """
        parsed = Signature.parse(signature)
        if (parsed.scheme is not self.scheme
                or parsed.hash_alg != self._hash_id):
            return False
        try:
            self._verify(parsed.parts, message)
        except InvalidSignature:
            return False
        return True


def load_attestation_key(tpmt_public: bytes) -> AttestationKey:
    """Judge a key's public area and make it an :class:`AttestationKey`.

    Checks, in this order:

    1. restricted, signing, fixed to TPM and parent, made by the TPM;
    2. not able to decrypt;
    3. its scheme is ECDSA, RSASSA or RSAPSS and fits its type;
    4. with SHA-256, SHA-384 or SHA-512, as is its Name;
    5. RSA of 2048 bits at least, or P-256 or P-384.

    :raises UnendorsedKey: a check failed.
    :raises MalformedEvidence: it is not a TPMT_PUBLIC.
    """
    public = Public.parse(tpmt_public)
    for attribute, complaint in _MUST_HAVE.items():
        if not public.has(attribute):
            raise UnendorsedKey(f"the attestation key {complaint}")
    if public.has(Attributes.DECRYPT):
        raise UnendorsedKey("the attestation key can decrypt as well")
    if public.scheme is None or public.scheme[0] not in SCHEMES:
        raise UnendorsedKey("the attestation key has no signature scheme "
                            "that is accepted")
    scheme = SCHEMES[public.scheme[0]]
    if _TYPE_OF_SCHEME[scheme] is not public.type:
        raise UnendorsedKey("the attestation key's scheme is of another type")
    hash_alg = acceptable_hash(public.scheme[1], "the attestation key")
    return _make(public.name, public.key, scheme, hash_alg)


def unjudged_attestation_key(
    key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    scheme: Scheme, hash_alg: HashAlg,
) -> AttestationKey:
    """Make an AK of a bare public key, whose attributes nobody can judge.

    For offline use only: such a key may sign anything its owner likes, so
    what it signs proves nothing about a TPM.

    :raises UnendorsedKey: the scheme is of another type of key.
    """
    kind = (KeyType.ECC if isinstance(key, ec.EllipticCurvePublicKey)
            else KeyType.RSA)
    if _TYPE_OF_SCHEME[scheme] is not kind:
        raise UnendorsedKey("the signature's scheme is of another type")
    return _make(b"", key, scheme, hash_alg)


def _make(name: bytes, key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
          scheme: Scheme, hash_alg: HashAlg) -> AttestationKey:
    return AttestationKey(name, scheme, hash_alg, hash_alg.value,
                          hashlib.new(hash_alg.label),
                          _verifier(key, scheme, hash_alg))


def _ecdsa_signature(r: bytes, s: bytes) -> bytes:
    """Write r and s as the DER that OpenSSL reads (Ecdsa-Sig-Value).

    By hand, for it is done with every quote.
    """
    r, s = _der_integer(r), _der_integer(s)
    if len(r) > _LONGEST or len(s) > _LONGEST:
        raise InvalidSignature
    return b"\x30%c\x02%c%b\x02%c%b" % (
        len(r) + len(s) + 4, len(r), r, len(s), s)


def _der_integer(number: bytes) -> bytes:
    digits = number.lstrip(b"\0")
    # Without a zero in front the first bit would be a sign.
    return digits if digits and digits[0] < 0x80 else b"\0" + digits


def _verifier(key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
              scheme: Scheme, hash_alg: HashAlg) -> _Verify:
    """Bind all that does not change from one signature to the next."""
    algorithm = HASHES[hash_alg]
    if isinstance(key, ec.EllipticCurvePublicKey):
        verify_ecdsa, ecdsa = key.verify, ec.ECDSA(algorithm)

        def ecc(parts: tuple[bytes, ...], message: bytes) -> None:
            verify_ecdsa(_ecdsa_signature(*parts), message, ecdsa)

        return ecc
    # The salt is as long as the key allows or as the hash, by the TPM's age.
    pad = (padding.PKCS1v15() if scheme is Scheme.RSASSA else
           padding.PSS(padding.MGF1(algorithm), padding.PSS.AUTO))
    verify_rsa = key.verify

    def rsa_(parts: tuple[bytes, ...], message: bytes) -> None:
        verify_rsa(parts[0], message, pad, algorithm)

    return rsa_
