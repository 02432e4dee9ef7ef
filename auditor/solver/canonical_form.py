"""Forms of expressions that do not depend on how their symbols are numbered, so that like questions are one.

Two questions that differ only in which loops, arrays and unknowns they speak of have the same answer. Between
the regions and the prover, to ask it less often; decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from auditor.solver.expressions import Condition, Expr, Symbol, on_forget

NUMBERED = frozenset(["iter", "free", "size", "opaque", "at", "elem", "pick"])
"""Kinds of symbols whose first argument is a number, or a name, that only tells it from others."""

Names = tuple[object, ...]

_SHAPES: dict[object, int] = {}
on_forget(_SHAPES.clear)


def question_form(parts: Iterable[Expr]) -> tuple[int, ...]:
    """Equal for questions that differ in the numbers of their symbols alone."""
    names: dict[object, int] = {}
    out: list[int] = []
    for part in parts:
        shape, inside = form(part)
        out.append(shape)
        for name in inside:
            out.append(names.setdefault(name, len(names)))
    return tuple(out)


def form(part: Expr | Symbol) -> tuple[int, Names]:
    """The shape of an expression or symbol, and what is numbered in it in the order of first occurrence."""
    if part.form is None:
        names: dict[object, int] = {}
        described = _expression(part, names) if isinstance(part, Expr) else _symbol(part, names)
        part.form = _SHAPES.setdefault(described, len(_SHAPES)), tuple(names)
    return part.form


def _inside(part: Expr | Symbol, names: dict[object, int]) -> tuple[int, ...]:
    """The shape of a part with the places of its names among those of the whole."""
    shape, inside = form(part)
    return shape, *[names.setdefault(name, len(names)) for name in inside]


def _expression(expr: Expr, names: dict[object, int]) -> object:
    terms = sorted(
        (form(symbol)[0], coefficient, symbol.number, symbol) for symbol, coefficient in expr.terms
    )
    return expr.constant, *[(coefficient, _inside(symbol, names)) for _, coefficient, _, symbol in terms]


def _symbol(symbol: Symbol, names: dict[object, int]) -> object:
    described: list[object] = [symbol.kind, symbol.low]
    for position, part in enumerate(symbol.args):
        if isinstance(part, Expr):
            described.append(_inside(part, names))
        elif isinstance(part, Condition):
            described.append((part.operator, _inside(part.difference, names)))
        elif (position == 0 and symbol.kind in NUMBERED) or (position == 1 and symbol.kind == "pick"):
            space = "entry" if symbol.kind == "iter" or position == 1 else symbol.kind
            described.append((isinstance(part, int), names.setdefault((space, part), len(names))))
        else:
            described.append(("as it is", part))
    described.append(None if symbol.high is None else _inside(symbol.high, names))
    described.extend(_inside(fact, names) for fact in symbol.facts)
    return tuple(described)
