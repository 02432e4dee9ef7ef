"""Which tokens: the regions that events speak of, and whether two of them share a token.

A region is a source and, where it could be followed, a half-open interval of positions in it. Without an
interval the iteration counters that its indices depend on still say which turn of which loop it belongs to:
that can suggest that two regions are disjoint, never prove it. Replay gives sets of positions instead.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from zlib import crc32

from auditor.replacing import replace
from auditor.solver.canonical_form import question_form
from auditor.solver.expressions import Condition, Expr, Memo, Symbol, by_identity, on_forget
from auditor.solver.operations import Exchange, atoms_exchanged, operation, replace_atoms
from auditor.solver.solver import exhausted, proves, refutes, spend
from auditor.trace.answer import Answer

Expressions = tuple[Expr, ...]
Family = tuple[object, object]


@dataclass(frozen=True, slots=True)
class Region:
    """A set of tokens of one source.

    Attributes:
        source: "val", "train", or the name of another stream.
        start: first position (inclusive), or None if not known.
        stop: end position (exclusive), or None if not known.
        turns: iteration counters that the position depends on in a way that is not known to be an interval.
        row: for a batch filled row by row, the index of the row this region stands in; it is exchanged for the
            index with which the batch is read.
        positions: replay only: the positions themselves.
        partial: only some of its tokens take part, chosen by a mask that was not followed.
        drawn: which of its tokens take part, a random number decides.
        cut: of each of the rows that it is broken into, the same places are left out.
        facts: conditions under which the region was taken, as expressions that are not negative.
    """

    source: str
    start: Expr | None = None
    stop: Expr | None = None
    turns: frozenset[Symbol] = frozenset()
    row: Expr | None = None
    positions: frozenset[int] | None = None
    facts: tuple[Expr, ...] = ()
    partial: bool = False
    drawn: bool = False
    cut: bool = False

    def __hash__(self) -> int:
        """The same in every process, unlike that of a string or None: sets of regions are gone through in order."""
        bounds = tuple(0 if expr is None else hash(expr) for expr in (self.start, self.stop, self.row))
        return hash((crc32(self.source.encode()), bounds, self.turns, self.facts, self.positions or 0))

    @property
    def iterations(self) -> frozenset[Symbol]:
        """Every iteration counter that the region depends on."""
        found = self.turns
        for expr in (self.start, self.stop, *self.facts):
            if expr is not None:
                found |= expr.iterations()
        return found

    def mapped(self, change: Callable[[Symbol], Expr | None]) -> Region:
        """The region with symbols exchanged in its interval and turns."""
        memo: Memo = {}
        if isinstance(change, Exchange):
            parts = (self.start, self.stop, self.row, *self.facts, *self.turns)
            if not any(part is not None and change.concerns(part) for part in parts):
                return self
            memo = change.memo
        turns: set[Symbol] = set()
        for symbol in self.turns:
            new = change(symbol)
            turns |= {symbol} if new is None else new.iterations()
        return replace(
            self,
            start=None if self.start is None else replace_atoms(self.start, change, memo),
            stop=None if self.stop is None else replace_atoms(self.stop, change, memo),
            turns=frozenset(turns),
            row=None if self.row is None else replace_atoms(self.row, change, memo),
            facts=tuple(replace_atoms(fact, change, memo) for fact in self.facts),
        )

    def sliced(
        self, lower: Expr | None, upper: Expr | None, *, from_end: tuple[bool | None, bool | None]
    ) -> Region:
        """The part `[lower:upper]` of the interval.

        Args:
            from_end: which bounds count from the end, None where their sign says so and is not known.
        """
        if self.start is None or self.stop is None:
            return self
        start, stop = self.start, self.stop
        if lower is not None:
            start = self.place(lower, from_end[0])
        if upper is not None:
            stop = self.place(upper, from_end[1])
            if not from_end[1] and self.start != Expr(0) and not proves(self.stop - stop):
                stop = operation("min", stop, self.stop)
        return replace(self, start=start, stop=stop)

    def place(self, number: Expr, from_end: bool | None) -> Expr:
        """The position of a place in the interval, as Python counts places."""
        assert self.start is not None and self.stop is not None
        if from_end is not None:
            return (self.stop if from_end else self.start) + number
        behind = operation("max", self.stop + number, self.start)
        return operation("ite", Condition(">=", number), self.start + number, behind)


def overlap(a: Region, b: Region) -> tuple[Answer, str]:
    """Whether two regions share a token, and the reason in words.

    `NO` is proved: by positions, by intervals, or by distinct elements of one container of disjoint intervals.
    `MAYBE`: different turns of a common loop, but the form of the index proves nothing. `YES`: nothing tells
    them apart.
    """
    if a.source != b.source:
        return Answer.NO, "different sources"
    if a.positions is not None and b.positions is not None:
        shared = a.positions & b.positions
        return (
            (Answer.YES, f"{len(shared)} tokens in common") if shared else (Answer.NO, "no token in common")
        )
    if None not in (a.start, a.stop, b.start, b.stop) and _apart(a, b):
        return Answer.NO, "the intervals are disjoint"
    if _different_turns(a.iterations, b.iterations) or _different_turns(_reached(a), _reached(b)):
        return Answer.MAYBE, "different turns of a common loop, but the index is not provably a partition"
    if a.partial or b.partial:
        return Answer.MAYBE, "a mask chooses among these tokens, and which ones could not be followed"
    return Answer.YES, "nothing tells the two apart"


def _reached(region: Region) -> frozenset[Symbol]:
    """The turns of loops that the region depends on, and those up to which it was picked from what they made."""
    found = region.iterations
    for expr in (region.start, region.stop):
        for symbol in () if expr is None else expr.symbols():
            if symbol.kind in ("pick", "at") and symbol.high is not None:
                found |= symbol.high.iterations()
    return found


def same_row(used: Region, scored: Region) -> list[Region]:
    """A region of a batch's rows, in the row that the other region stands in, for each way to read that."""
    row = used.row
    if row is None or len(row.terms) != 1 or row.terms[0][1] != 1:
        return []
    entry = row.terms[0][0].args[0]
    own = {symbol.args[0] for symbol in used.iterations}
    others = sorted((a for a in scored.iterations if a.args[0] not in own), key=lambda a: str(a.args))

    def in_row(target: Symbol) -> Region:
        wanted = Expr.of(target) - row.constant
        return used.mapped(
            lambda symbol: wanted if symbol.kind == "iter" and symbol.args[0] == entry else None
        )

    return [in_row(symbol) for symbol in others]


