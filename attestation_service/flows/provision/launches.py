# SPDX-License-Identifier: Apache-2.0
"""Tenants make launch tokens: their nonce N, and what it may be used for."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Sequence

from attestation_service import records as r
from attestation_service.core import errors
from attestation_service.flows.provision.keys import validate_digest
from attestation_service.flows.provision.profiles import usable
from attestation_service.flows.secrets import SECRET_SIZE, launch_context
from attestation_service.flows.settings import Settings
from attestation_service.ports import KeyVault, Randomness, Store
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.codes import Code

LEAST_NONCE = 16
MOST_NONCE = 64
MOST_LIFE = 365 * 24 * 3600


class ManageLaunches:
    """Create, look, delete; N comes back once, if we made it."""

    def __init__(self, store: Store, vault: KeyVault, random: Randomness,
                 settings: Settings) -> None:
        self._store = store
        self._vault = vault
        self._random = random
        self._settings = settings

    def create(self, *, profile: str, nonce: bytes | None,
               image_id: str | None, image_digest: bytes | None,
               expires_in: int | None, project_id: str, user_id: str,
               now: r.Time) -> tuple[r.Launch, bytes | None]:
        """Create a token; return N with it only when none was given.

        :raises Invalid: a value is not valid.
        :raises Unknown: the profile is not in force for the project.
        :raises Unavailable: the vault does not answer.
        """
        life = self._life(expires_in)
        _validate(nonce, image_id, image_digest)
        with self._store.unit() as unit:
            usable(unit, profile, project_id)
        made = None if nonce is not None else self._random.bytes(SECRET_SIZE)
        secret = nonce if nonce is not None else made
        assert secret is not None
        launch_id = self._random.uuid()
        ref = self._vault.put(r.KeyMaterial(secret),
                              launch_context(launch_id))
        launch = r.Launch(
            launch_id, project_id, user_id, profile, image_id, image_digest,
            ref, hashlib.sha256(secret).digest(), now, now + life)
        with self._store.unit() as unit:
            unit.launches.add(launch)
        return launch, made

    def list(self, page: r.Page) -> Sequence[r.Launch]:
        """List tokens; see :class:`ports.Launches`."""
        with self._store.unit() as unit:
            return unit.launches.list(page)

    def show(self, launch_id: str, project_id: str | None) -> r.Launch:
        """Return a token without N; ``None`` sees any project's.

        :raises Unknown: there is none, or it is of another project.
        """
        with self._store.unit() as unit:
            launch = unit.launches.load(launch_id)
        if project_id not in {None, launch.project_id}:
            raise errors.Unknown(f"there is no launch {launch_id!r}",
                                 Code.LAUNCH_UNKNOWN)
        return launch

    def delete(self, launch_id: str, project_id: str | None) -> None:
        """Forget a token and its nonce.

        :raises Unknown: there is none, or it is of another project.
        :raises Conflict: an instance that still exists was started with it.
        :raises Unavailable: the vault does not answer; nothing changed.
        """
        launch = self.show(launch_id, project_id)
        if launch.instance_id is not None:
            with self._store.unit() as unit:
                lease = unit.leases.load(launch.instance_id)
            if lease is not None and lease.closed_at is None:
                raise errors.Conflict(
                    f"instance {launch.instance_id} needs the token to "
                    "start again; delete the instance first")
        self._vault.delete(launch.nonce_ref)
        with self._store.unit() as unit:
            unit.launches.delete(launch.id)

    def _life(self, expires_in: int | None) -> datetime.timedelta:
        if expires_in is None:
            return self._settings.launch_life
        try:
            return datetime.timedelta(seconds=encoding.number(
                expires_in, "expires_in", least=1, most=MOST_LIFE))
        except encoding.WireError as exc:
            raise errors.Invalid(str(exc)) from exc


def _validate(nonce: bytes | None, image_id: str | None,
              image_digest: bytes | None) -> None:
    if nonce is not None and not LEAST_NONCE <= len(nonce) <= MOST_NONCE:
        raise errors.Invalid(
            f"nonce: {LEAST_NONCE} to {MOST_NONCE} bytes are expected")
    try:
        if image_id is not None:
            encoding.text(image_id, "image_id")
    except encoding.WireError as exc:
        raise errors.Invalid(str(exc)) from exc
    validate_digest(image_digest)
