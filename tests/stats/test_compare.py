from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.report.stats_plot import comparison_svg
from auditor.report.stats_text import render_markdown, render_text
from auditor.stats import t_tests
from auditor.stats.compare import Sample, compare, values_sample
from auditor.stats.units import bpb_to_nats_per_token, nats_per_token_to_bpb, tokens_per_byte

SP8192 = 0.268339
# Scores that real pull requests print (per seed), as facts.
PR1493 = (1.0810, 1.0808, 1.08121)
FOUR_LOGS = (1.1935, 1.1927, 1.1921, 1.1929)


def test_one_sample_reproduces_the_published_p_value_of_pr77() -> None:
    test = t_tests.one_sample(FOUR_LOGS, 1.195)
    assert test is not None
    assert (round(test.t, 4), test.df, round(test.p, 10)) == (-7.6210, 3.0, 0.0023448557)


def test_welch_agrees_with_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    old, new = (1.0815, 1.0809, 1.0812, 1.0807), (1.0790, 1.0795, 1.0786)
    ours = t_tests.welch(old, new)
    theirs = stats.ttest_ind(new, old, equal_var=False, alternative="less")
    assert ours is not None
    assert (ours.t, ours.df, ours.p) == pytest.approx((theirs.statistic, theirs.df, theirs.pvalue))
    interval = t_tests.welch_interval(old, new)
    expected = stats.ttest_ind(new, old, equal_var=False).confidence_interval(0.95)
    assert interval is not None and (interval.low, interval.high) == pytest.approx(
        (expected.low, expected.high)
    )


def test_margin_shifts_the_old_mean() -> None:
    comparison = compare(
        values_sample("old", PR1493, SP8192), values_sample("new", (1.078, 1.0784, 1.0782), SP8192)
    )
    assert comparison.margin_bpb == pytest.approx(0.00194, abs=5e-6)
    shifted = t_tests.welch([value - 0.005 * SP8192 / math.log(2) for value in PR1493], comparison.new.values)
    assert comparison.welch_margin is not None and shifted is not None
    assert comparison.welch_margin.t == pytest.approx(shifted.t)


@pytest.mark.parametrize(
    ("per_byte", "bpb"), [(0.410521, 0.00296), (0.301236, 0.00217), (0.268339, 0.00194), (0.316735, 0.00228)]
)
def test_margin_in_bpb_for_each_tokenizer(per_byte: float, bpb: float) -> None:
    assert nats_per_token_to_bpb(0.005, per_byte) == pytest.approx(bpb, abs=5e-6)


@given(st.floats(-0.1, 0.1), st.floats(0.1, 1.1))
def test_units_round_trip(difference: float, per_byte: float) -> None:
    there = bpb_to_nats_per_token(difference, per_byte)
    assert nats_per_token_to_bpb(there, per_byte) == pytest.approx(difference, abs=1e-15)


def test_tokens_per_byte_of_a_printed_pair() -> None:
    assert tokens_per_byte(2.79676256, 1.08271394) == pytest.approx(SP8192, rel=1e-5)


def test_policies_differ_where_the_gain_is_small_but_steady() -> None:
    comparison = compare(
        values_sample("old", (1.0655, 1.0652, 1.0658), 0.316735),
        values_sample("new", (1.0645, 1.0648, 1.0642), 0.316735),
    )
    readme, progression = comparison.policies
    assert readme.met is False and "below the margin of 0.00228 bpb" in readme.because
    assert progression.met is True


def test_seeds_are_paired_and_repeats_are_warned_of() -> None:
    old = Sample(name="old", values=(1.10, 1.11, 1.12), seeds=(1, 2, 3))
    new = Sample(name="new", values=(1.09, 1.105, 1.106), seeds=(1, 2, 3))
    paired = compare(old, new).paired
    expected = t_tests.one_sample([-0.01, -0.005, -0.014], 0.0)
    assert paired is not None and expected is not None and paired.t == pytest.approx(expected.t)
    same = Sample(name="same", values=(1.09, 1.091, 1.092), seeds=(1337, 1337, 1337))
    comparison = compare(old, same)
    assert comparison.paired is None
    assert any("seed 1337 repeats" in warning for warning in comparison.warnings)


def test_single_values_give_no_test_and_no_number() -> None:
    comparison = compare(values_sample("old", (1.1,)), values_sample("new", (1.0,)))
    assert comparison.welch is None and comparison.one_sample is None
    assert comparison.power is None and comparison.interval is None
    assert [policy.met for policy in comparison.policies] == [None, None]


def test_power_names_the_seeds_that_would_settle_it() -> None:
    comparison = compare(
        values_sample("old", (1.1200, 1.1204, 1.1196, 1.1202), 0.41),
        values_sample("new", (1.1160, 1.1168, 1.1156), 0.41),
    )
    power = comparison.power
    assert comparison.welch_margin is not None and comparison.welch_margin.p > 0.01
    assert power is not None and power.more_seeds is not None and power.more_seeds > 0
    assert "more seed" in render_text(comparison)


def test_json_has_the_keys_of_the_design_and_markdown_names_units() -> None:
    comparison = compare(
        values_sample("old", PR1493, SP8192), values_sample("new", (1.0729, 1.0730, 1.0727), SP8192)
    )
    keys = {"schema", "old", "new", "welch", "welch_margin", "one_sample", "one_sample_margin", "paired"}
    keys |= {"difference", "interval", "power", "warnings", "policies"}
    value = json.loads(json.dumps(comparison.to_json()))
    assert keys <= value.keys()
    assert value["difference"]["nats_per_token"] == pytest.approx(
        value["difference"]["bpb"] * math.log(2) / SP8192
    )
    assert "nats per token" in render_markdown(comparison)


def test_plot_has_the_same_bytes_every_time() -> None:
    pytest.importorskip("matplotlib")
    comparison = compare(
        values_sample("old $x$", PR1493, SP8192), values_sample("new", (1.0729, 1.0730), SP8192)
    )
    first = comparison_svg(comparison)
    assert first == comparison_svg(comparison)
    assert first.startswith("<?xml") and "bits per byte" in first


def test_runs_of_one_seed_meet_no_policy_however_small_p_is() -> None:
    values = (1.0729, 1.0730, 1.0727)
    old = Sample(name="old", values=(1.0808, 1.0811, 1.0810), seeds=(1, 2, 3), tokens_per_byte=0.268)
    several = compare(old, Sample(name="new", values=values, seeds=(4, 5, 6), tokens_per_byte=0.268))
    assert [policy.met for policy in several.policies] == [True, True]
    one = compare(old, Sample(name="new", values=values, seeds=(4, 4, 4), tokens_per_byte=0.268))
    assert [policy.met for policy in one.policies] == [None, None] and one.welch == several.welch
    assert all("of seed 4" in policy.because for policy in one.policies)
    worse = compare(old, Sample(name="new", values=(1.09, 1.091), seeds=(4, 4), tokens_per_byte=0.268))
    assert [policy.met for policy in worse.policies] == [False, False]


def test_plot_names_pull_requests_by_number() -> None:
    old = Sample(
        name="main:records/t/2026-04-09_Old", values=(1.08, 1.081), seeds=(1, 2), tokens_per_byte=0.268
    )
    new = Sample(name="refs/pull/1812/head", values=(1.07, 1.071), seeds=(1, 2), tokens_per_byte=0.268)
    drawn = comparison_svg(compare(old, new))
    assert ">#1812<" in drawn and ">2026-04-09_Old<" in drawn and ">head<" not in drawn
