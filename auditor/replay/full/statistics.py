"""What the seeds together show: mean and interval, against the frontier, and whether a claim was reproduced."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import variance
from typing import Final

from auditor.records.log_lines import clean
from auditor.records.logs import parse_log
from auditor.replay.full.findings import FullFinding, Weight
from auditor.replay.full.seed_run import SeedRun
from auditor.stats.compare import MAX_SEEDS_SUGGESTED, Comparison, Sample, compare
from auditor.stats.student import critical_value
from auditor.stats.t_tests import Interval, one_sample, sample_interval, welch_interval
from auditor.stats.units import RECORD_MARGIN_NATS, nats_per_token_to_bpb, tokens_per_byte

MARGIN_BPB: Final = 0.003
"""Where tokens per byte are not known: 0.005 nats a token are 0.0030 bits a byte at 1,024 pieces."""


class Reproduced(Enum):
    """Whether a claim was reproduced."""

    YES = "reproduced"
    """The interval of the difference lies within the margin on both sides."""

    BETTER = "better than claimed"
    NO = "not reproduced"
    """The runs are worse than the claim, and its interval says that this is not chance."""

    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """A claim against the runs.

    Attributes:
        difference_bpb: runs minus claim.
        interval: of that difference, None where there is too little to make one.
        margin_bpb: the record margin in bits per byte.
        more_seeds: how many more would narrow the interval to the margin, None beyond 30 or where unknown.
    """

    claim: Sample
    answer: Reproduced
    difference_bpb: float
    interval: Interval | None
    margin_bpb: float
    more_seeds: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """All tests of a set of seeds.

    Attributes:
        sample: of the runs that came to a result.
        interval: of their mean.
        frontier: against the record to be beaten, None without one.
        reproduction: of the claim, None without one.
    """

    sample: Sample
    interval: Interval | None
    frontier: Comparison | None
    reproduction: Reproduction | None


def statistics_of(
    runs: Sequence[SeedRun], *, name: str, claim: Sample | None, frontier: Sample | None
) -> Statistics | None:
    """Every test that the runs allow; None if none came to a result."""
    done = [(run.seed, run.result) for run in runs if run.finished and run.result is not None]
    values = [(seed, result) for seed, result in done if result is not None and math.isfinite(result.val_bpb)]
    if not values:
        return None
    ratios = [tokens_per_byte(r.val_loss, r.val_bpb) for _, r in values if r.val_loss and r.val_loss > 0.0]
    sample = Sample(
        name=name,
        values=tuple(result.val_bpb for _, result in values),
        seeds=tuple(seed for seed, _ in values),
        tokens_per_byte=sum(ratios) / len(ratios) if ratios else None,
    )
    return Statistics(
        sample=sample,
        interval=sample_interval(sample.values),
        frontier=compare(frontier, sample) if frontier is not None else None,
        reproduction=reproduction(sample, claim) if claim is not None else None,
    )


def reproduction(sample: Sample, claim: Sample) -> Reproduction:
    """Hold the runs against a claim: equivalence within the record margin by the 95 % interval (Schuirmann 1987)."""
    ratio = sample.tokens_per_byte or claim.tokens_per_byte
    margin = nats_per_token_to_bpb(RECORD_MARGIN_NATS, ratio) if ratio else MARGIN_BPB
    difference = sample.mean - claim.mean
    interval = welch_interval(claim.values, sample.values)
    if interval is None and one_sample(sample.values, claim.mean) is not None:
        mine = sample_interval(sample.values)
        interval = (
            Interval(low=mine.low - claim.mean, high=mine.high - claim.mean, level=0.95) if mine else None
        )
    answer = Reproduced.UNDECIDED
    if interval is not None:
        if -margin < interval.low and interval.high < margin:
            answer = Reproduced.YES
        elif interval.low > 0.0:
            answer = Reproduced.NO
        elif interval.high < 0.0:
            answer = Reproduced.BETTER
    return Reproduction(
        claim=claim,
        answer=answer,
        difference_bpb=difference,
        interval=interval,
        margin_bpb=margin,
        more_seeds=_more_seeds(sample, claim, margin) if answer is Reproduced.UNDECIDED else None,
    )


def _more_seeds(sample: Sample, claim: Sample, margin: float) -> int | None:
    """Seeds beyond those there are at which the half-width is expected within what the difference leaves."""
    if len(sample.values) < 2:
        return None
    room = margin - abs(sample.mean - claim.mean)
    mine = variance(sample.values)
    theirs = variance(claim.values) / len(claim.values) if len(claim.values) > 1 else 0.0
    for count in range(len(sample.values) + 1, MAX_SEEDS_SUGGESTED + 1):
        half = critical_value(0.025, count - 1.0) * math.sqrt(mine / count + theirs)
        if half < room:
            return count - len(sample.values)
    return None


def seed_findings(runs: Sequence[SeedRun], found: Statistics | None) -> Iterator[FullFinding]:
    """What only the seeds together show."""
    done = [run for run in runs if run.finished and run.result is not None]
    for at, run in enumerate(done):
        alike = [other.seed for other in done[at + 1 :] if _same(run, other)]
        if alike:
            yield FullFinding(
                kind="seeds-equal",
                weight=Weight.REVIEW,
                message=f"seeds {run.seed} and {', '.join(map(str, alike))} print the same losses to the last digit: "
                "the seed changes nothing, so these runs are no sample",
            )
            break
    for run in done:
        printed = parse_log("log", "\n".join(clean(line.text) for line in run.ended.trace.lines)).seed
        if printed is not None and printed.value != run.seed:
            yield FullFinding(
                kind="seed-not-used",
                weight=Weight.REVIEW,
                message=f"it was given seed {run.seed} and prints seed {printed.value}",
                seed=run.seed,
            )
    if found is not None and found.reproduction is not None:
        told = found.reproduction
        if told.answer is Reproduced.NO:
            yield FullFinding(
                kind="claim-not-reproduced",
                weight=Weight.REVIEW,
                message=f"mean {found.sample.mean:.5f} bpb, {told.difference_bpb:.5f} above the claimed "
                f"{told.claim.mean:.5f}",
            )


def _same(one: SeedRun, other: SeedRun) -> bool:
    assert one.result is not None and other.result is not None
    exact = one.result.val_bpb == other.result.val_bpb and one.result.val_loss == other.result.val_loss
    return exact and one.result.decimals >= 4
