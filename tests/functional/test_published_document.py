# SPDX-License-Identifier: Apache-2.0
"""The service keeps to its own OpenAPI document, says schemathesis.

It makes requests from the served document, good and bad ones, and holds every
answer against it.  ``SCHEMATHESIS_EXAMPLES`` asks for more of them.
"""

from __future__ import annotations

import os

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.specs.openapi import checks

from attestation_service.api import openapi
from attestation_service.api.routes import ROUTES
from tests.fixtures.host import Host, good, profile
from tests.fixtures.service import AttestationServiceFixture

EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "5"))
# Who is let in where an admin is not.
AGENTS = ("/v1/attesters", "/v1/attesters/activate", "/v1/challenges",
          "/v1/evidence", "/v1/releases", "/v1/releases/{release}/evidence")


class Served:
    """The application of the fixture; cases are made before it is there."""

    app = None

    def __call__(self, environ, start_response):
        environ["REMOTE_ADDR"] = "127.0.0.1"
        return self.app(environ, start_response)


served = Served()
schema = schemathesis.openapi.from_dict(openapi.document(ROUTES))
schema.app = served


@pytest.fixture(scope="module", autouse=True)
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("document")
    with AttestationServiceFixture(folder) as made:
        profile(made)
        Host(made).enrol().attest()
        served.app = made.app
        yield made


def test_the_document_is_the_one_served(service):
    assert good(service.ask(None, "GET", "/openapi.json")) == (
        openapi.document(ROUTES))


def adapt(case):
    """Keep to what can be agreed on without having looked before.

    A marker comes from the page before, and an expiry is in the future.
    """
    if case.meta.generation.mode.is_positive:
        (case.query or {}).pop("marker", None)
        body = case.body if isinstance(case.body, dict) else {}
        for part in (body, body.get("policy", {})):
            if isinstance(part, dict) and part.get("expires_at"):
                part["expires_at"] = "2030-01-01T00:00:00Z"


def understood(context, response, case):
    """What satisfies the schemas is not refused for its form.

    It may be for what it says: no certificate, no profile document.  That
    no string holds NUL stands in the document's description.
    """
    if response.status_code == 400 and (
            case.meta.generation.mode.is_positive):
        (error,) = response.json()["errors"]
        assert error["code"] in {"evidence.malformed", "profile.invalid"} or (
            "NUL" in error["detail"]), error


@schema.parametrize()
@settings(max_examples=EXAMPLES, deadline=None,
          suppress_health_check=list(HealthCheck))
def test_the_service_keeps_to_its_document(case):
    adapt(case)
    agents = case.method == "POST" and case.path in AGENTS
    case.call_and_validate(
        headers={"X-Auth-Token": "agent" if agents else "admin"},
        additional_checks=[understood],
        excluded_checks=[checks.positive_data_acceptance])
