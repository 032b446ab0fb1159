# SPDX-License-Identifier: Apache-2.0
"""Seal a key, in software, to one TPM in one state for one policy session.

In: the secret, the storage key of the TPM that shall open it, the boot PCRs
just quoted.  Out: a :class:`Seal`: what TPM2_Import takes, and the digest that
the service's policy key has to sign before the TPM lets anybody unseal.

The object's policy is PolicyPCR, then PolicySigned; nothing else opens it:
userWithAuth is clear, adminWithPolicy set (so that ObjectChangeAuth needs the
policy too), and no policy leads to Duplicate.

Not decided here: whether the host deserves the key (``core.release``), nor
whose the parent is (``core.endorsement``, ``core.tpm.certify``).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec

from attestation_service.core.errors import UnendorsedKey
from attestation_service.core.tpm import envelope
from attestation_service.core.tpm.structures import (
    ALG_NULL, Attributes, KeyType, Public, Scheme, tpm2b)
from nova_trusted_launch.wire.digests import HashAlg, PcrBank, PcrSelection
from nova_trusted_launch.wire.release import (
    MIN_TPM_NONCE, SealedKey, policy_ref)

# How much randomness :func:`seal` uses: a seed and an obfuscation value.
RANDOM_SIZE = envelope.SEED_SIZE + 32

PARENTS: Mapping[str, tuple[KeyType, int]] = {
    "ek-rsa2048": (KeyType.RSA, 2048), "ek-p256": (KeyType.ECC, 0x0003),
    "ek-p384": (KeyType.ECC, 0x0004)}

_ALG = HashAlg.SHA256
_KEYEDHASH = 0x0008
_CC_POLICY_SIGNED = 0x00000160
_CC_POLICY_PCR = 0x0000017F
_MOST_SECRET = 128
# The largest digest, which bounds every TPM2B_NONCE.
_MOST_NONCE = 64
_SEALED = Attributes.ADMIN_WITH_POLICY | Attributes.NO_DA
_POLICY_KEY = Attributes.SIGN | Attributes.USER_WITH_AUTH
_P256 = 0x0003
_FIELD = 32


@dataclass(frozen=True, slots=True)
class Seal:
    """A sealed object, complete but for the signature of ``to_sign``.

    The fields are those of :class:`SealedKey`.  ``to_sign`` is the SHA-256
    digest (aHash) that ``Signer.sign_policy`` signs.
    """

    parent: str
    public: bytes
    duplicate: bytes
    seed: bytes
    selection: PcrSelection
    expiration: int
    policy_key: bytes
    to_sign: bytes

    def sealed_key(self, policy_signature: bytes, bundle: bytes) -> SealedKey:
        """Complete it with the signature and the encrypted bundle."""
        return SealedKey(self.parent, self.public, self.duplicate, self.seed,
                         self.selection, self.expiration, policy_signature,
                         self.policy_key, bundle)


def parent_name_of(ek: Public) -> str:
    """Return how :class:`SealedKey` calls this EK, such as ``ek-p384``.

    :raises UnendorsedKey: not a storage key that we can wrap for.
    """
    envelope.verify_storage_key(ek)
    kind = (ek.type, ek.parameter)
    for name, known in PARENTS.items():
        if known == kind:
            return name
    raise UnendorsedKey("no key is sealed to an EK of this size")


def seal(
    secret: bytes,
    *,
    parent: Public,
    parent_name: str,
    pcrs: PcrBank,
    release_id: str,
    nonce_tpm: bytes,
    expiration: int,
    policy_key_public: bytes,
    randomness: bytes,
) -> Seal:
    """Seal ``secret`` under ``parent`` to ``pcrs`` and one policy session.

    ``pcrs`` are the boot PCRs of the quote just verified, ``nonce_tpm`` the
    nonce of the session that will unseal, ``expiration`` how many seconds
    after its start, ``policy_key_public`` the TPMT_PUBLIC of the service's
    policy key, ``randomness`` :data:`RANDOM_SIZE` random bytes.

    The caller must have verified ``parent`` and the quote that binds
    ``nonce_tpm``.

    :raises UnendorsedKey: ``parent`` is not a storage key that we accept.
    """
    if not 0 < len(secret) <= _MOST_SECRET or len(randomness) != RANDOM_SIZE:
        raise ValueError("a sealed object holds 1 to 128 bytes and needs "
                         f"{RANDOM_SIZE} random ones")
    reference = policy_ref(release_id)
    to_sign = policy_signed_ahash(nonce_tpm, expiration, b"", reference)
    policy = policy_digest(pcrs, policy_key_name(policy_key_public), reference)
    obfuscation = randomness[envelope.SEED_SIZE:]
    public = _sealed_public(policy, obfuscation, secret)
    sensitive = (_KEYEDHASH.to_bytes(2, "big") + tpm2b(b"")
                 + tpm2b(obfuscation) + tpm2b(secret))
    name = _name(public)
    seed, encrypted_seed = envelope.share_seed(
        parent, b"DUPLICATE\0", randomness[:envelope.SEED_SIZE])
    duplicate = envelope.protect(parent, seed, name, tpm2b(sensitive))
    return Seal(parent_name, tpm2b(public), tpm2b(duplicate), encrypted_seed,
                pcrs.selection, expiration, policy_key_public,
                to_sign)


def policy_digest(pcrs: PcrBank, key_name: bytes, reference: bytes) -> bytes:
    """Return the authPolicy of PolicyPCR(pcrs), then PolicySigned."""
    after_pcr = _ALG.digest(
        bytes(_ALG.size) + _CC_POLICY_PCR.to_bytes(4, "big")
        + marshal_selection(pcrs.selection)
        + _ALG.digest(pcrs.concatenated()))
    after_key = _ALG.digest(
        after_pcr + _CC_POLICY_SIGNED.to_bytes(4, "big") + key_name)
    return _ALG.digest(after_key + reference)


def policy_signed_ahash(nonce_tpm: bytes, expiration: int, cp_hash: bytes,
                        reference: bytes) -> bytes:
    """Return the digest that authorizes one TPM2_PolicySigned.

    Without a session nonce or an expiry the authorization would be good
    anywhere and for ever, and below zero the TPM hands out a ticket that
    other sessions can use: none of that is ever signed.
    """
    if not MIN_TPM_NONCE <= len(nonce_tpm) <= _MOST_NONCE:
        raise ValueError("a session's nonce has 16 to 64 bytes")
    if not 0 < expiration < 2 ** 31:
        raise ValueError("an authorization expires after 1 second or more")
    return hashlib.sha256(nonce_tpm + expiration.to_bytes(4, "big")
                          + cp_hash + reference).digest()


def policy_key_public(key: ec.EllipticCurvePublicKey) -> bytes:
    """Return the TPMT_PUBLIC of the service's policy key (P-256, ECDSA)."""
    numbers = key.public_numbers()
    if not isinstance(numbers.curve, ec.SECP256R1):
        raise ValueError("the policy key is on P-256")
    words = (KeyType.ECC.value, _ALG.value)
    return b"".join((
        *(w.to_bytes(2, "big") for w in words),
        _POLICY_KEY.to_bytes(4, "big"), tpm2b(b""),
        ALG_NULL.to_bytes(2, "big"), Scheme.ECDSA.value.to_bytes(2, "big"),
        _ALG.value.to_bytes(2, "big"), _P256.to_bytes(2, "big"),
        ALG_NULL.to_bytes(2, "big"),
        tpm2b(numbers.x.to_bytes(_FIELD, "big")),
        tpm2b(numbers.y.to_bytes(_FIELD, "big"))))


