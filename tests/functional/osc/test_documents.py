# SPDX-License-Identifier: Apache-2.0
"""Every command that README and guides show is one that exists."""

from __future__ import annotations

import re
import shlex

import pytest

from attestation_service.cmd import verify
from tests.fixtures.osc import ROOT, command_of, entry_points, parse

_COMMAND = re.compile(r"^ +[$#] ([a-z].+(?:\\\n.+)*)$", re.MULTILINE)
# Commands of others: what they do is not ours to parse.  The demo and the
# tests on the cloud run them.
OTHERS = ("nova boot", "openstack server", "openstack flavor",
          "openstack user", "openstack role", "openstack service",
          "openstack endpoint")
# Where each of ours is run for real.
RUN_BY = ("tests/functional/osc", "tests/functional/cmd", "tests/unit/cmd",
          "tests/cloud", "tools/demo")


def shown() -> dict[str, str]:
    """Return command line -> the document that shows it."""
    documents = [ROOT / "README.rst", *(ROOT / "doc/source").rglob("*.rst")]
    return {re.sub(r"\\\n\s*", "", found): str(path.relative_to(ROOT))
            for path in sorted(documents)
            for found in _COMMAND.findall(path.read_text("utf-8"))}


COMMANDS = shown()
OURS = sorted(line for line in COMMANDS
              if line.startswith("openstack trusted"))
OFFLINE = sorted(line for line in COMMANDS
                 if line.startswith("attestation-verify"))


def test_nothing_is_shown_that_nobody_knows():
    known = (*OTHERS, "openstack trusted", "attestation-", "nova trusted-",
             "eval ", "tools/")
    assert [line for line in COMMANDS if not line.startswith(known)] == []
    assert len(OURS) > 15


@pytest.mark.parametrize("line", OURS)
def test_command_of_a_document_parses(line):
    before, _, _ = line.partition(" > ")
    assert parse(before.removeprefix("openstack "))


@pytest.mark.parametrize("line", OFFLINE)
def test_offline_command_of_a_document_parses(line):
    before, _, _ = line.partition(" > ")
    words = shlex.split(before)[1:]
    assert verify.parser().parse_args(words).subcommand


def test_every_command_of_the_plugin_is_run_by_a_test():
    source = " ".join(re.sub(r"[\"',\s]+", " ", path.read_text("utf-8"))
                      for place in RUN_BY
                      for path in (ROOT / place).rglob("*.py"))
    assert [words for words in (
        name.replace("_", " ") for name in entry_points())
        if f" {words} " not in source] == []


def test_no_two_commands_are_one_class():
    classes = [command_of(name.split("_"))[0] for name in entry_points()]
    assert len(set(classes)) == len(classes)
