"""Searches for values of symbols under which given expressions are not negative; finds that there are none.

Every symbol is a variable of one `Simplex`; what is known of it are bounds, put up when it is first spoken of.
What is not linear is left open at first. Only where the values that the simplex finds contradict it (a minimum
that is none of its parts, elements of an ascending array out of order) is it split into cases, one after the
other, each a few more bounds: the lazy splitting of satisfiability modulo theories (Barrett, Nieuwenhuis,
Oliveras and Tinelli, Splitting on Demand in SAT Modulo Theories, LPAR 2006). A contradiction names the decisions
it depends on, and the other cases of a decision that plays no part are left out.

Values that are no integers are split as well, a few times, as branch and bound does (Schrijver, Theory of Linear
and Integer Programming, §24.1). What is found to be contradictory is; what is not found says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations

from auditor.solver.axioms import (
    Case,
    Gaps,
    argument_gaps,
    branches,
    known,
    order,
    order_cases,
    part_cases,
    value_rows,
)
from auditor.solver.expressions import Condition, Expr, Symbol
from auditor.solver.simplex import Simplex

MAX_BRANCHES = 12
"""Splits of values that are no integers, in one question."""


@dataclass(frozen=True, slots=True)
class Split:
    """Cases of which one holds.

    Attributes:
        cases: what holds in each.
        mask: the decisions that the split depends on.
        condition: the condition it decides, if any: it holds in the case that has branch 1.
        branches: for each case which branch of the condition it is.
    """

    cases: tuple[Case, ...]
    mask: int
    condition: object = None
    branches: tuple[int, ...] = ()


class Refutation:
    """One question: whether no values of the symbols make all rows `≥ 0`; to be asked once.

    Attributes:
        nodes: cases that may still be looked at.
    """

    __slots__ = (
        "_active",
        "_arrays",
        "_branches",
        "_choices",
        "_columns",
        "_counters",
        "_decided",
        "_extrema",
        "_forms",
        "_functions",
        "_simplex",
        "_symbols",
        "_trail",
        "nodes",
    )

    def __init__(self, max_cases: int) -> None:
        self.nodes = max_cases
        self._branches = MAX_BRANCHES
        self._simplex = Simplex()
        self._columns: dict[int, int] = {}
        self._symbols: dict[int, Symbol] = {}
        self._forms: dict[tuple[tuple[int, int], ...], int] = {}
        # What is spoken of in the present case, taken back with it: symbols, by identity, with the mask of
        # decisions that they depend on, conditions with the branch as well.
        self._active: dict[int, int] = {}
        self._decided: dict[object, tuple[int, int]] = {}
        self._choices: list[Symbol] = []
        self._extrema: list[Symbol] = []
        self._counters: dict[object, list[Symbol]] = {}
        self._arrays: dict[object, list[Symbol]] = {}
        self._functions: dict[object, list[Symbol]] = {}
        self._trail: list[object] = []

    @property
    def work(self) -> int:
        """Rows that pivots and checks went through, and ten for each symbol and form spoken of."""
        return self._simplex.work + 10 * (len(self._forms) + len(self._symbols))

    def refuted(self, rows: Iterable[Expr]) -> bool:
        """Whether the rows contradict each other."""
        return self._assert(rows, 0) is not None or self._solve(0) is not None

    # facts
    def _assert(self, rows: Iterable[Expr], mask: int) -> int | None:
        """Put up rows and what is known of the symbols in them; the mask of a contradiction, or None."""
        waiting: list[Symbol] = []
        for row in rows:
            conflict = self._bound(row, mask)
            if conflict is not None:
                return conflict
            waiting += [symbol for symbol, _ in row.terms]
        active = self._active
        while waiting:
            symbol = waiting.pop()
            if id(symbol) in active:
                continue
            active[id(symbol)] = mask
            self._symbols.setdefault(symbol.number, symbol)
            self._trail.append(id(symbol))
            facts = known(symbol)
            for row in facts.rows:
                conflict = self._bound(row, mask)
                if conflict is not None:
                    return conflict
            waiting += facts.inner
            conflict = self._relate(symbol, mask)
            if conflict is not None:
                return conflict
        return None

    def _bound(self, row: Expr, mask: int) -> int | None:
        if not row.terms:
            return None if row.constant >= 0 else mask
        form, is_low, bound = row.row()
        variable = self._forms.get(form)
        if variable is None:
            columns = [(self._column(number), coefficient) for number, coefficient in form]
            variable = columns[0][0] if len(form) == 1 else self._simplex.define(columns)
            self._forms[form] = variable
        if is_low:
            return self._simplex.at_least(variable, bound, mask)
        return self._simplex.at_most(variable, bound, mask)

    def _column(self, number: int) -> int:
        column = self._columns.get(number)
        if column is None:
            column = self._columns[number] = self._simplex.variable()
        return column

    def _relate(self, symbol: Symbol, mask: int) -> int | None:
        """What a symbol that is now spoken of has to do with the others that are."""
        facts = known(symbol)
        if facts.family is not None:
            lists = self._counters if symbol.kind == "iter" else self._arrays
            others = lists.setdefault(facts.family, [])
            for other in others:
                if other.number != symbol.number:
                    for row in order(other, symbol)[0]:
                        conflict = self._bound(row, mask | self._active[id(other)])
                        if conflict is not None:
                            return conflict
            self._enlist(others, symbol)
        elif facts.function is not None:
            self._enlist(self._functions.setdefault(facts.function, []), symbol)
        elif facts.condition is not None:
            self._enlist(self._choices, symbol)
            decided = self._decided.get(facts.condition)
            if decided is not None:
                return self._assert(value_rows(symbol, decided[0]), mask | decided[1])
        elif symbol.kind in ("min", "max"):
            self._enlist(self._extrema, symbol)
        return None

    def _enlist(self, names: list[Symbol], symbol: Symbol) -> None:
        names.append(symbol)
        self._trail.append(names)

    def _undo(self, bounds: int, length: int) -> None:
        self._simplex.undo(bounds)
        trail = self._trail
        while len(trail) > length:
            what = trail.pop()
            if isinstance(what, int):
                del self._active[what]
            elif isinstance(what, list):
                what.pop()
            else:
                del self._decided[what]

    # search
    def _solve(self, level: int) -> int | None:
        """The mask of decisions that a contradiction depends on, or None if none was found."""
        self.nodes -= 1
        conflict = self._simplex.check()
        if conflict is not None or self.nodes <= 0:
            return conflict
        split = self._open() or self._unequal() or self._fraction()
        if split is None:
            return None
        bit = 1 << level
        used = 0
        bounds, length = self._simplex.mark(), len(self._trail)
        for position in self._likeliest_first(split.cases):
            conflict = self._case(split, position, split.mask | bit)
            if conflict is None:
                conflict = self._solve(level + 1)
            self._undo(bounds, length)
            if conflict is None or not conflict & bit:
                return conflict
            used |= conflict
        return used & ~bit

    def _case(self, split: Split, position: int, mask: int) -> int | None:
        conflict = self._assert(split.cases[position], mask)
        if conflict is not None or split.condition is None:
            return conflict
        branch = split.branches[position]
        self._decided[split.condition] = branch, mask
        self._trail.append(split.condition)
        for symbol in tuple(self._choices):
            if known(symbol).condition == split.condition:
                conflict = self._assert(value_rows(symbol, branch), mask | self._active[id(symbol)])
                if conflict is not None:
                    return conflict
        return None

    def _likeliest_first(self, cases: tuple[Case, ...]) -> list[int]:
        """The positions of the cases, one that holds for the present values before others."""
        positions = list(range(len(cases)))
        for position, case in enumerate(cases):
            if all(self._speaks_of(row) and self._value(row)[0] >= 0 for row in case):
                positions.remove(position)
                return [position, *positions]
        return positions

    # what the present values contradict
    def _open(self) -> Split | None:
        """Something of which the present values do not say, or say wrongly, which case it is."""
        for symbol in self._choices:
            condition = known(symbol).condition
            if condition not in self._decided and not self._chosen(symbol):
                cases = branches(symbol)
                return Split(cases, self._active[id(symbol)], condition, (1, *[2] * (len(cases) - 1)))
        for symbol in self._extrema:
            cases = part_cases(symbol)
            if not any(self._value(row)[0] == 0 for (row,) in cases):
                return Split(cases, self._active[id(symbol)])
        for a, b in _pairs(self._arrays):
            gaps = order(a, b)[1]
            if gaps is not None and not self._in_order(gaps):
                return Split(order_cases(gaps), self._active[id(a)] | self._active[id(b)])
        return None

    def _chosen(self, symbol: Symbol) -> bool:
        """Whether a conditional value is, for the present values, what its condition says."""
        condition, then, other = symbol.args
        assert isinstance(condition, Condition) and isinstance(then, Expr) and isinstance(other, Expr)
        guard = condition.difference
        if not (self._speaks_of(guard) or self._is_free(guard)):
            return False
        numerator, denominator = self._value(guard)
        if condition.operator == ">=":
            holds = numerator >= 0
            if -denominator < numerator < 0:
                return False
        else:
            holds = numerator == 0
        chosen = then if holds else other
        return self._speaks_of(chosen) and self._value(Expr.of(symbol) - chosen)[0] == 0

    def _is_free(self, guard: Expr) -> bool:
        """Whether a condition is an unknown of its own, of which nothing is known."""
        return all(a.kind == "free" and not known(a).rows and not known(a).inner for a, _ in guard.terms)

    def _in_order(self, gaps: Gaps) -> bool:
        far, _ = self._value(gaps.distance)
        if far == 0:
            return self._value(gaps.rise)[0] == 0
        if gaps.step is None:
            more, _ = self._value(gaps.rise - gaps.distance)
            return more >= 0 if far > 0 else more <= 0
        more, _ = self._value((gaps.rise if far > 0 else -gaps.rise) - gaps.step)
        return more >= 0 if self._value(gaps.step)[0] >= 0 else more <= 0

    def _unequal(self) -> Split | None:
        """Two symbols of one function that differ though their arguments are proved to be equal."""
        differing = [
            (a, b)
            for a, b in _pairs(self._functions)
            if self._value(Expr.of(a) - Expr.of(b))[0]
            and not any(self._value(g)[0] for g in argument_gaps(a, b))
        ]
        for a, b in differing:
            mask = self._equal(argument_gaps(a, b))
            if mask is not None:
                difference = Expr.of(a) - Expr.of(b)
                mask |= self._active[id(a)] | self._active[id(b)]
                return Split(((difference, -difference),), mask)
        # the question has moved the values
        return self._open() if differing else None

    def _equal(self, gaps: Iterable[Expr]) -> int | None:
        """The mask of decisions under which all the expressions must be zero, or None if they need not."""
        used = 0
        for gap in gaps:
            for row in (gap - 1, -gap - 1):
                mark = self._simplex.mark()
                conflict = self._bound(row, 0)
                if conflict is None:
                    conflict = self._simplex.check()
                self._simplex.undo(mark)
                self._simplex.check()
                if conflict is None:
                    return None
                used |= conflict
        return used

    def _fraction(self) -> Split | None:
        """A symbol whose present value is no integer."""
        if self._branches <= 0:
            return None
        for symbol in self._symbols.values():
            numerator, denominator = self._simplex.value(self._column(symbol.number))
            if numerator % denominator and id(symbol) in self._active:
                self._branches -= 1
                me, floor = Expr.of(symbol), numerator // denominator
                return Split(((-me + floor,), (me - (floor + 1),)), 0)
        return None

    # the present values
    def _speaks_of(self, row: Expr) -> bool:
        return all(id(symbol) in self._active for symbol, _ in row.terms)

    def _value(self, expr: Expr) -> tuple[int, int]:
        """Numerator and positive denominator of an expression."""
        numerator, denominator = expr.constant, 1
        for symbol, coefficient in expr.terms:
            above, below = self._simplex.value(self._column(symbol.number))
            if below == 1:
                numerator += coefficient * above * denominator
            else:
                numerator = numerator * below + coefficient * above * denominator
                denominator *= below
        return numerator, denominator


def _pairs(groups: dict[object, list[Symbol]]) -> Iterator[tuple[Symbol, Symbol]]:
    for group in groups.values():
        if len(group) > 1:
            for a, b in combinations(group, 2):
                if a.number != b.number:
                    yield a, b
