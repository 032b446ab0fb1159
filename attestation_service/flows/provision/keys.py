# SPDX-License-Identifier: Apache-2.0
"""Tenants register keys with what must hold before one is released."""

from __future__ import annotations

from collections.abc import Sequence

from attestation_service import records as r
from attestation_service.core import errors
from attestation_service.flows.provision.profiles import usable
from attestation_service.flows.secrets import key_context
from attestation_service.ports import KeyVault, Randomness, Store
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.codes import Code

LEAST_MATERIAL = 16
MOST_MATERIAL = 64
DIGEST_SIZE = 32


class ManageKeys:
    """Register, look, delete; the material never comes back."""

    def __init__(self, store: Store, vault: KeyVault,
                 random: Randomness) -> None:
        self._store = store
        self._vault = vault
        self._random = random

    def create(self, name: str, material: r.KeyMaterial,
               policy: r.ReleasePolicy, project_id: str,
               now: r.Time) -> r.Key:
        """Register an image key.

        :raises Invalid: name, material or policy are not valid.
        :raises Unknown: the profile is not in force for the project.
        :raises Unavailable: the vault does not answer.
        """
        _validate(name, material, policy, now)
        if policy.profile is not None:
            with self._store.unit() as unit:
                usable(unit, policy.profile, project_id)
        key_id = self._random.uuid()
        ref = self._vault.put(material, key_context(key_id))
        key = r.Key(key_id, name, r.KeyPurpose.IMAGE, project_id, policy,
                    ref, now)
        with self._store.unit() as unit:
            unit.keys.add(key)
        return key

    def list(self, page: r.Page) -> Sequence[r.Key]:
        """List keys; see :class:`ports.Keys`."""
        with self._store.unit() as unit:
            return unit.keys.list(page)

    def show(self, key_id: str, project_id: str | None) -> r.Key:
        """Return an image key; ``None`` sees any project's.

        :raises Unknown: there is none, or it is of another project.
        """
        with self._store.unit() as unit:
            key = unit.keys.load(key_id)
        # Disk keys are the service's own.
        if (project_id not in {None, key.project_id}
                or key.purpose is not r.KeyPurpose.IMAGE):
            raise errors.Unknown(f"there is no key {key_id!r}",
                                 Code.KEY_UNKNOWN)
        return key

    def delete(self, key_id: str, project_id: str | None) -> None:
        """Destroy a key: what it opens can never be started again.

        The secret goes first; whoever was interrupted calls again.

        :raises Unknown: there is none, or it is of another project.
        :raises Unavailable: the vault does not answer; nothing changed.
        """
        key = self.show(key_id, project_id)
        self._vault.delete(key.vault_ref)
        with self._store.unit() as unit:
            unit.keys.delete(key.id)


def _validate(name: str, material: r.KeyMaterial, policy: r.ReleasePolicy,
              now: r.Time) -> None:
    try:
        encoding.text(name, "name")
        for value, what in ((policy.profile, "profile"),
                            (policy.image_id, "image_id")):
            if value is not None:
                encoding.text(value, what)
        if policy.launches is not None:
            encoding.number(policy.launches, "launches", least=1,
                            most=2 ** 31 - 1)
    except encoding.WireError as exc:
        raise errors.Invalid(str(exc)) from exc
    if not LEAST_MATERIAL <= len(material.secret) <= MOST_MATERIAL:
        raise errors.Invalid(f"material: {LEAST_MATERIAL} to "
                             f"{MOST_MATERIAL} bytes are expected")
    validate_digest(policy.image_digest)
    if policy.expires_at is not None and policy.expires_at <= now:
        raise errors.Invalid("expires_at: has passed already")


def validate_digest(image_digest: bytes | None) -> None:
    """Refuse what is no SHA-256 of an image.

    :raises Invalid: it has another length.
    """
    if image_digest is not None and len(image_digest) != DIGEST_SIZE:
        raise errors.Invalid(f"image_digest: {DIGEST_SIZE} bytes of SHA-256 "
                             "are expected")
