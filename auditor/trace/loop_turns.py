"""All turns of the loops around a score, gone through in a split of known length.

The regions of a static trace are expressions over loop turns, the split's length and the starts of its documents. Given
a length and starts, they are numbers: one for every turn of every loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from auditor.solver.expressions import Condition, Expr, Symbol
from auditor.solver.operations import atoms_exchanged, replace_atoms
from auditor.trace.region import Region

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

TOKENS = 2_150_407
"""Length of the split: several batches of 524,288 tokens (the challenge's own), and no multiple of a window."""

MEAN_DOCUMENT = 1_240
"""Tokens of a document on average: 62,021,846 in 50,000 (the challenge's split, sp1024)."""

UNBOUNDED = 1 << 40
"""Stands for a length that is not known: what it is compared with decides."""

MAX_ROWS = 3_000_000
"""Turns of all loops around one score, together, that are gone through."""

AT_RANDOM = "a random number decides which of its tokens take part"
"""Why tokens were not counted out: no run can tell which they are."""

CUT = "the same places of every row are left out"
"""Why tokens were not counted out: how long the rows are is not followed."""

BUCKET = 2_521
"""Stands for the length of one of several lists that elements were dealt to: a prime, so no batch divides it."""


class NoValue(Exception):
    """A symbol that has no value in a split of known length."""


@dataclass(frozen=True, slots=True)
class Split:
    """A validation split: its length and where its documents start, the first at 0."""

    tokens: int
    starts: Numbers

    @staticmethod
    def drawn(seed: int = 0) -> Split:
        """A split like the challenge's: long and short documents, a few of one token."""
        import numpy as np

        generator = np.random.default_rng(seed)
        lengths = 1 + generator.exponential(MEAN_DOCUMENT, 2 * TOKENS // MEAN_DOCUMENT).astype(np.int64)
        starts = np.concatenate(([0], np.cumsum(lengths)))
        return Split(TOKENS, starts[starts < TOKENS - 1])


def bounds(region: Region, split: Split) -> Iterator[tuple[Numbers, Numbers, bool]]:
    """First positions and ends of the region in all turns; twice where a condition was not followed, for both cases."""
    if region.drawn:
        raise NoValue(AT_RANDOM)
    if region.cut:
        raise NoValue(CUT)
    if region.start is None or region.stop is None:
        raise NoValue("its place in the split is not known as an interval")
    if region.partial:
        raise NoValue("what chooses among its tokens is not followed")
    for undecided in (0, -1):
        turns = Turns(split, undecided, region.facts, around=turns_in(region))
        for expr in (region.start, region.stop, *region.facts):
            turns.measure(expr)
        for expr in (region.start, region.stop, *region.facts):
            turns.bind(expr)
        for fact in (*region.facts, *turns.filters((region.start, region.stop))):
            turns.keep(fact)
        yield turns.value(region.start), turns.value(region.stop), turns.exact
        if not turns.guessed:
            return


def turns_in(region: Region) -> tuple[Symbol, ...]:
    """The turns of loops around a region, in a fixed order."""
    return tuple(sorted(region.iterations, key=lambda turn: str(turn.args)))


@dataclass(slots=True)
class Turns:
    """All turns of the loops that a region depends on: a row each, a column a counter."""

    split: Split
    undecided: int
    facts: tuple[Expr, ...]
    assumed: int | None = None
    guessed: bool = False
    around: tuple[Symbol, ...] = ()
    exact: bool = True
    rows: int = 1
    columns: dict[tuple[object, ...], Numbers] = field(default_factory=dict)
    values: dict[int, Numbers] = field(default_factory=dict)
    waiting: set[tuple[object, ...]] = field(default_factory=set)
    bound: set[int] = field(default_factory=set)
    lengths: dict[object, Expr] = field(default_factory=dict)
    dealt_from: dict[tuple[object, ...], Expr] = field(default_factory=dict)
    indexing: dict[tuple[object, ...], Expr] = field(default_factory=dict)

    def measure(self, expr: Expr) -> None:
        """Note how many turns fill the lists that the expression takes elements of."""
        for symbol in expr.symbols():
            if (
                symbol.kind in ("at", "pick")
                and isinstance(symbol.args[0], tuple)
                and symbol.high is not None
            ):
                self.lengths.setdefault(symbol.args[0][0], symbol.high + 1)
                *_, index = (part for part in symbol.args[1:] if isinstance(part, Expr))
                if len(index.terms) == 1 and is_dealt(index.terms[0][0]):
                    self.dealt_from.setdefault(index.terms[0][0].args, symbol.high)
                elif len(index.terms) == 1 and index.terms[0][1] == 1:
                    self.indexing.setdefault(index.terms[0][0].args, symbol.high)

    def bind(self, expr: Expr) -> None:
        """Give every counter in the expression its turns, outer loops first."""
        if expr.number in self.bound:
            return
        self.bound.add(expr.number)
        for symbol, _ in expr.terms:
            own = symbol.kind == "iter" or is_dealt(symbol) or is_handed_out(symbol)
            if not own or symbol.kind == "iter":
                for part in symbol.parts():
                    self.bind(part)
            if own and symbol.args not in self.columns:
                self._counter(symbol)
                if is_dealt(symbol):
                    self.exact = False
                    self._in_visited_lists(symbol)

    def _in_visited_lists(self, symbol: Symbol) -> None:
        """Keep the elements that were dealt to a list that is gone to."""
        import numpy as np

        *_, key = (part for part in symbol.args[1:] if isinstance(part, Expr))
        tells = [f for f in symbol.facts if all((part, -factor) in f.terms for part, factor in key.terms)]
        if not tells:
            raise NoValue("which of several lists an element was put into is not known")
        dealt_to = tells[0] + key
        visits = Turns(self.split, self.undecided, (), assumed=BUCKET)
        visits.bind(key)
        self.bind(dealt_to)
        self._select(np.isin(self.value(dealt_to), visits.value(key)))

    def _counter(self, symbol: Symbol) -> None:
        import numpy as np

        if symbol.args in self.waiting:
            raise NoValue("a loop's length depends on its own turn")
        self.waiting.add(symbol.args)
        known = (*symbol.facts, *self.facts)
        limits = limits_of(symbol, known)
        if symbol.high is not None:
            limits.append(symbol.high)
        elif symbol.args in self.dealt_from:
            limits.append(self.dealt_from[symbol.args])
        elif not limits and symbol.args in self.indexing:
            limits.append(self.indexing[symbol.args])
            self.exact = False
        limits = [of_one(limit, self.around) for limit in limits]
        for limit in limits:
            self.bind(limit)
        low = symbol.low or 0
        if not limits:
            raise NoValue("a loop runs until something is found")
        high = np.minimum.reduce([self.value(limit) for limit in limits])
        counts = np.maximum(high - low + 1, 0)
        total = int(counts.sum())
        if total > MAX_ROWS:
            raise NoValue("its loops take more turns than are gone through")
        row = np.repeat(np.arange(self.rows), counts)
        first = np.repeat(np.cumsum(counts) - counts, counts)
        self.columns = {key: column[row] for key, column in self.columns.items()}
        self.columns[symbol.args] = np.arange(total) - first + low
        self.rows = total
        self.values.clear()

    def filters(self, exprs: Iterable[Expr]) -> list[Expr]:
        """What holds of the elements that are kept in lists, where it speaks of turns that are gone through.

        Of a list with two elements in a region nothing is said: which turns stand side by side is not known.
        """
        elements: dict[object, set[Symbol]] = {}
        for symbol in (symbol for expr in exprs for symbol in expr.symbols()):
            if (
                symbol.kind in ("at", "pick")
                and isinstance(symbol.args[0], tuple)
                and not is_handed_out(symbol)
            ):
                elements.setdefault(symbol.args[0], set()).add(symbol)
        found = dict.fromkeys(
            fact for only in elements.values() if len(only) == 1 for a in only for fact in a.facts
        )
        return [
            fact
            for fact in found
            if all(a.args in self.columns for a in fact.symbols() if a.kind == "iter" or is_dealt(a))
            and all(
                a.kind not in ("free", "opaque", "elem") or "val_tokens" in a.args for a in fact.symbols()
            )
        ]

    def keep(self, fact: Expr) -> None:
        """Only the turns in which the fact is not negative."""
        self._select(self.value(fact) >= 0)

    def _select(self, kept: NDArray[np.bool_]) -> None:
        self.columns = {key: column[kept] for key, column in self.columns.items()}
        self.rows = int(kept.sum())
        self.values.clear()

    def value(self, expr: Expr) -> Numbers:
        """The expression in every row."""
        import numpy as np

        out = np.full(self.rows, expr.constant, dtype=np.int64)
        for symbol, coefficient in expr.terms:
            out = out + coefficient * self._atom(symbol)
        return out

    def _atom(self, symbol: Symbol) -> Numbers:
        known = self.values.get(symbol.number)
        if known is None:
            known = self.values[symbol.number] = self._computed(symbol)
        return known

    def _computed(self, symbol: Symbol) -> Numbers:
        import numpy as np

        if symbol.kind == "iter" or is_dealt(symbol) or is_handed_out(symbol):
            if symbol.args not in self.columns:
                raise NoValue("the turn of a loop that is none of those around it")
            return self.columns[symbol.args]
        if symbol.kind == "free" and "val_tokens" in symbol.args:
            return np.full(self.rows, self.split.tokens)
        if symbol.kind == "size":
            if isinstance(symbol.args[0], int):
                return np.full(self.rows, len(self.split.starts))
            self.exact = False
            if self.assumed is not None:
                return np.full(self.rows, self.assumed)
            family = symbol.args[0]
            turns = self.lengths.get(family[0]) if isinstance(family, tuple) else None
            return np.full(self.rows, UNBOUNDED) if turns is None else self.value(turns)
        if symbol.kind == "at" and isinstance(symbol.args[0], int):
            index = self.value(_expression(symbol.args[1]))
            return self.split.starts[np.clip(index, 0, len(self.split.starts) - 1)]
        if symbol.kind in ("at", "pick"):
            # a list's element is the turn that gave it, where none was left out and in the order of the turns
            indices = [part for part in symbol.args[1:] if isinstance(part, Expr)]
            if not indices:
                raise NoValue("an element of a list whose place in it is not known")
            self.exact = False
            index = self.value(indices[-1])
            return index if symbol.high is None else np.minimum(index, self.value(symbol.high))
        if symbol.kind == "ite":
            condition, then, other = symbol.args
            assert isinstance(condition, Condition)
            if is_undecided(condition):
                self.guessed, self.exact = True, False
                difference = np.full(self.rows, self.undecided)
            else:
                difference = self.value(condition.difference)
            holds = difference >= 0 if condition.operator == ">=" else difference == 0
            return np.where(holds, self.value(_expression(then)), self.value(_expression(other)))
        parts = [self.value(part) for part in symbol.parts()]
        if symbol.kind in ("min", "max"):
            out: Numbers = (np.minimum if symbol.kind == "min" else np.maximum).reduce(parts)
            return out
        if symbol.kind in ("floordiv", "mod", "mul"):
            left, right = parts
            if symbol.kind == "mul":
                return left * right
            if (right == 0).any():
                raise NoValue("a division by what may be zero")
            return left // right if symbol.kind == "floordiv" else left % right
        raise NoValue(f"an integer that is not known ({symbol.kind})")


def of_one(limit: Expr, turns: Iterable[Symbol]) -> Expr:
    """A limit up to the greatest of a list's numbers, as that of one of them: the loop goes at least so far.

    Which one is said by a turn, among those given, of a loop that goes through as many as the list was made of.
    """
    change: dict[Symbol, Expr] = {}
    for symbol in limit.symbols():
        if symbol.kind != "greatest":
            continue
        entry, number, count = symbol.args
        assert isinstance(number, Expr) and isinstance(count, Expr)
        own = [turn for turn in number.iterations() if turn.args[0] == entry]
        other = next((turn for turn in turns if count - 1 in ends_of(turn)), None)
        if other is not None:
            change[symbol] = replace_atoms(number, atoms_exchanged({turn: Expr.of(other) for turn in own}))
    return replace_atoms(limit, atoms_exchanged(change)) if change else limit


def limits_of(counter: Symbol, facts: Iterable[Expr]) -> list[Expr]:
    """What facts (expressions that are not negative) say that a counter is not larger than."""
    return [fact + Expr.of(counter) for fact in facts if (counter, -1) in fact.terms]


def ends_of(turn: Symbol) -> list[Expr]:
    """The last turn of the loop, where it is known: of the first turn it stands in the facts."""
    ends = limits_of(turn, turn.facts)
    return ends if turn.args[1] == 1 or turn.high is None else [*ends, turn.high]


def is_dealt(symbol: Symbol) -> bool:
    """Whether it is an element of one of several lists that a loop fills: together they hold all that it gave."""
    if symbol.kind not in ("at", "pick") or isinstance(symbol.args[0], int):
        return False
    return len([part for part in symbol.args[1:] if isinstance(part, Expr)]) > 1


def is_handed_out(symbol: Symbol) -> bool:
    """Whether it is a number from a counter that all ranks share: each number up to the last is handed out once."""
    return symbol.kind == "at" and isinstance(symbol.args[0], tuple) and symbol.args[0][0] == "counter"


def is_undecided(condition: Condition) -> bool:
    """Whether a split of known length does not say how it is decided."""
    if condition.operator not in (">=", "=="):
        return True
    return condition.is_anonymous and "val_tokens" not in condition.difference.terms[0][0].args


def _expression(part: object) -> Expr:
    if not isinstance(part, Expr):
        raise NoValue("an index that is not known")
    return part
