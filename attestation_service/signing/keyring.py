# SPDX-License-Identifier: Apache-2.0
"""The service's signing keys, in a folder of files.

``keys.json`` says which keys there are, newest first, with their public
halves; ``KID.pem`` is the private half of the current one of each use.  A
rotation destroys the private half of the old one; its public half stays, so
that receipts can be verified for ever.
"""

from __future__ import annotations

import dataclasses
import datetime
import enum
import hashlib
import json
import pathlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from attestation_service import private_files
from nova_trusted_launch.wire import encoding

_FIELD = 32
_INDEX = "keys.json"
_TRIES = 5


class Use(enum.Enum):
    """What a key signs."""

    RESULTS = "results"
    POLICY = "policy"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that signs or has signed; ``kid`` is its RFC 7638 thumbprint."""

    kid: str
    use: Use
    created_at: datetime.datetime
    x: str
    y: str

    @property
    def key(self) -> ec.EllipticCurvePublicKey:
        """The key itself."""
        x, y = (int.from_bytes(encoding.unb64(v, "coordinate"), "big")
                for v in (self.x, self.y))
        return ec.EllipticCurvePublicNumbers(
            x, y, ec.SECP256R1()).public_key()

    def jwk(self) -> dict[str, str]:
        """Return it as a JSON Web Key."""
        return {"kty": "EC", "crv": "P-256", "x": self.x, "y": self.y,
                "kid": self.kid, "use": "sig", "alg": "ES256"}


@dataclass(frozen=True, slots=True)
class Ring:
    """All keys as of one reading, newest first."""

    known: tuple[PublicKey, ...]
    private: Mapping[Use, ec.EllipticCurvePrivateKey]

    def current(self, use: Use) -> PublicKey:
        """Return the key that signs now."""
        return next(key for key in self.known if key.use is use)


class Keyring:
    """The folder; another process may rotate it at any time."""

    def __init__(self, folder: pathlib.Path,
                 clock: Callable[[], datetime.datetime]) -> None:
        self._folder = folder
        self._clock = clock
        self._lock = threading.Lock()
        self._stamp: tuple[int, ...] = ()
        self._ring = Ring((), {})
        with private_files.locked(folder):
            if not (folder / _INDEX).exists():
                self._save(tuple(self._make(use) for use in Use))
        self.ring()

    def ring(self) -> Ring:
        """Return the keys as they are now."""
        if private_files.stamp(self._folder / _INDEX) != self._stamp:
            with self._lock:
                self._load()
        return self._ring

    def _load(self) -> None:
        for _ in range(_TRIES):
            stamp = private_files.stamp(self._folder / _INDEX)
            try:
                self._ring = self._read_ring()
            except FileNotFoundError:
                # A rotation took a key away that we were about to read.
                if stamp == private_files.stamp(self._folder / _INDEX):
                    raise
            else:
                self._stamp = stamp
                return
        raise RuntimeError(f"{self._folder} changes all the time")

    def rotate(self) -> Ring:
        """Make a new key for each use; the old ones verify for ever."""
        with private_files.locked(self._folder):
            old = self.ring()
            made = tuple(self._make(use) for use in Use)
            self._save(made + old.known)
            for path in self._folder.glob("*.pem"):
                if path.stem not in {key.kid for key in made}:
                    private_files.remove(path)
        return self.ring()

    def _make(self, use: Use) -> PublicKey:
        private = ec.generate_private_key(ec.SECP256R1())
        numbers = private.public_key().public_numbers()
        x, y = (encoding.b64(n.to_bytes(_FIELD, "big"))
                for n in (numbers.x, numbers.y))
        public = PublicKey(thumbprint(x, y), use, self._clock(), x, y)
        private_files.write(self._private(public.kid), private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()))
        return public

    def _save(self, known: tuple[PublicKey, ...]) -> None:
        private_files.write(self._folder / _INDEX, encoding.canonical(
            [_to_dict(key) for key in known]))

    def _read_ring(self) -> Ring:
        known = tuple(map(_from_dict, json.loads(
            private_files.read(self._folder / _INDEX))))
        public = Ring(known, {})
        return Ring(known, {
            use: self._read(public.current(use)) for use in Use})

    def _read(self, public: PublicKey) -> ec.EllipticCurvePrivateKey:
        path = self._private(public.kid)
        private = serialization.load_pem_private_key(
            private_files.read(path), password=None)
        if (not isinstance(private, ec.EllipticCurvePrivateKey)
                or private.public_key() != public.key):
            raise ValueError(f"{path} is not the key that {_INDEX} names")
        return private

    def _private(self, kid: str) -> pathlib.Path:
        return self._folder / f"{kid}.pem"


def thumbprint(x: str, y: str) -> str:
    """Return the JWK thumbprint (RFC 7638) of a P-256 key."""
    return encoding.b64(hashlib.sha256(encoding.canonical(
        {"crv": "P-256", "kty": "EC", "x": x, "y": y})).digest())


def _to_dict(key: PublicKey) -> dict[str, Any]:
    return dataclasses.asdict(key) | {
        "use": key.use.value,
        "created_at": encoding.timestamp(key.created_at)}


def _from_dict(value: dict[str, Any]) -> PublicKey:
    return PublicKey(**value | {
        "use": Use(value["use"]),
        "created_at": encoding.untimestamp(value["created_at"],
                                           "created_at")})
