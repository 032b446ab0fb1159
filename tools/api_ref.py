#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the API reference and the list of codes from the code itself.

``tools/api_ref.py`` writes ``api-ref/source``; with ``--check`` it exits with
1 when what is there is not what it would write.
"""

from __future__ import annotations

import argparse
import pathlib
import sys
import textwrap
from typing import Any

import yaml

from attestation_service import policies
from attestation_service.api import openapi
from attestation_service.api.routes import ROUTES
from nova_trusted_launch.wire.codes import Code

SOURCE = pathlib.Path(__file__).parent.parent / "api-ref" / "source"
CODES = SOURCE.parent.parent / "doc" / "source" / "reference" / "codes.rst"
PLACES = ("header", "path", "query", "body")
KINDS = {"string": "string", "integer": "integer", "number": "float",
         "boolean": "boolean", "array": "array", "object": "object"}


class Reference:
    """Pages made of a document, with the parameters they refer to."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._paths = document["paths"]
        self._schemas = document["components"]["schemas"]
        self._rules = {rule.name: rule for rule in policies.list_rules()}
        self.parameters: dict[str, dict[str, Any]] = {}

    def pages(self) -> dict[str, str]:
        """Return the text of each resource's page."""
        nouns: dict[str, list[str]] = {}
        for path, methods in self._paths.items():
            for method, operation in methods.items():
                nouns.setdefault(operation["tags"][0], []).append(
                    self._operation(method.upper(), path, operation))
        return {noun: heading(noun.replace("_", " ").title(), "=")
                + "\n".join(parts) for noun, parts in nouns.items()}

    def _operation(self, method: str, path: str,
                   operation: dict[str, Any]) -> str:
        rule = self._rules.get(operation.get("x-openstack-policy", ""))
        text = [heading(operation["summary"].rstrip("."), "-"),
                f".. rest_method:: {method} {path}\n"]
        if rule is not None:
            text.append(f"{rule.description}\n")
            text.append(f"Policy: ``{rule.name}``, by default "
                        f"``{rule.check_str}``.\n")
        status = next(iter(operation["responses"]))
        text.append(f"Normal response code: {status}.  Errors are described "
                    "on the front page.\n")
        inputs = self._inputs(operation)
        if inputs:
            text.append(heading("Request", "~") + table(inputs))
        answer = self._body(operation["responses"][status], "body")
        if answer:
            text.append(heading("Response", "~") + table(answer))
        return "\n".join(text)

    def _inputs(self, operation: dict[str, Any]) -> list[tuple[str, str]]:
        found = []
        for given in operation.get("parameters", ()):
            if "$ref" not in given:
                found.append(self._add(
                    given["name"], given["in"], given["schema"],
                    given.get("required", False),
                    given.get("description", "")))
        return found + self._body(operation.get("requestBody", {}), "body")

    def _body(self, holder: dict[str, Any],
              where: str) -> list[tuple[str, str]]:
        schema = holder.get("content", {}).get("application/json", {}).get(
            "schema", {})
        found: list[tuple[str, str]] = []
        self._fields(schema, where, "", found, 0)
        return found

    def _fields(self, schema: dict[str, Any], where: str, prefix: str,
                found: list[tuple[str, str]], depth: int) -> None:
        schema = self._resolve(schema)
        required = schema.get("required", ())
        for name, field in schema.get("properties", {}).items():
            full = f"{prefix}{name}"
            inner = self._resolve(field)
            found.append(self._add(full, where, inner, name in required,
                                   inner.get("description", "")))
            if depth < 2:
                self._fields(inner.get("items", inner), where, f"{full}.",
                             found, depth + 1)

    def _resolve(self, schema: Any) -> dict[str, Any]:
        while isinstance(schema, dict) and "$ref" in schema:
            schema = self._schemas[schema["$ref"].rpartition("/")[2]]
        return schema if isinstance(schema, dict) else {}

    def _add(self, name: str, where: str, schema: dict[str, Any],
             required: bool, description: str) -> tuple[str, str]:
        entry = {"in": where, "type": kind(schema), "required": required,
                 "description": (description or constraint(schema)) + "\n"}
        number, key = 1, f"{name}_{where}"
        while self.parameters.get(key, entry) != entry:
            number += 1
            key = f"{name}_{where}_{number}"
        self.parameters[key] = entry
        return name, key


def heading(text: str, line: str) -> str:
    """Return a heading."""
    return f"{text}\n{line * len(text)}\n\n"


def table(rows: list[tuple[str, str]]) -> str:
    """Return a rest_parameters directive."""
    return (".. rest_parameters:: parameters.yaml\n\n"
            + "".join(f"   - {name}: {key}\n" for name, key in rows) + "\n")


def kind(schema: dict[str, Any]) -> str:
    """Return a schema's type in words."""
    found = schema.get("type", "string" if "enum" in schema else "object")
    names = found if isinstance(found, list) else [found]
    return " or ".join(KINDS.get(name, name) for name in names)


def constraint(schema: dict[str, Any]) -> str:
    """Return what a schema says of its values, in words."""
    if "enum" in schema:
        return "One of " + ", ".join(f"``{v}``" for v in schema["enum"]
                                     if v is not None) + "."
    if schema.get("contentEncoding"):
        return "Bytes in base64url without padding."
    if schema.get("format") == "date-time":
        return "An RFC 3339 time in UTC."
    if "maximum" in schema or "minimum" in schema:
        return (f"From {schema.get('minimum', 'any')} to "
                f"{schema.get('maximum', 'any')}.")
    return "See the summary above."


def files() -> dict[pathlib.Path, str]:
    """Return every file of the reference."""
    reference = Reference(openapi.document(ROUTES))
    pages = reference.pages()
    made = {SOURCE / f"{noun}.inc": text for noun, text in pages.items()}
    made[SOURCE / "parameters.yaml"] = yaml.safe_dump(dict(sorted(
        reference.parameters.items(),
        key=lambda item: (PLACES.index(item[1]["in"]), item[0]))),
        sort_keys=False)
    made[CODES] = codes()
    made[SOURCE / "index.rst"] = INTRODUCTION + "".join(
        f".. include:: {noun}.inc\n" for noun in pages)
    return made


def codes() -> str:
    """Return the page of refusal codes."""
    text = [heading("Refusal codes", "=")
            + "Codes are part of the API and never renamed.\n\n"
            ".. This page is written by tools/api_ref.py.\n"]
    for code in Code:
        text.append(f"``{code.value}``\n" + textwrap.fill(
            f"{code.title_text}.  *{code.action}*", 79,
            initial_indent="   ", subsequent_indent="   ") + "\n")
    return "\n".join(text)


INTRODUCTION = """\
:tocdepth: 2

====================
Host attestation API
====================

.. This page and those it includes are written by tools/api_ref.py.

.. rest_expand_all::

All bodies are JSON.  A request may name a microversion in the header
``OpenStack-API-Version: host-attestation 1.0``.  Lists take ``limit`` and
``marker`` and answer with ``next``, the marker of the following page.  The
OpenAPI document is served at ``/openapi.json``.

A refusal is
``{"errors": [{"status", "code", "title", "detail", "action",
"request_id"}]}``; ``code`` is stable and ``action`` says what to do.

"""


def main() -> int:
    """Write or check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = [path for path, text in files().items()
             if not path.exists() or path.read_text("utf-8") != text]
    for path in stale:
        if check:
            print(f"{path} is not up to date: run tools/api_ref.py")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files()[path], "utf-8")
    return int(check and bool(stale))


if __name__ == "__main__":
    sys.exit(main())
