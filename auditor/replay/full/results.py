"""The results that a run prints, and which of them it claims."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from auditor.records.log_lines import clean, read_metrics
from auditor.records.log_model import MetricKind
from auditor.replay.full.run_trace import Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One printed score.

    Attributes:
        seconds: when its line came.
        text: the line.
        decimals: digits after the point of the bits per byte.
        eval_s: seconds that the line states.
        final: whether it reads as a result of the run and not of a step, a diagnosis or progress.
    """

    seconds: float
    text: str
    label: str
    val_bpb: float
    decimals: int
    val_loss: float | None
    eval_s: float | None
    final: bool


def results(lines: Sequence[Line]) -> list[Result]:
    """Every score that the lines state."""
    found = []
    for number, line in enumerate(lines, 1):
        text = clean(line.text)
        if "bpb" not in text.lower():
            continue
        for metric in read_metrics(text, "log", number):
            found.append(
                Result(
                    seconds=line.seconds,
                    text=text[:200],
                    label=metric.label,
                    val_bpb=metric.val_bpb,
                    decimals=metric.bpb_decimals,
                    val_loss=metric.val_loss,
                    eval_s=metric.eval_time_ms / 1000.0 if metric.eval_time_ms is not None else None,
                    final=metric.kind is MetricKind.FINAL,
                )
            )
    return found


def claimed_result(lines: Sequence[Line], label: str = "") -> Result | None:
    """The last score under the claimed label; without one the last that reads as a result, else the last.

    Of lines that state the same score the one with most digits.
    """
    found = results(lines)
    named = [result for result in found if label and result.label == label]
    final = named or [result for result in found if result.final] or found
    if not final:
        return None
    last = final[-1]
    same = [
        result
        for result in (found if named else final)
        if abs(result.val_bpb - last.val_bpb) <= 0.5001 * 10.0 ** -min(result.decimals, last.decimals)
    ]
    return max(same, key=lambda result: (result.decimals, result.seconds))
