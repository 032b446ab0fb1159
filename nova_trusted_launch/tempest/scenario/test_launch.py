# SPDX-License-Identifier: Apache-2.0
"""A tenant launches a server and proves what it is."""

from __future__ import annotations

import secrets
from typing import Any

from tempest import config
from tempest.lib import decorators

from nova_trusted_launch.client import verification
from nova_trusted_launch.tempest import cases, hosts, servers
from nova_trusted_launch.wire import encoding

CONF = config.CONF


class LaunchTest(servers.ServerCase):
    """One server, launched with a token and a nonce of the tenant's."""

    credentials = ["project_admin", "project_member", "project_alt_member"]

    @classmethod
    def resource_setup(cls):
        super().resource_setup()
        cls.nonce = secrets.token_bytes(32)
        cls.token = cls.member.launch_create(
            cls.profile, nonce=cls.nonce, image_id=cls.image_id)["id"]
        cls.server = cls.boot_telling(token=cls.token)

    def setUp(self):
        super().setUp()
        self.runs(self.server)

    def _report(self, **changes: Any) -> verification.Report:
        return verification.verify_server(
            self.member, verification.Expectation(**{
                "instance_id": self.server["id"], "nonce": self.nonce,
                "project_id": self.member.project_id,
                "profile": self.profile, "image_id": self.image_id,
                **changes}))

    @decorators.idempotent_id("41e04555-2f72-48d4-8c2a-0f376c7e2130")
    @decorators.attr(type=["smoke", "slow"])
    def test_receipt_proves_server_project_profile_image_and_nonce(self):
        report = self._report()
        self.assertTrue(report.verified, report.statements)
        self.assertEqual(self.server[servers.HOST], report.receipt.host)

    @decorators.idempotent_id("d99748ab-94a1-409f-a86e-04ecc78c427e")
    @decorators.attr(type=["smoke", "slow"])
    def test_guest_proves_the_nonce(self):
        if not (CONF.trusted_launch.guest_tells_nonce
                and CONF.compute_feature_enabled.console_output):
            raise self.skipException(
                "[trusted_launch] guest_tells_nonce or "
                "[compute-feature-enabled] console_output is false")
        client = self.os_project_member.servers_client
        told = encoding.b64(self.nonce)
        cases.wait_for(
            "the guest tells its nonce on its console", lambda: told in
            client.get_console_output(self.server["id"])["output"],
            CONF.compute.build_timeout)

    @decorators.idempotent_id("f371cc73-7901-4cd0-bf74-e8cce3b47451")
    @decorators.attr(type=["slow", "negative"])
    def test_receipt_refutes_another_nonce_profile_or_image(self):
        for change in ({"nonce": secrets.token_bytes(32)},
                       {"profile": "tempest-other"},
                       {"image_digest": bytes(32)},
                       {"project_id": self.stranger.project_id}):
            self.assertFalse(self._report(**change).verified, change)

    @decorators.idempotent_id("ad69a79e-0395-4390-8331-1ba5b7af9af0")
    @decorators.attr(type="slow")
    def test_server_is_on_a_host_that_satisfies_the_profile(self):
        self.assertIn(self.server[servers.HOST],
                      hosts.affirming(self.admin, self.profile))

    @decorators.idempotent_id("d5f433e6-d08e-4db9-9e15-5d5a65049f40")
    @decorators.attr(type="slow")
    def test_instance_and_token_know_each_other(self):
        shown = self.member.instance_show(self.server["id"])
        self.assertTrue(shown["trusted"])
        self.assertEqual(self.token, shown["launch_id"])
        self.assertEqual(self.server["id"], self.member.launch_show(
            self.token)["instance_id"])

    @decorators.idempotent_id("0d404cb5-4601-4c17-abed-c10567790899")
    @decorators.attr(type=["slow", "negative"])
    def test_another_project_learns_nothing(self):
        server_id = self.server["id"]
        self.assertIsNone(self.stranger.instance_show(server_id))
        self.assertEqual([], self.stranger.receipts_list(
            instance_id=server_id))
        self.assertEqual([], self.stranger.releases_list(
            instance_id=server_id))
        release = self.member.releases_list(instance_id=server_id)[0]
        self.refused("release.unknown", self.stranger.release_show,
                     release["id"])
        self.refused("receipt.unknown", self.stranger.receipt_show,
                     release["log_index"])

    @decorators.idempotent_id("8e6997a1-afa8-40fd-9f1c-e021a90e6610")
    @decorators.attr(type=["slow", "negative"])
    def test_token_is_good_for_one_server(self):
        server = self.boot(token=self.token)
        self.assertEqual("ERROR", server["status"])
        self.assertIn("token.spent", self.why(server["id"]))

    @decorators.idempotent_id("21cb5b25-35e8-4239-8613-7993c5a3a612")
    @decorators.attr(type=["slow", "negative"])
    def test_token_of_another_project(self):
        token = self.stranger.launch_create(self.profile)["id"]
        self.addCleanup(cases.ignore_unknown, self.admin.launch_delete,
                        token)
        server = self.boot(token=token)
        self.assertEqual("ERROR", server["status"])
        self.assertIn("token.", self.why(server["id"]))


class LifeTest(servers.ServerCase):
    """A server without a token, from its launch to its end."""

    @decorators.idempotent_id("3415a29b-43cd-4b83-b857-67dcce2eea1a")
    @decorators.attr(type="slow")
    def test_stop_start_delete(self):
        client = self.os_project_member.servers_client
        server = self.boot()
        self.runs(server)
        client.stop_server(server["id"])
        self.settled(server["id"], "SHUTOFF")
        client.start_server(server["id"])
        self.settled(server["id"], "ACTIVE")
        self.assertEqual(
            {"spawn", "power-on"},
            {r["action"] for r in self.releases(server["id"])
             if r["state"] == "granted"})
        self.assertEqual(2, len(self.member.receipts_list(
            instance_id=server["id"])))
        self.delete(client, server["id"])
        cases.wait_for(
            "the lease of a deleted server is closed", lambda: self.member
            .instance_show(server["id"])["closed_at"],
            CONF.compute.build_timeout)
