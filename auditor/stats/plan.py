"""Before the runs: what gain so many seeds can show, at each policy's level.

The power of a t-test is that of the non-central t distribution (exact for one sample; with Welch's and Satterthwaite's
degrees of freedom for two). The shifted t of `compare` is too kind to two or three seeds, where the spread itself is
hardly known.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import variance

from auditor.stats.compare import PROGRESSION_ALPHA, README_ALPHA
from auditor.stats.student import critical_value, noncentrality

SEED_STD_BPB = 0.00068
"""Standard deviation over seeds, in bits per byte: the median of the 33 folders with three seeds or more that stand in
the challenge's record track (they lie between 0.0002 and 0.0019)."""

COUNTS = (2, 3, 5, 8)
EVEN, SURE = 0.5, 0.8
"""Powers that are told: shown by half of such samples, and by four in five."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRow:
    """What `seeds` runs can show, true gains in bits per byte.

    Attributes:
        readme: at which half of the samples reach p < 0.01 beyond the margin.
        readme_sure: at which four in five do.
        progression: at which four in five reach p < 0.25 without a margin.
    """

    seeds: int
    readme: float
    readme_sure: float
    progression: float

    def to_json(self) -> dict[str, float]:
        return {
            "seeds": self.seeds,
            "readme": self.readme,
            "readme_sure": self.readme_sure,
            "progression": self.progression,
        }


def plan(
    std: float, *, margin: float, old: Sequence[float] = (), counts: Sequence[int] = COUNTS
) -> tuple[PlanRow, ...]:
    """The gains that these numbers of seeds can show.

    Args:
        std: over the new entry's seeds, in bits per byte.
        margin: what the README asks beyond significance, in bits per byte.
        old: scores of the record to beat; fewer than two are taken as a number without spread.

    Raises:
        ValueError: a standard deviation that is not positive, or fewer than two seeds.
    """
    if not std > 0.0 or min(counts) < 2:
        raise ValueError("a plan needs a positive standard deviation and two seeds at least")
    return tuple(
        PlanRow(
            seeds=count,
            readme=margin + detectable(std, count, README_ALPHA, power=EVEN, old=old),
            readme_sure=margin + detectable(std, count, README_ALPHA, power=SURE, old=old),
            progression=detectable(std, count, PROGRESSION_ALPHA, power=SURE, old=old),
        )
        for count in counts
    )


def detectable(std: float, count: int, alpha: float, *, power: float, old: Sequence[float] = ()) -> float:
    """The true difference at which this share of samples of `count` runs reaches one-sided p < `alpha`."""
    new_part = std**2 / count
    old_part = variance(old) / len(old) if len(old) > 1 else 0.0
    degrees = new_part**2 / (count - 1) + (old_part**2 / (len(old) - 1) if old_part else 0.0)
    df = (new_part + old_part) ** 2 / degrees
    return noncentrality(critical_value(alpha, df), df, power=power) * math.sqrt(new_part + old_part)
