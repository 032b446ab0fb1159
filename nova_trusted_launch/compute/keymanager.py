# SPDX-License-Identifier: Apache-2.0
"""A Castellan driver: Nova's other secrets, after the same release.

nova-compute's ``[key_manager] backend = trusted_launch``.  Encrypted volumes
and emulated TPMs have their secrets in Barbican; requests are passed on to
``[trusted_launch] key_manager_backend``, but a secret is read only for an
instance that the driver names, and for a trusted instance only once this
host has been released for it.

Other services keep the real backend in their configuration.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Callable, Iterator
from typing import Any

from castellan.common import exception
from castellan.key_manager import key_manager
from stevedore import driver

from nova_trusted_launch.compute.refusal import TrustedLaunchRefused
from nova_trusted_launch.conf import trusted_launch as options

# Raises TrustedLaunchRefused when the instance may not have its secrets.
Permit = Callable[[], None]
_PERMIT: contextvars.ContextVar[Permit | None] = contextvars.ContextVar(
    "permit", default=None)


_TRUSTED: contextvars.ContextVar[bool] = contextvars.ContextVar(
    "trusted", default=False)


@contextlib.contextmanager
def speaking_for(permit: Permit, *, trusted: bool = False) -> Iterator[None]:
    """Read secrets for one instance in this block, if ``permit`` lets us.

    Those of a trusted one stay in libvirt's memory.
    """
    permit_token, trusted_token = _PERMIT.set(permit), _TRUSTED.set(trusted)
    try:
        yield
    finally:
        _TRUSTED.reset(trusted_token)
        _PERMIT.reset(permit_token)


def keep_volume_keys_in_memory(host: Any) -> None:
    """Have Nova's libvirt ``host`` define secrets of volumes as ephemeral
    and private while it does so for a trusted instance.

    Nova would have libvirt keep them on disk in the clear.
    """
    create_secret = host.create_secret

    def create(usage_type: str, usage_id: str, **how: Any) -> Any:
        if _TRUSTED.get():
            how = {**how, "ephemeral": True, "private": True}
        return create_secret(usage_type, usage_id, **how)

    host.create_secret = create


class TrustedKeyManager(key_manager.KeyManager):
    """Castellan's interface in front of the real key manager."""

    def __init__(self, configuration: Any) -> None:
        options.register_opts(configuration)
        backend = configuration[options.GROUP].key_manager_backend
        self._backend: Any = driver.DriverManager(
            "castellan.drivers", backend, invoke_on_load=True,
            invoke_args=(configuration,)).driver

    def get(self, context: Any, managed_object_id: str,
            metadata_only: bool = False) -> Any:
        """Read a secret; what describes it needs no permit.

        :raises KeyManagerError: nobody may have it now.  Nova recognises a
            refusal by the word Forbidden.
        """
        if not metadata_only:
            permit = _PERMIT.get()
            if permit is None:
                raise exception.KeyManagerError(
                    reason="Forbidden: no instance is known to need it")
            try:
                permit()
            except TrustedLaunchRefused as exc:
                raise exception.KeyManagerError(
                    reason=f"Forbidden: {exc.format_message()}") from exc
        return self._backend.get(context, managed_object_id, metadata_only)

    def create_key(self, context: Any, algorithm: str, length: int,
                   expiration: Any = None, name: str | None = None) -> Any:
        """Pass on."""
        return self._backend.create_key(context, algorithm, length,
                                        expiration, name)

    def create_key_pair(self, context: Any, algorithm: str, length: int,
                        expiration: Any = None,
                        name: str | None = None) -> Any:
        """Pass on."""
        return self._backend.create_key_pair(context, algorithm, length,
                                             expiration, name)

    def store(self, context: Any, managed_object: Any,
              expiration: Any = None) -> Any:
        """Pass on."""
        return self._backend.store(context, managed_object, expiration)

    def delete(self, context: Any, managed_object_id: str,
               force: bool = False) -> Any:
        """Pass on."""
        return self._backend.delete(context, managed_object_id, force)

    def list(self, context: Any, object_type: Any = None,
             metadata_only: bool = False) -> Any:
        """List what there is, never the secrets themselves."""
        return self._backend.list(context, object_type, True)

    def add_consumer(self, context: Any, managed_object_id: str,
                     consumer_data: Any) -> Any:
        """Pass on."""
        return self._backend.add_consumer(context, managed_object_id,
                                          consumer_data)

    def remove_consumer(self, context: Any, managed_object_id: str,
                        consumer_data: Any) -> Any:
        """Pass on."""
        return self._backend.remove_consumer(context, managed_object_id,
                                             consumer_data)

    def list_options_for_discovery(self) -> Any:
        """Pass on."""
        return self._backend.list_options_for_discovery()
