"""Which tokens of a validation split a reported number is made of, counted out in a split of known length.

Every turn of every loop is gone through and its interval marked. What is left unmarked has no score. This is exact
where every symbol of a region has a value in such a split; where one has none (a size that is not known, an index
computed from content) nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditor.solver.expressions import Expr
from auditor.trace.loop_turns import BUCKET, NoValue, Split, Turns, bounds, is_dealt
from auditor.trace.region import Region

if TYPE_CHECKING:
    from auditor.trace.loop_turns import Numbers

TAIL = 4_096
"""Tokens at the end that a last window that is not full may leave out, as the challenge's own evaluation does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What the scores of a number reach.

    Attributes:
        share: of the targets of the split (all tokens but the first) that have a score.
        unscored: how many have none, those of a last window that is not full left out.
        first_tokens: how many of these are the first token of a document.
        documents: of the split.
        exact: whether nothing had to be taken at its largest: a list that was filtered, a length that is not known, a
            condition that was not followed. Then tokens without a score have none, and of the others some may have.
        unknown: why it could not be counted out, or "".
        checked: whether the script itself ends with an error unless each token has just one score.
        counted: how often the bytes of a token are counted for each time that it is scored; 1 where that is not known.
    """

    share: float = 1.0
    unscored: int = 0
    first_tokens: int = 0
    documents: int = 0
    exact: bool = True
    unknown: str = ""
    counted: float = 1.0
    checked: bool = False


def covered(regions: Iterable[Region], split: Split) -> Coverage:
    """Count out which targets the regions reach."""
    import numpy as np

    regions = list(regions)
    if not regions:
        return Coverage(unknown="no scores are known to be in the number")
    begins: list[Numbers] = []
    ends: list[Numbers] = []
    exact = True
    taken = 1.0
    try:
        taken = _taken(regions, split)
        for region in regions:
            for start, stop, certain in bounds(region, split):
                exact = exact and certain
                keep = stop > start
                begins.append(np.clip(start[keep], 0, split.tokens))
                ends.append(np.clip(stop[keep], 0, split.tokens))
    except NoValue as why:
        return Coverage(unknown=str(why))
    first, last = np.concatenate(begins), np.concatenate(ends)
    longest = int((last - first).max(initial=0))
    marked = np.bincount(first, minlength=split.tokens + 1) - np.bincount(last, minlength=split.tokens + 1)
    missing = np.cumsum(marked[:-1]) == 0
    missing[0] = False  # the first token has no context: nobody scores it
    end = split.tokens - int(np.argmin(missing[::-1])) if missing.any() else split.tokens
    share = (1.0 - float(missing.sum()) / (split.tokens - 1)) * taken
    if split.tokens - end < max(longest, TAIL):
        missing[end:] = False
    return Coverage(
        share=share,
        unscored=int(missing.sum()) + round((1.0 - taken) * int((~missing).sum())),
        first_tokens=int(missing[split.starts].sum()),
        documents=len(split.starts),
        exact=exact,
    )


def _taken(regions: Iterable[Region], split: Split) -> float:
    """The share of each list that is taken, where elements were dealt to several lists; 1 without such lists."""
    import numpy as np

    seen: dict[tuple[object, object], Numbers] = {}
    for region in regions:
        exprs = [expr for expr in (region.start, region.stop) if expr is not None]
        for symbol in dict.fromkeys(
            symbol for expr in exprs for symbol in expr.symbols() if is_dealt(symbol)
        ):
            *_, index, key = (part for part in symbol.args[1:] if isinstance(part, Expr))
            turns = Turns(split, 0, (), assumed=BUCKET)
            turns.bind(index)
            places = np.clip(turns.value(index), 0, BUCKET)
            one = seen.setdefault((symbol.args[0], key), np.zeros(BUCKET + 1, dtype=np.int64))
            np.maximum(one, np.bincount(places, minlength=BUCKET + 1) > 0, out=one)
    shares = {name: float(one[:BUCKET].mean()) for name, one in seen.items()}
    families = {family for family, _ in shares}
    for family in families:
        own = [share for (of, _), share in shares.items() if of == family]
        if max(own) - min(own) > 1.0 / BUCKET:
            raise NoValue("of some of its lists other parts are taken than of the rest")
    return min(shares.values(), default=1.0)
