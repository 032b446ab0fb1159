# SPDX-License-Identifier: Apache-2.0
"""Keys that the core seals to a real TPM, and refusals by the TPM."""

from __future__ import annotations

import secrets

import tpm2_pytss as tss
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed, decode_dss_signature)

from attestation_service.core.tpm import wrap
from attestation_service.core.tpm.structures import Public
from nova_trusted_launch.wire.digests import HashAlg, PcrSelection

BOOT = PcrSelection(HashAlg.SHA256, frozenset(range(8)))
PARENTS = ("ek-rsa2048", "ek-p384", "ek-p256", "srk")
RELEASE = "0b6ccf4e-7c43-4d0a-8d66-2a5a5c3a9a5a"
KEY = b"\x5a" * 32
POLICY_KEY = ec.generate_private_key(ec.SECP256R1())


def parent_of(tpm, kind):
    with tpm.parent(kind) as handle:
        return Public.parse(tpm.public(handle))


def sealed_for(tpm, kind, nonce_tpm, *, expiration=60, release=RELEASE,
               secret=KEY):
    seal = wrap.seal(
        secret, parent=parent_of(tpm, kind), parent_name=kind,
        pcrs=tpm.bank(BOOT), release_id=release, nonce_tpm=nonce_tpm,
        expiration=expiration, policy_key_public=wrap.policy_key_public(
            POLICY_KEY.public_key()),
        randomness=secrets.token_bytes(wrap.RANDOM_SIZE))
    r, s = decode_dss_signature(POLICY_KEY.sign(
        seal.to_sign, ec.ECDSA(Prehashed(hashes.SHA256()))))
    return seal.sealed_key(wrap.policy_signature(r, s), b"")


class refused:  # noqa: N801 - reads as pytest.raises does
    """Expect the TPM itself to refuse, with one of these response codes."""

    def __init__(self, *codes):
        self._codes = codes

    def __enter__(self):
        return self

    def __exit__(self, kind, exc, _):
        assert kind is not None, "the TPM did not refuse"
        assert isinstance(exc, tss.TSS2_Exception), exc
        assert exc.rc in self._codes, f"{exc.rc:#x}: {exc}"
        return True
