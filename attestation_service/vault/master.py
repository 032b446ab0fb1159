# SPDX-License-Identifier: Apache-2.0
"""The built-in vault's master key, and its predecessors, in one file.

Made at first start.  Several replicas need the same file; after a rotation
each takes the new one from it as soon as it meets a secret under that key.
"""

from __future__ import annotations

import json
import pathlib
import threading

from attestation_service import private_files
from attestation_service.ports import Randomness
from nova_trusted_launch.wire import encoding

KEY_SIZE = 32


class MasterKeys:
    """The versions of the master key; secret, so nothing prints them."""

    def __init__(self, path: pathlib.Path, randomness: Randomness) -> None:
        self._path = path
        self._randomness = randomness
        self._lock = threading.Lock()
        self._stamp: tuple[int, ...] = ()
        self._keys: dict[int, bytes] = {}
        with private_files.locked(path.parent):
            if not path.exists():
                # Another number each time: a vault whose file was lost says
                # so, instead of trying a new key on old secrets.
                first = 1 + int.from_bytes(randomness.bytes(3), "big")
                self._save({first: randomness.bytes(KEY_SIZE)})
        self._load()

    def current(self) -> tuple[int, bytes]:
        """Return the version to encrypt with, and its key."""
        self._refresh()
        version = max(self._keys)
        return version, self._keys[version]

    def key(self, version: int) -> bytes | None:
        """Return the key of a version, None when it is not known."""
        if version not in self._keys:
            self._refresh()
        return self._keys.get(version)

    def versions(self) -> list[int]:
        """Return all versions, newest first."""
        self._refresh()
        return sorted(self._keys, reverse=True)

    def add(self) -> int:
        """Add a new version, from now on the current one; return it."""
        with private_files.locked(self._path.parent):
            self._load()
            version = max(self._keys) + 1
            self._save(self._keys | {
                version: self._randomness.bytes(KEY_SIZE)})
        self._load()
        return version

    def retire(self, version: int) -> None:
        """Destroy an old version, once nothing is under it any more."""
        with private_files.locked(self._path.parent):
            self._load()
            if version == max(self._keys):
                raise ValueError("the current master key stays")
            self._save({v: k for v, k in self._keys.items() if v != version})
        self._load()

    def _refresh(self) -> None:
        if private_files.stamp(self._path) != self._stamp:
            self._load()

    def _load(self) -> None:
        with self._lock:
            stamp = private_files.stamp(self._path)
            text = private_files.read(self._path)
            self._keys = {
                int(version): encoding.unb64(key, "master key")
                for version, key in json.loads(text)["keys"].items()}
            self._stamp = stamp
            if not self._keys or any(
                    len(key) != KEY_SIZE for key in self._keys.values()):
                raise ValueError(f"{self._path} holds no master key")

    def _save(self, keys: dict[int, bytes]) -> None:
        private_files.write(self._path, encoding.canonical({"keys": {
            str(version): encoding.b64(key)
            for version, key in keys.items()}}))
