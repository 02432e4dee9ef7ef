"""Whether two regions share a token, proved or not."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from auditor.solver.canonical_form import question_form
from auditor.solver.expressions import Expr, Symbol, on_forget
from auditor.solver.operations import atoms_exchanged, replace_atoms
from auditor.solver.solver import exhausted
from auditor.trace.answer import Answer
from auditor.trace.picked_elements import apart_in_all_cases
from auditor.trace.region import Expressions, Region


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
    highs |= {fact + Expr.of(x) for x in family for fact in x.facts}
    return {high for high in highs if not any(symbol.kind == "greatest" for symbol in high.symbols())}


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
        known = _DISJOINT[key] = apart_in_all_cases(a, b)
    return known


def _different_turns(a: frozenset[Symbol], b: frozenset[Symbol]) -> bool:
    """Whether some entry of a loop is common to both and its turns are not."""
    turns_a: dict[object, set[object]] = {}
    turns_b: dict[object, set[object]] = {}
    for symbols, turns in ((a, turns_a), (b, turns_b)):
        for symbol in symbols:
            turns.setdefault(symbol.args[0], set()).add(symbol.args[1])
    return any(entry in turns_b and not (seen & turns_b[entry]) for entry, seen in turns_a.items())
