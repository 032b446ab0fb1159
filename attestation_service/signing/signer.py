# SPDX-License-Identifier: Apache-2.0
"""Sign results, receipts and TPM policies with the keys of a keyring."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jwt as jose
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed,
    decode_dss_signature,
)

from attestation_service.core import errors
from attestation_service.core.tpm import wrap
from attestation_service.signing.keyring import Keyring, Use

ALGORITHM = "ES256"
# Who reads a JWT judges its times; here it matters only whose it is.
_SIGNATURE_ONLY: Any = {
    "verify_signature": True, "verify_exp": False, "verify_iat": False,
    "verify_nbf": False, "verify_aud": False, "verify_iss": False}


class FileSigner:
    """See :class:`attestation_service.ports.Signer`."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def sign(self, claims: Mapping[str, Any], typ: str) -> str:
        """Return a JWT with these claims."""
        ring = self._keyring.ring()
        return jose.encode(
            dict(claims), ring.private[Use.RESULTS], algorithm=ALGORITHM,
            headers={"typ": typ, "kid": ring.current(Use.RESULTS).kid})

    def verify(self, jwt: str, typ: str) -> Mapping[str, Any]:
        """Return the claims of a JWT we signed; its times are not judged.

        1. it says ES256 and ``typ``;
        2. its ``kid`` is one of ours that sign results;
        3. that key signed it.

        :raises Invalid: check 1, 2 or 3 failed.
        """
        try:
            header = jose.get_unverified_header(jwt)
            if header.get("alg") != ALGORITHM or header.get("typ") != typ:
                raise errors.Invalid(f"this is no {typ}")
            for known in self._keyring.ring().known:
                if (known.use is Use.RESULTS
                        and known.kid == header.get("kid")):
                    return jose.decode(jwt, known.key,
                                       algorithms=[ALGORITHM],
                                       options=_SIGNATURE_ONLY)
        except jose.PyJWTError as exc:
            raise errors.Invalid("the signature does not verify") from exc
        raise errors.Invalid("no key of ours has signed this")

    def jwks(self) -> Mapping[str, Any]:
        """Return the public keys as a JSON Web Key Set, newest first."""
        return {"keys": [key.jwk() for key in self._keyring.ring().known
                         if key.use is Use.RESULTS]}

    def policy_public(self) -> bytes:
        """Return the TPMT_PUBLIC of the key that signs TPM policies."""
        return wrap.policy_key_public(
            self._keyring.ring().private[Use.POLICY].public_key())

    def sign_policy(self, digest: bytes) -> bytes:
        """Sign a SHA-256 digest: a TPMT_SIGNATURE."""
        signature = self._keyring.ring().private[Use.POLICY].sign(
            digest, ec.ECDSA(Prehashed(hashes.SHA256())))
        return wrap.policy_signature(*decode_dss_signature(signature))
