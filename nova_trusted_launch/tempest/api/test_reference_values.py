# SPDX-License-Identifier: Apache-2.0
"""Sets of reference values: made once, never changed."""

from __future__ import annotations

from typing import Any

from tempest.lib import decorators
from tempest.lib.common.utils import data_utils

from nova_trusted_launch.tempest import access, cases

_DIGEST = "ab" * 32


class ReferenceValuesTest(cases.TrustedLaunchCase):
    """Create, list, show, use, delete."""

    credentials = ["project_admin"]

    def _values(self, **changes: Any) -> dict[str, Any]:
        return {"name": data_utils.rand_name("values"), "kind": "digest",
                "provenance": "Tempest", "values": {_DIGEST: ["a file"]},
                **changes}

    def _make(self, **changes: Any) -> dict[str, Any]:
        made = self.admin.reference_create(self._values(**changes))
        self.addCleanup(cases.ignore_unknown, self.admin.reference_delete,
                        made["name"])
        return made

    @decorators.idempotent_id("7c2b8767-cd95-40af-86d4-d19f2a852ecf")
    def test_create_show_list_delete(self):
        name = self._make()["name"]
        self.assertEqual({_DIGEST: ["a file"]},
                         self.admin.reference_show(name)["values"])
        listed = {r["name"]: r for r in self.admin.references_list()}
        self.assertNotIn("values", listed[name])
        self.admin.reference_delete(name)
        self.refused("reference_values.unknown", self.admin.reference_show,
                     name)

    @decorators.idempotent_id("55cfbba3-2755-4b88-94f9-b3771589cd6d")
    def test_files_of_hosts(self):
        made = self._make(kind="ima", values={
            _DIGEST: ["/usr/bin/env", "/bin/env"]})
        self.assertEqual("ima", made["kind"])

    @decorators.idempotent_id("3570294b-3b38-4f37-9765-d3d615fcc5f4")
    def test_expiry_is_kept(self):
        made = self._make(expires_at="2099-01-02T03:04:05.000000Z")
        self.assertEqual("2099-01-02T03:04:05.000000Z", made["expires_at"])

    @decorators.idempotent_id("3460db26-c3c5-48ff-a55d-d169c9a331f1")
    def test_profile_names_a_set(self):
        name = self._make()["name"]
        document = {"schema": 1, "require": [{"pcr": {
            "bank": "sha256", "index": 0, "reference_values": [name]}}]}
        made = self.make_profile(document=document)
        self.assertEqual(document, self.admin.profile_version_show(
            made["name"], 1)["document"])

    @decorators.idempotent_id("d64d753b-c61b-4bbc-999d-8684027a1310")
    @decorators.attr(type="negative")
    def test_name_is_taken(self):
        self.refused("reference_values.taken", self.admin.reference_create,
                     self._values(name=self._make()["name"]))

    @decorators.idempotent_id("b2789f3d-d781-4f06-91f0-dddf5bf61736")
    @decorators.attr(type="negative")
    def test_set_that_a_profile_in_force_names_is_kept(self):
        name = self._make()["name"]
        profile = self.make_profile(activate=True, document={
            "schema": 1, "require": [{"pcr": {
                "bank": "sha256", "index": 0, "reference_values": [name]}}]})
        refusal = self.assertRaises(
            cases.errors.Refused, self.admin.reference_delete, name)
        self.assertIn(profile["name"], refusal.detail)
        self.admin.profile_retire(profile["name"])

    @decorators.idempotent_id("e7821bbd-a3fc-49a1-bd7c-6e94b52e05c4")
    @decorators.attr(type="negative")
    def test_sets_that_are_none(self):
        for change in ({"values": {}}, {"values": {"ab": ["a file"]}},
                       {"kind": "colour"}, {"provenance": ""},
                       {"expires_at": "tomorrow"}, {"more": 1}):
            self.refused("request.invalid", self.admin.reference_create,
                         self._values(**change))

    @decorators.idempotent_id("b76e8fbc-1392-401b-ba80-bee73667f18a")
    @decorators.attr(type="negative")
    def test_unknown_set(self):
        for call in (self.admin.reference_show, self.admin.reference_delete):
            self.refused("reference_values.unknown", call, access.ABSENT)

    @decorators.idempotent_id("f75317d8-99ea-48e6-809e-d102a3533eb5")
    @decorators.attr(type="negative")
    def test_profile_that_names_no_set(self):
        self.refused(
            "profile.invalid", self.admin.profile_create,
            data_utils.rand_name("trusted"), {"schema": 1, "require": [
                {"pcr": {"bank": "sha256", "index": 0,
                         "reference_values": ["tempest-nothing"]}}]})
