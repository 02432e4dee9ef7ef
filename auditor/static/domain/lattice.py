"""Values put together, and values with symbols exchanged."""

from __future__ import annotations

from collections.abc import Callable

from auditor.replacing import replace
from auditor.solver.expressions import Condition, Expr, Symbol, on_forget
from auditor.solver.operations import Exchange, replace_atoms, turns_exchanged
from auditor.static.domain.by_token_kind import joined_by_kind
from auditor.static.domain.heap import View
from auditor.static.domain.provenance import CLEAN, LAYOUT, OUTSIDE_NUMBER, Data
from auditor.static.domain.taint import joined, substituted
from auditor.static.domain.values import Interval, Keyed, SymbolicBool, SymbolicInt, TupleValue, Union, Value
from auditor.trace import formula
from auditor.trace.formula import Formula


def scored(value: Data) -> int:
    """2 for the scores of tokens, 1 for a distribution of which no token has been picked yet, 0 for anything else."""
    return 0 if not value.losses else 1 if "distribution" in value.marks else 2


def join(a: Data, b: Data) -> Data:
    """A value that is one or the other: the least that holds of both.

    What it may be made of is the union. What is said of all of it (its rank, the text it is, the positions it is, an
    upper bound) stands only where both say the same; to say nothing is the top there. `CLEAN` itself, a value that
    nothing is made of, is the bottom. `tests/static/test_lattice_laws.py` holds the laws.
    """
    if a is b or b is CLEAN:
        return a
    if a is CLEAN:
        return b
    intervals = _either_interval(a.intervals, b.intervals)
    span = a.span if a.span == b.span and a.intervals == b.intervals else None
    return replace(
        combine(a, b),
        rank=a.rank if a.rank == b.rank else None,
        template=a.template if a.template == b.template else None,
        span=span,
        within=frozenset() if span is not None else intervals,
        above=a.above if a.above == b.above else frozenset(),
        below=a.below if a.below == b.below else frozenset(),
        written=a.written if a.written == b.written else frozenset(),
    )


def _either_interval(a: frozenset[Interval], b: frozenset[Interval]) -> frozenset[Interval]:
    """Intervals that positions are in which are of one value or the other; none where one says nothing."""
    return a | b if a and b else frozenset()


def combine(a: Data, b: Data) -> Data:
    """A value computed from both: everything that either holds.

    What a score is computed with leaves the tokens that it is of as they are.
    """
    if a is b or b is CLEAN:
        return a
    if a is CLEAN:
        return b
    first, second = scored(a), scored(b)
    if first != second:
        score, other = (a, b) if first > second else (b, a)
        marks = score.marks | (other.marks - LAYOUT - {"distribution"})
        return replace(_union(a, b), regions=score.regions, losses=score.losses, marks=marks, rank=score.rank)
    return _union(a, b)


def _union(a: Data, b: Data) -> Data:
    return Data(
        a.regions | b.regions,
        a.turns | b.turns,
        a.updates | b.updates,
        a.states | b.states,
        a.refs | b.refs,
        a.losses | b.losses,
        a.marks | b.marks,
        a.doubts | b.doubts,
        a.selects | b.selects,
        a.rank if a.rank == b.rank else (a.rank or b.rank) if None in (a.rank, b.rank) else None,
        a.span if a.span == b.span else None,
        a.template if a.template == b.template else (a.template or b.template),
        a.settings | b.settings,
        a.array if a.array == b.array else None,
        a.ints | b.ints,
        a.windows | b.windows,
        within=a.intervals | b.intervals if a.span != b.span and a.intervals and b.intervals else frozenset(),
        looks=joined(a.looks, b.looks),
        most=None if a.most is None or b.most is None else max(a.most, b.most),
        by_kind=a.by_kind if a.by_kind is b.by_kind else joined_by_kind(a.by_kind, b.by_kind),
        origins=a.origins | b.origins,
        written_in_loops=a.written_in_loops | b.written_in_loops,
        formula=a.formula if a.formula is b.formula else joined_formulas(a, b),
        printed=a.printed if a.printed == b.printed else tuple(dict.fromkeys((*a.printed, *b.printed))),
    )


