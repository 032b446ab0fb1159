# SPDX-License-Identifier: Apache-2.0
"""The table of routes, walked: nothing is served that is not accounted for."""

from __future__ import annotations

import inspect

import jsonschema
import openapi_spec_validator
import pytest

from attestation_service import policies
from attestation_service.api import openapi, problems
from attestation_service.api.routes import ROUTES
from attestation_service.api.schemas import SCHEMAS, parameters
from nova_trusted_launch.wire.codes import Code

RULES = {rule.name: rule for rule in policies.list_rules()}
each_route = pytest.mark.parametrize(
    "route", ROUTES, ids=lambda r: f"{r.method} {r.path}")


@each_route
def test_every_route_has_a_registered_rule_that_names_it(route):
    rule = RULES[route.policy]
    assert {"method": route.method, "path": route.path} in rule.operations


@each_route
def test_every_schema_exists(route):
    assert route.body is None or route.body in SCHEMAS
    assert (route.answer is None) == (route.status == 204)
    assert route.answer is None or route.answer in SCHEMAS
    assert set(route.variables) <= set(parameters.PATH)
    assert set(route.demands) <= set(route.query)


@each_route
def test_every_handler_is_described(route):
    assert route.summary.endswith(".")


def handlers():
    return sorted({r.handler for r in ROUTES}, key=lambda h: (
        h.__module__, h.__name__))


@pytest.mark.parametrize("handler", handlers(), ids=lambda h: (
    f"{h.__module__.rpartition('.')[2]}.{h.__name__}"))
def test_a_handler_has_no_if(handler):
    source = inspect.getsource(handler)
    assert "\n    if " not in source
    assert "\n    for " not in source


def test_names_and_rows_are_unique():
    assert len({r.name for r in ROUTES}) == len(ROUTES)
    assert len({(r.method, r.path) for r in ROUTES}) == len(ROUTES)


def test_every_operation_of_a_rule_is_served():
    served = {(r.method, r.path) for r in ROUTES}
    for rule in RULES.values():
        for operation in rule.operations:
            assert (operation["method"], operation["path"]) in served


def test_every_rule_is_used():
    used = {r.policy for r in ROUTES}
    assert {name for name in RULES if name not in used} == {
        f"trusted_launch:{noun}:all_projects" for noun in (
            "profiles", "keys", "launches", "releases", "instances",
            "receipts")}


def test_only_what_says_nothing_is_public():
    public = {r.path for r in ROUTES if r.policy in policies.PUBLIC_RULES}
    assert public == {"/", "/v1", "/openapi.json", "/v1/jwks"}


def test_every_schema_is_valid_and_every_object_closed():
    for name, schema in SCHEMAS.items():
        jsonschema.Draft202012Validator.check_schema(schema)
        if name != "OpenApi":
            assert schema["additionalProperties"] is False, name


def test_the_document_is_openapi_3_1():
    openapi_spec_validator.validate(openapi.document(ROUTES))


def test_the_document_knows_every_route():
    paths = openapi.document(ROUTES)["paths"]
    assert {(method.upper(), path) for path, item in paths.items()
            for method in item} == {(r.method, r.path) for r in ROUTES}


def test_every_code_the_service_may_say_has_a_status():
    elsewhere = {"host", "agent", "tpm", "seal", "path", "image", "flavor"}
    assert {code for code in Code
            if str(code).partition(".")[0] not in elsewhere} == set(
                problems.STATUS)
    assert all(400 <= status < 600 for status in problems.STATUS.values())
