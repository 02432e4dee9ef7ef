"""Where a gain comes from, by the logs: the difference at every label that both folders print.

The claimed number is one of several that a run prints on its way (after training, quantised, with a sliding
window, with TTT); the same label on both sides tells how much of the gain was there before the last step.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean

from auditor.records.claim import claimed_lines, normal_label
from auditor.records.facts import FolderFacts
from auditor.records.log_model import MetricKind


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelGain:
    """One label on both sides: means in bits per byte, and the share of the claimed difference."""

    label: str
    old_bpb: float
    new_bpb: float
    share: float | None
    claimed: bool

    @property
    def difference_bpb(self) -> float:
        return self.new_bpb - self.old_bpb


def compare_gain(old: FolderFacts, new: FolderFacts) -> tuple[LabelGain, ...]:
    """The common labels in the order in which the new runs print them, the claimed one marked and last."""
    before, after = _means(old), _means(new)
    claims = [list(claimed_lines(facts.claim, facts.distinct).values()) for facts in (old, new)]
    total = None
    if all(claims):
        total = fmean(line.val_bpb for line in claims[1]) - fmean(line.val_bpb for line in claims[0])
    claimed = normal_label(claims[1][0].label) if claims[1] else ""
    found = []
    for label, value in after.items():
        if label in before and label != claimed:
            share = (value - before[label]) / total if total else None
            found.append(
                LabelGain(label=label, old_bpb=before[label], new_bpb=value, share=share, claimed=False)
            )
    if total is not None:
        ends = [fmean(line.val_bpb for line in side) for side in claims]
        found.append(LabelGain(label=claimed, old_bpb=ends[0], new_bpb=ends[1], share=1.0, claimed=True))
    return tuple(found)


def _means(facts: FolderFacts) -> dict[str, float]:
    """Label → mean over runs of its last value, in order of print; step and progress lines are left out."""
    values: dict[str, list[float]] = {}
    for run in facts.distinct:
        last: dict[str, float] = {}
        for line in run.metrics:
            if line.kind in (MetricKind.FINAL, MetricKind.DIAGNOSTIC) and line.bpb_decimals >= 4:
                label = normal_label(line.label)
                last.pop(label, None)
                last[label] = line.val_bpb
        for label, value in last.items():
            values.setdefault(label, []).append(value)
    return {label: fmean(found) for label, found in values.items()}
