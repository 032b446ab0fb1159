# SPDX-License-Identifier: Apache-2.0
"""Servers of a tenant: launched trusted, without a network.

A server of these tests has no port, and what its guest has to say, it says on
its console.  Nova still asks the network service for the security groups of
each server that it shows: without one there are no servers to test.
"""

from __future__ import annotations

import base64
from typing import Any

from tempest import config
from tempest.lib import exceptions
from tempest.lib.common.utils import data_utils

from nova_trusted_launch.tempest import cases, hosts

CONF = config.CONF
# networks=none came with 2.37, a host that the scheduler judges with 2.74.
MICROVERSION = "2.74"
SETTLED = ("ACTIVE", "ERROR", "SHUTOFF")
HOST = "OS-EXT-SRV-ATTR:host"
_TASK = "OS-EXT-STS:task_state"
_TELL_NONCE = """#!/bin/sh
mkdir -p /tmp/trusted
for device in /dev/disk/by-label/config-2 /dev/sr0 /dev/sr1 /dev/vdb; do
    mount -o ro "$device" /tmp/trusted 2> /dev/null && break
done
tr ',' '\\n' < /tmp/trusted/openstack/trusted_launch.json | grep nonce \\
    > /dev/console
"""


class ServerCase(cases.TrustedLaunchCase):
    """An image, a flavor that asks for the profile, and hosts that fit."""

    profile: str
    image_id: str
    flavor_id: str

    @classmethod
    def skip_checks(cls) -> None:
        """Skip without an image, and where Nova can not show a server."""
        super().skip_checks()
        if not CONF.service_available.neutron:
            raise cls.skipException(
                "without a network service Nova shows no server")
        if not (CONF.trusted_launch.image_ref or CONF.compute.image_ref):
            raise cls.skipException(
                "neither [trusted_launch] nor [compute] has an image_ref")

    @classmethod
    def resource_setup(cls) -> None:
        """Find what a launch needs."""
        super().resource_setup()
        cls.setup_api_microversion_fixture(compute_microversion=MICROVERSION)
        cls.profile = CONF.trusted_launch.profile
        cls.image_id = (CONF.trusted_launch.image_ref
                        or CONF.compute.image_ref)
        if not hosts.affirming(cls.admin, cls.profile):
            raise exceptions.InvalidConfiguration(
                f"no host satisfies the profile {cls.profile} of "
                "[trusted_launch]: see 'openstack trusted host list'")
        cls.flavor_id = (CONF.trusted_launch.flavor_ref
                         or cls.make_flavor(cls.profile))

    @classmethod
    def make_flavor(cls, profile: str) -> str:
        """Create a flavor that asks for a profile; return its id."""
        flavors = cls.os_project_admin.flavors_client
        made = flavors.create_flavor(
            name=data_utils.rand_name("trusted"), ram=256, vcpus=1, disk=1)
        flavor_id = made["flavor"]["id"]
        cls.addClassResourceCleanup(flavors.delete_flavor, flavor_id)
        flavors.set_flavor_extra_spec(
            flavor_id, **{"trusted_launch:profile": profile})
        return flavor_id

    @classmethod
    def boot(cls, manager: Any = None, *, image: str = "", flavor: str = "",
             token: str = "", **more: Any) -> dict[str, Any]:
        """Launch a server; return it when it runs or has failed.

        It is deleted at the end of the class.
        """
        client = (manager or cls.os_project_member).servers_client
        metadata = {"trusted_launch_token": token} if token else {}
        made = client.create_server(
            name=data_utils.rand_name("trusted"), networks="none",
            imageRef=image or cls.image_id,
            flavorRef=flavor or cls.flavor_id, metadata=metadata, **more)
        server_id = made["server"]["id"]
        cls.addClassResourceCleanup(cls.delete, client, server_id)
        return cls.settled(server_id)

    @classmethod
    def boot_telling(cls, **more: Any) -> dict[str, Any]:
        """Launch a server whose guest tells its nonce on its console."""
        return cls.boot(config_drive=True, user_data=base64.b64encode(
            _TELL_NONCE.encode()).decode(), **more)

    @classmethod
    def show(cls, server_id: str) -> dict[str, Any]:
        """Return a server as the administrator sees it."""
        return cls.os_project_admin.servers_client.show_server(
            server_id)["server"]

    @classmethod
    def settled(cls, server_id: str, *statuses: str) -> dict[str, Any]:
        """Wait until nothing is being done to a server."""
        wanted = statuses or SETTLED

        def done() -> dict[str, Any] | None:
            server = cls.show(server_id)
            return server if (server[_TASK] is None
                              and server["status"] in wanted) else None
        return cases.wait_for(f"server {server_id} is {'/'.join(wanted)}",
                              done, CONF.compute.build_timeout)

    @classmethod
    def delete(cls, client: Any, server_id: str) -> None:
        """Delete a server and wait until it is gone."""
        def gone() -> bool:
            try:
                client.show_server(server_id)
            except exceptions.NotFound:
                return True
            return False
        try:
            client.delete_server(server_id)
        except exceptions.NotFound:
            return
        cases.wait_for(f"server {server_id} is gone", gone,
                       CONF.compute.build_timeout)

    def why(self, server_id: str) -> str:
        """Return a server's fault and its refused releases, as one text."""
        fault = self.show(server_id).get("fault", {}).get("message", "")
        refused = [f"{r['host']}: {r['code']} {r['detail']}"
                   for r in self.releases(server_id) if r["code"]]
        return " / ".join([fault, *refused])

    def releases(self, server_id: str, action: str = ""
                 ) -> list[dict[str, Any]]:
        """Return a server's releases, newest first."""
        return [r for r in self.admin.releases_list(instance_id=server_id)
                if action in ("", r["action"])]

    def runs(self, server: dict[str, Any]) -> None:
        """Assert that a server was launched."""
        self.assertEqual("ACTIVE", server["status"], self.why(server["id"]))
