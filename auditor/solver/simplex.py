"""Linear inequalities over integers, refuted over the rationals, bounds put up and taken down one by one.

The general simplex of Dutertre and de Moura (A Fast Linear-Arithmetic Solver for DPLL(T), CAV 2006, §3): every
linear form that is spoken of is a variable of its own, defined by a row of the tableau, so that a fact is a
bound on a variable. Taking a bound back is free; rows stay. Everything is exact: a row is kept as integers over
one positive denominator, and a variable outside the basis always stands at an integer.

Each bound carries a mask, a set of bits that says which decisions it depends on. A contradiction answers with
the union of the masks of the bounds that it needs (§3.2), so that a search can skip cases that play no part.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd

Form = Sequence[tuple[int, int]]
"""A linear form: variables with their integer coefficients."""

MAX_HASTY = 40
"""Pivots after which the smallest variable is always chosen (Bland's rule), which cannot go in circles."""

MAX_PIVOTS = 400
"""Pivots in one check, after which it gives up and finds no contradiction: real questions need fewer than 40."""


class Simplex:
    """A tableau with bounds.

    Attributes:
        work: rows that pivots and checks went through so far.
    """

    __slots__ = (
        "_denominator",
        "_high",
        "_high_mask",
        "_low",
        "_low_mask",
        "_rows",
        "_trail",
        "_value",
        "work",
    )

    def __init__(self) -> None:
        self._low: list[int | None] = []
        self._high: list[int | None] = []
        self._low_mask: list[int] = []
        self._high_mask: list[int] = []
        # outside the basis the value, inside it the value times the row's denominator
        self._value: list[int] = []
        self._denominator: list[int] = []
        self._rows: dict[int, dict[int, int]] = {}
        self._trail: list[tuple[int, bool, int | None, int]] = []
        self.work = 0

    def variable(self) -> int:
        """A new variable without bounds."""
        self._low.append(None)
        self._high.append(None)
        self._low_mask.append(0)
        self._high_mask.append(0)
        self._value.append(0)
        self._denominator.append(1)
        return len(self._value) - 1

    def define(self, form: Form) -> int:
        """A new variable that stands for a linear form of others."""
        row: dict[int, int] = {}
        denominator = 1
        for variable, coefficient in form:
            inner = self._rows.get(variable)
            if inner is None:
                row[variable] = row.get(variable, 0) + coefficient * denominator
                continue
            divisor = self._denominator[variable]
            if divisor != 1:
                common = denominator * divisor // gcd(denominator, divisor)
                if common != denominator:
                    row = {k: v * (common // denominator) for k, v in row.items()}
                    denominator = common
            factor = coefficient * denominator // divisor
            for k, v in inner.items():
                row[k] = row.get(k, 0) + factor * v
        new = self.variable()
        self._keep(new, {k: v for k, v in row.items() if v}, denominator)
        return new

    def _keep(self, variable: int, row: dict[int, int], denominator: int) -> None:
        """Make a row that of a variable, in lowest terms, and compute the variable's value."""
        if denominator != 1:
            common = gcd(denominator, *row.values())
            if common != 1:
                row = {k: v // common for k, v in row.items()}
                denominator //= common
        value = self._value
        self._rows[variable] = row
        self._denominator[variable] = denominator
        value[variable] = sum([c * value[k] for k, c in row.items()])

    def value(self, variable: int) -> tuple[int, int]:
        """Numerator and positive denominator of the variable's present value."""
        return self._value[variable], self._denominator[variable] if variable in self._rows else 1

    # bounds
    def mark(self) -> int:
        """Where the bounds stand now, for `undo`."""
        return len(self._trail)

    def undo(self, mark: int) -> None:
        """Take back the bounds put up since the mark."""
        trail = self._trail
        while len(trail) > mark:
            variable, is_low, bound, mask = trail.pop()
            if is_low:
                self._low[variable], self._low_mask[variable] = bound, mask
            else:
                self._high[variable], self._high_mask[variable] = bound, mask

    def at_least(self, variable: int, bound: int, mask: int) -> int | None:
        """Put up a lower bound; the mask of a contradiction with the upper one, else None."""
        known = self._low[variable]
        if known is not None and known >= bound:
            return None
        high = self._high[variable]
        if high is not None and high < bound:
            return mask | self._high_mask[variable]
        self._trail.append((variable, True, known, self._low_mask[variable]))
        self._low[variable], self._low_mask[variable] = bound, mask
        if variable not in self._rows and self._value[variable] < bound:
            self._move(variable, bound)
        return None

    def at_most(self, variable: int, bound: int, mask: int) -> int | None:
        """Put up an upper bound; the mask of a contradiction with the lower one, else None."""
        known = self._high[variable]
        if known is not None and known <= bound:
            return None
        low = self._low[variable]
        if low is not None and low > bound:
            return mask | self._low_mask[variable]
        self._trail.append((variable, False, known, self._high_mask[variable]))
        self._high[variable], self._high_mask[variable] = bound, mask
        if variable not in self._rows and self._value[variable] > bound:
            self._move(variable, bound)
        return None

    def _move(self, variable: int, value: int) -> None:
        """Set a variable outside the basis and everything that depends on it."""
        values = self._value
        change = value - values[variable]
        values[variable] = value
        for basic, row in self._rows.items():
            coefficient = row.get(variable)
            if coefficient:
                values[basic] += coefficient * change

    # the check
    def check(self) -> int | None:
        """Look for rational values within all bounds; the mask of a contradiction, or None if there is none."""
        low, high, value, denominator, rows = (
            self._low,
            self._high,
            self._value,
            self._denominator,
            self._rows,
        )
        self.work += len(rows)
        for step in range(MAX_PIVOTS):
            leaving = -1
            rising = False
            for basic in rows:
                scaled = value[basic]
                bound = low[basic]
                if bound is not None and scaled < bound * denominator[basic]:
                    if leaving < 0 or basic < leaving:
                        leaving, rising = basic, True
                    if step < MAX_HASTY:
                        break
                    continue
                bound = high[basic]
                if bound is not None and scaled > bound * denominator[basic]:
                    if leaving < 0 or basic < leaving:
                        leaving, rising = basic, False
                    if step < MAX_HASTY:
                        break
            if leaving < 0:
                return None
            entering = self._entering(leaving, rising)
            if entering < 0:
                return self._explanation(leaving, rising)
            bound = low[leaving] if rising else high[leaving]
            assert bound is not None
            self._pivot(leaving, entering, bound)
        return None

    def _entering(self, leaving: int, rising: bool) -> int:
        """A variable that can give way so that the leaving one reaches its bound, the smallest; -1 if none can."""
        low, high, value = self._low, self._high, self._value
        best = -1
        for variable, coefficient in self._rows[leaving].items():
            if best >= 0 and variable > best:
                continue
            if (coefficient > 0) == rising:
                bound = high[variable]
                if bound is None or value[variable] < bound:
                    best = variable
            else:
                bound = low[variable]
                if bound is None or value[variable] > bound:
                    best = variable
        return best

    def _explanation(self, leaving: int, rising: bool) -> int:
        """The mask of the bounds that keep a row from reaching the bound of its variable."""
        mask = self._low_mask[leaving] if rising else self._high_mask[leaving]
        for variable, coefficient in self._rows[leaving].items():
            mask |= self._high_mask[variable] if (coefficient > 0) == rising else self._low_mask[variable]
        return mask

    def _pivot(self, leaving: int, entering: int, bound: int) -> None:
        """Exchange a basic variable, which goes to the bound, for one outside the basis."""
        rows, denominators = self._rows, self._denominator
        old = rows.pop(leaving)
        divisor = old.pop(entering)
        # divisor · entering = denominator · leaving − the rest
        if divisor > 0:
            new = {k: -v for k, v in old.items()}
            new[leaving] = denominators[leaving]
        else:
            divisor = -divisor
            new = old
            new[leaving] = -denominators[leaving]
        self._value[leaving] = bound
        self._keep(entering, new, divisor)
        new, divisor = rows[entering], denominators[entering]
        self.work += len(rows)
        for basic, row in rows.items():
            factor = row.get(entering)
            if not factor or basic == entering:
                continue
            del row[entering]
            if divisor != 1:
                for k in row:
                    row[k] *= divisor
            for k, v in new.items():
                total = row.get(k, 0) + factor * v
                if total:
                    row[k] = total
                else:
                    del row[k]
            self._keep(basic, row, denominators[basic] * divisor)