def _apart(a: Region, b: Region) -> bool:
    """Whether no position lies in both intervals, first for any two turns in that order, then for these turns."""
    if exhausted():
        return False
    first, second = _interval(a), _interval(b)
    ranks = _ranks(first, second)
    if _disjoint(_ranked(first, ranks), _ranked(second, ranks)):
        return True
    return bool(ranks) and _disjoint(first, second)


def _interval(region: Region) -> Expressions:
    """Start, stop and facts."""
    assert region.start is not None and region.stop is not None
    return region.start, region.stop, *region.facts


def _ranks(a: Expressions, b: Expressions) -> dict[Symbol, Symbol]:
    """Each loop's turns renumbered by their order, with their bounds forgotten.

    The turns 1 and 3 of a loop become 1 and 2: what is proved for any two turns in order holds for these, and
    equal questions are asked once.
    """
    families: dict[object, list[Symbol]] = {}
    for symbol in frozenset().union(*(part.counters() for part in (*a, *b))):
        families.setdefault(symbol.args[0], []).append(symbol)
    ranks: dict[Symbol, Symbol] = {}
    waiting = dict(families)
    while waiting:
        # the length of an inner loop depends on the turn of an outer one, which has its new number by then
        ready = [entry for entry, family in waiting.items() if not _bounded_by(family, waiting)]
        for entry in ready or list(waiting):
            family = waiting.pop(entry)
            high = _common_bound(family, ranks, families) if ready else None
            turns = sorted({turn for x in family if isinstance(turn := x.args[1], int)})
            for symbol in family:
                turn = symbol.args[1]
                assert isinstance(turn, int)
                ranks[symbol] = Symbol("iter", (entry, turns.index(turn) + 1), 0, high)
    return ranks


def _bounds(family: Iterable[Symbol]) -> set[Expr]:
    """What bounds the turns of a loop from above."""
    highs = {x.high for x in family if x.high is not None and not x.high.is_constant}
    return highs | {fact + Expr.of(x) for x in family for fact in x.facts}


def _bounded_by(family: Iterable[Symbol], entries: Collection[object]) -> bool:
    """Whether a bound of the turns speaks of the turns of any of these loops."""
    return any(symbol.args[0] in entries for high in _bounds(family) for symbol in high.counters())


def _common_bound(
    family: Iterable[Symbol], ranks: Mapping[Symbol, Symbol], families: Collection[object]
) -> Expr | None:
    """The one bound of all turns of a loop, in the new numbers of other turns; None if there is no such bound."""
    bounds = _bounds(family)
    if len(bounds) != 1:
        return None
    (high,) = bounds
    spoken_of = [symbol for symbol in high.counters() if symbol.args[0] in families]
    if any(symbol not in ranks for symbol in spoken_of):
        return None
    return replace_atoms(high, atoms_exchanged({symbol: Expr.of(ranks[symbol]) for symbol in spoken_of}))


