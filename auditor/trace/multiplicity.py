"""How often the turns of loops come back to the same tokens, gone through in a split of known length."""

from __future__ import annotations

from collections.abc import Iterable

from auditor.trace.loop_turns import NoValue, Split, bounds
from auditor.trace.region import Region


def times(regions: Iterable[Region], split: Split) -> float | None:
    """How often a token of a region is met on average in all its turns: the most over the regions.

    None where a region has no value in such a split, or depends on a condition that was not followed.
    """
    import numpy as np

    found: list[float] = []
    try:
        for region in regions:
            cases = list(bounds(region, split))
            if len(cases) > 1:
                return None
            ((start, stop, _),) = cases
            keep = stop > start
            first = np.clip(start[keep], 0, split.tokens)
            last = np.clip(stop[keep], 0, split.tokens)
            ends = np.bincount(last, minlength=split.tokens + 1)
            open_at = np.cumsum((np.bincount(first, minlength=split.tokens + 1) - ends)[:-1])
            met = int((open_at > 0).sum())
            if met:
                found.append(float((last - first).sum()) / met)
    except NoValue:
        return None
    return max(found, default=None)
