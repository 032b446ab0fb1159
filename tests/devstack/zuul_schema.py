# SPDX-License-Identifier: Apache-2.0
"""The shape of Zuul's configuration, so far as a project may write it.

In: what a ``.zuul.yaml`` says.  Out: nothing, or a ``jsonschema`` error.  Made
from Zuul's documentation; ``tools/zuul_schemas.py`` asks Zuul itself, where it
is installed.
"""

from __future__ import annotations

from typing import Any

TEXT: dict[str, Any] = {"type": "string"}
FLAG = {"type": "boolean"}
SECONDS = {"type": "integer", "minimum": 1}
REGEX = {"anyOf": [TEXT, {
    "type": "object", "required": ["regex"], "additionalProperties": False,
    "properties": {"regex": TEXT, "negate": FLAG}}]}
VARIABLES = {"type": "object", "propertyNames": {
    "pattern": r"^[a-zA-Z_][a-zA-Z0-9_]*$",
    "not": {"enum": ["zuul", "nodepool", "unsafe_vars"]}}}


def _many(item: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [item, {"type": "array", "items": item}]}


def _named(**more: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [TEXT, {
        "type": "object", "required": ["name"],
        "additionalProperties": False, "properties": {"name": TEXT, **more}}]}


_PLAYBOOKS = _many(_named(semaphores=_many(TEXT)))
ATTRIBUTES: dict[str, Any] = {
    "parent": {"type": ["string", "null"]},
    "description": TEXT,
    "variant-description": TEXT,
    "abstract": FLAG,
    "final": FLAG,
    "protected": FLAG,
    "intermediate": FLAG,
    "voting": FLAG,
    "attempts": SECONDS,
    "timeout": SECONDS,
    "post-timeout": SECONDS,
    "nodeset": {"type": ["string", "object"]},
    "branches": _many(REGEX),
    "files": _many(REGEX),
    "irrelevant-files": _many(REGEX),
    "tags": _many(TEXT),
    "provides": _many(TEXT),
    "requires": _many(TEXT),
    "dependencies": _many(_named(soft=FLAG)),
    "required-projects": _many(_named(**{"override-checkout": TEXT})),
    "override-checkout": TEXT,
    "roles": _many({
        "type": "object", "required": ["zuul"], "additionalProperties": False,
        "properties": {"zuul": TEXT, "name": TEXT}}),
    "pre-run": _PLAYBOOKS,
    "run": _PLAYBOOKS,
    "post-run": _many(_named(semaphores=_many(TEXT), cleanup=FLAG)),
    "vars": VARIABLES,
    "extra-vars": VARIABLES,
    "host-vars": {"type": "object", "additionalProperties": VARIABLES},
    "group-vars": {"type": "object", "additionalProperties": VARIABLES},
    "failure-output": _many(TEXT),
}
JOB = {"type": "object", "required": ["name"], "additionalProperties": False,
       "properties": {"name": TEXT, **ATTRIBUTES}}
_VARIANT = {"type": "object", "minProperties": 1, "maxProperties": 1,
            "additionalProperties": {
                "type": "object", "additionalProperties": False,
                "properties": ATTRIBUTES}}
PIPELINE = {"type": "object", "required": ["jobs"],
            "additionalProperties": False,
            "properties": {
                "fail-fast": FLAG, "debug": FLAG,
                "jobs": {"type": "array", "minItems": 1,
                         "items": {"anyOf": [TEXT, _VARIANT]}}}}
PROJECT = {"type": "object", "additionalProperties": PIPELINE,
           "properties": {
               "name": TEXT, "description": TEXT, "queue": TEXT,
               "vars": VARIABLES, "templates": {"type": "array",
                                                "items": TEXT}}}
CONFIGURATION = {
    "type": "array", "minItems": 1, "items": {
        "type": "object", "minProperties": 1, "maxProperties": 1,
        "additionalProperties": False,
        "properties": {"job": JOB, "project": PROJECT}}}
