"""What so many seeds can show, against samples that are drawn and tested one by one."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from auditor.stats.compare import compare, values_sample
from auditor.stats.plan import detectable, plan

STD = 0.0007


@pytest.mark.parametrize(
    "count, alpha, power", [(2, 0.25, 0.8), (3, 0.01, 0.5), (3, 0.01, 0.8), (8, 0.01, 0.8)]
)
def test_a_gain_of_that_size_is_shown_that_often(count: int, alpha: float, power: float) -> None:
    gain = detectable(STD, count, alpha, power=power)
    drawn = np.random.default_rng(7).normal(-gain, STD, (60_000, count))
    statistic = drawn.mean(1) / (drawn.std(1, ddof=1) / np.sqrt(count))
    central = np.random.default_rng(8).normal(0.0, STD, (200_000, count))
    limit = np.quantile(central.mean(1) / (central.std(1, ddof=1) / np.sqrt(count)), alpha)
    assert np.mean(statistic < limit) == pytest.approx(power, abs=0.02)


def test_the_policy_is_met_by_a_sample_that_gains_so_much() -> None:
    """A sample with exactly the assumed mean and spread, through the test that `pr` makes."""
    margin = 0.005 * 0.268339 / np.log(2.0)
    old = (1.0810, 1.0815, 1.0820)
    (row,) = plan(STD, margin=margin, old=old, counts=(3,))
    for gain, met in ((row.readme_sure, True), (0.9 * margin, False)):
        new = [1.0815 - gain + offset * STD for offset in (-1.0, 0.0, 1.0)]
        made = compare(values_sample("old", old), values_sample("new", new, 0.268339))
        assert made.policies[0].met is met


def test_more_seeds_show_smaller_gains_and_no_plan_goes_below_the_margin() -> None:
    rows = plan(STD, margin=0.002)
    assert [row.seeds for row in rows] == [2, 3, 5, 8]
    for fewer, more in itertools.pairwise(rows):
        assert fewer.readme_sure > more.readme_sure > more.readme > 0.002
        assert fewer.progression > more.progression > 0.0


@pytest.mark.parametrize("std, counts", [(0.0, (3,)), (-1.0, (3,)), (float("nan"), (3,)), (0.1, (1,))])
def test_what_is_no_spread_or_no_sample_is_refused(std: float, counts: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="a plan needs"):
        plan(std, margin=0.0, counts=counts)