def policy_key_name(policy_key: bytes) -> bytes:
    """Return the Name of a policy key's TPMT_PUBLIC."""
    return Public.parse(policy_key).name


def policy_signature(r: int, s: int) -> bytes:
    """Return the TPMT_SIGNATURE of an ECDSA P-256 signature with SHA-256."""
    return (Scheme.ECDSA.value.to_bytes(2, "big")
            + _ALG.value.to_bytes(2, "big")
            + tpm2b(r.to_bytes(_FIELD, "big"))
            + tpm2b(s.to_bytes(_FIELD, "big")))


def marshal_selection(selection: PcrSelection) -> bytes:
    """Write a TPML_PCR_SELECTION of one bank, as a TPM with 24 PCRs does."""
    bitmap = sum(1 << i for i in selection.registers)
    return ((1).to_bytes(4, "big") + selection.alg.value.to_bytes(2, "big")
            + b"\x03" + bitmap.to_bytes(3, "little"))


def _sealed_public(policy: bytes, obfuscation: bytes, secret: bytes) -> bytes:
    unique = _ALG.digest(obfuscation + secret)
    return (_KEYEDHASH.to_bytes(2, "big") + _ALG.value.to_bytes(2, "big")
            + _SEALED.to_bytes(4, "big") + tpm2b(policy)
            + ALG_NULL.to_bytes(2, "big") + tpm2b(unique))


def _name(public: bytes) -> bytes:
    return _ALG.value.to_bytes(2, "big") + _ALG.digest(public)
