"""One-sample, Welch and paired t-tests, one-sided for "the new value is lower".

t belongs to new minus old, so it is negative when the new one is better; `shift` moves the old mean down by
the margin to be beaten. A test that cannot be made (one value, no spread) is None, never a number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, variance

from auditor.stats.student import critical_value, lower_tail


@dataclass(frozen=True, slots=True, kw_only=True)
class TTest:
    """A test's outcome: the statistic, its degrees of freedom, and the one-sided p-value."""

    t: float
    df: float
    p: float

    def to_json(self) -> dict[str, float]:
        return {"t": self.t, "df": self.df, "p": self.p}


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A two-sided confidence interval for new minus old, in bits per byte."""

    low: float
    high: float
    level: float

    def to_json(self) -> dict[str, float]:
        return {"low": self.low, "high": self.high, "level": self.level}


def from_statistic(t: float, df: float) -> TTest:
    """The test with a given statistic."""
    return TTest(t=t, df=df, p=lower_tail(t, df))


def one_sample(new: Sequence[float], reference: float) -> TTest | None:
    """Test whether the mean of `new` lies below a fixed number (Student 1908)."""
    if len(new) < 2:
        return None
    error = math.sqrt(variance(new) / len(new))
    return from_statistic((fmean(new) - reference) / error, len(new) - 1.0) if error > 0.0 else None


def welch(old: Sequence[float], new: Sequence[float], *, shift: float = 0.0) -> TTest | None:
    """Test whether the mean of `new` lies below that of `old` minus `shift`, variances unequal.

    Degrees of freedom by Welch (1947) and Satterthwaite (1946).
    """
    if len(old) < 2 or len(new) < 2:
        return None
    old_part, new_part = variance(old) / len(old), variance(new) / len(new)
    error = math.sqrt(old_part + new_part)
    if error == 0.0:
        return None
    df = (old_part + new_part) ** 2 / (old_part**2 / (len(old) - 1) + new_part**2 / (len(new) - 1))
    return from_statistic((fmean(new) - (fmean(old) - shift)) / error, df)


def paired(differences: Sequence[float], *, shift: float = 0.0) -> TTest | None:
    """Test whether differences new minus old of the same seeds lie below minus `shift`."""
    return one_sample(differences, -shift)


def welch_interval(old: Sequence[float], new: Sequence[float], level: float = 0.95) -> Interval | None:
    """The confidence interval that belongs to `welch`."""
    test = welch(old, new)
    if test is None or test.t == 0.0:
        return None
    difference = fmean(new) - fmean(old)
    half = critical_value((1.0 - level) / 2.0, test.df) * abs(difference / test.t)
    return Interval(low=difference - half, high=difference + half, level=level)


def sample_interval(values: Sequence[float], level: float = 0.95) -> Interval | None:
    """The confidence interval of a mean."""
    if len(values) < 2:
        return None
    half = critical_value((1.0 - level) / 2.0, len(values) - 1.0) * math.sqrt(variance(values) / len(values))
    return Interval(low=fmean(values) - half, high=fmean(values) + half, level=level)
