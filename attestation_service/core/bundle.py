# SPDX-License-Identifier: Apache-2.0
"""Encrypt the bundle of keys that a host opens with the sealed key.

In: the bundle, a fresh 32-byte key and a fresh nonce.  Out: the ``bundle`` of
a :class:`~nova_trusted_launch.wire.release.SealedKey`.

Not decided here: who may have it (``core.release``), and how the key reaches
the host (``core.tpm.wrap``).
"""

from __future__ import annotations

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from nova_trusted_launch.wire.release import Bundle

KEY_SIZE = 32
NONCE_SIZE = 12


def encrypt(bundle: Bundle, *, key: bytes, nonce: bytes,
            release_id: str) -> bytes:
    """Return nonce and AES-256-GCM ciphertext, bound to the release.

    ``key`` encrypts this one bundle and nothing else, ever.
    """
    if len(key) != KEY_SIZE or len(nonce) != NONCE_SIZE:
        raise ValueError(f"a key of {KEY_SIZE} and a nonce of {NONCE_SIZE} "
                         "bytes are needed")
    return nonce + AESGCM(key).encrypt(nonce, bundle.to_bytes(),
                                       release_id.encode())
