# SPDX-License-Identifier: Apache-2.0
"""Run one mutant against its tests, in a child, without touching a file."""

from __future__ import annotations

import ast
import contextlib
import functools
import importlib
import importlib.util
import io
import os
import resource
import signal
import sys

import pytest
from cryptography import x509  # noqa: F401 - loaded before forking, for speed
from OpenSSL import crypto  # noqa: F401 - the same

from tools.mutation.mutator import Mutant, Mutator
from tools.mutation.tests import ROOT, tests_of

MEMORY = 4 * 1024 ** 3


@functools.cache
def source_of(path: str) -> str:
    """Read a module once, so that a later edit does not mix with it."""
    return (ROOT / path).read_text()


def mutants_of(path: str) -> list[Mutant]:
    """List every mutant of a module."""
    mutator = Mutator(path)
    mutator.visit(ast.parse(source_of(path)))
    return mutator.mutants


def survives(path: str, number: int | None, seconds: int = 600) -> bool:
    """Run one mutant (None: the module as it is) in a child."""
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(seconds)
        _become(path, number)
    _, status = os.waitpid(child, 0)
    return status == 0


def _become(path: str, number: int | None) -> None:
    """Be the child: load the mutant, run its tests, and end."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    status = 1
    try:
        _load(path, number)
        with contextlib.redirect_stdout(io.StringIO()):
            status = _run(*tests_of(path))
    finally:
        os._exit(min(status, 1))


def _run(first: str, *others: str) -> int:
    """Run the tests, the module's own first: most mutants end there."""
    options = ["-x", "-q", "-p", "no:cacheprovider", "--noconftest",
               "--no-header", "--tb=no"]
    status = int(pytest.main([*options, first]))
    if status == 0 and others:
        status = int(pytest.main([*options, *others]))
    return status


def _load(path: str, number: int | None) -> None:
    tree = ast.parse(source_of(path))
    if number is not None:
        tree = Mutator(path, number).visit(tree)
    name = path.removesuffix(".py").replace("/", ".")
    parent, _, last = name.rpartition(".")
    package = importlib.import_module(parent)
    spec = importlib.util.spec_from_file_location(name, ROOT / path)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    code = compile(ast.fix_missing_locations(tree), path, "exec")
    exec(code, module.__dict__)  # noqa: S102 - the whole point
    setattr(package, last, module)
