# SPDX-License-Identifier: Apache-2.0
"""Hosts: their attesters, results and kept evidence.

No test enrols or retires a host: the first needs a TPM, the second would
take the cloud's own host away.
"""

from __future__ import annotations

from tempest import config
from tempest.lib import decorators

from nova_trusted_launch.client import trust
from nova_trusted_launch.tempest import access, cases, hosts

CONF = config.CONF


class AttestersTest(cases.HostCase):
    """What an operator sees of a host, and changes."""

    credentials = ["project_admin"]

    @decorators.idempotent_id("48c85946-173d-4b30-9e65-901ec06d5376")
    def test_list_and_show(self):
        listed = {a["id"]: a for a in self.admin.attesters_list()}
        by_id = self.admin.attester_show(self.host["id"])
        by_name = self.admin.attester_show(self.host["host"])
        self.assertEqual(by_id["id"], by_name["id"])
        self.assertEqual(by_id["ak_name"],
                         listed[self.host["id"]]["ak_name"])

    @decorators.idempotent_id("8f972d13-76f5-47f7-b3d2-0eb5d3b0f7fd")
    def test_list_by_state_and_host(self):
        found = self.admin.attesters_list(host=self.host["host"],
                                          state="approved")
        self.assertEqual([self.host["id"]], [a["id"] for a in found])
        self.assertNotIn(self.host["id"], [
            a["id"] for a in self.admin.attesters_list(state="retired")])

    @decorators.idempotent_id("cad67322-a153-469c-b8ef-1b4acf5d965a")
    def test_list_page_by_page(self):
        everyone = [a["id"] for a in self.admin.attesters_list()]
        paged, marker = [], None
        while page := self.admin.attesters_list(limit=1, marker=marker):
            paged += [a["id"] for a in page]
            marker = paged[-1]
        self.assertEqual(everyone, paged)

    @decorators.idempotent_id("a5c88638-a5da-46d6-9798-9a1d4a267321")
    def test_label(self):
        labels = self.admin.attester_show(self.host["id"])["labels"]
        self.addCleanup(self.admin.attester_label, self.host["id"], labels)
        changed = self.admin.attester_label(
            self.host["id"], {**labels, "tempest-label": "a value"})
        self.assertEqual("a value", changed["labels"]["tempest-label"])

    @decorators.idempotent_id("eb0e8fa7-0106-4256-9c9c-caf868118416")
    def test_approve_again_changes_nothing(self):
        again = self.admin.attester_approve(self.host["id"])
        self.assertEqual("approved", again["state"])

    @decorators.idempotent_id("e65b549b-a999-4832-9d26-fff3b860d947")
    def test_explain_and_evidence(self):
        told = self.admin.attester_explain(self.host["host"])
        self.assertEqual(self.host["id"], told["attester"]["id"])
        kept = self.admin.attester_evidence_list(self.host["id"])
        shown = self.admin.attester_evidence_show(
            self.host["id"], kept[0]["id"])
        self.assertEqual(self.host["id"], shown["envelope"]["attester_id"])

    @decorators.idempotent_id("e48f701f-32af-4049-a9be-3d9bd789bea6")
    def test_results_and_their_history(self):
        # Labels that another test changed have withdrawn what was known.
        hosts.attest(self.admin, self.host["host"], CONF.trusted_launch
                     .profile, lambda new: True)
        for found in (self.admin.results_list(host=self.host["host"]),
                      self.admin.results_history(self.host["id"])):
            self.assertEqual({self.host["id"]},
                             {r["attester_id"] for r in found})

    @decorators.idempotent_id("e2a370da-ee04-496f-98cd-629064501bf6")
    def test_snapshot_is_signed(self):
        snapshot = trust.Verifier(self.admin.jwks()).snapshot(
            self.admin.results_snapshot())
        self.assertIn(self.host["host"], str(snapshot))

    @decorators.idempotent_id("e0922a7c-056e-4c7e-9cae-ba215b472ab1")
    def test_attest_now_makes_a_new_result(self):
        hosts.attest(self.admin, self.host["host"], CONF.trusted_launch
                     .profile, lambda new: True)

    @decorators.idempotent_id("fc1da214-45dd-480e-bce3-7093ab56552c")
    def test_attest_all(self):
        self.admin.attester_attest()

    @decorators.idempotent_id("cdc1cd7d-db5d-41ae-b344-ca0e6e03de27")
    @decorators.attr(type="negative")
    def test_unknown_host(self):
        for call in (self.admin.attester_show, self.admin.attester_approve,
                     self.admin.attester_retire, self.admin.attester_attest,
                     self.admin.attester_explain,
                     self.admin.attester_evidence_list):
            self.refused("attester.unknown", call, access.ABSENT)

    @decorators.idempotent_id("5b0c72ad-d185-4a59-b4f0-641797c77813")
    @decorators.attr(type="negative")
    def test_labels_that_are_none(self):
        for labels in ({"a b": "c"}, {"a": "line\nbreak"}, {"a": ""}):
            self.refused("request.invalid", self.admin.attester_label,
                         self.host["id"], labels)

    @decorators.idempotent_id("695e5ae7-9ea4-4579-a49d-d6860d5e59cb")
    @decorators.attr(type="negative")
    def test_states_that_are_none(self):
        self.refused("request.invalid", self.admin.attesters_list,
                     state="good")


class StrangerToHostsTest(cases.HostCase):
    """A service account that owns no host speaks for none."""

    credentials = ["project_admin", ["service", "service"]]

    @classmethod
    def setup_clients(cls):
        super().setup_clients()
        cls.service = cases.client_of(cls.os_service)

    @decorators.idempotent_id("bcaa91af-c40e-49ce-a021-6f2ab693ca18")
    @decorators.attr(type="negative")
    def test_challenge_for_a_host_of_another_account(self):
        answer = self.service.ask("POST", "/v1/challenges", {
            "attester_id": self.host["id"]})
        self.assertIn(answer.status, (403, 404), answer.body)

    @decorators.idempotent_id("760f4047-58e6-417b-b6ab-4daebb85a26c")
    @decorators.attr(type="negative")
    def test_evidence_that_answers_no_challenge(self):
        kept = self.admin.attester_evidence_list(self.host["id"])
        shown = self.admin.attester_evidence_show(
            self.host["id"], kept[0]["id"])
        answer = self.service.ask("POST", "/v1/evidence", shown["envelope"])
        self.assertIn(answer.code, ("evidence.stale", "attester.unknown"))

    @decorators.idempotent_id("ed007753-1e51-48c7-b375-c8f973dfd4ae")
    @decorators.attr(type="negative")
    def test_enrolment_with_a_certificate_that_is_none(self):
        answer = self.service.ask("POST", "/v1/attesters", {
            "host": "tempest-host", "ek_certificate": "AAAA",
            "intermediates": [], "ek_public": "AAAA", "ak_public": "AAAA"})
        self.assertIn(answer.status, (400, 403), answer.body)

    @decorators.idempotent_id("004cf525-487f-4052-bdf9-8bf767d7c18c")
    @decorators.attr(type="negative")
    def test_activation_of_nothing(self):
        answer = self.service.ask("POST", "/v1/attesters/activate", {
            "enrolment_id": access.ABSENT, "proof": "A" * 43})
        self.assertEqual(403, answer.status, answer.body)
