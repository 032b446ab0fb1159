# SPDX-License-Identifier: Apache-2.0
"""A host has changed: nothing trusted starts there, on whichever way.

The host is good again after the tests.
"""

from __future__ import annotations

from tempest import config
from tempest.lib import decorators

from nova_trusted_launch.tempest import hosts, servers

CONF = config.CONF


@decorators.serial
class TaintedTest(servers.ServerCase):
    """A trusted server was stopped, then its host was tainted."""

    @classmethod
    def skip_checks(cls):
        super().skip_checks()
        for name in ("taint_command", "heal_command"):
            if not CONF.trusted_launch[name]:
                raise cls.skipException(
                    f"[trusted_launch] {name} is not set: the tests do not "
                    "know how to change a host and bring it back")

    @classmethod
    def resource_setup(cls):
        super().resource_setup()
        only = CONF.trusted_launch.taint_host
        cls.server = (cls.boot(cls.os_project_admin, host=only) if only
                      else cls.boot())
        cls.host = cls.server.get(servers.HOST)
        if cls.server["status"] != "ACTIVE":
            return
        cls.os_project_member.servers_client.stop_server(cls.server["id"])
        cls.settled(cls.server["id"], "SHUTOFF")
        cls.addClassResourceCleanup(cls._heal)
        hosts.command(CONF.trusted_launch.taint_command, cls.host)
        # Evidence that no log explains is refused, and makes no result: the
        # old one stands until it expires, and the release decides.
        cls.admin.attester_attest(cls.host)

    @classmethod
    def _heal(cls):
        hosts.command(CONF.trusted_launch.heal_command, cls.host)
        hosts.attest(cls.admin, cls.host, cls.profile,
                     lambda new: new["tier"] == hosts.AFFIRMING)

    def setUp(self):
        super().setUp()
        self.assertEqual("ACTIVE", self.server["status"],
                         self.why(self.server["id"]))

    def _started_nowhere(self, server):
        self.assertEqual("ERROR", server["status"])
        self.assertEqual([], self.admin.receipts_list(
            instance_id=server["id"]))

    def _zone(self):
        services = self.os_project_admin.services_client.list_services(
            binary="nova-compute", host=self.host)["services"]
        return services[0]["zone"]

    @decorators.idempotent_id("7d627841-65f6-4959-99d2-5c85a7b29972")
    @decorators.attr(type=["slow", "negative"])
    def test_new_server_that_wants_the_host_is_refused(self):
        server = self.boot(self.os_project_admin, host=self.host)
        self._started_nowhere(server)

    @decorators.idempotent_id("809c3dcc-4d5f-4794-8b2f-79921452557a")
    @decorators.attr(type=["slow", "negative"])
    def test_forced_host_gets_no_key(self):
        server = self.boot(self.os_project_admin,
                           availability_zone=f"{self._zone()}:{self.host}")
        self._started_nowhere(server)
        newest = self.releases(server["id"], "spawn")[0]
        self.assertEqual("refused", newest["state"])
        self.assertIn(newest["code"], self.why(server["id"]))

    @decorators.idempotent_id("774ffe1e-0584-4a4b-857d-2dcfa0fb86ee")
    @decorators.attr(type=["slow", "negative"])
    def test_stopped_server_does_not_start(self):
        client = self.os_project_member.servers_client
        client.start_server(self.server["id"])
        server = self.settled(self.server["id"])
        self.assertNotEqual("ACTIVE", server["status"])
        newest = self.releases(self.server["id"], "power-on")[0]
        self.assertEqual("refused", newest["state"])
        told = self.member.release_show(newest["id"])
        for name in ("code", "detail", "advice"):
            self.assertTrue(told[name], told)
