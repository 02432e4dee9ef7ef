"""What the logs of a claim prove about the bytes that its number was divided by.

The checks of `byte_checks` say what is wrong; this says what is right: an independent witness where the code of
a denominator could not be followed.
"""

from __future__ import annotations

from dataclasses import dataclass

from auditor.records.facts import FolderFacts
from auditor.records.implied_bytes import LEGACY, imply
from auditor.records.log_model import MetricLine, Run

MIN_DECIMALS = 4
"""Of bits per byte: four are good for 5e-5, well below the deviations that matter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteEvidence:
    """The claimed lines of all runs, measured.

    Attributes:
        runs: how many logs were measured.
        deviation: the largest, relative to the validation split's bytes; positive means too many bytes.
        limit: up to which a deviation proves the denominator right.
        tokens_printed: whether every log prints how many validation tokens it scores; without them only the
            ratio of tokens to bytes was compared, which another tokenizer or another text changes as well.
    """

    runs: int
    deviation: float
    limit: float
    tokens_printed: bool

    @property
    def proves(self) -> bool:
        return abs(self.deviation) <= self.limit


def byte_evidence(facts: FolderFacts) -> ByteEvidence | None:
    """The evidence of the logs, or None where a claimed line has no pair of loss and bits per byte."""
    lines = claimed_pairs(facts)
    if not lines:
        return None
    deviations: list[float] = []
    limits: list[float] = []
    printed = True
    for run in facts.distinct:
        line = lines.get(run.path)
        implied = imply(run, line) if line is not None else None
        if line is None:
            continue
        if implied is None:
            return None
        legacy = implied.family == LEGACY.name
        deviations.append(implied.deviation)
        limits.append(implied.fail_limit if legacy else implied.pass_limit)
        printed = printed and run.val_tokens is not None
    if not deviations:
        return None
    worst = max(deviations, key=abs)
    return ByteEvidence(runs=len(deviations), deviation=worst, limit=min(limits), tokens_printed=printed)


def claimed_pairs(facts: FolderFacts) -> dict[str, MetricLine]:
    """The claimed line of each run, by its path; empty if one of them prints no loss beside its bits per byte."""
    found: dict[str, MetricLine] = {}
    for claimed in facts.claim.lines:
        run = next((run for run in facts.distinct if run.path == claimed.path), None)
        line = None if run is None else _with_loss(claimed, run)
        if line is None:
            return {}
        found[line.path] = line
    return found


def _with_loss(claimed: MetricLine, run: Run) -> MetricLine | None:
    """The claimed line, or another line that prints the same number with its loss."""
    step = 0.6 * 10.0**-MIN_DECIMALS
    for line in (claimed, *reversed(run.metrics)):
        same = abs(line.val_bpb - claimed.val_bpb) <= step
        if same and line.val_loss is not None and line.bpb_decimals >= MIN_DECIMALS:
            return line
    return None
