"""What the text of a function says of it: whether it learns, writes weights, resets, or keeps statistics.

The body of a module's method is not followed by the order of events; these questions are answered from its text, once.
"""

from __future__ import annotations

import ast

from auditor.program.walk import walk
from auditor.static.ast_text import once_a_node
from auditor.static.domain.heap import Class, Func
from auditor.static.effects.forward_pass import names_read
from auditor.static.interpreter.machine import Machine
from auditor.static.names.tensors import RESETS

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda

WEIGHT_WRITES = frozenset(["sub_", "add_", "lerp_", "copy_", "mul_", "div_", "addcmul_", "addcdiv_", "set_"])
MAX_ASKED = 6
"""Functions in one another whose text is asked whether it trains."""
RUNNING_STATISTICS = frozenset(
    ["BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "LazyBatchNorm1d", "SyncBatchNorm", "batch_norm"]
)
"""Layers that keep statistics of the batches that they see in training mode."""


class MethodTexts:
    """Questions to the texts of functions that lead to other functions of the script."""

    def __init__(self, machine: Machine) -> None:
        self.frames = machine.frames

    def changes_states(self, method: Func) -> bool:
        """Whether the text of a function takes gradients or writes weights."""
        return self.trains(method) or writes_weights(method.node)

    def trains(self, method: Func, depth: int = 0) -> bool:
        """Whether the text of a function takes gradients, itself or in what it calls by name."""
        gradients, called, methods = training_calls(method.node)
        if gradients or depth > MAX_ASKED:
            return gradients
        found = [self.frames.globals.d.get(name) for name in called]
        if method.owner is not None:
            found += [method.owner.find(name) for name in methods]
        return any(
            isinstance(f, Func) and f.node is not method.node and self.trains(f, depth + 1) for f in found
        )

    def keeps_statistics(self, cls: Class | None) -> bool:
        """Whether a module, or one of those that its text makes, takes statistics of what it sees while it trains."""
        waiting: list[object] = [cls]
        seen: set[int] = set()
        while waiting:
            asked = waiting.pop()
            if not isinstance(asked, Class) or id(asked.node) in seen:
                continue
            seen.add(id(asked.node))
            if normalises_over_batches(asked.node):
                return True
            waiting += asked.bases
            for name in names_read(asked.node):
                scope = asked.env.find(name)
                waiting.append(scope.d.get(name) if scope is not None else None)
        return False


@once_a_node
def normalises_over_batches(tree: ast.AST) -> bool:
    return any(isinstance(n, ast.Attribute) and n.attr in RUNNING_STATISTICS for n in walk(tree))


@once_a_node
def normalises(method: FunctionNode) -> bool:
    return any(isinstance(n, ast.Attribute) and n.attr in ("log_softmax", "logsumexp") for n in walk(method))


def method_name(method: Func) -> str:
    return "" if isinstance(method.node, ast.Lambda) else method.node.name


@once_a_node
def training_calls(function: FunctionNode) -> tuple[bool, tuple[str, ...], tuple[str, ...]]:
    """Whether a text takes gradients, the functions it calls by name, and the methods it calls on `self`."""
    gradients = False
    called: dict[str, None] = {}
    methods: dict[str, None] = {}
    for node in walk(function):
        if isinstance(node, ast.Attribute):
            gradients = gradients or node.attr in ("backward", "autograd")
            if isinstance(node.value, ast.Name) and node.value.id == "self":
                methods[node.attr] = None
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            called[node.func.id] = None
    return gradients, tuple(called), tuple(methods)


@once_a_node
def writes_weights(method: FunctionNode) -> bool:
    """Whether a text changes tensors in place by arithmetic, as a step taken by hand does."""
    return any(isinstance(node, ast.Attribute) and node.attr in WEIGHT_WRITES for node in walk(method))


@once_a_node
def only_resets(method: FunctionNode) -> bool:
    """Whether a method only zeroes or initialises in place."""
    found = False
    for node in walk(method):
        if isinstance(node, ast.Attribute):
            if node.attr in RESETS:
                found = True
            if node.attr in (
                "cross_entropy",
                "linear",
                "log_softmax",
                "embedding",
                "bincount",
                "scatter_add_",
            ):
                return False
    return found


@once_a_node
def writes_buffers(method: FunctionNode) -> bool:
    """Whether a method writes attributes of its object by index or in place: a cache inside a module."""
    for node in walk(method):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in ("index_add_", "scatter_add_", "index_put_", "scatter_", "index_copy_"):
                if "self." in ast.unparse(node.func.value):
                    return True
        if isinstance(node, (ast.Assign, ast.AugAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Subscript) and ast.unparse(target.value).startswith("self."):
                    return True
    return False


@once_a_node
def advances_counter(function: FunctionNode) -> bool:
    """Whether a text reads a number from a file and writes back that number plus one."""
    calls = [n for n in walk(function) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)]
    names = {n.func.attr for n in calls if isinstance(n.func, ast.Attribute)}
    plus_one = any(
        isinstance(n, ast.BinOp)
        and isinstance(n.op, ast.Add)
        and isinstance(n.right, ast.Constant)
        and n.right.value == 1
        for n in walk(function)
    )
    return bool(names & {"read", "from_bytes", "unpack"}) and "write" in names and plus_one
