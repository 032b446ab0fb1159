# SPDX-License-Identifier: Apache-2.0
"""Protect bytes so that one TPM key opens them: seeds and outer wrapping.

In: the public area of a storage key (an EK or SRK), random bytes, a Name.
Out: what TPM2_ActivateCredential and TPM2_Import take.  TPM 2.0 Library,
Part 1: "Key Derivation", "Secret Sharing", "Outer Wrap".

Not decided here: whose key it is (``core.endorsement``).
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator

from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from attestation_service.core.errors import UnendorsedKey
from attestation_service.core.tpm.structures import (
    CURVES, HASHES, Attributes, Public, tpm2b)
from nova_trusted_launch.wire.digests import HashAlg

# Random bytes for one seed: enough for a P-384 scalar without bias.
SEED_SIZE = 64

_ALG_AES = 0x0006
_ALG_CFB = 0x0043
_AES_BITS = (128, 256)
_BLOCK = 16
_STORAGE = Attributes.RESTRICTED | Attributes.DECRYPT
# The orders of the groups (SEC 2), which the library does not tell.
_ORDERS = {
    0x0003: int("ffffffff00000000ffffffffffffffff"
                "bce6faada7179e84f3b9cac2fc632551", 16),
    0x0004: int("ffffffffffffffffffffffffffffffffffffffffffffffff"
                "c7634d81f4372ddf581a0db248b0a77aecec196accc52973", 16)}


def verify_storage_key(public: Public) -> None:
    """Make sure that this key opens what is wrapped for it, and only so.

    Checks: restricted and decrypting, not signing, fixed to its TPM and
    parent; AES-128 or AES-256 in CFB mode; a Name hash we accept.

    :raises UnendorsedKey: it is any other key.
    """
    if not public.has(_STORAGE) or public.has(Attributes.SIGN):
        raise UnendorsedKey("the key is not a storage key")
    if not public.has(Attributes.FIXED_TPM | Attributes.FIXED_PARENT):
        raise UnendorsedKey("the storage key can leave its TPM")
    if (public.symmetric is None or public.symmetric[0] != _ALG_AES
            or public.symmetric[1] not in _AES_BITS
            or public.symmetric[2] != _ALG_CFB):
        raise UnendorsedKey("the storage key does not protect with AES-CFB")
    public.name_hash  # noqa: B018 - it raises for a hash we do not accept


def share_seed(key: Public, label: bytes,
               randomness: bytes) -> tuple[bytes, bytes]:
    """Make a seed that only ``key`` can recover.

    Return it and the TPM2B_ENCRYPTED_SECRET that carries it.  ``label`` says
    what for and ends with a zero byte.

    :raises UnendorsedKey: not a storage key we accept.
    :raises MalformedEvidence: its modulus or point is none.
    """
    if len(randomness) != SEED_SIZE:
        raise ValueError(f"a seed needs {SEED_SIZE} random bytes")
    verify_storage_key(key)
    alg = key.name_hash
    public = key.key
    if isinstance(public, ec.EllipticCurvePublicKey):
        return _share_by_ecdh(public, key.parameter, alg, label, randomness)
    seed = randomness[:alg.size]
    oaep = padding.OAEP(padding.MGF1(HASHES[alg]), HASHES[alg], label)
    return seed, tpm2b(public.encrypt(seed, oaep))


def protect(key: Public, seed: bytes, name: bytes, plain: bytes) -> bytes:
    """Encrypt ``plain`` under ``seed`` and bind it to ``name``.

    Return a TPM2B digest, then the ciphertext: the outer wrap.
    """
    alg, symmetric = key.name_hash, key.symmetric
    assert symmetric is not None  # verify_storage_key saw to it.
    cipher_key = kdfa(alg, seed, b"STORAGE\0", name, symmetric[1])
    hmac_key = kdfa(alg, seed, b"INTEGRITY\0", b"", alg.size * 8)
    sealed = cfb_encrypt(cipher_key, plain)
    mac = hmac.digest(hmac_key, sealed + name, alg.label)
    return tpm2b(mac) + sealed


def kdfa(alg: HashAlg, key: bytes, label: bytes, context: bytes,
         bits: int) -> bytes:
    """Derive ``bits`` from a key, as KDFa has it.

    One round of it: no key we need is longer than the shortest digest.
    """
    assert bits <= alg.size * 8
    once = hmac.digest(key, (1).to_bytes(4, "big") + label + context
                       + bits.to_bytes(4, "big"), alg.label)
    return once[:bits // 8]


def kdfe(alg: HashAlg, z: bytes, label: bytes, party_u: bytes,
         party_v: bytes) -> bytes:
    """Derive one digest's worth of key from an ECDH secret, as KDFe has it."""
    return hashlib.new(
        alg.label,
        (1).to_bytes(4, "big") + z + label + party_u + party_v).digest()


def cfb_encrypt(key: bytes, plain: bytes) -> bytes:
    """Encrypt with AES in full-block CFB mode and a zero IV.

    One AES block at a time, because the library moved its own CFB between
    the releases that we have to run with.
    """
    block = Cipher(algorithms.AES(key), modes.ECB()).encryptor()

    def blocks() -> Iterator[bytes]:
        last = bytes(_BLOCK)
        for at in range(0, len(plain), _BLOCK):
            pad = block.update(last)
            last = bytes(a ^ b for a, b in zip(
                plain[at:at + _BLOCK], pad, strict=False))
            yield last

    return b"".join(blocks())


def _share_by_ecdh(public: ec.EllipticCurvePublicKey, curve_id: int,
                   alg: HashAlg, label: bytes,
                   randomness: bytes) -> tuple[bytes, bytes]:
    curve = CURVES[curve_id]()
    size = (curve.key_size + 7) // 8
    order = _ORDERS[curve_id]
    scalar = int.from_bytes(randomness, "big") % (order - 1) + 1
    ephemeral = ec.derive_private_key(scalar, curve)
    ours = ephemeral.public_key().public_numbers()
    x, y = ours.x.to_bytes(size, "big"), ours.y.to_bytes(size, "big")
    seed = kdfe(alg, ephemeral.exchange(ec.ECDH(), public), label, x,
                public.public_numbers().x.to_bytes(size, "big"))
    return seed, tpm2b(tpm2b(x) + tpm2b(y))
