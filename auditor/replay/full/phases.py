"""The phases of a run as the rules mean them, from what was seen of it outside.

Launch, warm-up (imports, compilation), training from its first step, quantisation and calibration, the artifact
complete, the evaluation from the artifact's re-opening to its result. Training time is what the rules limit and what
a record's own clock states; imports and compilation before the first step are told apart and are not part of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from auditor.records.logs import parse_log
from auditor.records.time_checks import calibration_s
from auditor.replay.full.read_backs import LATE_S, Boundary, ReadBack, boundary
from auditor.replay.full.results import Result, results
from auditor.replay.full.run_trace import RunTrace
from auditor.replay.full.script_clock import ScriptClock, last_step_line_s, script_clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One phase.

    Attributes:
        began_s, ended_s: since the launch.
        how: what its edges are known by.
    """

    name: str
    began_s: float
    ended_s: float
    how: str

    @property
    def seconds(self) -> float:
        return self.ended_s - self.began_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Phases:
    """A run divided up.

    Attributes:
        all: in order of time.
        clock: the script's own, None where it prints none.
        boundary: where the evaluation began.
        training_s: by the parent's clock, validation within it left out; None where its start or end is not known.
        calibration_s: after the last step, as the log states it or as long as training shards were opened at least;
            counts as training.
        calibration_most_s: until the artifact was begun, where training shards were opened and nothing states it.
        evaluation_s: from the artifact's re-opening to the last result.
        stated_training_s, stated_evaluation_s: what the script prints of both; the stages of an evaluation added up.
        first_validation_s: first open of a validation shard in the evaluation; None where it was read before.
        warm_up_s: from the first read of a training shard to the zero of the script's clock; None without either.
    """

    all: tuple[Phase, ...]
    clock: ScriptClock | None
    boundary: Boundary
    training_s: float | None
    calibration_s: float
    calibration_most_s: float
    evaluation_s: float | None
    stated_training_s: float | None
    stated_evaluation_s: float | None
    first_validation_s: float | None
    warm_up_s: float | None = None

    def named(self, name: str) -> Phase | None:
        """A phase by its name."""
        return next((phase for phase in self.all if phase.name == name), None)


def phases(trace: RunTrace, began: ReadBack | None = None) -> Phases:
    """Divide a run.

    Args:
        began: the open with which its evaluation is taken to begin; chosen by `boundary` if not given.
    """
    edge = boundary(trace) if began is None else Boundary(at=began, why="given")
    clock = script_clock(trace.lines, [file.seconds for file in trace.training_reads()])
    first_s, how = _first_step(trace, clock, edge.at)
    last_s = _last_step(trace, clock, edge.at, first_s)
    printed = results(trace.lines)
    at = edge.at
    if at is not None and last_s is not None:
        # A line may be read here a moment after the file that followed it was opened.
        complete_s = _complete_s(trace, at)
        last_s = complete_s if complete_s < last_s < complete_s + LATE_S else min(last_s, at.seconds)
    found: list[Phase] = []
    if first_s is not None:
        found.append(Phase(name="start and warm-up", began_s=0.0, ended_s=first_s, how=how))
        if last_s is not None:
            found.append(
                Phase(
                    name="training",
                    began_s=first_s,
                    ended_s=last_s,
                    how="the last line of the training loop"
                    if clock is not None or last_step_line_s(trace.lines) is not None
                    else "the last read of a training shard",
                )
            )
    calibrated_s, most_s = _calibration_s(trace, last_s, at)
    if at is not None:
        complete_s = _complete_s(trace, at)
        start_s = last_s if last_s is not None else 0.0
        if complete_s >= start_s:
            found.append(
                Phase(
                    name="quantisation and calibration",
                    began_s=start_s,
                    ended_s=complete_s,
                    how=f"{at.path} was complete",
                )
            )
        found.append(
            Phase(
                name="before evaluation",
                began_s=max(complete_s, start_s),
                ended_s=at.seconds,
                how=f"{at.path} was opened again: {edge.why}",
            )
        )
        end_s = _result_s(printed, at, trace)
        found.append(Phase(name="evaluation", began_s=at.seconds, ended_s=end_s, how="the last result"))
        found.append(Phase(name="end", began_s=end_s, ended_s=trace.ended_s, how="the last process ended"))
    evaluation = next((phase for phase in found if phase.name == "evaluation"), None)
    return Phases(
        all=tuple(found),
        clock=clock,
        boundary=edge,
        training_s=_training_s(clock, first_s, last_s),
        calibration_s=calibrated_s,
        calibration_most_s=most_s,
        evaluation_s=evaluation.seconds if evaluation is not None else None,
        stated_training_s=clock.claimed_s if clock is not None else None,
        stated_evaluation_s=_stated_evaluation_s(printed, at),
        first_validation_s=_first_validation_s(trace, at),
        warm_up_s=_warm_up_s(trace, clock),
    )


