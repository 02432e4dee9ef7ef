"""Decides inequalities between position expressions.

A question `e ≥ 0` is answered by refuting `e ≤ -1` together with everything known about the symbols: bounds, the
order of iteration counters, ascending arrays, division remainders. Minima, maxima and conditionals are
split into cases; each case is a system of linear inequalities, refuted by Fourier–Motzkin elimination over the
rationals (Schrijver, Theory of Linear and Integer Programming, §12.2). Only "proved" is certain: an answer
"not proved" says nothing, and the caps below can only turn "proved" into "not proved".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from auditor.trace.linear import Atom, Condition, Expr, operation

MAX_CASES = 48
MAX_ROWS = 160


@lru_cache(maxsize=65536)
def proves(goal: Expr, facts: tuple[Expr, ...] = ()) -> bool:
    """Whether `goal ≥ 0` follows from the facts (each `≥ 0`) and what the symbols mean."""
    if goal.is_constant and not facts:
        return goal.constant >= 0
    return _refute([-goal - 1, *facts], [MAX_CASES])


def proves_equal_zero(expr: Expr) -> bool:
    return (expr.is_constant and expr.constant == 0) or (proves(expr) and proves(-expr))


def _refute(rows: list[Expr], budget: list[int]) -> bool:
    """Whether no integers satisfy all rows `≥ 0`; case by case over the first conditional symbol."""
    budget[0] -= 1
    if budget[0] < 0:
        return False
    split = _first_choice(rows)
    if split is None:
        return _infeasible(_closure(rows))
    for value, extra in _cases(split):
        chosen = [row.replace(lambda atom, v=value: v if atom == split else None) for row in rows]  # type: ignore[misc]
        if not _refute([*chosen, *extra], budget):
            return False
    return True


def _first_choice(rows: Iterable[Expr]) -> Atom | None:
    for row in rows:
        for atom, _ in row.terms:
            if atom.kind in ("min", "max", "ite"):
                return atom
    return None


def _cases(atom: Atom) -> list[tuple[Expr, list[Expr]]]:
    if atom.kind == "ite":
        condition, then, other = atom.args
        assert isinstance(then, Expr) and isinstance(other, Expr)
        if isinstance(condition, Condition) and condition.operator == ">=":
            return [(then, [condition.difference]), (other, [-condition.difference - 1])]
        if isinstance(condition, Condition) and condition.operator == "==":
            difference = condition.difference
            return [
                (then, [difference, -difference]),
                (other, [difference - 1]),
                (other, [-difference - 1]),
            ]
        return [(then, []), (other, [])]
    parts = [part for part in atom.args if isinstance(part, Expr)]
    sign = 1 if atom.kind == "min" else -1
    return [(part, [(rest - part).scaled(sign) for rest in parts if rest is not part]) for part in parts]


def _closure(rows: Sequence[Expr]) -> list[Expr]:
    """The rows with what is known of every symbol that occurs in them."""
    out = list(rows)
    seen: set[Atom] = set()
    frontier = [atom for row in rows for atom, _ in row.terms]
    while frontier and len(out) < MAX_ROWS:
        atom = frontier.pop()
        if atom in seen:
            continue
        facts: list[Expr] = []
        me = Expr.of(atom)
        if atom.low is not None:
            facts.append(me - atom.low)
        if atom.high is not None:
            facts.append(atom.high - me)
        for other in seen:
            facts.extend(_between(atom, other))
        if atom.kind in ("floordiv", "mod"):
            facts.extend(_division(atom))
        seen.add(atom)
        frontier.extend(inner for part in atom.parts() for inner in part.atoms())
        for fact in facts:
            if fact.terms and _first_choice([fact]) is None:
                out.append(fact)
                frontier.extend(a for a, _ in fact.terms)
    return out


def _between(a: Atom, b: Atom) -> list[Expr]:
    """What the order of two symbols of one family implies."""
    if a.kind != b.kind or a.args[0] != b.args[0]:
        return []
    if a.kind == "iter":
        (_, first), (_, second) = a.args[:2], b.args[:2]
        assert isinstance(first, int) and isinstance(second, int)
        early, late = (a, b) if first < second else (b, a)
        return [Expr.of(late) - Expr.of(early) - abs(first - second)]
    if a.kind == "at":
        i, j = a.args[1], b.args[1]
        assert isinstance(i, Expr) and isinstance(j, Expr)
        for low, high, first_atom, last_atom in ((i, j, a, b), (j, i, b, a)):
            if proves(high - low):
                return [Expr.of(last_atom) - Expr.of(first_atom) - (high - low)]
    return []


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


def _infeasible(rows: list[Expr]) -> bool:
    """Fourier–Motzkin: eliminate symbols until a row of constants is negative."""
    system = list(dict.fromkeys(rows))
    while True:
        if any(row.is_constant and row.constant < 0 for row in system):
            return True
        system = [row for row in system if row.terms]
        if not system:
            return False
        atom = _cheapest(system)
        positive: list[tuple[Expr, int]] = []
        negative: list[tuple[Expr, int]] = []
        rest: list[Expr] = []
        for row in system:
            coefficient = next((c for a, c in row.terms if a == atom), 0)
            if coefficient > 0:
                positive.append((row, coefficient))
            elif coefficient < 0:
                negative.append((row, -coefficient))
            else:
                rest.append(row)
        if len(rest) + len(positive) * len(negative) > MAX_ROWS:
            return False
        for up, a in positive:
            rest.extend(up.scaled(b) + down.scaled(a) for down, b in negative)
        system = list(dict.fromkeys(rest))


def _cheapest(system: list[Expr]) -> Atom:
    counts: dict[Atom, list[int]] = {}
    for row in system:
        for atom, coefficient in row.terms:
            counts.setdefault(atom, [0, 0])[coefficient > 0] += 1
    return min(counts, key=lambda atom: counts[atom][0] * counts[atom][1] - counts[atom][0] - counts[atom][1])
