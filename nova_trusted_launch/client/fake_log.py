# SPDX-License-Identifier: Apache-2.0
"""A signing service with a log of receipts, in memory, for tests.

It signs truthfully with an ES256 key of its own, so that whoever verifies
signatures and proofs in a test runs the real code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from nova_trusted_launch.client.trust import thumbprint
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire import receipts


class FakeSigner:
    """An ES256 key and what it signs."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        numbers = self._key.public_key().public_numbers()
        jwk = {"kty": "EC", "crv": "P-256",
               "x": encoding.b64(numbers.x.to_bytes(32, "big")),
               "y": encoding.b64(numbers.y.to_bytes(32, "big"))}
        self.jwk = {**jwk, "kid": thumbprint(jwk), "alg": "ES256",
                    "use": "sig"}

    def sign(self, claims: Mapping[str, Any], typ: str) -> str:
        """Return a JWT of this type."""
        return jwt.encode(dict(claims), self._key, algorithm="ES256",
                          headers={"typ": typ, "kid": self.jwk["kid"]})


class FakeLog:
    """The receipts, and every proof about them (RFC 6962)."""

    def __init__(self) -> None:
        self.entries: list[str] = []

    def append(self, receipt: str) -> int:
        """Append a receipt's JWT; return its index."""
        self.entries.append(receipt)
        return len(self.entries) - 1

    def leaves(self, size: int | None = None) -> list[bytes]:
        """Return the leaf hashes of the log when it had that size."""
        return [receipts.leaf_hash(e) for e in self.entries[:size]]

    def root(self, size: int) -> bytes:
        """Return the root of the log when it had that size."""
        return _root(self.leaves(size))

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """Prove that an entry is in the log of that size."""
        return _path(index, self.leaves(size))

    def consistency(self, first: int, second: int) -> list[bytes]:
        """Prove that one size is a prefix of another."""
        if first in {0, second}:
            return []
        return _proof(first, self.leaves(second), complete=True)


def _root(leaves: Sequence[bytes]) -> bytes:
    if not leaves:
        return receipts.EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    k = _split(len(leaves))
    return receipts.node_hash(_root(leaves[:k]), _root(leaves[k:]))


def _split(size: int) -> int:
    """Return the largest power of two below ``size``."""
    return int(1 << (size - 1).bit_length() - 1)


def _path(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    if len(leaves) <= 1:
        return []
    k = _split(len(leaves))
    if index < k:
        return [*_path(index, leaves[:k]), _root(leaves[k:])]
    return [*_path(index - k, leaves[k:]), _root(leaves[:k])]


def _proof(first: int, leaves: Sequence[bytes], *,
           complete: bool) -> list[bytes]:
    if first == len(leaves):
        return [] if complete else [_root(leaves)]
    k = _split(len(leaves))
    if first <= k:
        return [*_proof(first, leaves[:k], complete=complete),
                _root(leaves[k:])]
    return [*_proof(first - k, leaves[k:], complete=False),
            _root(leaves[:k])]