def _first_step(trace: RunTrace, clock: ScriptClock | None, at: ReadBack | None) -> tuple[float | None, str]:
    """When the first training step began, and how that is known."""
    end_s = at.seconds if at is not None else trace.ended_s
    reads = [file.seconds for file in trace.training_reads() if file.seconds <= end_s]
    if clock is not None:
        before = [seconds for seconds in reads if seconds <= clock.began_s + 1.0]
        near = f", {clock.began_s - before[-1]:.1f} s after a training shard was opened" if before else ""
        return max(clock.began_s, 0.0), f"zero of the script's clock{near}"
    if reads:
        return reads[
            0
        ], "the first read of a training shard; the script prints no clock that tells warm-up apart"
    return None, ""


def _warm_up_s(trace: RunTrace, clock: ScriptClock | None) -> float | None:
    first = next(trace.training_reads(), None)
    return max(clock.began_s - first.seconds, 0.0) if clock is not None and first is not None else None


def _last_step(
    trace: RunTrace, clock: ScriptClock | None, at: ReadBack | None, first_s: float | None
) -> float | None:
    if clock is not None:
        return clock.ended_s
    printed_s = last_step_line_s(trace.lines)
    if printed_s is not None:
        return printed_s
    if at is not None:
        made_s = next((file.seconds for file in trace.seen.files if file.number == at.made), at.seconds)
        # Without lines of a loop all up to the artifact's first byte may have been training.
        return made_s
    reads = [file.seconds for file in trace.training_reads()]
    return reads[-1] if reads and first_s is not None else None


def _training_s(clock: ScriptClock | None, first_s: float | None, last_s: float | None) -> float | None:
    if clock is not None:
        return clock.seen_s
    return last_s - first_s if first_s is not None and last_s is not None else None


def _calibration_s(trace: RunTrace, last_s: float | None, at: ReadBack | None) -> tuple[float, float]:
    """Seconds of calibration after the last step, at least and at most.

    Between the last step and the artifact a script may also evaluate, quantise and compress, which is no calibration.
    """
    stated = calibration_s(parse_log("log", "\n".join(line.text for line in trace.lines)))
    if last_s is None or at is None:
        return (stated[0], stated[0]) if stated is not None else (0.0, 0.0)
    reads = [
        f.seconds for f in trace.training_reads() if f.seconds > last_s + LATE_S and f.number < at.number
    ]
    least = reads[-1] - reads[0] if reads else 0.0
    if stated is not None:
        least = max(least, stated[0])
        return least, least
    begun_s = next((file.seconds for file in trace.seen.files if file.number == at.made), at.seconds)
    return least, max(begun_s - reads[0], least) if reads else least


def _complete_s(trace: RunTrace, at: ReadBack) -> float:
    """When the artifact last changed before it was read; its last open for writing where that was not seen."""
    opened_s = next((file.seconds for file in trace.seen.files if file.number == at.written), at.seconds)
    changed_s = trace.changed.get(at.key, opened_s) if isinstance(at.key, tuple) else opened_s
    return changed_s if opened_s <= changed_s <= at.seconds else max(opened_s, min(changed_s, at.seconds))


def _result_s(printed: list[Result], at: ReadBack, trace: RunTrace) -> float:
    after = [result.seconds for result in printed if result.seconds >= at.seconds]
    return after[-1] if after else trace.ended_s


def _stated_evaluation_s(printed: list[Result], at: ReadBack | None) -> float | None:
    """Time that the results of the evaluation state, put together; None where none is stated.

    A stage lasted until its line came. Where two lines speak of one stage, or one of a part of another, the time that
    they share counts once.
    """
    stages = sorted(
        (result.seconds - result.eval_s, result.seconds)
        for result in printed
        if result.eval_s is not None and result.final and (at is None or result.seconds >= at.seconds)
    )
    if not stages:
        return None
    total, reached = 0.0, stages[0][0]
    for began_s, ended_s in stages:
        total += max(ended_s - max(began_s, reached), 0.0)
        reached = max(reached, ended_s)
    return total


def _first_validation_s(trace: RunTrace, at: ReadBack | None) -> float | None:
    if at is None:
        return None
    return next(
        (f.seconds for f in trace.seen.files if trace.is_validation(f) and f.number > at.number), None
    )