def is_outside(value: Data) -> bool:
    """Whether it is a number that a file holds which the script never wrote."""
    return OUTSIDE_NUMBER in value.marks and not value.regions and not value.states


def joined_formulas(a: Data, b: Data) -> Formula | None:
    """The formula of either; of scores and anything else that of the scores."""
    if bool(a.losses) != bool(b.losses):
        scores, other = (a, b) if a.losses else (b, a)
        if scores.formula is None or not is_outside(other):
            return scores.formula
        return replace(scores.formula, instead="a number that is read from a file")
    return formula.joined(a.formula, b.formula)


def substitute(value: Value, change: Callable[[Symbol], Expr | None]) -> Value:
    """The value with symbols exchanged in every expression it holds."""
    if isinstance(value, SymbolicInt):
        return SymbolicInt(replace_atoms(value.expr, change), value.settings)
    if isinstance(value, TupleValue):
        return TupleValue(tuple(substitute(item, change) for item in value.items))
    if isinstance(value, Union):
        return Union(tuple(substitute(item, change) for item in value.options))
    if isinstance(value, SymbolicBool):
        condition = Condition(value.condition.operator, replace_atoms(value.condition.difference, change))
        return SymbolicBool(condition, value.settings)
    if isinstance(value, Data) and (
        value.regions
        or value.turns
        or value.span
        or value.ints
        or value.within
        or value.looks
        or value.by_kind is not None
    ):
        turns: set[Symbol] = set()
        for symbol in value.turns:
            new = change(symbol)
            turns |= {symbol} if new is None else new.iterations()
        span = (
            None
            if value.span is None
            else (replace_atoms(value.span[0], change), replace_atoms(value.span[1], change))
        )
        within = frozenset(
            (replace_atoms(first, change), None if last is None else replace_atoms(last, change))
            for first, last in value.within
        )
        regions = frozenset(region.mapped(change) for region in value.regions)
        ints = frozenset(
            (
                None if row is None else replace_atoms(row, change),
                replace_atoms(number, change),
                tuple(replace_atoms(f, change) for f in facts),
            )
            for row, number, facts in value.ints
        )
        looks = substituted(value.looks, change) if value.looks else value.looks
        by_kind = value.by_kind
        if by_kind is not None:
            by_kind = by_kind.moved(lambda tokens: frozenset(region.mapped(change) for region in tokens))
        return replace(
            value,
            regions=regions,
            turns=frozenset(turns),
            span=span,
            ints=ints,
            within=within,
            looks=looks,
            by_kind=by_kind,
        )
    if isinstance(value, Keyed):
        return Keyed(substitute(value.value, change), value.key, value.entries)
    if isinstance(value, View):
        mapping = tuple((entry, replace_atoms(expr, change)) for entry, expr in value.mapping)
        return View(value.base, mapping, None if value.key is None else replace_atoms(value.key, change))
    return value


def by_entry(mapping: tuple[tuple[object, Expr], ...]) -> Exchange:
    """A change for `substitute`: the iteration counters of these loop entries become the given expressions."""
    return turns_exchanged(dict(mapping))


MAX_SUBSTITUTED = 20_000
"""Substituted values that are remembered; beyond it they are forgotten and begun anew."""

_SUBSTITUTED: dict[tuple[object, ...], tuple[Value, Value]] = {}
on_forget(_SUBSTITUTED.clear)


def substitute_by_entry(value: Value, mapping: tuple[tuple[object, Expr], ...]) -> Value:
    """`substitute` with `by_entry(mapping)`, remembered: elements of a container are seen each time that it is."""
    # expressions are kept until `forget` and the value beside its answer, so their identities are not given away
    key = (id(value), *((entry, id(expr)) for entry, expr in mapping))
    known = _SUBSTITUTED.get(key)
    if known is None:
        if len(_SUBSTITUTED) >= MAX_SUBSTITUTED:
            _SUBSTITUTED.clear()
        known = _SUBSTITUTED[key] = value, substitute(value, by_entry(mapping))
    return known[1]
