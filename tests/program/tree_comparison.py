"""Two trees of one text, compared node by node: the lowering's independent route is `ast.parse`."""

from __future__ import annotations

import ast
import sys

EXACT_INSIDE_FSTRINGS = sys.version_info >= (3, 12)
"""Before 3.12 `ast` gave the parts of an f-string the position of the whole string, or a wrong one."""


def flattened(tree: ast.AST) -> list[object]:
    """Return class, position, fields and values of every node in order; ends for statements only."""
    items: list[object] = []

    def visit(value: object, inside_fstring: bool) -> None:
        if not isinstance(value, ast.AST):
            items.append(repr(value))
            return
        known = EXACT_INSIDE_FSTRINGS or not inside_fstring
        position = (getattr(value, "lineno", None), getattr(value, "col_offset", None)) if known else None
        if isinstance(value, ast.stmt):
            items.append((value.end_lineno, value.end_col_offset))
        items.append((type(value).__name__, position))
        inside = inside_fstring or isinstance(value, ast.JoinedStr)
        for name in value._fields:
            child = getattr(value, name, None)
            items.append(name)
            for element in child if isinstance(child, list) else [child]:
                visit(element, inside)

    visit(tree, False)
    return items


def first_difference(left: ast.AST, right: ast.AST) -> str:
    """Return "" for equal trees, else the first place at which they differ."""
    ours, theirs = flattened(left), flattened(right)
    if ours == theirs:
        return ""
    place = next(
        (index for index, pair in enumerate(zip(ours, theirs, strict=False)) if pair[0] != pair[1]),
        min(len(ours), len(theirs)),
    )
    return f"{ours[max(place - 3, 0) : place + 3]} != {theirs[max(place - 3, 0) : place + 3]}"
