# SPDX-License-Identifier: Apache-2.0
"""The other ports, in memory: vault, signer, Nova, Placement, bus, chance."""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import uuid
from typing import Any

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    Prehashed, decode_dss_signature)

from attestation_service import records as r
from attestation_service.core import errors
from attestation_service.core.tpm import wrap
from nova_trusted_launch.wire.codes import Code

NOW = datetime.datetime(2026, 11, 25, 12, tzinfo=datetime.UTC)


class Clock:
    """A time that passes when it is told to."""

    def __init__(self, now: datetime.datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime.datetime:
        return self.now

    def tick(self, **delta: float) -> datetime.datetime:
        """Let time pass; return the new time."""
        self.now += datetime.timedelta(**delta)
        return self.now


class SeededRandomness:
    """Distinct, repeatable bytes: what a test saw once it sees again."""

    def __init__(self, seed: str = "seed") -> None:
        self._seed = seed.encode()
        self._count = 0

    def bytes(self, size: int) -> bytes:
        self._count += 1
        return hashlib.shake_256(
            self._seed + self._count.to_bytes(8, "big")).digest(size)

    def uuid(self) -> str:
        return str(uuid.UUID(bytes=self.bytes(16), version=4))


class Down:
    """Something that can be out of order."""

    down = False

    def _reach(self, what: str, code: Code | None = None) -> None:
        if self.down:
            raise errors.Unavailable(f"{what} does not answer", code)


class MemoryVault(Down):
    """Secrets by reference; the context must be that of ``put``."""

    def __init__(self) -> None:
        self.secrets: dict[str, tuple[r.KeyMaterial, str]] = {}
        self._count = 0

    def put(self, material: r.KeyMaterial, context: str) -> str:
        self._reach("the vault")
        self._count += 1
        self.secrets[str(self._count)] = material, context
        return str(self._count)

    def fetch(self, reference: str, context: str) -> r.KeyMaterial:
        self._reach("the vault")
        material, known = self.secrets.get(reference, (None, None))
        if material is None or known != context:
            raise errors.Unknown("the secret is gone, changed or another's",
                                 Code.KEY_CORRUPT)
        return material

    def delete(self, reference: str) -> None:
        self._reach("the vault")
        self.secrets.pop(reference, None)


class MemorySigner:
    """Signs truthfully, ES256, with keys that were made just now."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._policy_key = ec.generate_private_key(ec.SECP256R1())
        public = jwt.algorithms.ECAlgorithm.to_jwk(
            self._key.public_key(), as_dict=True)
        required = {name: public[name] for name in ("crv", "kty", "x", "y")}
        self.kid = base64.urlsafe_b64encode(hashlib.sha256(json.dumps(
            required, sort_keys=True, separators=(",", ":")).encode()
        ).digest()).rstrip(b"=").decode()
        self._jwks = {"keys": [{**required, "alg": "ES256", "use": "sig",
                                "kid": self.kid}]}

    def sign(self, claims: Any, typ: str) -> str:
        return jwt.encode(dict(claims), self._key, "ES256",
                          headers={"typ": typ, "kid": self.kid})

    def verify(self, token: str, typ: str) -> Any:
        try:
            found = jwt.decode_complete(
                token, self._key.public_key(), ["ES256"],
                options={"verify_exp": False, "verify_iat": False})
        except jwt.InvalidTokenError as exc:
            raise errors.Invalid("not a JWT of this service") from exc
        if found["header"].get("typ") != typ:
            raise errors.Invalid("a JWT of another type")
        return found["payload"]

    def jwks(self) -> Any:
        return self._jwks

    def policy_public(self) -> bytes:
        return wrap.policy_key_public(self._policy_key.public_key())

    def sign_policy(self, digest: bytes) -> bytes:
        return wrap.policy_signature(*decode_dss_signature(
            self._policy_key.sign(
                digest, ec.ECDSA(Prehashed(hashes.SHA256())))))


class FakeNova(Down):
    """Where instances are."""

    def __init__(self) -> None:
        self.instances: dict[str, r.Whereabouts] = {}

    def place(self, instance_id: str, *hosts: str, project: str = "p1",
              image: str | None = "image-1", deleted: bool = False) -> None:
        """Say where an instance is from now on."""
        self.instances[instance_id] = r.Whereabouts(
            instance_id, project, image, frozenset(hosts), deleted)

    def locate(self, instance_id: str) -> r.Whereabouts | None:
        self._reach("Nova", Code.RELEASE_UNCONFIRMED)
        return self.instances.get(instance_id)


class FakePlacement(Down):
    """The traits each host has."""

    def __init__(self) -> None:
        self.traits: dict[str, set[str]] = {}

    def publish(self, host: str, affirming: Any, known: Any) -> None:
        self._reach("Placement")
        now = self.traits.setdefault(host, set())
        now -= set(known)
        now |= set(affirming)


class FakeAgents(Down):
    """Which hosts were asked to attest; None stands for all."""

    def __init__(self) -> None:
        self.asked: list[str | None] = []

    def attest_now(self, host: str | None) -> None:
        self._reach("the bus")
        self.asked.append(host)
