# SPDX-License-Identifier: Apache-2.0
"""Versions, the API document, public keys, and requests for nothing."""

from __future__ import annotations

from tempest.lib import decorators

from nova_trusted_launch.client import trust
from nova_trusted_launch.tempest import cases
from nova_trusted_launch.tempest.client import VERSION_HEADER

_HEADER = VERSION_HEADER.lower()


class VersionsTest(cases.TrustedLaunchCase):
    """What everybody may see."""

    credentials = ["project_member"]

    @decorators.idempotent_id("6dc59173-de5c-457b-bc74-769ecec5ced8")
    @decorators.attr(type="smoke")
    def test_versions(self):
        listed = self.member.ask("GET", "/", anonymous=True).body["versions"]
        self.assertEqual(["v1.0"], [v["id"] for v in listed])
        self.assertEqual("CURRENT", self.member.versions()["version"]
                         ["status"])

    @decorators.idempotent_id("d46ef068-26ba-4238-92fb-bb671891337a")
    def test_version_document_links_to_itself(self):
        shown = self.member.versions()["version"]
        self.assertTrue(shown["links"][0]["href"].endswith("/v1"))

    @decorators.idempotent_id("8858840d-bb08-4690-a527-3443943bbe95")
    def test_api_document_is_public(self):
        answer = self.member.ask("GET", "/openapi.json", anonymous=True)
        self.assertEqual(200, answer.status)
        self.assertTrue(answer.body["openapi"].startswith("3."))

    @decorators.idempotent_id("e34a3385-0f71-41f8-b56a-13eed98ef905")
    @decorators.attr(type="smoke")
    def test_public_keys_verify_what_the_service_signs(self):
        keys = self.member.ask("GET", "/v1/jwks", anonymous=True).body
        checkpoint = trust.Verifier(keys).checkpoint(self.member.checkpoint())
        self.assertGreaterEqual(checkpoint.size, 0)

    @decorators.idempotent_id("4ab19155-070a-4b78-8572-e2ebda452e70")
    def test_microversion_is_told(self):
        for wish in ("1.0", "latest"):
            answer = self.member.ask("GET", "/v1", headers={
                VERSION_HEADER: f"host-attestation {wish}"})
            self.assertEqual("host-attestation 1.0", answer.headers[_HEADER])

    @decorators.idempotent_id("2dbe55ac-6d91-4491-938f-a94f331a062e")
    @decorators.attr(type="negative")
    def test_microversion_of_the_future(self):
        answer = self.member.ask("GET", "/v1", headers={
            VERSION_HEADER: "host-attestation 1.999"})
        self.assertEqual((406, "request.version"),
                         (answer.status, answer.code))

    @decorators.idempotent_id("e63975d4-2097-45d1-89e8-c689fcfe6609")
    @decorators.attr(type="negative")
    def test_microversion_that_is_none(self):
        answer = self.member.ask("GET", "/v1", headers={
            VERSION_HEADER: "host-attestation new"})
        self.assertEqual(400, answer.status)

    @decorators.idempotent_id("c0226f53-bf8f-4e55-97f0-40ffee0c7190")
    @decorators.attr(type="negative")
    def test_no_such_path(self):
        answer = self.member.ask("GET", "/v1/nothing")
        self.assertEqual((404, "request.not_found"),
                         (answer.status, answer.code))

    @decorators.idempotent_id("d5c422ec-805c-4cdb-a39e-1650fa8c65f2")
    @decorators.attr(type="negative")
    def test_no_such_method(self):
        answer = self.member.ask("PUT", "/v1/keys", {})
        self.assertEqual((405, "request.method"),
                         (answer.status, answer.code))

    @decorators.idempotent_id("ce9ea50b-eb58-4caf-9a8d-48021cd5fd4e")
    @decorators.attr(type="negative")
    def test_refusals_say_what_to_do(self):
        body = self.member.ask("GET", "/v1/nothing").body["errors"][0]
        for name in ("code", "title", "detail", "action", "request_id"):
            self.assertTrue(body[name], name)

    @decorators.idempotent_id("ce28502c-1108-4682-af49-298d9d23bcac")
    @decorators.attr(type="negative")
    def test_unknown_query_parameter(self):
        answer = self.member.ask("GET", "/v1/profiles?colour=red")
        self.assertEqual((400, "request.invalid"),
                         (answer.status, answer.code))
