# SPDX-License-Identifier: Apache-2.0
"""Keys of images: a project's own, and never shown."""

from __future__ import annotations

import secrets

from tempest.lib import decorators

from nova_trusted_launch.tempest import access, cases
from nova_trusted_launch.wire import encoding


class KeysTest(cases.TrustedLaunchCase):
    """Register, look, delete."""

    credentials = ["project_admin", "project_member", "project_reader",
                   "project_alt_member"]

    @decorators.idempotent_id("32323beb-2976-47c7-b2ad-8f202ce5387e")
    def test_create_show_list_delete(self):
        key = self.make_key()
        self.assertEqual(self.member.project_id, key["project_id"])
        self.assertEqual(key, self.member.key_show(key["id"]))
        self.assertIn(key, self.member.keys_list())
        self.member.key_delete(key["id"])
        self.refused("key.unknown", self.member.key_show, key["id"])

    @decorators.idempotent_id("75bcc659-c4b2-4b16-9567-8d06e8b90fdd")
    def test_policy_is_kept(self):
        profile = self.make_profile(activate=True)["name"]
        policy = {"profile": profile, "image_id": "an-image",
                  "image_digest": "ab" * 32, "demand_token": True,
                  "expires_at": "2099-01-02T03:04:05.000000Z", "launches": 3}
        key = self.make_key(**policy)
        self.assertEqual(policy, key["policy"])
        self.assertEqual(0, key["launches_used"])

    @decorators.idempotent_id("ac8996cd-928a-47e3-9851-34f08551d660")
    def test_material_is_in_no_answer(self):
        material = secrets.token_bytes(32)
        key = self.make_key(material=material)
        for path in ("/v1/keys", f"/v1/keys/{key['id']}"):
            shown = str(self.member.ask("GET", path).body)
            for form in (encoding.b64(material), material.hex()):
                self.assertNotIn(form, shown)

    @decorators.idempotent_id("f074145c-493a-47a7-8695-9ebdc88996bd")
    def test_list_page_by_page(self):
        made = {self.make_key()["id"] for _ in range(3)}
        paged, marker = [], None
        while page := self.member.keys_list(limit=2, marker=marker):
            paged += [k["id"] for k in page]
            marker = paged[-1]
        self.assertEqual(len(paged), len(set(paged)))
        self.assertLessEqual(made, set(paged))

    @decorators.idempotent_id("d51e5b3c-5fb2-4900-bfa9-80f2e92672ee")
    def test_reader_looks(self):
        key = self.make_key()
        self.assertEqual(key, self.reader.key_show(key["id"]))
        self.assertIn(key, self.reader.keys_list())

    @decorators.idempotent_id("5e4580e1-de78-430a-a6ab-adb8fb9e76b1")
    @decorators.attr(type="negative")
    def test_reader_does_not_touch(self):
        key = self.make_key()
        self.refused("request.forbidden", self.reader.key_delete, key["id"])
        self.refused("request.forbidden", self.reader.key_create, "key",
                     bytes(32))

    @decorators.idempotent_id("d5261999-5a9d-4c3b-bf4e-d19f891c9b35")
    @decorators.attr(type="negative")
    def test_another_project_sees_nothing(self):
        key = self.make_key()
        self.refused("key.unknown", self.stranger.key_show, key["id"])
        self.refused("key.unknown", self.stranger.key_delete, key["id"])
        self.assertNotIn(key["id"], [
            k["id"] for k in self.stranger.keys_list()])
        self.assertEqual(key, self.member.key_show(key["id"]))

    @decorators.idempotent_id("40ae09ad-395e-4a87-a869-f0bd9b4085c4")
    def test_admin_sees_and_deletes(self):
        key = self.make_key(self.stranger)
        self.assertEqual(key, self.admin.key_show(key["id"]))
        self.admin.key_delete(key["id"])
        self.refused("key.unknown", self.stranger.key_show, key["id"])

    @decorators.idempotent_id("f9a3a4f2-4b49-44f7-8199-4aa4fcbd24f5")
    @decorators.attr(type="negative")
    def test_keys_that_are_none(self):
        good = {"name": "key", "material": encoding.b64(bytes(32)),
                "policy": {}}
        for change in ({"material": encoding.b64(bytes(15))},
                       {"material": encoding.b64(bytes(65))},
                       {"material": "not base64url!"}, {"material": None},
                       {"name": ""}, {"name": "a\nb"},
                       {"policy": {"launches": 0}},
                       {"policy": {"image_digest": "abc"}},
                       {"policy": {"expires_at": "2001-01-01T00:00:00Z"}},
                       {"policy": {"colour": "red"}}, {"more": 1}):
            answer = self.member.ask("POST", "/v1/keys", {**good, **change})
            self.assertEqual((400, "request.invalid"),
                             (answer.status, answer.code), change)

    @decorators.idempotent_id("00b52f6a-5c80-48df-9f6b-64780ec843ed")
    @decorators.attr(type="negative")
    def test_refusal_does_not_repeat_the_material(self):
        material = encoding.b64(secrets.token_bytes(65))
        answer = self.member.ask("POST", "/v1/keys", {
            "name": "key", "material": material, "policy": {}})
        self.assertEqual(400, answer.status)
        self.assertNotIn(material, str(answer.body))

    @decorators.idempotent_id("a7537aa6-76b3-4c36-88df-fb78d4079e30")
    @decorators.attr(type="negative")
    def test_profile_that_is_none(self):
        self.refused("profile.unknown", self.member.key_create, "key",
                     bytes(32), {"profile": access.ABSENT})

    @decorators.idempotent_id("1c719b25-7df9-4373-8cb7-35de44a43862")
    @decorators.attr(type="negative")
    def test_unknown_key(self):
        for call in (self.member.key_show, self.member.key_delete):
            self.refused("key.unknown", call, access.ABSENT)
