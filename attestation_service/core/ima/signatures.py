# SPDX-License-Identifier: Apache-2.0
"""Verify the file signatures that an ``ima-sig`` list carries.

In: a proven entry's facts and the operator's public keys.  Out: who signed
the file, or None.  Formats: ``signature_v2_hdr`` versions 2 and 3 of the
kernel's ``security/integrity/integrity.h``.

Not decided here: which keys may sign (the caller chooses them).
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
)

from attestation_service.core.ima.templates import FileFacts

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey

_HEADER = struct.Struct(">BBBIH")
_DIGSIG, _VERITY_DIGSIG = 3, 6
# The kernel's enum hash_algo; nothing weaker is accepted.
_ALGORITHMS: dict[int, hashes.HashAlgorithm] = {
    4: hashes.SHA256(), 5: hashes.SHA384(), 6: hashes.SHA512()}


def key_id(key: PublicKey) -> int:
    """Name a key the way the kernel does: the end of its SHA-1 identifier."""
    if isinstance(key, rsa.RSAPublicKey):
        point = key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    else:
        point = key.public_bytes(
            Encoding.X962, PublicFormat.UncompressedPoint)
    return int.from_bytes(hashlib.sha1(point).digest()[-4:], "big")


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Public keys whose holders may vouch for files, by key id."""

    keys: dict[int, PublicKey]

    @classmethod
    def of(cls, keys: Iterable[PublicKey]) -> KeyRing:
        """Make a ring of ``keys``."""
        return cls({key_id(key): key for key in keys})

    def signer(self, facts: FileFacts) -> int | None:
        """Return the id of the key that signed the file, if one did."""
        try:
            kind, version, algorithm, signer, size = _HEADER.unpack_from(
                facts.signature)
        except struct.error:
            return None
        signature = facts.signature[_HEADER.size:]
        key, hash_ = self.keys.get(signer), _ALGORITHMS.get(algorithm)
        if key is None or hash_ is None or len(signature) != size:
            return None
        if hash_.name != facts.algorithm or (
                len(facts.digest) != hash_.digest_size):
            return None
        digest = facts.digest
        if (kind, version) == (_VERITY_DIGSIG, 3) and facts.verity:
            # struct ima_file_id
            digest = _hash(hash_, bytes((kind, algorithm)) + digest)
        elif (kind, version) != (_DIGSIG, 2) or facts.verity:
            return None
        return signer if _signed(key, signature, digest, hash_) else None


def _hash(hash_: hashes.HashAlgorithm, data: bytes) -> bytes:
    context = hashes.Hash(hash_)
    context.update(data)
    return context.finalize()


def _signed(key: PublicKey, signature: bytes, digest: bytes,
            hash_: hashes.HashAlgorithm) -> bool:
    prehashed = utils.Prehashed(hash_)
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, digest, padding.PKCS1v15(), prehashed)
        else:
            key.verify(signature, digest, ec.ECDSA(prehashed))
    except (InvalidSignature, UnsupportedAlgorithm):
        return False
    return True
