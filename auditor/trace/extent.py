"""How far regions reach into the validation split when the split is as long as one likes.

A script that scores the whole split reaches further the longer the split is; one that stops after a number of
tokens, windows or documents does not. So every expression is bounded from above with the split's length and the
sizes of arrays made from it going to infinity: what stays finite is a cap.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

from auditor.solver.expressions import Expr, Symbol
from auditor.trace.region import Region

Bounds = tuple[float, float]
WHOLE_LINE: Bounds = (-math.inf, math.inf)
ENDLESS: Bounds = (math.inf, math.inf)
MAX_DEPTH = 40


class Reach:
    """Bounds of expressions and regions; keeps what it has found."""

    def __init__(self) -> None:
        self._atoms: dict[int, tuple[Symbol, Bounds]] = {}
        self._facts: tuple[Expr, ...] = ()
        self._later: frozenset[object] = frozenset()

    def positions(self, regions: Iterable[Region]) -> float:
        """The position that no token of the regions reaches, whatever the length; infinite if there is none."""
        return self._most(self._stop, regions)

    def documents(self, regions: Iterable[Region]) -> float:
        """How many elements of arrays of positions (document starts) the regions begin at, at most."""
        return self._most(self._documents, regions)

    def _stop(self, region: Region) -> float:
        if region.stop is None or region.source != "val":
            return math.inf
        return self.bounds(region.stop)[1]

    def elements(self, regions: Iterable[Region]) -> float:
        """How many tokens lie in the elements of containers (windows) that the regions are taken from, at most."""
        return self._most(self._elements, regions)

    def _most(self, measure: Callable[[Region], float], regions: Iterable[Region]) -> float:
        """The largest measure, each region's under the conditions that it was taken under."""
        regions = list(regions)
        turns = [symbol for region in regions for symbol in region.iterations]
        self._later = frozenset(symbol.args[0] for symbol in turns if symbol.args[1] != 1)
        found = []
        for region in regions:
            self._facts = region.facts
            self._atoms.clear()
            found.append(measure(region))
        return max(found, default=math.inf)

    def _documents(self, region: Region) -> float:
        if region.start is None or region.source != "val":
            return math.inf
        starts = [a for a in region.start.symbols() if a.kind == "at" and isinstance(a.args[0], int)]
        return min((self._count(symbol) for symbol in starts), default=math.inf)

    def _elements(self, region: Region) -> float:
        if region.start is None or region.stop is None or region.source != "val":
            return math.inf
        chosen = [
            a
            for a in region.start.symbols()
            if a.kind in ("at", "pick") and not (a.kind == "at" and isinstance(a.args[0], int))
        ]
        count = min((self._count(symbol) for symbol in chosen), default=math.inf)
        return math.inf if math.isinf(count) else count * self.bounds(region.stop - region.start)[1]

    def _count(self, symbol: Symbol) -> float:
        """How many elements the symbol's index can choose."""
        indices = [part for part in symbol.args[1:] if isinstance(part, Expr)]
        return self.bounds(indices[-1])[1] + 1 if indices else math.inf

    def bounds(self, expr: Expr, depth: int = 0) -> Bounds:
        """The lowest and highest value, each one infinite if it is not bounded."""
        low = high = float(expr.constant)
        for symbol, coefficient in expr.terms:
            found = self._atom(symbol, depth)
            ends = sorted(coefficient * end for end in found)
            low, high = low + ends[0], high + ends[1]
        return (-math.inf if math.isnan(low) else low, math.inf if math.isnan(high) else high)

    def _atom(self, symbol: Symbol, depth: int) -> Bounds:
        known = self._atoms.get(id(symbol))
        if known is not None:
            return known[1]
        found = WHOLE_LINE if depth > MAX_DEPTH else self._computed(symbol, depth + 1)
        self._atoms[id(symbol)] = (symbol, found)
        return found

    def _computed(self, symbol: Symbol, depth: int) -> Bounds:
        parts = [part for part in symbol.args if isinstance(part, Expr)]
        inner = [self.bounds(part, depth) for part in parts]
        if symbol.kind == "free" and "val_tokens" in symbol.args:
            return ENDLESS
        if symbol.kind == "min":
            return min(low for low, _ in inner), min(high for _, high in inner)
        if symbol.kind == "max":
            return max(low for low, _ in inner), max(high for _, high in inner)
        if symbol.kind == "ite":
            return min(low for low, _ in inner), max(high for _, high in inner)
        if symbol.kind == "floordiv" and parts[1].is_constant and parts[1].constant > 0:
            return tuple(end / parts[1].constant for end in inner[0])  # type: ignore[return-value]
        if symbol.kind == "mod" and parts[1].is_constant and parts[1].constant > 0:
            return 0.0, float(parts[1].constant - 1)
        if symbol.kind == "mul" and all(low >= 0 for low, _ in inner):
            return _product(inner)
        low = -math.inf if symbol.low is None else float(symbol.low)
        return low, self._highest(symbol, depth)

    def _highest(self, symbol: Symbol, depth: int) -> float:
        """Of a symbol: what is known of it. The first turn of a loop stands for all of them."""
        known = (*symbol.facts, *self._facts)
        bound = [fact + Expr.of(symbol) for fact in known if (symbol, -1) in fact.terms]
        first_alone = symbol.kind == "iter" and symbol.args[1] == 1 and symbol.high == Expr(0)
        first_alone = first_alone and symbol.args[0] not in self._later
        if symbol.high is not None and not first_alone:
            bound.append(symbol.high)
        return min((self.bounds(expr, depth)[1] for expr in bound), default=math.inf)


def _product(inner: list[Bounds]) -> Bounds:
    (a, b), (c, d) = inner
    low, high = a * c, b * d
    return (0.0 if math.isnan(low) else low, math.inf if math.isnan(high) else high)
