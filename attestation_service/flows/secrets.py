# SPDX-License-Identifier: Apache-2.0
"""The secrets of a release: where each is in the vault, and under what name.

The vault may be remote, so none of this happens inside a unit of work.  A new
secret is kept before the unit that refers to it; one that nothing refers to
in the end is harmless, and forgotten when the vault can be reached.
"""

from __future__ import annotations

import contextlib
import hashlib
from dataclasses import dataclass

from attestation_service import records as r
from attestation_service.core import errors
from attestation_service.core.release_case import Grant
from attestation_service.ports import KeyVault, Randomness
from nova_trusted_launch.wire.release import Bundle

SECRET_SIZE = 32


@dataclass(frozen=True, slots=True, repr=False)
class Prepared:
    """What a granted release hands out, and how the store refers to it.

    ``new_disk_key`` is the record to add, None when the lease has one;
    ``new_refs`` are the vault's references that nothing refers to yet.
    """

    bundle: Bundle
    disk_key_id: str
    new_disk_key: r.Key | None
    nonce_ref: str
    nonce_digest: bytes
    new_refs: tuple[str, ...]

    def __repr__(self) -> str:
        return f"<keys of a release, disk key {self.disk_key_id}>"


def key_context(key_id: str) -> str:
    """Name a key's material in the vault."""
    return f"key/{key_id}"


def launch_context(launch_id: str) -> str:
    """Name a launch token's nonce in the vault."""
    return f"launch/{launch_id}"


def instance_context(instance_id: str) -> str:
    """Name the nonce that the service made for an instance itself."""
    return f"instance/{instance_id}"


class Secrets:
    """Fetches what a grant names and makes what is new."""

    def __init__(self, vault: KeyVault, random: Randomness) -> None:
        self._vault = vault
        self._random = random

    def prepare(self, grant: Grant, instance_id: str, *,
                image_key: r.Key | None, disk_key: r.Key | None,
                now: r.Time) -> Prepared:
        """Fetch or make the image key, the disk key and N.

        ``disk_key`` is that of the lease; it is not used for a new disk.

        :raises Unknown: KEY_CORRUPT: a secret is gone.
        :raises Unavailable: the vault does not answer.
        """
        image = None if image_key is None else self._fetch(
            image_key.vault_ref, key_context(image_key.id))
        new_refs: list[str] = []
        try:
            nonce_ref, nonce = self._nonce(grant, instance_id, new_refs)
            new_key = None
            if grant.new_disk or disk_key is None:
                new_key, disk = self._new_disk(grant, instance_id, now,
                                               new_refs)
            else:
                disk = self._fetch(disk_key.vault_ref,
                                   key_context(disk_key.id))
        except errors.Refusal:
            self.forget(new_refs)
            raise
        used = new_key or disk_key
        assert used is not None
        return Prepared(
            Bundle(image, disk, nonce), used.id, new_key, nonce_ref,
            hashlib.sha256(nonce).digest(), tuple(new_refs))

    def forget(self, refs: list[str] | tuple[str, ...]) -> None:
        """Forget secrets that nothing refers to, if the vault answers."""
        for ref in refs:
            with contextlib.suppress(errors.Unavailable):
                self._vault.delete(ref)

    def _nonce(self, grant: Grant, instance_id: str,
               new_refs: list[str]) -> tuple[str, bytes]:
        own = instance_context(instance_id)
        if grant.nonce_ref is not None:
            context = own if grant.launch_id is None else launch_context(
                grant.launch_id)
            return grant.nonce_ref, self._fetch(grant.nonce_ref, context)
        return self._new(own, new_refs)

    def _new_disk(self, grant: Grant, instance_id: str, now: r.Time,
                  new_refs: list[str]) -> tuple[r.Key, bytes]:
        key_id = self._random.uuid()
        ref, secret = self._new(key_context(key_id), new_refs)
        return r.Key(key_id, "root disk", r.KeyPurpose.DISK,
                     grant.project_id, r.ReleasePolicy(None), ref, now,
                     instance_id=instance_id), secret

    def _new(self, context: str, new_refs: list[str]) -> tuple[str, bytes]:
        secret = self._random.bytes(SECRET_SIZE)
        ref = self._vault.put(r.KeyMaterial(secret), context)
        new_refs.append(ref)
        return ref, secret

    def _fetch(self, ref: str, context: str) -> bytes:
        return self._vault.fetch(ref, context).secret
