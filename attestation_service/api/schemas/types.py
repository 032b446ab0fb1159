# SPDX-License-Identifier: Apache-2.0
"""Building blocks of the JSON schemas: the few kinds of values there are.

A pattern here is exact: what it accepts, ``wire.encoding`` accepts too.
"""

from __future__ import annotations

from typing import Any

from nova_trusted_launch.wire import encoding

Schema = dict[str, Any]

# Ids and names travel in URLs, logs and Placement traits.
ID = {"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"}
NAME = {"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"}
HOST = {"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,254}$"}
# No controls, no invisible or direction-changing characters.
# Lengths stand beside: a class of Unicode repeated up to 4096 times is an
# expression too large for some engines.
_VISIBLE = {"type": "string", "pattern": f"^[^{encoding.INVISIBLE}]*$"}
TEXT = {**_VISIBLE, "minLength": 1, "maxLength": 255}
PROSE = {**_VISIBLE, "maxLength": 1024}
PATH = {**_VISIBLE, "minLength": 1, "maxLength": 4096}
# What we say in answers is not bounded by what we accept.
SENTENCE = {"type": "string"}
TIME = {"type": "string", "format": "date-time"}
DIGEST = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
HEX = {"type": "string", "pattern": "^(?:[0-9a-f]{2})*$"}
JWT = {"type": "string",
       "pattern": r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$"}
BOOLEAN = {"type": "boolean"}
COUNT = {"type": "integer", "minimum": 0, "maximum": 2 ** 53 - 1}
POSITIVE = {"type": "integer", "minimum": 1, "maximum": 2 ** 31 - 1}
TIER = {"enum": ["none", "affirming", "warning", "contraindicated"]}
LABELS = {"type": "object", "maxProperties": 64,
          "propertyNames": NAME, "additionalProperties": {
              "type": "string", "pattern": "^[ -~]{1,255}$"}}
# What is in it is judged as a whole, with a code of its own.
DOCUMENT = {"type": "object",
            "description": "A profile document; the operator guide has its "
                           "rules.  What is none is ``profile.invalid``."}
SELECTION = {
    "type": "object", "minProperties": 1, "maxProperties": 1,
    "propertyNames": {"enum": ["sha256", "sha384", "sha512"]},
    "additionalProperties": {
        "type": "array", "minItems": 1, "maxItems": 24, "uniqueItems": True,
        "items": {"type": "integer", "minimum": 0, "maximum": 23}}}

UNASKED = "x-pattern-not-asked"
_C = "[A-Za-z0-9_-]"
# Canonical base64url: the loose bits of the last character are zero.
_TAILS = {0: "", 1: f"{_C}[AQgw]", 2: f"{_C}{{2}}[AEIMQUYcgkosw048]"}


def b64(least: int, most: int) -> Schema:
    """Base64url without padding of ``least`` to ``most`` bytes.

    The pattern knows the alphabet and the canonical end; both bounds are on
    the text's length.
    """
    return {"type": "string", "contentEncoding": "base64url",
            "minLength": _length(least), "maxLength": _length(most),
            "pattern": f"^(?:{_C}{{4}})*(?:{_TAILS[1]}|{_TAILS[2]})?$"}


def blob(description: str) -> Schema:
    """Base64url of any length.

    The pattern is for readers of the document: on megabytes it would take
    longer than everything else, and ``wire.encoding`` asks the same.
    """
    text = b64(0, 0)
    # Bounded by the size of the body alone.
    del text["minLength"], text["maxLength"]
    return {**text, UNASKED: True, "description": description}


def nullable(schema: Schema) -> Schema:
    """The same, or null."""
    if "enum" in schema:
        return {"enum": [*schema["enum"], None]}
    return {**schema, "type": [schema["type"], "null"]}


def an_object(required: dict[str, Schema],
              optional: dict[str, Schema] | None = None,
              **more: Any) -> Schema:
    """An object with these fields and no others."""
    return {"type": "object", "properties": {**required, **(optional or {})},
            "required": list(required), "additionalProperties": False,
            **more}


def array(items: Schema, most: int | None = None) -> Schema:
    """A list of ``items``."""
    bound = {} if most is None else {"maxItems": most}
    return {"type": "array", "items": items, **bound}


def ref(name: str) -> Schema:
    """Another schema of ours by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def listing(plural: str, name: str) -> Schema:
    """The answer to a list request."""
    return an_object({plural: array(ref(name)), "next": nullable(TEXT)})


def _length(size: int) -> int:
    return (size * 4 + 2) // 3
