"""Proofs of classes in a text, for tests."""

from __future__ import annotations

import ast

from auditor.static.causality.entry import Construction, Entry, TokenArgument
from auditor.static.causality.proof import Prover
from auditor.trace.events import Place
from auditor.trace.forward_pass import ForwardPass


class Alone:
    """A script without other modules."""

    def module(self, name: str) -> None:
        return None

    def inner(self, node: ast.Call) -> tuple[()]:
        return ()


def proved(source: str, *, method: str = "forward", targets: bool = True, cls: str = "Net") -> ForwardPass:
    """What is proved of a call of `cls()` with tokens and, for `targets`, the tokens after them."""
    tree = ast.parse(source)
    node = next(n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == cls)
    args = (TokenArgument(0), TokenArgument(1)) if targets else (TokenArgument(0),)
    entry = Entry(
        model=Construction(node),
        method=method,
        args=args,
        keywords={},
        length=None,
        place=Place("train_gpt.py", 0, 1),
    )
    return Prover(Alone(), (tree, "train_gpt.py"), {}).prove(entry)
