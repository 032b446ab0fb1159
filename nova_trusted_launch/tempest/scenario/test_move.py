# SPDX-License-Identifier: Apache-2.0
"""A trusted server moves to another attested host, and proves it."""

from __future__ import annotations

from tempest import config
from tempest.lib import decorators

from nova_trusted_launch.client import verification
from nova_trusted_launch.tempest import hosts, servers

CONF = config.CONF


class MoveTest(servers.ServerCase):
    """One server, two hosts that satisfy its profile."""

    @classmethod
    def skip_checks(cls):
        super().skip_checks()
        if CONF.compute.min_compute_nodes < 2:
            raise cls.skipException(
                "[compute] min_compute_nodes is less than 2")

    @classmethod
    def resource_setup(cls):
        super().resource_setup()
        cls.server = cls.boot()

    def setUp(self):
        super().setUp()
        self.runs(self.server)
        self.client = self.os_project_admin.servers_client
        self.source = self.show(self.server["id"])[servers.HOST]

    def _proves_its_host(self):
        """Assert that it moved, and that its newest receipt says where."""
        server = self.show(self.server["id"])
        self.runs(server)
        self.assertNotEqual(self.source, server[servers.HOST])
        self.assertIn(server[servers.HOST],
                      hosts.affirming(self.admin, self.profile))
        report = verification.verify_server(
            self.member, verification.Expectation(
                instance_id=server["id"], profile=self.profile,
                project_id=self.member.project_id))
        self.assertTrue(report.verified, report.statements)
        self.assertEqual(server[servers.HOST], report.receipt.host)
        newest = self.releases(server["id"])[0]
        self.assertEqual(("migrate-in", "granted", server[servers.HOST]), (
            newest["action"], newest["state"], newest["host"]))

    @decorators.idempotent_id("0b1f7a52-6a0c-4d0e-8a49-3fb3c1c3f1d7")
    @decorators.attr(type="slow")
    def test_cold_migration(self):
        if not CONF.compute_feature_enabled.cold_migration:
            raise self.skipException(
                "[compute-feature-enabled] cold_migration is false")
        self.client.migrate_server(self.server["id"])
        moved = self.settled(self.server["id"], "VERIFY_RESIZE", "ACTIVE",
                             "ERROR")
        self.assertEqual("VERIFY_RESIZE", moved["status"],
                         self.why(self.server["id"]))
        self.client.confirm_resize_server(self.server["id"])
        self.settled(self.server["id"], "ACTIVE", "ERROR")
        self._proves_its_host()

    @decorators.idempotent_id("c6de1d0c-59c9-4a86-a26c-5b9a7c9b2f0e")
    @decorators.attr(type="slow")
    def test_live_migration(self):
        if not CONF.compute_feature_enabled.live_migration:
            raise self.skipException(
                "[compute-feature-enabled] live_migration is false")
        self.client.live_migrate_server(
            self.server["id"], host=None, block_migration="auto")
        self.settled(self.server["id"], "ACTIVE", "ERROR")
        self._proves_its_host()
