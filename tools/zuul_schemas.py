#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Validate ``.zuul.yaml`` with the schemas of Zuul itself.

``tox -e zuul`` installs Zuul, which is too large to be part of every
environment.  In: ``.zuul.yaml``.  Out: exit status 1 and why Zuul would refuse
it.

Not decided here: whether parents and jobs exist (``tests/devstack``).
"""

from __future__ import annotations

import pathlib
import sys

import voluptuous
import yaml
from zuul import configloader

ROOT = pathlib.Path(__file__).parents[1]
PARSERS = {
    "job": configloader.JobParser,
    "project": configloader.ProjectParser,
    "nodeset": configloader.NodeSetParser,
    "project-template": configloader.ProjectTemplateParser,
}


def main() -> int:
    """Ask each parser; return 0 when none refuses."""
    refused = 0
    for item in yaml.safe_load((ROOT / ".zuul.yaml").read_text("utf-8")):
        (kind, content), = item.items()
        parser = PARSERS[kind]
        schema = getattr(parser, "schema", None)
        if schema is None:
            schema = parser.getSchema(parser)
        try:
            schema(content)
        except voluptuous.Error as exc:
            print(f"{kind} {content.get('name', '')}: {exc}")
            refused = 1
        else:
            print(f"{kind} {content.get('name', '')}: well formed")
    return refused


if __name__ == "__main__":
    sys.exit(main())
