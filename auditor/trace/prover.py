"""Decides inequalities between position expressions.

A question `e ≥ 0` is answered by refuting `e ≤ -1` together with everything known about the symbols: bounds, the
order of iteration counters, ascending arrays, division remainders. Minima, maxima and conditionals are
split into cases; each case is a system of linear inequalities, refuted by Fourier–Motzkin elimination over the
rationals (Schrijver, Theory of Linear and Integer Programming, §12.2), with constants rounded as integers allow. Only "proved" is certain: an answer
"not proved" says nothing, and the caps below can only turn "proved" into "not proved".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import gcd

from auditor.trace.linear import Atom, Condition, Expr, assume, operation

MAX_CASES = 260
MAX_QUICK_CASES = 12
MAX_ROWS = 240


@lru_cache(maxsize=65536)
def proves(goal: Expr, facts: tuple[Expr, ...] = ()) -> bool:
    """Whether `goal ≥ 0` follows from the facts (each `≥ 0`) and what the symbols mean."""
    if goal.is_constant and not facts:
        return goal.constant >= 0
    return refutes((-goal - 1, *facts), deep=False)


@lru_cache(maxsize=65536)
def refutes(rows: tuple[Expr, ...], *, deep: bool = True) -> bool:
    """Whether no values of the symbols make all rows `≥ 0`.

    With `deep` the conditional symbols inside other symbols are split as well, at a higher cost.
    """
    known: dict[Expr, None] = dict.fromkeys(rows)
    for row in rows:
        for atom in row.atoms():
            known.update(dict.fromkeys(atom.facts))
    return _refute(list(known), [MAX_CASES if deep else MAX_QUICK_CASES], deep)


def _refute(rows: list[Expr], budget: list[int], deep: bool) -> bool:
    """Case by case over the conditional symbols; each case is first tried with the rest left open."""
    budget[0] -= 1
    if budget[0] < 0:
        return False
    closed = _closure(rows)
    if _infeasible(closed):
        return True
    split = _first_choice(rows)
    if split is None and deep:
        split = _first_choice(closed)
    if split is None:
        return False
    return all(_refute(case, budget, deep) for case in _cases(split, rows))


def _first_choice(rows: Iterable[Expr]) -> Atom | None:
    """The conditional symbol to split: a conditional value before a minimum or maximum."""
    extremum: Atom | None = None
    for row in rows:
        for atom, _ in row.terms:
            if atom.kind == "ite":
                return atom
            if extremum is None and atom.kind in ("min", "max"):
                extremum = atom
    return extremum


def _cases(atom: Atom, rows: list[Expr]) -> list[list[Expr]]:
    if atom.kind != "ite":
        parts = [part for part in atom.args if isinstance(part, Expr)]
        sign = 1 if atom.kind == "min" else -1
        out = []
        for part in parts:
            chosen = [row.replace(lambda other, v=part: v if other == atom else None) for row in rows]  # type: ignore[misc]
            out.append(chosen + [(rest - part).scaled(sign) for rest in parts if rest is not part])
        return out
    condition = atom.args[0]
    assert isinstance(condition, Condition)
    difference = condition.difference
    holds = [assume(row, condition, 1) for row in rows]
    fails = [assume(row, condition, 2) for row in rows]
    if condition.operator == ">=":
        return [[*holds, difference], [*fails, -difference - 1]]
    return [[*holds, difference, -difference], [*fails, difference - 1], [*fails, -difference - 1]]


def _closure(rows: Sequence[Expr]) -> list[Expr]:
    """The rows with what is known of every symbol that occurs in them."""
    out = dict.fromkeys(rows)
    seen: list[Atom] = []
    known: set[Atom] = set()
    frontier = [atom for row in rows for atom, _ in row.terms]
    while frontier and len(out) < MAX_ROWS:
        atom = frontier.pop()
        if atom in known:
            continue
        known.add(atom)
        facts, inner = _facts(atom)
        frontier.extend(inner)
        if atom.kind in ("iter", "at"):
            for other in seen:
                if other.kind == atom.kind:
                    out.update(dict.fromkeys(_between(atom, other)))
            seen.append(atom)
        out.update(dict.fromkeys(facts))
    return list(out)


@lru_cache(maxsize=65536)
def _facts(atom: Atom) -> tuple[tuple[Expr, ...], tuple[Atom, ...]]:
    """What is known of a symbol alone, and the symbols that this brings in."""
    facts: list[Expr] = []
    me = Expr.of(atom)
    if atom.low is not None:
        facts.append(me - atom.low)
    if atom.high is not None:
        facts.append(atom.high - me)
    if atom.kind in ("floordiv", "mod"):
        facts.extend(_division(atom))
    elif atom.kind in ("min", "max"):
        sign = 1 if atom.kind == "min" else -1
        facts.extend((part - me).scaled(sign) for part in atom.parts())
    inner = {a: None for fact in facts for a, _ in fact.terms}
    if atom.kind != "ite":
        inner.update({a: None for part in atom.parts() for a, _ in part.terms})
    return tuple(fact for fact in facts if fact.terms), tuple(a for a in inner if a != atom)


@lru_cache(maxsize=65536)
def _between(a: Atom, b: Atom) -> tuple[Expr, ...]:
    """What the order of two symbols of one family implies."""
    if a.args[0] != b.args[0] or a.args[2:] != b.args[2:]:
        return ()
    if a.kind == "iter":
        first, second = a.args[1], b.args[1]
        assert isinstance(first, int) and isinstance(second, int)
        early, late = (a, b) if first < second else (b, a)
        return (Expr.of(late) - Expr.of(early) - abs(first - second),)
    i, j = a.args[1], b.args[1]
    assert isinstance(i, Expr) and isinstance(j, Expr)
    for low, high, first_atom, last_atom in ((i, j, a, b), (j, i, b, a)):
        if proves(high - low):
            return (Expr.of(last_atom) - Expr.of(first_atom) - (high - low),)
    return ()


def _division(atom: Atom) -> list[Expr]:
    left, right = atom.args
    assert isinstance(left, Expr) and isinstance(right, Expr)
    if not right.is_constant or right.constant <= 0:
        return []
    divisor = right.constant
    quotient = Expr.of(atom) if atom.kind == "floordiv" else operation("floordiv", left, right)
    remainder = left - quotient.scaled(divisor)
    facts = [remainder, Expr(divisor - 1) - remainder]
    if atom.kind == "mod":
        facts += [Expr.of(atom) - remainder, remainder - Expr.of(atom)]
    return facts


Row = tuple[int, ...]
"""A linear inequality `≥ 0`: the constant, then the coefficient of each symbol by its column."""


def _infeasible(rows: list[Expr]) -> bool:
    """Fourier–Motzkin: eliminate symbols until a row of constants is negative."""
    columns: dict[Atom, int] = {}
    for expr in rows:
        for atom, _ in expr.terms:
            columns.setdefault(atom, len(columns) + 1)
    width = len(columns) + 1
    system: set[Row] = set()
    for expr in rows:
        row = [0] * width
        row[0] = expr.constant
        for atom, coefficient in expr.terms:
            row[columns[atom]] = coefficient
        system.add(_reduced(row))
    alive = set(range(1, width))
    while True:
        contradiction = [row for row in system if row[0] < 0 and not any(row[1:])]
        if contradiction:
            return True
        system = {row for row in system if any(row[1:])}
        if not system or not alive:
            return False
        column, positive, negative = _cheapest(system, alive)
        alive.discard(column)
        if not positive and not negative:
            continue
        rest = {row for row in system if row[column] == 0}
        if len(rest) + len(positive) * len(negative) > MAX_ROWS:
            return False
        for up in positive:
            for down in negative:
                a, b = up[column], -down[column]
                rest.add(_reduced([b * x + a * y for x, y in zip(up, down, strict=True)]))
        system = rest


def _reduced(row: list[int]) -> Row:
    """The row divided by the common divisor of its coefficients, the constant rounded down: integers only."""
    divisor = gcd(*row[1:])
    if divisor > 1:
        return (row[0] // divisor, *(x // divisor for x in row[1:]))
    return tuple(row)


def _cheapest(system: set[Row], alive: set[int]) -> tuple[int, list[Row], list[Row]]:
    """The column whose elimination makes the fewest rows, with the rows it stands in by sign."""
    best: tuple[int, int] | None = None
    for column in sorted(alive):
        positive = sum(row[column] > 0 for row in system)
        negative = sum(row[column] < 0 for row in system)
        cost = positive * negative - positive - negative
        if best is None or cost < best[0]:
            best = (cost, column)
    assert best is not None
    column = best[1]
    return column, [r for r in system if r[column] > 0], [r for r in system if r[column] < 0]
