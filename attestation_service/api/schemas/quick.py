# SPDX-License-Identifier: Apache-2.0
"""Say yes to a valid body quickly.

In: a schema.  Out: a function that says whether a value surely satisfies it.
It only ever saves time: whatever it does not say yes to is for jsonschema to
judge, and to explain.  Walking a schema again for every body would take as
long as verifying the quote in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from attestation_service.api.schemas import types

Says = Callable[[Any], bool]
# Exactly these: True is an int to Python, and 1.0 an integer to JSON schema.
_TYPES = {"string": str, "object": dict, "array": list, "integer": int,
          "boolean": bool, "null": type(None)}
# What asks nothing of a value.
_SILENT = {"description", "format", "contentEncoding", "writeOnly",
           types.UNASKED}
_REFERENCE = "#/components/schemas/"


def compile_schema(schema: Mapping[str, Any],
                   known: Mapping[str, Any]) -> Says:
    """Return a function that says yes to values that satisfy ``schema``.

    ``known`` are the schemas that it may refer to.  With a keyword that is
    not handled here the function never says yes.
    """
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_REFERENCE)
        return compile_schema(known[name], known)
    if "enum" in schema:
        allowed = {value for value in schema["enum"]
                   if value is None or type(value) is str}
        return lambda value: (value is None or type(value) is str
                              ) and value in allowed
    wanted = schema.get("type", "string")
    kinds = wanted if isinstance(wanted, list) else [wanted]
    asked = {k: v for k, v in schema.items()
             if k != "type" and k not in _SILENT}
    if types.UNASKED in schema:
        asked.pop("pattern", None)
    by_type = {_TYPES[kind]: _questions(kind, dict(asked), known)
               for kind in kinds if kind in _TYPES}
    return lambda value: by_type.get(type(value), _never)(value)


def _questions(kind: str, asked: dict[str, Any],
               known: Mapping[str, Any]) -> Says:
    """Return what to ask of a value of this type."""
    if kind in {"null", "boolean"}:
        return _always
    made = {"string": _text, "integer": _number, "array": _array,
            "object": _object}[kind](asked, known)
    return _never if asked else made


def _always(value: Any) -> bool:
    return True


def _never(value: Any) -> bool:
    return False


# Each takes the keywords that it knows out of ``asked``.


def _text(asked: dict[str, Any], known: Mapping[str, Any]) -> Says:
    found = re.compile(asked.pop("pattern", "")).search
    least, most = asked.pop("minLength", 0), asked.pop("maxLength", None)

    def says(value: str) -> bool:
        size = len(value)
        return (size >= least and (most is None or size <= most)
                and found(value) is not None)
    return says


def _number(asked: dict[str, Any], known: Mapping[str, Any]) -> Says:
    least, most = asked.pop("minimum", None), asked.pop("maximum", None)
    return lambda value: ((least is None or value >= least)
                          and (most is None or value <= most))


def _array(asked: dict[str, Any], known: Mapping[str, Any]) -> Says:
    item = compile_schema(asked.pop("items", {}), known)
    least, most = asked.pop("minItems", 0), asked.pop("maxItems", None)
    unique = asked.pop("uniqueItems", False)

    def says(value: list[Any]) -> bool:
        return (len(value) >= least and (most is None or len(value) <= most)
                and all(map(item, value))
                and not (unique and _may_repeat(value)))
    return says


def _may_repeat(value: list[Any]) -> bool:
    plain = all(type(item) in {str, int} for item in value)
    return not plain or len(set(value)) != len(value)


def _object(asked: dict[str, Any], known: Mapping[str, Any]) -> Says:
    fields = {name: compile_schema(schema, known)
              for name, schema in asked.pop("properties", {}).items()}
    required = frozenset(asked.pop("required", ()))
    name_of = compile_schema(asked.pop("propertyNames", {}), known)
    least = asked.pop("minProperties", 0)
    most = asked.pop("maxProperties", None)
    other = asked.pop("additionalProperties", True)
    others = (_always if other is True else _never if other is False
              else compile_schema(other, known))

    def says(value: dict[str, Any]) -> bool:
        return (required <= value.keys() and len(value) >= least
                and (most is None or len(value) <= most)
                and all(map(name_of, value))
                and all(fields.get(name, others)(field)
                        for name, field in value.items()))
    return says
