"""Decides inequalities between position expressions.

A question `e ≥ 0` is answered by refuting `e ≤ -1` together with everything known about the symbols: bounds, the
order of iteration counters, ascending arrays, division remainders. Minima, maxima and conditionals are
split into cases; each case is a system of linear inequalities, refuted by Fourier–Motzkin elimination over the
rationals (Schrijver, Theory of Linear and Integer Programming, §12.2), with constants rounded as integers
allow. Only "proved" is certain: an answer "not proved" says nothing, and the caps below can only turn
"proved" into "not proved". The work for one script is bounded; `forget` starts a new count.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import gcd

from auditor.trace.linear import Atom, Condition, Expr, assume, by_identity, on_forget, operation

MAX_CASES = 600
MAX_QUICK_CASES = 12
MAX_ROWS = 240
MAX_ATOMS = 160
"""Symbols in one question, the nested ones counted: what real scripts have proved stays under 60."""

MAX_WORK = 1_000_000
"""Rows that elimination may make between two calls of `forget`: about two seconds."""

_spent = [0]
on_forget(lambda: _spent.__setitem__(0, 0))


def refill() -> None:
    """Grant the full allowance of work again: each trace has its own."""
    _spent[0] = 0


def exhausted() -> bool:
    """Whether the work allowed for one script is done: from then on nothing new is proved."""
    return _spent[0] >= MAX_WORK


@by_identity
def proves(goal: Expr, facts: tuple[Expr, ...] = ()) -> bool:
    """Whether `goal ≥ 0` follows from the facts (each `≥ 0`) and what the symbols mean."""
    if goal.is_constant and not facts:
        return goal.constant >= 0
    return _refuted((-goal - 1, *facts), deep=False)


@by_identity
def refutes(rows: tuple[Expr, ...]) -> bool:
    """Whether no values of the symbols make all rows `≥ 0`.

    The conditional symbols inside other symbols are split as well, at a higher cost than `proves` has.
    """
    return _refuted(rows, deep=True)


def _refuted(rows: tuple[Expr, ...], *, deep: bool) -> bool:
    known: dict[Expr, None] = dict.fromkeys(rows)
    symbols: set[int] = set()
    for row in rows:
        for atom in row.atoms():
            symbols.add(id(atom))
            known.update(dict.fromkeys(atom.facts))
    if len(symbols) > MAX_ATOMS or exhausted():
        return False
    return _refute(list(known), frozenset(), [MAX_CASES if deep else MAX_QUICK_CASES], deep)


def _refute(rows: list[Expr], decided: frozenset[Atom], budget: list[int], deep: bool) -> bool:
    """Case by case over the conditional symbols; each case is first tried with the rest left open.

    A symbol that stands in the rows is exchanged for what it is in the case; one that only the bounds of other
    symbols bring in is decided once, `decided` holding those.
    """
    budget[0] -= 1
    if budget[0] < 0 or exhausted():
        return False
    closed = _closure(rows)
    if _infeasible(closed):
        return True
    split = _first_choice(rows, decided)
    if split is not None:
        return all(_refute(case, decided, budget, deep) for case in _cases(split, rows))
    if deep:
        split = _first_choice(closed, decided)
    if split is None:
        return False
    # It came from the bounds of a symbol and will again: it stays, and what it is stands among the rows.
    decided |= {split}
    return all(_refute(case, decided, budget, deep) for case in _cases(split, rows, stays=True))


def _first_choice(rows: Iterable[Expr], decided: frozenset[Atom]) -> Atom | None:
    """The conditional symbol to split: a conditional value before a minimum or maximum."""
    extremum: Atom | None = None
    for row in rows:
        for atom, _ in row.terms:
            if atom.kind == "ite" and atom not in decided:
                return atom
            if extremum is None and atom.kind in ("min", "max") and atom not in decided:
                extremum = atom
    return extremum


def _cases(atom: Atom, rows: list[Expr], *, stays: bool = False) -> list[list[Expr]]:
    """The rows in each case; with `stays` also that the symbol is what it is in the case."""
    me = Expr.of(atom)
    if atom.kind != "ite":
        parts = [part for part in atom.args if isinstance(part, Expr)]
        sign = 1 if atom.kind == "min" else -1
        out = []
        for part in parts:
            chosen = [row.replace(lambda other, v=part: v if other == atom else None) for row in rows]  # type: ignore[misc]
            others = [(rest - part).scaled(sign) for rest in parts if rest is not part]
            same = [me - part, part - me] if stays else []
            out.append([*chosen, *others, *same])
        return out
    condition = atom.args[0]
    assert isinstance(condition, Condition)
    difference = condition.difference
    then, other = atom.args[1:]
    assert isinstance(then, Expr) and isinstance(other, Expr)
    holds = [assume(row, condition, 1) for row in rows]
    fails = [assume(row, condition, 2) for row in rows]
    if stays:
        holds += [me - then, then - me]
        fails += [me - other, other - me]
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


@by_identity
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


@by_identity
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

System = dict[tuple[int, ...], int]
"""Inequalities `constant + coefficients · symbols ≥ 0`: the constant by the coefficients."""

Bound = tuple[tuple[int, ...], int]
"""One of them."""


def _infeasible(rows: list[Expr]) -> bool:
    """Fourier–Motzkin: eliminate symbols until a row of constants is negative."""
    columns: dict[Atom, int] = {}
    for expr in rows:
        for atom, _ in expr.terms:
            columns.setdefault(atom, len(columns) + 1)
    width = len(columns) + 1
    system: System = {}
    for expr in rows:
        row = [0] * width
        row[0] = expr.constant
        for atom, coefficient in expr.terms:
            row[columns[atom]] += coefficient
        if not _add(system, row):
            return True
    alive = list(range(width - 1))
    while system:
        _spent[0] += len(system)
        step = _cheapest(system, alive)
        if step is None:
            return False
        column, positive, negative = step
        alive.remove(column)
        rest = {key: low for key, low in system.items() if not key[column]}
        equal = _equality(system, positive, column)
        if equal is not None:
            up, down = equal
            pairs = [(row, down) for row in positive if row[0] != up[0]]
            pairs += [(up, row) for row in negative if row[0] != down[0]]
        else:
            pairs = [(up, down) for up in positive for down in negative]
        if len(rest) + len(pairs) > MAX_ROWS:
            return False
        _spent[0] += len(pairs)
        for (up_key, up_constant), (down_key, down_constant) in pairs:
            a, b = up_key[column], -down_key[column]
            row = [b * up_constant + a * down_constant]
            row += [b * x + a * y for x, y in zip(up_key, down_key, strict=True)]
            if not _add(rest, row):
                return True
        system = rest
    return False


def _equality(system: System, positive: list[Bound], column: int) -> tuple[Bound, Bound] | None:
    """Two rows that say an expression is zero, of those in which the column's coefficient is smallest.

    Its symbol is then exchanged for the rest of the expression, which makes no more rows than there were.
    """
    best: tuple[Bound, Bound] | None = None
    for key, constant in positive:
        opposite = tuple(-x for x in key)
        if system.get(opposite) == -constant and (best is None or key[column] < best[0][0][column]):
            best = (key, constant), (opposite, -constant)
    return best


def _add(system: System, row: list[int]) -> bool:
    """Put a row in, of parallel rows the tightest one; False if it is a contradiction."""
    reduced = _reduced(row)
    key = reduced[1:]
    known = system.get(key)
    if known is not None and known <= reduced[0]:
        return True
    if not any(key):
        return reduced[0] >= 0
    opposite = system.get(tuple(-x for x in key))
    if opposite is not None and opposite + reduced[0] < 0:
        return False
    system[key] = reduced[0]
    return True


def _reduced(row: list[int]) -> Row:
    """The row divided by the common divisor of its coefficients, the constant rounded down: integers only."""
    divisor = gcd(*row[1:])
    if divisor > 1:
        return (row[0] // divisor, *(x // divisor for x in row[1:]))
    return tuple(row)


def _cheapest(system: System, alive: list[int]) -> tuple[int, list[Bound], list[Bound]] | None:
    """The column whose elimination makes the fewest rows, with the rows it stands in by sign.

    One that an equation gives exactly comes before others.
    """
    positive = dict.fromkeys(alive, 0)
    negative = dict.fromkeys(alive, 0)
    for key in system:
        for column, value in enumerate(key):
            if value > 0:
                positive[column] += 1
            elif value < 0:
                negative[column] += 1
    used = [c for c in alive if positive[c] or negative[c]]
    if not used:
        return None
    exact = {
        column
        for key, constant in system.items()
        if system.get(tuple(-x for x in key)) == -constant
        for column, value in enumerate(key)
        if value == 1
    }
    best = min(used, key=lambda c: (c not in exact, positive[c] * negative[c] - positive[c] - negative[c], c))
    rows = system.items()
    return best, [r for r in rows if r[0][best] > 0], [r for r in rows if r[0][best] < 0]
