# SPDX-License-Identifier: Apache-2.0
"""What is not the store: vault, signer, Nova, Placement, the bus."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from attestation_service import records as r


class KeyVault(Protocol):
    """Keeps secrets; outside the unit of work (it may be remote)."""

    def put(self, material: r.KeyMaterial, context: str) -> str:
        """Keep a secret; return its reference.

        ``context`` (such as ``key/ID``) is authenticated: it must be the same
        at :meth:`fetch`.

        :raises Unavailable: the vault does not answer.
        """

    def fetch(self, reference: str, context: str) -> r.KeyMaterial:
        """Return a secret.

        :raises Unknown: KEY_CORRUPT: gone, changed, or of another context.
        :raises Unavailable: the vault does not answer.
        """

    def delete(self, reference: str) -> None:
        """Forget a secret; an unknown reference is no error."""


class Signer(Protocol):
    """The service's signing keys (ES256), current and previous."""

    def sign(self, claims: Mapping[str, Any], typ: str) -> str:
        """Return a JWT with header ``typ``, ``kid`` and these claims."""

    def verify(self, jwt: str, typ: str) -> Mapping[str, Any]:
        """Return the claims of a JWT we signed.

        :raises Invalid: it is not ours.
        """

    def jwks(self) -> Mapping[str, Any]:
        """Return the public keys as a JSON Web Key Set."""

    def policy_public(self) -> bytes:
        """Return the TPMT_PUBLIC of the key that signs TPM policies."""

    def sign_policy(self, digest: bytes) -> bytes:
        """Sign a SHA-256 digest for TPM2_PolicySigned: a TPMT_SIGNATURE."""


class Instances(Protocol):
    """Nova, asked where an instance is."""

    def locate(self, instance_id: str) -> r.Whereabouts | None:
        """Return what Nova says, or None: it knows no such instance.

        :raises Unavailable: RELEASE_UNCONFIRMED: Nova does not answer.
        """


class Traits(Protocol):
    """Placement: the hint that a host satisfies a profile."""

    def publish(self, host: str, affirming: Iterable[str],
                known: Iterable[str]) -> None:
        """Set the traits of ``affirming`` profiles on a host and take away
        those of the other ``known`` ones.

        :raises Unavailable: Placement does not answer.
        """


class AgentCalls(Protocol):
    """Ask agents, over the bus, to attest now."""

    def attest_now(self, host: str | None) -> None:
        """Ask one host's agent, or all.

        :raises Unavailable: the bus does not answer.
        """


class Randomness(Protocol):
    """Where nonces, seeds and keys come from."""

    def bytes(self, size: int) -> bytes:
        """Return ``size`` random bytes."""

    def uuid(self) -> str:
        """Return a random UUID."""
