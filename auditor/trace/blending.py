"""Whether the tokens that something was looked up by are the tokens being scored.

Both lie in intervals, element beside element. A key of earlier tokens ends before the last scored token; one
that holds the scored token itself ends with it. Where the two intervals cannot be compared nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterable

from auditor.solver.expressions import Expr
from auditor.solver.solver import proves
from auditor.trace.answer import Answer
from auditor.trace.region import Region

Found = tuple[Answer, bool, str]
"""The answer, whether the same key also holds tokens before the scored ones, and the reason in words."""

EARLIER = (Answer.NO, False, "the key ends before the scored token")
UNTOLD = (Answer.MAYBE, False, "the key's tokens cannot be told apart from the scored ones")


def held(scored: Iterable[Region], keys: Iterable[Region]) -> Found:
    """Whether keys hold the scored tokens: `YES` if one does, `NO` if all are proved to be of earlier tokens.

    Keys of the same turns of the loops are compared with a region, where there are any: a value that went through
    several turns carries the keys of all of them.
    """
    keys = tuple(keys)
    worst = EARLIER
    for region in scored:
        near = [key for key in keys if _of_one_turn(region, key)]
        if not near and keys:
            worst = max(worst, UNTOLD, key=_weight)
        beside = False
        for key in near:
            found = _held(region, key)
            beside = beside or found[0] is Answer.NO
            worst = max(worst, found, key=_weight)
            if worst[0] is Answer.YES and (worst[1] or beside):
                return worst[0], True, worst[2]
    return worst


def _weight(found: Found) -> tuple[int, bool]:
    return found[0].rank, found[1]


def _of_one_turn(a: Region, b: Region) -> bool:
    """Whether no loop around both has given them different turns."""
    turns: dict[object, set[object]] = {}
    for symbol in a.iterations:
        turns.setdefault(symbol.args[0], set()).add(symbol.args[1])
    return all(symbol.args[1] in turns.get(symbol.args[0], (symbol.args[1],)) for symbol in b.iterations)


def _held(scored: Region, key: Region) -> Found:
    if scored.source != key.source:
        return Answer.NO, False, "different sources"
    if scored.positions is not None and key.positions is not None:
        shared = scored.positions & key.positions
        return (Answer.YES, False, "the same tokens") if shared else EARLIER
    if scored.start is None or scored.stop is None or key.start is None or key.stop is None:
        return Answer.MAYBE, False, "the place of the key's tokens is not known"
    if _somewhere(scored) or _somewhere(key):
        return UNTOLD
    facts = tuple(dict.fromkeys((*scored.facts, *key.facts)))
    behind, ahead = key.stop - scored.stop, key.start - scored.start
    beside = key.stop - key.start == scored.stop - scored.start or _one(scored)
    if ahead.is_constant and ahead.constant >= 0:
        return Answer.YES, False, "the key begins with the scored token"
    if behind.is_constant and behind.constant >= 0:
        return Answer.YES, _positive(scored.start - key.start, facts), "the key ends with the scored token"
    if beside and _positive(-behind, facts):
        return EARLIER
    if proves(scored.start - key.stop, facts):
        return EARLIER
    if ahead.is_constant and proves(ahead - behind, facts):
        return EARLIER  # it begins earlier and is not longer: element by element an earlier token
    if proves(key.start - scored.stop, facts):
        return Answer.YES, False, "the key holds tokens behind the scored ones"
    return UNTOLD


def _somewhere(region: Region) -> bool:
    """Whether it is a part of its interval that loops choose, and the interval itself depends on none."""
    assert region.start is not None and region.stop is not None
    return bool(region.turns) and not (region.start.iterations() or region.stop.iterations())


def _one(region: Region) -> bool:
    assert region.start is not None and region.stop is not None
    return region.stop - region.start == Expr(1)


def _positive(expr: Expr, facts: tuple[Expr, ...]) -> bool:
    return expr.constant > 0 if expr.is_constant else proves(expr - 1, facts)
