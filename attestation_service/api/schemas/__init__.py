# SPDX-License-Identifier: Apache-2.0
"""JSON schemas of every body and answer, and how a body is validated.

The OpenAPI document is made of these same schemas.  A refusal names the field
and what was asked of it, never the value: that may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
from jsonschema import validators

from attestation_service.api.schemas import (
    attesters,
    evidence,
    instances,
    keys,
    launches,
    profiles,
    receipts,
    reference_values,
    releases,
    results,
    types,
    versions,
)
from attestation_service.core import errors

SCHEMAS: Mapping[str, dict[str, Any]] = {
    name: schema
    for module in (versions, attesters, evidence, results, profiles,
                   reference_values, keys, launches, releases, instances,
                   receipts)
    for name, schema in module.SCHEMAS.items()}


def _pattern(validator: Any, pattern: str, value: Any,
             schema: Mapping[str, Any]) -> Iterator[Any]:
    if types.UNASKED not in schema:
        yield from _ask_pattern(validator, pattern, value, schema)


_ask_pattern = jsonschema.Draft202012Validator.VALIDATORS["pattern"]
_Validator = validators.extend(jsonschema.Draft202012Validator,
                               {"pattern": _pattern})


class Body:
    """One named schema, ready to validate bodies."""

    def __init__(self, name: str) -> None:
        # What it refers to is found beside it.
        self._validator = _Validator(
            {**SCHEMAS[name], "components": {"schemas": SCHEMAS}})

    def validate(self, value: Any) -> None:
        """Return when ``value`` satisfies the schema.

        :raises Invalid: it does not; the detail names the first field.
        """
        for error in self._validator.iter_errors(value):
            raise errors.Invalid(_explain(error))


class Parameter:
    """One parameter of a URL, always text there."""

    def __init__(self, name: str, schema: Mapping[str, Any]) -> None:
        self.name = name
        self.schema = schema
        self._validator = _Validator(
            {k: v for k, v in schema.items() if k != "description"})

    def read(self, text: str) -> Any:
        """Return the parameter's value.

        :raises Invalid: it is not of the schema.
        """
        value = _number(text) if self.schema["type"] == "integer" else text
        for error in self._validator.iter_errors(value):
            raise errors.Invalid(f"{self.name}: {_asked(error)}")
        return value


def _number(text: str) -> Any:
    # int() would also take "+1", " 1", "1_0" and other scripts' digits.
    plain = text.isascii() and text.isdigit() and len(text) <= 16
    return int(text) if plain and str(int(text)) == text else text


def _explain(error: jsonschema.ValidationError) -> str:
    where = ".".join(str(step) for step in error.absolute_path) or "body"
    return f"{where}: {_asked(error)}"


def _unknown(error: jsonschema.ValidationError) -> str:
    known = error.schema.get("properties", {})
    forms = error.schema.get("patternProperties", {})
    return min(name for name in error.instance if name not in known
               and not any(re.search(form, name) for form in forms))


def _asked(error: jsonschema.ValidationError) -> str:
    wanted = error.validator_value
    match error.validator:
        case "required":
            missing = [n for n in wanted if n not in error.instance]
            return f"{missing[0]} is missing"
        case "additionalProperties" if wanted is False:
            return f"unknown field {_unknown(error)!r}"
        case "type" | "enum" | "const":
            return f"must be {error.validator} {wanted}"
        case "pattern":
            return "has not the form that the API reference gives"
    return f"must satisfy {error.validator} {wanted}"
