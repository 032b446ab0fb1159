# SPDX-License-Identifier: Apache-2.0
"""What the tests have in common: accounts, refusals, documents, clean-up.

Accounts are made by Tempest in projects without networks: the tests of the API
need no Neutron.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tempest import config
from tempest import test
from tempest.lib import exceptions
from tempest.lib.common.utils import data_utils

from nova_trusted_launch.client import errors
from nova_trusted_launch.tempest.client import HostAttestationClient

CONF = config.CONF
_EVERY = 1.0


class TrustedLaunchCase(test.BaseTestCase):
    """An administrator and a member of one project.

    ``admin``, ``member``, ``reader`` and ``stranger`` (a member of another
    project) are clients of the service for those of them that the class's
    ``credentials`` name.
    """

    credentials: list[Any] = ["project_admin", "project_member"]
    _CLIENTS = {"admin": "project_admin", "member": "project_member",
                "reader": "project_reader", "stranger": "project_alt_member"}

    admin: HostAttestationClient
    member: HostAttestationClient
    reader: HostAttestationClient
    stranger: HostAttestationClient

    @classmethod
    def skip_checks(cls) -> None:
        """Skip on a cloud without the service."""
        super().skip_checks()
        if not CONF.service_available.trusted_launch:
            raise cls.skipException(
                "[service_available] trusted_launch is false")

    @classmethod
    def setup_credentials(cls) -> None:
        """Ask for no networks."""
        cls.set_network_resources()
        super().setup_credentials()

    @classmethod
    def setup_clients(cls) -> None:
        """Make the clients."""
        super().setup_clients()
        for name, credential in cls._CLIENTS.items():
            if credential in cls.credentials:
                setattr(cls, name, client_of(getattr(cls,
                                                     f"os_{credential}")))

    def refused(self, code: str, call: Callable[..., Any], *arguments: Any,
                **named: Any) -> errors.Refused:
        """Assert that the service refuses, with this code."""
        refusal = self.assertRaises(errors.Refused, call, *arguments,
                                    **named)
        self.assertEqual(code, str(refusal.code), refusal.detail)
        return refusal

    def make_profile(self, **changes: Any) -> dict[str, Any]:
        """Create a profile; it is retired after the test."""
        name = data_utils.rand_name("trusted")
        made = self.admin.profile_create(
            name, changes.pop("document", document_of()), **changes)
        self.addCleanup(self.admin.profile_retire, name)
        return made

    def make_key(self, client: HostAttestationClient | None = None,
                 material: bytes = bytes(32), **policy: Any
                 ) -> dict[str, Any]:
        """Register a key; it is deleted after the test."""
        client = client or self.member
        made = client.key_create(data_utils.rand_name("key"), material,
                                 policy)
        self.addCleanup(ignore_unknown, client.key_delete, made["id"])
        return made


class HostCase(TrustedLaunchCase):
    """With a host that is approved and has sent evidence."""

    host: dict[str, Any]

    @classmethod
    def resource_setup(cls) -> None:
        """Choose a host."""
        super().resource_setup()
        found = [host for host in cls.admin.attesters_list(state="approved")
                 if cls.admin.attester_evidence_list(host["id"])]
        if not found:
            raise cls.skipException(
                "no host is approved and attests: see 'openstack trusted "
                "host list'")
        cls.host = found[0]


def client_of(manager: Any) -> HostAttestationClient:
    """Make an account's client."""
    return manager.trusted_launch.HostAttestationClient()


def document_of(*values: str) -> dict[str, Any]:
    """Write a profile that no host satisfies unless it is labelled so."""
    return {"schema": 1, "require": [
        {"label": {"name": "tempest", "values": list(values or ("yes",))}}]}


def ignore_unknown(call: Callable[..., Any], *arguments: Any) -> None:
    """Delete what the test may have deleted itself."""
    try:
        call(*arguments)
    except errors.Refused as exc:
        if not str(exc.code).endswith(".unknown"):
            raise


def wait_for(what: str, done: Callable[[], Any], limit: float) -> Any:
    """Ask until the answer is true; return it.

    :raises TimeoutException: it never was.
    """
    end = time.monotonic() + limit
    while not (answer := done()):
        if time.monotonic() > end:
            raise exceptions.TimeoutException(
                f"{what}: not after {limit} s")
        time.sleep(_EVERY)
    return answer