_RANKED: dict[tuple[object, ...], Expr] = {}
on_forget(_RANKED.clear)


def _ranked(parts: Expressions, ranks: Mapping[Symbol, Symbol]) -> Expressions:
    out: list[Expr] = []
    for part in parts:
        table = {symbol: ranks[symbol] for symbol in part.counters()}
        # expressions and symbols are kept until `forget`, so their identities are not given away
        key = (id(part), *sorted((id(symbol), id(new)) for symbol, new in table.items()))
        found = _RANKED.get(key)
        if found is None:
            change = atoms_exchanged({symbol: Expr.of(new) for symbol, new in table.items()})
            found = _RANKED[key] = replace_atoms(part, change)
        out.append(found)
    return tuple(out)


_DISJOINT: dict[tuple[int, ...], bool] = {}
on_forget(_DISJOINT.clear)


def _disjoint(a: Expressions, b: Expressions) -> bool:
    """Whether no position lies in both intervals: refuted as a system with a common position."""
    key = (len(a), *question_form((*a, *b)))
    known = _DISJOINT.get(key)
    if known is None:
        known = _DISJOINT[key] = _apart_in_all_cases(a, b)
    return known


def _no_common(a: Expressions, b: Expressions, equal: Expressions) -> bool:
    common = Expr.of(Symbol("free", ("position",)))
    rows = (common - a[0], a[1] - 1 - common, common - b[0], b[1] - 1 - common)
    return refutes(tuple(dict.fromkeys((*rows, *a[2:], *b[2:], *equal))))


Case = tuple[Expressions, Expressions, Expressions, frozenset[Family]]
MAX_PICK_CASES = 120
SPLIT_WORK = 500
"""What one split into cases costs, in the rows that the prover counts."""


def _apart_in_all_cases(a: Expressions, b: Expressions) -> bool:
    """Whether no position is common, however the elements that two regions were taken from relate.

    Elements of one container came from turns of the loops that built it: the same turns, or different ones in an
    order that is not known (the container may have been sorted). Each way must be proved apart. With several
    building loops the turns of outer ones may be equal, and then those of an inner one differ. Containers whose
    index is itself an element of another one come after that one.
    """
    waiting: list[Case] = [(a, b, (), frozenset())]
    for _ in range(MAX_PICK_CASES):
        case = waiting.pop()
        pairs = _innermost(case)
        if pairs:
            spend(SPLIT_WORK)
            waiting.extend(_split(case, pairs))
        elif not _no_common(*case[:3]):
            return False
        if not waiting:
            return True
    return False


def _innermost(case: Case) -> list[tuple[Family, Symbol, Symbol]]:
    """A container of which the two sides hold different elements, none of whose indices is such an element."""
    families: dict[Family, tuple[Symbol | None, Symbol | None]] = {}
    for side, exprs in enumerate(case[:2]):
        for symbol in (symbol for expr in exprs for symbol in _elements(expr)):
            family = _family(symbol)
            if family not in case[3]:
                first, second = families.get(family, (None, None))
                families[family] = (symbol, second) if side == 0 else (first, symbol)
    open_pairs = {
        family: (first, second)
        for family, (first, second) in families.items()
        if first is not None and second is not None and first != second and not _ordered(first, second)
    }
    unresolved = {symbol for pair in open_pairs.values() for symbol in pair}
    joint: dict[object, list[tuple[Family, Symbol, Symbol]]] = {}
    for family in sorted(open_pairs, key=str):
        first, second = open_pairs[family]
        inside = {x for pick in (first, second) for part in pick.parts() for x in part.symbols()}
        if inside & unresolved:
            continue
        together = family[0] if first.kind == "pick" and family[1] != "order" else family
        joint.setdefault(together, []).append((family, first, second))
    return next(iter(joint.values()), [])


@by_identity
def _elements(expr: Expr) -> tuple[Symbol, ...]:
    """The elements of containers that an expression speaks of."""
    return tuple(symbol for symbol in expr.symbols() if symbol.kind in ("pick", "at"))


def _ordered(a: Symbol, b: Symbol) -> bool:
    """Whether two elements of an ascending family are in an order that is known."""
    x, y = a.args[1], b.args[1]
    if a.kind != "at" or a.args[2:] != b.args[2:] or not isinstance(x, Expr) or not isinstance(y, Expr):
        return False
    return proves(x - y - 1) or proves(y - x - 1)


