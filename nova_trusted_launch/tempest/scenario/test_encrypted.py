# SPDX-License-Identifier: Apache-2.0
"""A tenant's encrypted image starts where its key's policy says, only.

The image is made here, of the cloud's own guest image; its plaintext is in a
temporary folder of the machine that runs Tempest.
"""

from __future__ import annotations

import pathlib
import shutil
import tempfile
from typing import Any

from tempest.lib import decorators
from tempest.lib.common.utils import data_utils

from nova_trusted_launch.client import verification
from nova_trusted_launch.images import encrypt
from nova_trusted_launch.tempest import hosts, servers
from nova_trusted_launch.tempest.client import HostAttestationClient


class EncryptedTest(servers.ServerCase):
    """One ciphertext, under keys with several policies."""

    credentials = ["project_admin", "project_member", "project_alt_member"]

    @classmethod
    def skip_checks(cls):
        super().skip_checks()
        if shutil.which("qemu-img") is None:
            raise cls.skipException(
                "qemu-img is not installed where Tempest runs")

    @classmethod
    def resource_setup(cls):
        super().resource_setup()
        folder = tempfile.TemporaryDirectory(prefix="trusted-launch-")
        cls.addClassResourceCleanup(folder.cleanup)
        plain = pathlib.Path(folder.name, "plain")
        plain.write_bytes(cls.os_project_member.image_client_v2
                          .show_image_file(cls.image_id).data)
        cls.secret = encrypt.new_key()
        cls.made = encrypt.encrypt(
            plain, pathlib.Path(folder.name, "encrypted"), cls.secret)

    def _image(self, owner: HostAttestationClient | None = None,
               **policy: Any) -> str:
        """Register the key, upload the ciphertext; return the image's id."""
        digest = self.made.digest.hex()
        key = self.make_key(owner, self.secret, **{
            "profile": self.profile, "image_digest": digest, **policy})
        images = self.os_project_member.image_client_v2
        image = images.create_image(
            name=data_utils.rand_name("encrypted"), disk_format="qcow2",
            container_format="bare", visibility="private",
            trusted_launch_key_id=key["id"],
            trusted_launch_profile=self.profile,
            trusted_launch_digest=digest)
        self.addCleanup(images.delete_image, image["id"])
        with self.made.path.open("rb") as data:
            images.store_image_file(image["id"], data)
        return image["id"]

    def _refused(self, image: str, *reasons: str, **more: Any) -> None:
        server = self.boot(image=image, **more)
        self.assertEqual("ERROR", server["status"])
        why = self.why(server["id"])
        self.assertTrue(any(reason in why for reason in reasons), why)
        self.assertEqual([], self.admin.receipts_list(
            instance_id=server["id"]))

    @decorators.idempotent_id("576ad583-d9c3-4775-a656-eb0199c6ed01")
    @decorators.attr(type="slow")
    def test_boots_and_the_receipt_names_its_digest(self):
        image = self._image()
        server = self.boot(image=image)
        self.runs(server)
        report = verification.verify_server(
            self.member, verification.Expectation(
                server["id"], image_id=image, profile=self.profile,
                image_digest=self.made.digest))
        self.assertTrue(report.verified, report.statements)

    @decorators.idempotent_id("06fea2f0-604c-4a75-9833-d5681be81fe5")
    @decorators.attr(type=["slow", "negative"])
    def test_profile_that_no_host_satisfies(self):
        """The key's policy decides, whatever the image says of itself."""
        other = self.make_profile(activate=True)["name"]
        self._refused(self._image(profile=other), "release.not_affirming")

    @decorators.idempotent_id("ed51b5f4-b65b-4e27-8f19-1f0f988dab66")
    @decorators.attr(type=["slow", "negative"])
    def test_flavor_that_asks_for_another_profile(self):
        host = hosts.affirming(self.admin, self.profile)[0]
        other = self.make_profile(
            activate=True, document=self.admin.profile_draft(host))["name"]
        self._refused(self._image(), "flavor.invalid", "No valid host",
                      flavor=self.make_flavor(other))

    @decorators.idempotent_id("f1622b8b-dc90-4812-af6c-3b2ca7e4d8e4")
    @decorators.attr(type=["slow", "negative"])
    def test_key_that_demands_a_token(self):
        self._refused(self._image(demand_token=True), "token.demanded")

    @decorators.idempotent_id("b700d5cd-e247-4ca7-be41-b5ff653da0db")
    @decorators.attr(type=["slow", "negative"])
    def test_key_for_another_image(self):
        self._refused(self._image(image_id="another"), "release.wrong_image")

    @decorators.idempotent_id("b45ffe2e-0bfc-43cc-b576-360fa0a06f03")
    @decorators.attr(type=["slow", "negative"])
    def test_key_that_is_gone(self):
        image = self._image()
        shown = self.os_project_member.image_client_v2.show_image(image)
        self.member.key_delete(shown["trusted_launch_key_id"])
        self._refused(image, "key.unknown")

    @decorators.idempotent_id("72daa03d-e22e-4269-99ae-c454c4f185a2")
    @decorators.attr(type=["slow", "negative"])
    def test_key_of_another_project(self):
        self._refused(self._image(self.stranger), "release.wrong_project")
