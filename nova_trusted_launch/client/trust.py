# SPDX-License-Identifier: Apache-2.0
"""Verify what the service signed, with its public keys.

In: a JWT.  Out: the value inside, proven to come from the service.

Not decided here: whether it is fresh, or good enough (``admission``).
"""

from __future__ import annotations

import hashlib
import pathlib
from collections.abc import Callable
from typing import Any, TypeVar

import jwt

from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.encoding import WireError
from nova_trusted_launch.wire.receipts import CHECKPOINT_TYPE, RECEIPT_TYPE
from nova_trusted_launch.wire.receipts import Checkpoint, Receipt
from nova_trusted_launch.wire.results import AttestationResult
from nova_trusted_launch.wire.snapshot import SNAPSHOT_TYPE, Snapshot

RESULT_TYPE = "ear+jwt"
_ALGORITHM = "ES256"
# Bytes of a file of keys.
_KEY_SET = 1 << 20
_THUMBPRINT = ("crv", "kty", "x", "y")
# Expiry is a field of what is inside; whoever relies on it has the clock.
_OPTIONS: Any = {
    "verify_signature": True, "verify_exp": False, "verify_nbf": False,
    "verify_iat": False, "verify_aud": False, "verify_iss": False}
T = TypeVar("T")


class Untrusted(ValueError):
    """The JWT is not one that the service signed for this use."""


class UnknownKey(Untrusted):
    """Its key is not among ours: the service may have new ones."""


def read_key_set(path: str | None) -> dict[str, Any] | None:
    """Read a JSON Web Key Set from a file; None when none is named.

    :raises Untrusted: it cannot be read.
    """
    if path is None:
        return None
    try:
        found = encoding.loads(pathlib.Path(path).read_bytes(),
                               max_size=_KEY_SET)
    except (OSError, WireError) as exc:
        raise Untrusted(f"{path}: {exc}") from exc
    if not isinstance(found, dict):
        raise Untrusted(f"{path}: not a JSON Web Key Set")
    return found


class Verifier:
    """The service's public keys (a JSON Web Key Set).

    Only P-256 keys whose id is their RFC 7638 thumbprint count.
    """

    def __init__(self, jwks: Any) -> None:
        keys = jwks.get("keys") if isinstance(jwks, dict) else None
        self._keys = dict(filter(None, map(
            _load, keys if isinstance(keys, list) else [])))
        if not self._keys:
            raise Untrusted("the key set holds no P-256 key")

    def result(self, token: str) -> AttestationResult:
        """Return a host's attestation result.

        :raises Untrusted: see :meth:`claims`.
        """
        return self._value(token, RESULT_TYPE, AttestationResult.from_claims)

    def receipt(self, token: str) -> Receipt:
        """Return the receipt of a release.

        :raises Untrusted: see :meth:`claims`.
        """
        return self._value(token, RECEIPT_TYPE, Receipt.from_claims)

    def checkpoint(self, token: str) -> Checkpoint:
        """Return a checkpoint of the log.

        :raises Untrusted: see :meth:`claims`.
        """
        return self._value(token, CHECKPOINT_TYPE, Checkpoint.from_claims)

    def snapshot(self, token: str) -> Snapshot:
        """Return a snapshot of results.

        :raises Untrusted: see :meth:`claims`.
        """
        return self._value(token, SNAPSHOT_TYPE, Snapshot.from_claims)

    def claims(self, token: str, typ: str) -> dict[str, Any]:
        """Return the payload of a JWT of this type.

        Checks, in this order:

        1. it is a JWT with exactly this ``typ``;
        2. its ``kid`` is one of our keys and its ``alg`` is ES256;
        3. that key signed it.

        :raises UnknownKey: the key of check 2 is not among ours.
        :raises Untrusted: any other check failed.
        """
        try:
            header = jwt.get_unverified_header(token)
            if header.get("typ") != typ:
                raise Untrusted(f"not a JWT of type {typ}")
            key = self._keys.get(str(header.get("kid")))
            if key is None:
                raise UnknownKey(
                    "signed by a key that is not the service's")
            return jwt.decode(token, key, algorithms=[_ALGORITHM],
                              options=_OPTIONS)
        except Untrusted:
            raise
        except (jwt.PyJWTError, TypeError, ValueError) as exc:
            raise Untrusted(f"the signature does not verify: {exc}") from exc

    def _value(self, token: str, typ: str, parse: Callable[[Any], T]) -> T:
        try:
            return parse(self.claims(token, typ))
        except WireError as exc:
            raise Untrusted(f"signed, but not in the agreed form: {exc}"
                            ) from exc


def thumbprint(jwk: dict[str, Any]) -> str:
    """Return a P-256 key's RFC 7638 thumbprint."""
    return encoding.b64(hashlib.sha256(encoding.canonical(
        {name: jwk.get(name) for name in _THUMBPRINT})).digest())


def _load(jwk: Any) -> tuple[str, Any] | None:
    if (not isinstance(jwk, dict) or jwk.get("kty") != "EC"
            or jwk.get("crv") != "P-256"
            or jwk.get("kid") != thumbprint(jwk)):
        return None
    public = {name: jwk[name] for name in _THUMBPRINT if name in jwk}
    try:
        return jwk["kid"], jwt.PyJWK(public, algorithm=_ALGORITHM).key
    except (jwt.PyJWTError, ValueError):
        return None
