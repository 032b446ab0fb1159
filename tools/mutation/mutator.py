# SPDX-License-Identifier: Apache-2.0
"""The places of a module where one change can be made, and the change.

In: a syntax tree.  Out: the same with one comparison, condition, calculation,
constant or step changed, or the list of all that could be.

Not decided here: whether anybody notices (``tools.mutation.trial``).
"""

from __future__ import annotations

import ast
import copy
from dataclasses import dataclass

_SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt,
    ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.Add: ast.Sub,
    ast.Sub: ast.Add, ast.LShift: ast.RShift, ast.RShift: ast.LShift,
    ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv}
_OTHER_CALLS = {"any": "all", "all": "any", "min": "max", "max": "min"}
# Conditions that visit_Compare and its like do not change already.
_BARE = (ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.NamedExpr)


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
        if all(isinstance(t, (ast.Attribute, ast.Subscript))
               for t in node.targets):
            result = self._offer(node, ast.Pass())
            if result is not node:
                return result
        node.value = self.visit(node.value)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        result = self._offer(node, ast.Pass())
        if result is node:
            node.value = self.visit(node.value)
        return result

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

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Name) and node.func.id in _OTHER_CALLS:
            new = copy.deepcopy(node)
            new.func = ast.Name(_OTHER_CALLS[node.func.id], ast.Load())
            result = self._offer(node, new)
            if result is not node:
                return result
        return self.generic_visit(node)

    def _conditional(self, node: ast.AST) -> ast.AST:
        node.test = self._condition(node.test)
        return self.generic_visit(node)

    visit_If = visit_While = visit_IfExp = _conditional

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        node.ifs = [self._condition(test) for test in node.ifs]
        return self.generic_visit(node)

    def _condition(self, test: ast.expr) -> ast.expr:
        if not isinstance(test, _BARE):
            return test
        return self._offer(test, ast.UnaryOp(ast.Not(), test))

    def visit_Break(self, node: ast.Break) -> ast.AST:
        return self._offer(node, ast.Continue())

    def visit_Continue(self, node: ast.Continue) -> ast.AST:
        return self._offer(node, ast.Break())

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
