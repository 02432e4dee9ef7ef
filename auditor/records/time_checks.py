"""Training, calibration and evaluation time against the limits of the record track."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.records.facts import FolderFacts
from auditor.records.findings import RecordFinding, Severity, finding
from auditor.records.log_model import MetricLine, Run

LIMIT_S = 600.0
"""Training and evaluation each, on 8×H100 (the challenge's README)."""
LAST_STEP_S = 1.5
"""The cap is checked after a step, so the last step runs over it; 47 % of 8-GPU logs end within 0.5 s."""
CALIBRATION_SLACK_S = 0.5


def check_times(facts: FolderFacts) -> Iterator[RecordFinding]:
    """Yield what runs over a limit; non-record tracks have none."""
    if not facts.is_record:
        return
    claimed = {line.path: line for line in facts.claim.lines}
    for run in facts.distinct:
        if run.world_size is not None and run.world_size.value != 8:
            continue
        severity = _severity(run, facts)
        yield from _training(run, severity)
        evaluated = evaluation_s(run, claimed.get(run.path))
        if evaluated is not None and evaluated[0] > LIMIT_S:
            seconds, number = evaluated
            yield finding(
                "eval_over_600s",
                f"{run.path}:{number}",
                f"evaluation took {seconds:.1f} s, over 600 s",
                severity,
            )


def _severity(run: Run, facts: FolderFacts) -> Severity | None:
    """The code's own for a claimed run on 8 GPUs; every trainer for these prints its world size."""
    if not facts.speaks_for_claim(run):
        return Severity.INFO
    return None if run.world_size is not None else Severity.WARN


def training_s(run: Run) -> tuple[float, int] | None:
    """Training time in seconds and the line that states it."""
    if run.train_time_ms is None:
        return None
    return run.train_time_ms.value / 1000.0, run.train_time_ms.line


def evaluation_s(run: Run, line: MetricLine | None) -> tuple[float, int] | None:
    """Evaluation time in seconds and the line that states it: the sum, else that of the metric line.

    An exact line often prints no time and follows its rounded twin, which does.
    """
    if run.total_eval_s is not None:
        return run.total_eval_s.value, run.total_eval_s.line
    if line is None:
        return None
    twins = [
        other
        for other in run.metrics
        if other.eval_time_ms is not None
        and abs(other.val_bpb - line.val_bpb) <= 10.0 ** -min(other.bpb_decimals, line.bpb_decimals)
    ]
    nearest = min(twins, key=lambda other: abs(other.line - line.line), default=None)
    if nearest is None or nearest.eval_time_ms is None:
        return None
    return nearest.eval_time_ms / 1000.0, nearest.line


def calibration_s(run: Run) -> tuple[float, int] | None:
    """The longest chain of calibration times the log prints after training, in seconds, and its last line."""
    after = [c for c in run.calibrations if c.seconds is not None]
    if not after:
        return None
    return sum(c.seconds or 0.0 for c in after), after[-1].line


def _training(run: Run, severity: Severity | None) -> Iterator[RecordFinding]:
    trained = training_s(run)
    if trained is None:
        return
    seconds, line = trained
    if seconds > LIMIT_S + LAST_STEP_S:
        yield finding(
            "train_over_600s", f"{run.path}:{line}", f"training took {seconds:.3f} s, over 600 s", severity
        )
    elif seconds > LIMIT_S:
        yield finding(
            "train_just_over_600s",
            f"{run.path}:{line}",
            f"training ended at {seconds:.3f} s: the cap is checked after the step",
            Severity.INFO,
        )
    calibrated = calibration_s(run)
    if calibrated is not None and seconds + calibrated[0] > LIMIT_S + CALIBRATION_SLACK_S:
        data = sorted({c.data for c in run.calibrations})
        yield finding(
            "gptq_after_600s",
            f"{run.path}:{calibrated[1]}",
            f"quantiser calibration of {calibrated[0]:.1f} s after {seconds:.1f} s of training makes "
            f"{seconds + calibrated[0]:.1f} s; it counts to training time (data: {', '.join(data)})",
            severity,
        )
