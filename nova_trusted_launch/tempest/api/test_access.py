# SPDX-License-Identifier: Apache-2.0
"""Every operation of the API, asked by everybody."""

from __future__ import annotations

from tempest.lib import decorators

from nova_trusted_launch.tempest import access, cases

_METHODS = {"get", "post", "put", "patch", "delete", "head"}


class AccessCase(cases.TrustedLaunchCase):
    """Policy as it is without a policy file."""

    def _asked_by(self, persona: str, client: cases.HostAttestationClient,
                  **how: bool) -> None:
        """Ask for every operation; name all that were answered wrongly."""
        wrong = []
        for operation in access.OPERATIONS:
            answer = client.ask(operation.method, operation.url,
                                operation.body, **how)
            shut = answer.code in {"request.forbidden",
                                   "request.unauthenticated"}
            if shut is (persona in operation.allowed):
                wrong.append(f"{operation.method} {operation.path}: "
                             f"{answer.status} {answer.code}")
            self.assertLess(answer.status, 500, operation)
        self.assertEqual([], wrong, f"asked by: {persona}")


class MemberAccessTest(AccessCase):
    """A member, and somebody without a token."""

    credentials = ["project_member"]

    @decorators.idempotent_id("3509b374-136d-4ce4-868c-6b05ab0a934b")
    @decorators.attr(type="smoke")
    def test_every_operation_is_in_the_table(self):
        paths = self.member.ask("GET", "/openapi.json").body["paths"]
        served = {(method.upper(), path) for path, item in paths.items()
                  for method in item if method in _METHODS}
        self.assertEqual(served, {(o.method, o.path)
                                  for o in access.OPERATIONS})

    @decorators.idempotent_id("5ceb1216-ee29-4c62-9bdd-91927ee6cc8c")
    @decorators.attr(type=["smoke", "negative"])
    def test_member(self):
        self._asked_by(access.MEMBER, self.member)

    @decorators.idempotent_id("fc4c2280-497f-4298-a3e1-0e8df655a5c3")
    @decorators.attr(type=["smoke", "negative"])
    def test_nobody(self):
        self._asked_by(access.NOBODY, self.member, anonymous=True)

    @decorators.idempotent_id("1e5122e2-7ac8-4ae1-bab4-59edbe43d04f")
    @decorators.attr(type="negative")
    def test_token_that_is_none_is_no_token(self):
        for operation in access.OPERATIONS:
            if access.NOBODY in operation.allowed:
                continue
            answer = self.member.ask(
                operation.method, operation.url, operation.body,
                anonymous=True, headers={
                    "X-Subject-Token": "", "X-Roles": "admin",
                    "X-Identity-Status": "Confirmed"})
            self.assertEqual(401, answer.status, operation)


class OtherAccessTest(AccessCase):
    """All others."""

    credentials = ["project_admin", "project_reader", "system_reader",
                   ["service", "service"]]

    @decorators.idempotent_id("8ee0fe44-98d0-43fd-90b3-cb53c1ad9812")
    def test_admin(self):
        self._asked_by(access.ADMIN, self.admin)

    @decorators.idempotent_id("ace260f6-206a-49dd-81ce-47e365a21f28")
    @decorators.attr(type="negative")
    def test_reader(self):
        self._asked_by(access.READER, self.reader)

    @decorators.idempotent_id("0f2e7584-c58e-4914-b956-f229a54fef26")
    @decorators.attr(type="negative")
    def test_reader_of_the_system(self):
        self._asked_by(access.SYSTEM_READER,
                       cases.client_of(self.os_system_reader))

    @decorators.idempotent_id("5974e0f5-512f-46de-ac2e-d80fa0cd839b")
    @decorators.attr(type="negative")
    def test_service_account(self):
        self._asked_by(access.SERVICE, cases.client_of(self.os_service))
