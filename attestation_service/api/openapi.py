# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI 3.1 document, made of the routes and their schemas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attestation_service.api import microversion
from attestation_service.api.routing import Route
from attestation_service.api.schemas import SCHEMAS, parameters
from attestation_service.policies import PUBLIC_RULES

_TITLE = "Host attestation"
_DESCRIPTION = (
    "Attestation of compute hosts and release of keys to attested hosts. "
    "Unknown query parameters, unknown fields and bodies that are not strict "
    "JSON are refused: a key twice, NaN, a string with NUL or half a "
    "surrogate pair, more than 16 levels.")
_JSON = "application/json"


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """Return the document."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = (
            _operation(route))
    return {
        "openapi": "3.1.0",
        "info": {"title": _TITLE, "description": _DESCRIPTION,
                 "version": str(microversion.MAXIMUM),
                 "license": {"name": "Apache-2.0",
                             "identifier": "Apache-2.0"}},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": dict(SCHEMAS),
            "parameters": {"Microversion": _microversion()},
            "responses": {"Refused": _content(
                "Errors", "Refused, or failed; the code says why.")},
            "securitySchemes": {"token": {
                "type": "apiKey", "in": "header", "name": "X-Auth-Token",
                "description": "A Keystone token."}}}}


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name, "summary": route.summary,
        "tags": [route.noun], "x-openstack-policy": route.policy,
        "security": [] if route.policy in PUBLIC_RULES else [{"token": []}],
        "parameters": [
            {"$ref": "#/components/parameters/Microversion"},
            *(_parameter(n, "path", parameters.PATH[n], required=True)
              for n in route.variables),
            *(_parameter(n, "query", s, required=n in route.demands)
              for n, s in route.query.items())],
        "responses": {
            str(route.status): _content(route.answer, "Done."),
            "default": {"$ref": "#/components/responses/Refused"}}}
    if route.body is not None:
        operation["requestBody"] = {
            "required": not route.body_optional, **_media(route.body)}
    return operation


def _parameter(name: str, where: str, schema: Mapping[str, Any], *,
               required: bool) -> dict[str, Any]:
    bare = {k: v for k, v in schema.items() if k != "description"}
    described = {k: v for k, v in schema.items() if k == "description"}
    return {"name": name, "in": where, "required": required,
            "schema": bare, **described}


def _microversion() -> dict[str, Any]:
    return {"name": microversion.HEADER, "in": "header", "required": False,
            "description": "The microversion to speak; default the oldest. "
                           "What it says of other services does not count.",
            "schema": {"type": "string"},
            "example": microversion.header(str(microversion.MAXIMUM))}


def _content(schema: str | None, description: str) -> dict[str, Any]:
    if schema is None:
        return {"description": description}
    return {"description": description, **_media(schema)}


def _media(schema: str) -> dict[str, Any]:
    return {"content": {_JSON: {
        "schema": {"$ref": f"#/components/schemas/{schema}"}}}}
