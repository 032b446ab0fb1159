#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Weaken the verifying code, one place at a time, and see who notices.

Each mutant is one changed comparison, boolean, constant, or one check taken
out, in one module.  It is run against that module's own tests, in a child of
this process, without touching a file.  A mutant that no test notices is a
survivor: either a test is missing, or the check is useless, or the reason why
nothing can tell stands in tools/mutants.txt.

    tools/mutate.py                      all of the verifying core
    tools/mutate.py quote.py verify.py   modules whose path ends so
    tools/mutate.py --list quote.py      say what would be tried

Exit status: 0 when every mutant died or is explained, else 1.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import functools
import importlib
import importlib.util
import io
import os
import pathlib
import resource
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import hypothesis
import pytest
from cryptography import x509  # noqa: F401 - loaded before forking, for speed
from OpenSSL import crypto  # noqa: F401 - the same

ROOT = pathlib.Path(__file__).resolve().parents[1]
EXPLAINED = ROOT / "tools" / "mutants.txt"
TIMEOUT = 180
MEMORY = 4 * 1024 ** 3

WHERE = ("attestation_service/core", "nova_trusted_launch/wire",
         "nova_trusted_launch/admission.py")
# What neither decides nor computes anything.
SKIPPED = {"__init__.py", "errors.py"}
# Tests beyond tests/unit/<same place>/test_<same name>.py.
MORE_TESTS = {
    "core/tpm/quote.py": ["tests/attacks/test_a_quote.py",
                          "tests/attacks/test_b_freshness.py"],
    "core/tpm/structures.py": ["tests/unit/core/tpm/test_attestation_key.py",
                               "tests/attacks/test_a_quote.py",
                               "tests/attacks/test_d_identity.py"],
    "core/tpm/attestation_key.py": ["tests/attacks/test_a_quote.py",
                                    "tests/attacks/test_d_identity.py"],
    "core/tpm/certify.py": ["tests/attacks/test_d_identity.py"],
    "core/ima/templates.py": ["tests/unit/core/ima/test_log.py"],
    "core/bootlog/event_types.py": ["tests/unit/core/bootlog/test_tcg.py"],
    "core/tpm/credential.py": ["tests/unit/core/tpm/test_wrap.py",
                               "tests/attacks/test_d_identity.py"],
    "core/tpm/envelope.py": ["tests/unit/core/tpm/test_wrap.py",
                             "tests/attacks/test_d_identity.py"],
    "core/appraise.py": ["tests/unit/core/policy/test_rules.py"],
    "core/policy/node.py": ["tests/unit/core/policy/test_document.py"],
    "core/policy/rule.py": ["tests/unit/core/policy/test_rules.py"],
    "core/policy/rules.py": ["tests/unit/core/policy/test_document.py"],
    "core/policy/combine.py": ["tests/unit/core/policy/test_rules.py",
                               "tests/unit/core/policy/test_document.py"],
    "core/bootlog/": ["tests/unit/core/bootlog"],
    "core/ima/": ["tests/unit/core/ima"],
    "core/endorsement.py": ["tests/attacks/test_d_identity.py"],
    "core/verify.py": ["tests/attacks/test_b_freshness.py"],
    "wire/encoding.py": ["tests/unit/wire/test_strict_json.py",
                         "tests/unit/wire/test_messages.py"],
    "wire/receipts.py": ["tests/unit/wire/test_proofs.py",
                         "tests/unit/wire/test_messages.py"],
    **{f"wire/{name}.py": ["tests/unit/wire/test_messages.py"] for name in (
        "challenge", "digests", "enrolment", "evidence", "release",
        "results", "snapshot")},
}

_SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt,
    ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: which one of its module, and how it reads."""

    path: str
    number: int
    line: int
    where: str
    change: str

    @property
    def key(self) -> str:
        """What names it in tools/mutants.txt: no line, those move."""
        return f"{self.path}: {self.where}: {self.change}"


class Mutator(ast.NodeTransformer):
    """Count the places to change; change the one that is ``wanted``."""

    def __init__(self, path: str, wanted: int | None = None) -> None:
        self.path, self.wanted = path, wanted
        self.mutants: list[Mutant] = []
        self._where: list[str] = []
        self._shown: ast.AST | None = None

    def _offer(self, node: ast.AST, new: ast.AST) -> ast.AST:
        """Note a place; return what shall stand there."""
        before, after = ast.unparse(node), ast.unparse(new)
        number = len(self.mutants)
        self.mutants.append(Mutant(
            self.path, number, node.lineno, ".".join(self._where) or "module",
            f"{_short(before)} -> {_short(after)}"))
        return ast.copy_location(new, node) if number == self.wanted else node

    # Where we are, and where there is nothing to change.

    def _named(self, node: ast.AST) -> ast.AST:
        self._where.append(node.name)
        node.body = [self.visit(n) for n in _without_docstring(node.body)]
        self._where.pop()
        return node

    visit_FunctionDef = visit_ClassDef = _named

    def visit_Module(self, node: ast.Module) -> ast.AST:
        node.body = [self.visit(n) for n in _without_docstring(node.body)]
        return node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        if any(isinstance(t, ast.Name) and t.id == "__all__"
               for t in node.targets):
            return node
        node.value = self.visit(node.value)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is not None:
            node.value = self.visit(node.value)
        return node

    # What can be changed.

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        result: ast.AST = node
        for i, op in enumerate(node.ops):
            if type(op) in _SWAPS:
                new = copy.deepcopy(node)
                new.ops[i] = _SWAPS[type(op)]()
                result = _first_changed(result, node, self._offer(node, new))
        if result is node:
            self.generic_visit(node)
        return result

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.AST:
        new = copy.deepcopy(node)
        new.op = _SWAPS[type(node.op)]()
        result = self._offer(node, new)
        for i in range(len(node.values)):
            new = copy.deepcopy(node)
            del new.values[i]
            result = _first_changed(result, node, self._offer(
                node, new if len(new.values) > 1 else new.values[0]))
        if result is node:
            self.generic_visit(node)
        return result

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        result: ast.AST = node
        if type(node.op) in _SWAPS:
            new = copy.deepcopy(node)
            new.op = _SWAPS[type(node.op)]()
            result = self._offer(node, new)
        if result is node:
            self.generic_visit(node)
        return result

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.AST:
        result: ast.AST = node
        if isinstance(node.op, ast.Not):
            result = self._offer(node, copy.deepcopy(node.operand))
        if result is node:
            self.generic_visit(node)
        return result

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        value = node.value
        if isinstance(value, bool):
            return self._offer(node, ast.Constant(not value))
        if isinstance(value, int):
            return self._offer(node, ast.Constant(value + 1))
        if isinstance(value, bytes):
            return self._offer(node, ast.Constant(value + b"?"))
        return node

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        # A message is for people; only that it is raised counts.
        return self._offer(node, ast.Pass())

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        result = self._offer(node, ast.Pass())
        if result is node:
            self.generic_visit(node)
        return result

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return node


def _first_changed(so_far: ast.AST, node: ast.AST, new: ast.AST) -> ast.AST:
    return new if so_far is node else so_far


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    if (body and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)):
        return body[1:] or [ast.Pass()]
    return body


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 90 else text[:87] + "..."


@functools.cache
def source_of(path: str) -> str:
    """Read a module once, so that a later edit does not mix with it."""
    return (ROOT / path).read_text()


def mutants_of(path: str) -> list[Mutant]:
    """List every mutant of a module."""
    mutator = Mutator(path)
    mutator.visit(ast.parse(source_of(path)))
    return mutator.mutants


def tests_of(path: str) -> list[str]:
    """Say which tests stand up for a module."""
    inner = pathlib.PurePath(path).relative_to(
        "attestation_service" if path.startswith("attestation_service")
        else "nova_trusted_launch")
    folder = pathlib.PurePath("tests/unit") / inner.parent
    named = folder / f"test_{inner.name}"
    more = [t for end, tests in MORE_TESTS.items() if end in path
            for t in tests]
    if (ROOT / named).exists():
        return [str(named), *more]
    return more or [str(folder)]


def survives(path: str, number: int | None) -> bool:
    """Run one mutant (None: the module as it is) in a child."""
    child = os.fork()
    if child == 0:
        _become(path, number)
    _, status = os.waitpid(child, 0)
    return status == 0


def _become(path: str, number: int | None) -> None:
    """Be the child: load the mutant, run its tests, and end."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(TIMEOUT)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    status = 1
    try:
        _load(path, number)
        with contextlib.redirect_stdout(io.StringIO()):
            status = int(pytest.main([
                "-x", "-q", "-p", "no:cacheprovider", "--noconftest",
                "--no-header", "--tb=no", *tests_of(path)]))
    finally:
        os._exit(min(status, 1))


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


def read_explained() -> dict[str, str]:
    """Read tools/mutants.txt: a mutant's key, then its reason, indented."""
    explained: dict[str, str] = {}
    key = ""
    for line in EXPLAINED.read_text().splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if line.startswith(" "):
            explained[key] += line.strip() + " "
        else:
            key = line.strip()
            explained[key] = ""
    return explained


def modules(ends: list[str]) -> Iterator[str]:
    """Name the modules to mutate."""
    for place in WHERE:
        found = ([ROOT / place] if place.endswith(".py")
                 else sorted((ROOT / place).rglob("*.py")))
        for path in found:
            name = str(path.relative_to(ROOT))
            if path.name not in SKIPPED and (
                    not ends or any(name.endswith(end) for end in ends)):
                yield name


def main() -> int:
    """Try every mutant; report those that nothing notices."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", metavar="MODULE")
    parser.add_argument("--list", action="store_true")
    args = parser.parse_args()
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    sys.dont_write_bytecode = True
    # The core's tests need no plugin and no fixture of others; loading them
    # would cost ten times what the tests do.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    hypothesis.settings.register_profile(
        "mutate", max_examples=25, derandomize=True, database=None,
        deadline=None)
    hypothesis.settings.load_profile("mutate")
    explained = read_explained()
    unexplained = 0
    for path in modules(args.modules):
        mutants = mutants_of(path)
        if args.list:
            print("\n".join(f"{m.line}: {m.key}" for m in mutants))
            continue
        unexplained += _try_all(path, mutants, explained)
    return 1 if unexplained else 0


def _try_all(path: str, mutants: list[Mutant],
             explained: dict[str, str]) -> int:
    start = time.monotonic()
    if not survives(path, None):
        print(f"{path}: its own tests fail, or have no module to stand up "
              f"for: {' '.join(tests_of(path))}", flush=True)
        return 1
    alive = [m for m in mutants if survives(path, m.number)]
    known = {m.key for m in mutants}
    stale = [key for key in explained
             if key.startswith(f"{path}: ") and key not in known]
    told = [m for m in alive if m.key in explained]
    print(f"{path}: {len(mutants)} mutants, {len(mutants) - len(alive)} "
          f"died, {len(told)} explained, {len(alive) - len(told)} survived "
          f"({time.monotonic() - start:.0f} s)", flush=True)
    for m in alive:
        if m.key not in explained:
            print(f"  {m.line}: {m.key}", flush=True)
    for key in stale:
        print(f"  explained, but not there any more: {key}", flush=True)
    return len(alive) - len(told) + len(stale)


if __name__ == "__main__":
    sys.exit(main())
