"""Tokens that are cut into a list of pieces: `split` and its like are the comprehensions that they stand for."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from auditor.solver.solver import proves
from auditor.static.ast_text import once_a_node
from auditor.static.domain.heap import Env
from auditor.static.domain.provenance import LAYOUT, Data
from auditor.static.domain.values import Const, Value
from auditor.static.interpreter.machine import Machine

EQUAL = "[tokens[i * cut : (i + 1) * cut] for i in range((len(tokens) + cut - 1) // cut)]"
AT_PLACES = "[tokens[a:b] for a, b in zip([0] + list(cut), list(cut) + [len(tokens)])]"

SPLITS = frozenset(["split", "tensor_split", "array_split"])


class Pieces:
    """Cuts streams of tokens."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.views = machine.views

    def cut(
        self,
        owner: Value,
        record: Data,
        name: str,
        args: Sequence[Value],
        keywords: Mapping[str, Value],
        node: ast.AST,
    ) -> Value | None:
        """`tokens.split(size)` of torch, `tensor_split(places)`, and `np.split(tokens, places)`; None for others.

        Args:
            name: "split" for the one of torch, whose number is a size; of the others it is a number of pieces.
            args: what follows the tokens.
        """
        if record.rank != 1 or not record.regions or record.losses or record.marks & LAYOUT:
            return None
        if len(args) != 1 or any(k not in ("dim", "axis") or v != Const(0) for k, v in keywords.items()):
            return None
        size = self.views.number(args[0])
        if size is not None and name == "split" and proves(size - 1):
            comprehension = equal_pieces(node)
        elif size is None and name != "split":
            comprehension = pieces_at_places(node)
        else:
            return None
        scope = Env()
        scope.d.update(tokens=owner, cut=args[0])
        return self.machine.evaluate.evaluate(comprehension, scope)


@once_a_node
def equal_pieces(call: ast.AST) -> ast.expr:
    return placed(EQUAL, call)


@once_a_node
def pieces_at_places(call: ast.AST) -> ast.expr:
    return placed(AT_PLACES, call)


def placed(text: str, call: ast.AST) -> ast.expr:
    """An expression that stands where a call does."""
    tree = ast.parse(text, mode="eval").body
    for part in ast.walk(tree):
        ast.copy_location(part, call)
    return tree
