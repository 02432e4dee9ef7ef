"""Which parameter of a method a loss is taken of, read from the method's text and from those that it calls."""

from __future__ import annotations

import ast
import re

from auditor.program.walk import called_name
from auditor.static.ast_text import once_a_node
from auditor.static.domain.heap import Class, Func
from auditor.static.names.torch import LOSS_FUNCTIONS
from auditor.static.transfer.method_text import FunctionNode, normalises

LOSS_NAME = re.compile(
    r"cross_entropy|softcap\w*ce\b|fused\w*ce\b|_ce\b|ce_loss|CrossEntropy|nll_loss", re.IGNORECASE
)
MAX_LOSS_CALLS = 8
"""Functions in one another whose text is asked for a loss."""
MAX_STEPS = 12
"""Names and calls from an expression back to the parameter that it is a form of."""


class LossTargets:
    """The parameters that losses are taken of, each method read once."""

    def __init__(self) -> None:
        self.known: dict[tuple[int, str], str | None] = {}

    def loss_target(self, cls: Class, name: str, depth: int = 0) -> str | None:
        """The parameter that a method takes a loss of, "" if it takes one but not of a parameter, None if none."""
        key = (id(cls.node), name)
        if key in self.known:
            return self.known[key]
        self.known[key] = None
        method = cls.find(name)
        found = self.loss_in(method, cls, depth) if method is not None else None
        self.known[key] = found
        return found

    def loss_in(self, function: Func, cls: Class, depth: int) -> str | None:
        """The same of any function that a method of the class calls, or of the method itself."""
        if isinstance(function.node, ast.Lambda) or depth >= MAX_LOSS_CALLS:
            return None
        arguments = function.node.args
        parameters = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
        assigned = local_sources(function.node)
        found: str | None = None
        for call in ast.walk(function.node):
            if not isinstance(call, ast.Call):
                continue
            inner = self.loss_call(call, cls, depth) or picked_entry(call, function.node)
            if inner is None:
                continue
            found = root_parameter(inner, assigned, parameters) or found or ""
            if found:
                break
        return found

    def loss_call(self, call: ast.Call, cls: Class, depth: int) -> ast.expr | None:
        """The expression that a call takes a loss of, or None if it takes none."""
        func = call.func
        if isinstance(func, ast.Attribute):
            if func.attr in LOSS_FUNCTIONS:
                position = LOSS_FUNCTIONS[func.attr][1]
                return argument_of(call, position, ("target", "targets", "labels"))
            if (
                isinstance(func.value, ast.Name)
                and func.value.id == "self"
                and cls.find(func.attr) is not None
            ):
                inner = self.loss_target(cls, func.attr, depth + 1)
                if inner:
                    method = cls.find(func.attr)
                    assert method is not None
                    names = [a.arg for a in method.node.args.args][1:]
                    position = names.index(inner) if inner in names else len(call.args) - 1
                    return argument_of(call, position, (inner,))
                return None
        if isinstance(func, ast.Name) and (scope := cls.env.find(func.id)) is not None:
            called = scope.d[func.id]
            target = self.loss_in(called, cls, depth + 1) if isinstance(called, Func) else None
            if target and isinstance(called, Func):
                names = [a.arg for a in (*called.node.args.posonlyargs, *called.node.args.args)]
                position = names.index(target) if target in names else len(call.args)
                return argument_of(call, position, (target,))
        if LOSS_NAME.search(called_name(call)) or (
            isinstance(func, ast.Attribute)
            and func.attr == "apply"
            and LOSS_NAME.search(ast.unparse(func.value))
        ):
            return argument_of(call, 1, ("target", "targets", "labels", "y"))
        return None


def picked_entry(call: ast.Call, method: FunctionNode) -> ast.expr | None:
    """The index by which entries are picked in a method that normalises over the vocabulary by hand."""
    func = call.func
    if not isinstance(func, ast.Attribute) or func.attr not in ("gather", "take_along_dim"):
        return None
    if not normalises(method):
        return None
    named = next((k.value for k in call.keywords if k.arg in ("index", "indices")), None)
    of_library = isinstance(func.value, ast.Name) and func.value.id in ("torch", "F")
    place = (2 if of_library else 1) if func.attr == "gather" else (1 if of_library else 0)
    return named or (call.args[place] if place < len(call.args) else None)


def argument_of(call: ast.Call, position: int, names: tuple[str, ...]) -> ast.expr:
    for keyword in call.keywords:
        if keyword.arg in names:
            return keyword.value
    if 0 <= position < len(call.args):
        return call.args[position]
    return call


@once_a_node
def local_sources(function: ast.AST) -> dict[str, ast.expr]:
    """What each local name was last assigned, for following a name back to a parameter."""
    out: dict[str, ast.expr] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
            if isinstance(target, ast.Name):
                out.setdefault(target.id, node.value)
            elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                for name, value in zip(target.elts, node.value.elts, strict=False):
                    if isinstance(name, ast.Name):
                        out.setdefault(name.id, value)
    return out


def root_parameter(expression: ast.expr, assigned: dict[str, ast.expr], parameters: list[str]) -> str | None:
    """The parameter that an expression is a form of: `targets.reshape(-1)` is a form of `targets`."""
    for _ in range(MAX_STEPS):
        if isinstance(expression, ast.Name):
            if expression.id in parameters and expression.id != "self":
                return expression.id
            if expression.id not in assigned:
                return None
            expression = assigned[expression.id]
        elif isinstance(expression, ast.Call) and isinstance(expression.func, ast.Attribute):
            root = root_parameter(expression.func.value, assigned, parameters)
            if root is not None or not expression.args:
                return root
            expression = expression.args[0]
        elif isinstance(expression, ast.BinOp):
            expression = expression.left
        elif isinstance(expression, (ast.Attribute, ast.Subscript)):
            expression = expression.value
        else:
            return None
    return None
