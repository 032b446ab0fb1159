# SPDX-License-Identifier: Apache-2.0
"""Releases, instances, receipts, and the log that receipts stand in.

The log may still be empty; trusted launches are tested as scenarios.
"""

from __future__ import annotations

from tempest.lib import decorators

from nova_trusted_launch.client import trust, verification
from nova_trusted_launch.tempest import access, cases
from nova_trusted_launch.wire import encoding, receipts


class LogTest(cases.TrustedLaunchCase):
    """Anybody with a token checks the log."""

    credentials = ["project_admin", "project_member", "project_reader"]

    def _checkpoint(self):
        return trust.Verifier(self.member.jwks()).checkpoint(
            self.member.checkpoint())

    @decorators.idempotent_id("bc52f9fc-4b08-4dc2-b843-8b293724683f")
    def test_checkpoint_grows_only(self):
        first = self._checkpoint()
        again = verification.verify_log(self.reader, first)
        self.assertGreaterEqual(again.size, first.size)

    @decorators.idempotent_id("b9f44d21-2ac9-4c71-bbf0-227170d7e8cd")
    def test_leaves_are_those_of_the_checkpoint(self):
        size = self._checkpoint().size
        leaves = self.member.log_leaves(0, 100)
        self.assertGreaterEqual(len(leaves), min(size, 100))

    @decorators.idempotent_id("49c9c64b-45c8-4d9f-9c0f-89c8124ec5a0")
    def test_receipts_are_in_the_log(self):
        for entry in self.admin.receipts_list(limit=5):
            shown = self.admin.receipt_show(entry["index"])
            self.assertEqual(entry, shown)
            checkpoint = self._checkpoint()
            proof = self.member.log_inclusion(entry["index"],
                                              checkpoint.size)
            receipts.verify_inclusion(
                receipts.leaf_hash(entry["receipt"]), entry["index"],
                checkpoint.size,
                [encoding.unhex(step, "path") for step in proof["path"]],
                checkpoint.root)

    @decorators.idempotent_id("b44bac87-6dd2-4c42-a30c-77c1e7a55939")
    def test_new_project_has_no_releases_or_receipts(self):
        self.assertEqual([], self.member.receipts_list(
            instance_id=access.ABSENT))
        self.assertEqual([], self.member.releases_list(
            instance_id=access.ABSENT, state="granted"))

    @decorators.idempotent_id("194e2a47-ebb9-410f-871b-f36d0b6ff241")
    @decorators.attr(type="negative")
    def test_sizes_that_the_log_has_not(self):
        far = 2 ** 40
        for call in (lambda: self.member.log_inclusion(0, far),
                     lambda: self.member.log_inclusion(far, far),
                     lambda: self.member.log_consistency(0, far),
                     lambda: self.member.log_leaves(far, 1)):
            self.refused("log.range", call)

    @decorators.idempotent_id("54cf5c09-f5b8-45ef-8ad1-59b6d66d53e2")
    @decorators.attr(type="negative")
    def test_proofs_of_nothing(self):
        for path in ("/v1/log/inclusion", "/v1/log/inclusion?index=0",
                     "/v1/log/inclusion?index=x&size=1",
                     "/v1/log/consistency?first=-1&second=1",
                     "/v1/log/leaves?limit=100000"):
            answer = self.member.ask("GET", path)
            self.assertEqual((400, "request.invalid"),
                             (answer.status, answer.code), path)

    @decorators.idempotent_id("e8427492-b399-4613-afdc-e4481e8fdc54")
    @decorators.attr(type="negative")
    def test_unknown_instance(self):
        self.assertIsNone(self.member.instance_show(access.ABSENT))
        self.refused("request.forbidden", self.member.instance_close,
                     access.ABSENT)

    @decorators.idempotent_id("3d63c501-1793-4157-8ec4-f73e71249016")
    @decorators.attr(type="negative")
    def test_unknown_release_and_receipt(self):
        self.refused("release.unknown", self.member.release_show,
                     access.ABSENT)
        self.refused("receipt.unknown", self.member.receipt_show, 2 ** 40)

    @decorators.idempotent_id("815b558b-1f65-4994-9152-52b0a2f9fb78")
    @decorators.attr(type="negative")
    def test_states_that_are_none(self):
        self.refused("request.invalid", self.member.releases_list,
                     state="perhaps")
