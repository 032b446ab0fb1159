# SPDX-License-Identifier: Apache-2.0
"""Secrets in a key manager behind Castellan: Barbican, Vault and others."""

from __future__ import annotations

import json
from typing import Any

from castellan import key_manager
from castellan.common import exception, utils
from castellan.common.objects import opaque_data
from oslo_config import cfg
from oslo_context import context as oslo_context

from attestation_service import records as r
from attestation_service.core import errors
from nova_trusted_launch.wire import encoding
from nova_trusted_launch.wire.codes import Code

_PREFIX = "castellan/"


class CastellanVault:
    """See :class:`attestation_service.ports.KeyVault`.

    What a secret is for is kept with it, because key managers authenticate
    no context.
    """

    def __init__(self, manager: key_manager.key_manager.KeyManager,
                 credential: Any) -> None:
        self._manager = manager
        self._credential = credential

    def put(self, material: r.KeyMaterial, context: str) -> str:
        """Keep a secret; return its reference."""
        payload = encoding.canonical({
            "context": context, "secret": encoding.b64(material.secret)})
        try:
            return _PREFIX + self._manager.store(
                self._credential,
                opaque_data.OpaqueData(payload, name="trusted-launch"))
        except (exception.CastellanException, OSError) as exc:
            raise _unavailable() from exc

    def fetch(self, reference: str, context: str) -> r.KeyMaterial:
        """Return a secret."""
        try:
            found = self._manager.get(self._credential, _id(reference))
        except exception.ManagedObjectNotFoundError as exc:
            raise _corrupt(reference, "is not in the key manager") from exc
        except (exception.CastellanException, OSError) as exc:
            raise _unavailable() from exc
        try:
            kept = json.loads(found.get_encoded() or b"")
            secret = encoding.unb64(kept["secret"], "secret")
            purpose = kept["context"]
        except (ValueError, KeyError, TypeError):
            # Without the cause: a parser's message may quote the secret.
            raise _corrupt(reference, "is not what was put") from None
        if purpose != context:
            raise _corrupt(reference, "is for another purpose")
        return r.KeyMaterial(secret)

    def delete(self, reference: str) -> None:
        """Forget a secret; an unknown reference is no error."""
        try:
            self._manager.delete(self._credential, _id(reference))
        except (exception.ManagedObjectNotFoundError, errors.Unknown):
            return
        except (exception.CastellanException, OSError) as exc:
            raise _unavailable() from exc


def from_conf(conf: cfg.ConfigOpts) -> CastellanVault:
    """Return the key manager that ``[key_manager]`` names."""
    manager = key_manager.API(conf)
    credential: Any
    if getattr(conf.key_manager, "auth_type", None):
        credential = utils.credential_factory(conf)
    else:
        credential = oslo_context.RequestContext(overwrite=False)
    return CastellanVault(manager, credential)


def _id(reference: str) -> str:
    if not reference.startswith(_PREFIX):
        raise _corrupt(reference, "is kept by another vault")
    return reference.removeprefix(_PREFIX)


def _corrupt(reference: str, why: str) -> errors.Unknown:
    return errors.Unknown(f"the secret {reference} {why}", Code.KEY_CORRUPT)


def _unavailable() -> errors.Unavailable:
    return errors.Unavailable("the key manager does not answer")