def _split(case: Case, pairs: list[tuple[Family, Symbol, Symbol]]) -> list[Case]:
    a, b, equal, done = case
    if pairs[0][0][1] == "array":
        return _split_array(case, pairs[0])
    out: list[Case] = []
    for position in range(len(pairs)):
        for first, second in ((1, 2), (2, 1)):
            new_a, new_b = a, b
            for depth, (family, pick_a, pick_b) in enumerate(pairs[: position + 1]):
                turns = (first, second) if depth == position else (1, 1)
                new_a = _put(new_a, pick_a, _turn_of(family, turns[0], pick_a))
                new_b = _put(new_b, pick_b, _turn_of(family, turns[1], pick_b))
            out.append((new_a, new_b, equal, done))
    if not any(_differ(pick_a, pick_b) for _, pick_a, pick_b in pairs):
        same = list(equal)
        for _, pick_a, pick_b in pairs:
            for x, y in zip(pick_a.args[1:], pick_b.args[1:], strict=False):
                if isinstance(x, Expr) and isinstance(y, Expr):
                    same += [x - y, y - x]
            b = _put(b, pick_b, Expr.of(pick_a))
        out.append((a, b, tuple(dict.fromkeys(same)), done))
    return out


def _split_array(case: Case, pair: tuple[Family, Symbol, Symbol]) -> list[Case]:
    """Two places of an ascending array whose order is not known: before, behind, or the same."""
    a, b, equal, done = case
    family, first, second = pair
    # compare the two at the same offset, so that "the same place" is a case of its own
    candidates = [(p.args[1], q.args[1]) for p in _places(a, family) for q in _places(b, family)]
    level = [
        (p, q) for p, q in candidates if isinstance(p, Expr) and isinstance(q, Expr) and not (p - q).constant
    ]
    x, y = level[0] if level else (first.args[1], second.args[1])
    assert isinstance(x, Expr) and isinstance(y, Expr)
    out: list[Case] = []
    for low, high, low_side, high_side in ((x, y, a, b), (y, x, b, a)):
        facts = [high - low - 1]
        for early in _places(low_side, family):
            for late in _places(high_side, family):
                i, j = early.args[1], late.args[1]
                assert isinstance(i, Expr) and isinstance(j, Expr)
                beyond = (j - i) - (high - low)
                if beyond.is_constant and beyond.constant >= -1:
                    facts.append(Expr.of(late) - Expr.of(early) - (j - i))
        out.append((a, b, (*equal, *facts), done | {family}))

    def change(symbol: Symbol) -> Expr | None:
        if symbol.kind == "at" and _family(symbol) == family and isinstance(symbol.args[1], Expr):
            return Expr.of(
                Symbol(
                    "at", (symbol.args[0], symbol.args[1] - y + x, *symbol.args[2:]), symbol.low, symbol.high
                )
            )
        return None

    memo: Memo = {}
    out.append((a, tuple(replace_atoms(e, change, memo) for e in b), (*equal, x - y, y - x), done | {family}))
    return out


def _places(exprs: Expressions, family: Family) -> list[Symbol]:
    found = {a for expr in exprs for a in _elements(expr) if a.kind == "at" and _family(a) == family}
    return sorted(found, key=hash)


def _family(symbol: Symbol) -> Family:
    """Container and building loop of a picked element."""
    if symbol.kind == "pick":
        return symbol.args[0], symbol.args[1]
    family = symbol.args[0]
    return (family[0], family[1]) if isinstance(family, tuple) else (family, "array")


def _turn_of(family: Family, turn: int, pick: Symbol) -> Expr:
    """A turn of a building loop, with what was known of the pick."""
    plain = Symbol("iter", (("turn", family), turn), 0)

    change = atoms_exchanged({pick: Expr.of(plain)})
    facts = tuple(replace_atoms(fact, change) for fact in pick.facts)
    return Expr.of(Symbol("iter", plain.args, 0, pick.high, facts))


def _differ(a: Symbol, b: Symbol) -> bool:
    """Whether two picks are provably at different indices, or under different keys."""
    parts_a = [p for p in a.args[1:] if isinstance(p, Expr)]
    parts_b = [p for p in b.args[1:] if isinstance(p, Expr)]
    return any(proves(x - y - 1) or proves(y - x - 1) for x, y in zip(parts_a, parts_b, strict=False))


def _put(parts: Expressions, old: Symbol, new: Expr) -> Expressions:
    change, memo = atoms_exchanged({old: new}), Memo()
    return tuple(replace_atoms(part, change, memo) for part in parts)


def _different_turns(a: frozenset[Symbol], b: frozenset[Symbol]) -> bool:
    """Whether some entry of a loop is common to both and its turns are not."""
    turns_a: dict[object, set[object]] = {}
    turns_b: dict[object, set[object]] = {}
    for symbols, turns in ((a, turns_a), (b, turns_b)):
        for symbol in symbols:
            turns.setdefault(symbol.args[0], set()).add(symbol.args[1])
    return any(entry in turns_b and not (seen & turns_b[entry]) for entry, seen in turns_a.items())
