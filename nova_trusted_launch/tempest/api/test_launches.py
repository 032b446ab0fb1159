# SPDX-License-Identifier: Apache-2.0
"""Launch tokens: a tenant's own act, with a nonce that is shown once."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from tempest.lib import decorators

from nova_trusted_launch.tempest import access, cases
from nova_trusted_launch.wire import encoding


class LaunchesTest(cases.TrustedLaunchCase):
    """Create, look, delete."""

    credentials = ["project_admin", "project_member", "project_reader",
                   "project_alt_member"]

    def setUp(self) -> None:
        super().setUp()
        self.profile = self.make_profile(activate=True)["name"]

    def _make(self, client: cases.HostAttestationClient | None = None,
              **wishes: Any) -> dict[str, Any]:
        client = client or self.member
        made = client.launch_create(self.profile, **wishes)
        self.addCleanup(cases.ignore_unknown, client.launch_delete,
                        made["id"])
        return made

    @decorators.idempotent_id("b6c129e7-66ee-49d4-b04c-4ad0214c633d")
    def test_create_show_list_delete(self):
        nonce = secrets.token_bytes(32)
        made = self._make(nonce=nonce, image_id="an-image",
                          image_digest="ab" * 32)
        self.assertEqual(hashlib.sha256(nonce).hexdigest(),
                         made["nonce_digest"])
        self.assertEqual(made, self.member.launch_show(made["id"]))
        self.assertIn(made, self.member.launches_list())
        self.member.launch_delete(made["id"])
        self.refused("launch.unknown", self.member.launch_show, made["id"])

    @decorators.idempotent_id("8b5a2a4b-ea69-4c34-9518-d0f49f053947")
    def test_nonce_of_the_service_is_shown_once(self):
        made = self._make()
        nonce = encoding.unb64(made["nonce"], "nonce")
        self.assertEqual(hashlib.sha256(nonce).hexdigest(),
                         made["nonce_digest"])
        for path in ("/v1/launches", f"/v1/launches/{made['id']}"):
            shown = str(self.member.ask("GET", path).body)
            self.assertNotIn(made["nonce"], shown)

    @decorators.idempotent_id("6abfaeb6-3281-4ea2-8576-96a7fde5328f")
    def test_own_nonce_is_not_repeated(self):
        self.assertNotIn("nonce", self._make(nonce=bytes(16)))

    @decorators.idempotent_id("8abb23ab-a412-4b15-a52d-7fdac9b0dfb8")
    def test_expiry(self):
        soon = self._make(expires_in=60)
        late = self._make(expires_in=86400)
        self.assertLess(soon["expires_at"], late["expires_at"])

    @decorators.idempotent_id("95bd2191-c47e-4409-a937-c228f0ca4618")
    def test_list_by_instance(self):
        self._make()
        self.assertEqual([], self.member.launches_list(
            instance_id=access.ABSENT))

    @decorators.idempotent_id("67fbae6d-c530-497a-843e-4563c6e8f890")
    def test_reader_looks(self):
        made = self._make(nonce=bytes(32))
        self.assertEqual(made, self.reader.launch_show(made["id"]))

    @decorators.idempotent_id("9f0263f2-843d-4b7d-9c60-a2e687b4055f")
    @decorators.attr(type="negative")
    def test_reader_does_not_touch(self):
        made = self._make()
        self.refused("request.forbidden", self.reader.launch_delete,
                     made["id"])
        self.refused("request.forbidden", self.reader.launch_create,
                     self.profile)

    @decorators.idempotent_id("08ddf1b4-e294-45aa-a60a-0a9db56192cc")
    @decorators.attr(type="negative")
    def test_another_project_sees_nothing(self):
        made = self._make()
        self.refused("launch.unknown", self.stranger.launch_show, made["id"])
        self.refused("launch.unknown", self.stranger.launch_delete,
                     made["id"])
        self.assertNotIn(made["id"], [
            item["id"] for item in self.stranger.launches_list()])

    @decorators.idempotent_id("9fc24212-39e2-49a9-ae59-0c00f1b0530a")
    def test_admin_sees_and_deletes(self):
        made = self._make(self.stranger)
        self.assertEqual(made["id"], self.admin.launch_show(made["id"])["id"])
        self.admin.launch_delete(made["id"])
        self.refused("launch.unknown", self.stranger.launch_show, made["id"])

    @decorators.idempotent_id("9eea63b4-6fbd-4e9b-a59e-b46979859f5f")
    @decorators.attr(type="negative")
    def test_launches_that_are_none(self):
        for change in ({"nonce": encoding.b64(bytes(15))},
                       {"nonce": encoding.b64(bytes(65))},
                       {"image_digest": "AB" * 32}, {"expires_in": 0},
                       {"expires_in": 10 ** 9}, {"profile": "a b"},
                       {"more": 1}):
            answer = self.member.ask("POST", "/v1/launches", {
                "profile": self.profile, **change})
            self.assertEqual((400, "request.invalid"),
                             (answer.status, answer.code), change)

    @decorators.idempotent_id("ee885ab4-09b3-424d-8b49-144e3a8eb52e")
    @decorators.attr(type="negative")
    def test_profile_that_is_none(self):
        self.refused("profile.unknown", self.member.launch_create,
                     access.ABSENT)

    @decorators.idempotent_id("0edc2039-213f-4b69-898d-0aacc20b3191")
    @decorators.attr(type="negative")
    def test_profile_that_is_retired(self):
        self.admin.profile_retire(self.profile)
        self.refused("profile.unknown", self.member.launch_create,
                     self.profile)

    @decorators.idempotent_id("99450f40-d8b9-4ed6-8eb1-1522150e7c28")
    @decorators.attr(type="negative")
    def test_unknown_launch(self):
        for call in (self.member.launch_show, self.member.launch_delete):
            self.refused("launch.unknown", call, access.ABSENT)
