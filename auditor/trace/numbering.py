"""Symbols numbered by where they occur, so that questions that differ in the numbers alone become one question.

Sits between the regions and the prover, to ask it less often. Decides nothing.
"""

from __future__ import annotations

from zlib import crc32

from auditor.trace.linear import Atom, Condition, Expr, in_order

NUMBERED = ("iter", "free", "size", "opaque", "at", "elem", "pick")


def shape(part: object) -> int:
    """A hash of the form of an expression that does not depend on how its symbols are numbered."""
    if isinstance(part, Expr):
        return hash((part.constant, tuple(sorted((shape(atom), c) for atom, c in part.terms))))
    if isinstance(part, Atom):
        if part.shape is None:
            inner = (
                (part.args[1] if isinstance(part.args[1], int) else 0,)
                if part.kind == "iter"
                else tuple(shape(p) for p in part.args)
            )
            part.shape = hash((crc32(part.kind.encode()), inner))
        return part.shape
    if isinstance(part, Condition):
        return hash((crc32(part.operator.encode()), shape(part.difference)))
    return 1


def renumbered(parts: tuple[Expr, ...]) -> tuple[Expr, ...]:
    """The expressions with symbols numbered by their first occurrence: equal questions become equal values.

    Loop entries, containers, arrays and fresh symbols keep their identity among the parts, not their numbers.
    """
    names: dict[object, int] = {}
    visited: set[int] = set()

    def name(identity: object) -> int:
        return names.setdefault(identity, len(names))

    def visit(expr: Expr) -> None:
        for atom, _ in sorted(expr.terms, key=lambda term: (shape(term[0]), term[1])):
            if id(atom) in visited:
                continue
            visited.add(id(atom))
            for part in atom.parts():
                visit(part)
            if atom.kind in NUMBERED:
                name((atom.kind if atom.kind != "iter" else "entry", atom.args[0]))
                if atom.kind == "pick":
                    name(("entry", atom.args[1]))

    for expr in parts:
        visit(expr)
    done: dict[int, tuple[Atom, Atom]] = {}

    def fresh(atom: Atom) -> Atom:
        if id(atom) in done:
            return done[id(atom)][1]
        args: list[object] = []
        for position, part in enumerate(atom.args):
            if isinstance(part, Expr):
                args.append(again(part))
            elif isinstance(part, Condition):
                args.append(Condition(part.operator, again(part.difference)))
            elif atom.kind in NUMBERED and position == 0:
                number = name((atom.kind if atom.kind != "iter" else "entry", part))
                args.append(("built", number) if isinstance(part, tuple) and atom.kind == "at" else number)
            elif atom.kind == "pick" and position == 1:
                args.append(("loop", name(("entry", part))))
            else:
                args.append(part)
        high = None if atom.high is None else again(atom.high)
        facts = tuple(again(fact) for fact in atom.facts)
        new = Atom(atom.kind, tuple(args), atom.low, high, facts)
        done[id(atom)] = (atom, new)
        return new

    def again(expr: Expr) -> Expr:
        return Expr(expr.constant, in_order({fresh(atom): c for atom, c in expr.terms}))

    return tuple(again(expr) for expr in parts)
