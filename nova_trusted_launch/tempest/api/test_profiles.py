# SPDX-License-Identifier: Apache-2.0
"""Profiles: written by operators, seen by those who may use them."""

from __future__ import annotations

from tempest.lib import decorators
from tempest.lib.common.utils import data_utils

from nova_trusted_launch.tempest import access, cases


class ProfilesTest(cases.TrustedLaunchCase):
    """Create, version, activate, share, retire."""

    credentials = ["project_admin", "project_member", "project_alt_member"]

    @decorators.idempotent_id("7315dfed-c4d6-4c6d-905c-890dd21b9076")
    def test_create_show_list_retire(self):
        made = self.make_profile(description="of Tempest", activate=True)
        self.assertEqual(1, made["active_version"])
        shown = self.member.profile_show(made["name"])
        self.assertEqual("of Tempest", shown["description"])
        self.assertEqual(cases.document_of(), shown["document"])
        self.assertIn(made["name"], [
            p["name"] for p in self.member.profiles_list()])
        self.admin.profile_retire(made["name"])
        self.assertIsNone(self.admin.profile_show(made["name"])
                          ["active_version"])

    @decorators.idempotent_id("43cb01b4-d21d-4ec5-938b-4e0785f38879")
    def test_versions(self):
        name = self.make_profile()["name"]
        second = self.admin.profile_version_create(
            name, cases.document_of("no"))
        self.assertEqual(2, second["version"])
        self.assertEqual([1, 2], [
            v["version"] for v in self.admin.profile_versions(name)])
        self.assertEqual(cases.document_of("no"),
                         self.admin.profile_version_show(name, 2)["document"])
        self.assertIsNone(self.admin.profile_show(name)["active_version"])

    @decorators.idempotent_id("cd6dc8e6-5d10-4982-9874-811b3880ff32")
    def test_activate_and_go_back(self):
        name = self.make_profile(activate=True)["name"]
        self.admin.profile_version_create(name, cases.document_of("no"),
                                          activate=True)
        self.assertEqual(2, self.admin.profile_show(name)["active_version"])
        back = self.admin.profile_update(name, active_version=1)
        self.assertEqual(1, back["active_version"])

    @decorators.idempotent_id("d03568cd-7e46-4a4e-8bb4-c988f93f3ca4")
    def test_describe(self):
        name = self.make_profile()["name"]
        changed = self.admin.profile_update(name, description="new words")
        self.assertEqual("new words", changed["description"])

    @decorators.idempotent_id("cdefbdad-c5c1-4efd-ad9c-101d51e3d457")
    def test_profile_of_one_project_is_unknown_to_another(self):
        name = self.make_profile(
            activate=True, projects=[self.member.project_id])["name"]
        self.assertEqual(name, self.member.profile_show(name)["name"])
        self.refused("profile.unknown", self.stranger.profile_show, name)
        self.assertNotIn(name, [
            p["name"] for p in self.stranger.profiles_list()])
        self.refused("profile.unknown", self.stranger.launch_create, name)

    @decorators.idempotent_id("c19c5d3d-dca0-46cd-9eea-5796e77b4f49")
    def test_profile_is_opened_to_all_projects(self):
        name = self.make_profile(projects=[])["name"]
        self.refused("profile.unknown", self.member.profile_show, name)
        self.admin.profile_update(name, projects=None)
        self.assertEqual(name, self.member.profile_show(name)["name"])

    @decorators.idempotent_id("97cce855-82f0-4a4d-8317-d427d496d800")
    @decorators.attr(type="negative")
    def test_name_is_taken(self):
        name = self.make_profile()["name"]
        self.refused("profile.taken", self.admin.profile_create, name,
                     cases.document_of())

    @decorators.idempotent_id("0d139fdc-d578-453e-a4f1-51296cda4913")
    @decorators.attr(type="negative")
    def test_names_that_share_a_trait(self):
        name = self.make_profile()["name"]
        self.refused("profile.taken", self.admin.profile_create,
                     name.upper(), cases.document_of())

    @decorators.idempotent_id("cdb238c3-d1f6-427a-b789-bde86dd2c911")
    @decorators.attr(type="negative")
    def test_documents_that_are_none(self):
        name = data_utils.rand_name("trusted")
        for document in ({}, {"schema": 1, "require": []},
                         {"schema": 2, "require": cases.document_of()
                          ["require"]},
                         {"schema": 1, "require": [{"no-such-rule": {}}]},
                         {"schema": 1, "require": [{"pcr": {
                             "bank": "sha1", "index": 0, "values": []}}]}):
            self.refused("profile.invalid", self.admin.profile_create, name,
                         document)
        self.refused("profile.unknown", self.admin.profile_show, name)

    @decorators.idempotent_id("fde3a94a-ba60-47b2-aed7-ca030f8dd041")
    @decorators.attr(type="negative")
    def test_names_that_are_none(self):
        for name in ("", "a b", "../x", "a" * 65, "-a", "é"):
            self.refused("request.invalid", self.admin.profile_create, name,
                         cases.document_of())

    @decorators.idempotent_id("6ea276e3-6e0f-43a3-8315-b43b5afd4172")
    @decorators.attr(type="negative")
    def test_unknown_profiles_and_versions(self):
        name = self.make_profile()["name"]
        for call, arguments in (
                (self.admin.profile_show, (access.ABSENT,)),
                (self.admin.profile_retire, (access.ABSENT,)),
                (self.admin.profile_versions, (access.ABSENT,)),
                (self.admin.profile_version_show, (name, 99))):
            self.refused("profile.unknown", call, *arguments)
        self.refused("profile.unknown", self.admin.profile_update, name,
                     active_version=99)

    @decorators.idempotent_id("558585b0-37f8-474e-9c97-e8ab72078737")
    @decorators.attr(type="negative")
    def test_empty_change(self):
        self.refused("request.invalid", self.admin.profile_update,
                     self.make_profile()["name"])


class ProfilesOfHostsTest(cases.HostCase):
    """Drafts and previews, from the evidence that is kept of a host."""

    @decorators.idempotent_id("5460083c-28ea-4f1a-86c0-1bd78eb33e93")
    def test_draft_is_satisfied_by_its_host(self):
        document = self.admin.profile_draft(self.host["host"])
        preview = self.admin.profile_preview(document, self.host["host"])
        self.assertEqual([(self.host["host"], "affirming")],
                         [(c["host"], c["after"]) for c in preview])

    @decorators.idempotent_id("1c5abe95-7824-4e81-9852-edc9be0d35b3")
    def test_preview_of_what_no_host_satisfies(self):
        preview = self.admin.profile_preview(cases.document_of())
        self.assertIn(self.host["host"], [c["host"] for c in preview])
        for change in preview:
            self.assertNotEqual("affirming", change["after"])
            self.assertTrue(change["findings"])

    @decorators.idempotent_id("a7c549d9-aae4-4087-9807-2f7a71938f84")
    @decorators.attr(type="negative")
    def test_draft_and_preview_of_no_host(self):
        self.refused("attester.unknown", self.admin.profile_draft,
                     access.ABSENT)
        self.refused("attester.unknown", self.admin.profile_preview,
                     cases.document_of(), access.ABSENT)

    @decorators.idempotent_id("433a5b4e-d2c2-4512-a7f9-7ca98194014a")
    @decorators.attr(type="negative")
    def test_preview_of_no_document(self):
        self.refused("profile.invalid", self.admin.profile_preview, {})
