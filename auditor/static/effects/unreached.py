"""Functions that update states and that nothing calls which was followed: they are told, since they may be called."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from auditor.program.walk import walk
from auditor.static.ast_text import once_a_node
from auditor.static.interpreter.machine import Machine
from auditor.trace.events import NEVER_REACHED

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


class Unreached:
    """Notes functions that were never entered."""

    def __init__(self, machine: Machine) -> None:
        self.script = machine.script
        self.frames = machine.frames
        self.recorder = machine.recorder

    def note_unreached(self) -> None:
        """Record each function that takes gradients or steps and was not entered, at its place."""
        for (layer, path), tree in list(self.script.trees.items()):
            for function in training_functions(tree):
                if id(function) not in self.frames.entered:
                    with self.recorder.standing_in(layer, path):
                        self.recorder.doubt(NEVER_REACHED, function.name, function)


@once_a_node
def training_functions(tree: ast.AST) -> tuple[FunctionNode, ...]:
    """The functions whose own text calls `backward` or an optimiser's `step`, those in them aside."""
    return tuple(
        node for node in walk(tree) if isinstance(node, FunctionNode) and any(map(trains, own_nodes(node)))
    )


def trains(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    if node.func.attr == "backward":
        return True
    return node.func.attr == "step" and not node.args and "opt" in ast.unparse(node.func.value).lower()


def own_nodes(function: FunctionNode) -> Iterator[ast.AST]:
    """The nodes of a function without those of functions and classes defined in it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            waiting.extend(ast.iter_child_nodes(node))
