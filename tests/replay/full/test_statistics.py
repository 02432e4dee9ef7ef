"""Seeds together: a claim that is reproduced, not, or undecided; equal seeds; the seed that was not used."""

from __future__ import annotations

import pytest

from auditor.replay.full.ended import Ended
from auditor.replay.full.seed_run import SeedRun, seed_run
from auditor.replay.full.statistics import Reproduced, reproduction, seed_findings, statistics_of
from auditor.stats.compare import Sample, values_sample
from tests.replay.full.stories import Story, legal

SP1024 = 0.410521


def of(values: tuple[float, ...], name: str = "x") -> Sample:
    return values_sample(name, values, SP1024)


def run(seed: int, bpb: float, *, says: str = "") -> SeedRun:
    story = legal()
    story.lines = [line for line in story.lines if "val_bpb:1.22" not in line.text or "step:" in line.text]
    if says:
        story.lines.insert(0, Story().says(0.5, says).lines[0])
    story.says(811.0, f"final val_loss:{bpb / SP1024 * 0.6931471805599453:.8f} val_bpb:{bpb:.8f}")
    ended = Ended(trace=story.trace(), code=0, reason="", culprit=None, last_lines=(), slow=None)
    return seed_run(seed, ended, tokens_per_byte=SP1024)


CLAIMS = {
    # Margin 0.005 * 0.410521 / ln 2 = 0.00296 bpb.
    "the same": ((1.2270, 1.2275, 1.2280), (1.2272, 1.2276, 1.2279), Reproduced.YES),
    "worse": ((1.2270, 1.2275, 1.2280), (1.2370, 1.2375, 1.2380), Reproduced.NO),
    "better": ((1.2270, 1.2275, 1.2280), (1.2170, 1.2175, 1.2180), Reproduced.BETTER),
    "too much spread": ((1.2270, 1.2275, 1.2280), (1.2230, 1.2275, 1.2320), Reproduced.UNDECIDED),
    "one seed": ((1.2275,), (1.2275,), Reproduced.UNDECIDED),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_a_claim_is_reproduced_where_the_difference_lies_within_the_margin(name: str) -> None:
    claimed, measured, expected = CLAIMS[name]
    found = reproduction(of(measured), of(claimed))
    assert found.answer is expected
    assert found.margin_bpb == pytest.approx(0.0029613, abs=1e-6)


def test_a_claim_of_one_number_is_tested_against_that_number() -> None:
    """Interval of three values around their mean: t(0.975, 2) = 4.302653 times sd 0.0001 over sqrt 3."""
    found = reproduction(of((1.2274, 1.2275, 1.2276)), of((1.2270,)))
    assert found.interval is not None
    half = 4.302652729911275 * 0.0001 / 3**0.5
    assert found.interval.low == pytest.approx(0.0005 - half, abs=1e-9)
    # All of it above zero, and all of it within the margin of 0.00296.
    assert found.answer is Reproduced.YES


def test_more_seeds_that_would_settle_it_are_those_at_which_the_interval_fits() -> None:
    """sd 0.0045 on three: with n in all the half-width is t(0.975, n - 1) * sqrt(0.0045² / n)."""
    found = reproduction(of((1.2230, 1.2275, 1.2320)), of((1.2275,)))
    assert found.more_seeds is not None
    from scipy.stats import t

    def half(count: int) -> float:
        return float(t.ppf(0.975, count - 1)) * 0.0045 / count**0.5

    count = 3 + found.more_seeds
    assert half(count) < found.margin_bpb <= half(count - 1)


def test_seeds_are_a_sample_with_its_interval() -> None:
    found = statistics_of([run(1, 1.2270), run(2, 1.2280)], name="x", claim=None, frontier=of((1.24, 1.241)))
    assert found is not None and found.frontier is not None
    assert found.sample.mean == pytest.approx(1.2275) and found.sample.seeds == (1, 2)
    assert found.sample.tokens_per_byte == pytest.approx(SP1024, rel=1e-6)
    assert found.frontier.difference_bpb == pytest.approx(1.2275 - 1.2405)


def test_equal_losses_of_two_seeds_are_told() -> None:
    runs = [run(1, 1.2270), run(2, 1.2280), run(3, 1.2270)]
    assert [one.kind for one in seed_findings(runs, None)] == ["seeds-equal"]
    assert list(seed_findings(runs[:2], None)) == []


def test_a_seed_that_was_not_used_is_told() -> None:
    assert [one.kind for one in seed_findings([run(42, 1.2, says="seed: 1337")], None)] == ["seed-not-used"]
    assert list(seed_findings([run(1337, 1.2, says="seed: 1337")], None)) == []


def test_a_run_that_failed_is_no_value() -> None:
    ended = Ended(trace=legal().trace(), code=1, reason="", culprit=0, last_lines=("x",), slow=None)
    assert (
        statistics_of([seed_run(1, ended, tokens_per_byte=None)], name="x", claim=None, frontier=None) is None
    )
