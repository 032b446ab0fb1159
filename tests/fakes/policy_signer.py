# SPDX-License-Identifier: Apache-2.0
"""The service's policy key and sealing, without the service around it."""

from __future__ import annotations

import os

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric import utils
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from attestation_service.core.tpm import wrap
from attestation_service.core.tpm.structures import Public
from nova_trusted_launch.agent.tpm import Endorsement
from nova_trusted_launch.wire.digests import PcrBank
from nova_trusted_launch.wire.release import Bundle, SealedKey

BUNDLE = Bundle(b"i" * 32, b"d" * 32, b"n" * 32)


class PolicySigner:
    """Seals truthfully, for whatever it is told."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.public = wrap.policy_key_public(self._key.public_key())

    def sign(self, digest: bytes) -> bytes:
        """Sign a policy's digest: a TPMT_SIGNATURE."""
        der = self._key.sign(digest, ec.ECDSA(utils.Prehashed(
            hashes.SHA256())))
        return wrap.policy_signature(*utils.decode_dss_signature(der))

    def seal(self, secret: bytes, ek: Endorsement, pcrs: PcrBank,
             release_id: str, nonce_tpm: bytes, *, expiration: int = 60,
             bundle: Bundle = BUNDLE) -> SealedKey:
        """Seal ``secret`` and encrypt ``bundle`` under it."""
        seal = wrap.seal(
            secret, parent=Public.parse(ek.public), parent_name=ek.kind,
            pcrs=pcrs, release_id=release_id, nonce_tpm=nonce_tpm,
            expiration=expiration, policy_key_public=self.public,
            randomness=os.urandom(wrap.RANDOM_SIZE))
        iv = os.urandom(12)
        return seal.sealed_key(self.sign(seal.to_sign), iv + AESGCM(
            secret).encrypt(iv, bundle.to_bytes(), release_id.encode()))
