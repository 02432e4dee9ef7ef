"""One run's measurements against the limits, as rulings judge them.

Training is capped after the step that reaches the limit, so that one step more is no offence; a quantiser's
calibration counts as training; the stages of an evaluation add up. What the script prints and what was measured are
both said where they differ by more than a second, and the script's word alone decides nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from auditor.records.size_checks import CAP_BYTES
from auditor.records.time_checks import CALIBRATION_SLACK_S, LAST_STEP_S, LIMIT_S
from auditor.replay.full.file_table import FileKind, FileTable, file_table
from auditor.replay.full.findings import FullFinding, Weight
from auditor.replay.full.names import LOOKED_AT
from auditor.replay.full.phases import Phases, phases
from auditor.replay.full.read_backs import ReadBack
from auditor.replay.full.results import Result
from auditor.replay.full.run_trace import RunTrace
from auditor.replay.full.withdrawal import held_shards, late_training, network
from auditor.replay.runs.observations import Standing

TELLING_S: Final = 1.0
"""From which difference on two clocks are both told."""

STEP_SLACK: Final = 1.5
"""How much longer than the median step the last one may be; the script's own check comes after it."""

LONG_S: Final = LIMIT_S / 2
"""Of time that no limit counts. Of 127 merged logs the longest calibration takes 247 s; warm-up and compilation of a
record take one to three minutes."""

RATIO: Final = 2.5e-3
"""How far printed loss and bits per byte may imply other tokens per byte than the data have."""


def judge(trace: RunTrace, divided: Phases, table: FileTable) -> Iterator[FullFinding]:
    """Everything that a finished run's measurements show."""
    yield from _unseen(trace)
    yield from _clocks(divided)
    yield from _bytes(trace, table)
    yield from network(trace, divided.boundary)
    at = divided.boundary.at
    if at is None:
        yield from _without_boundary(trace, table)
        return
    late = list(late_training(trace, at))
    unsure = [other for other in divided.boundary.others if _otherwise(trace, divided, table, other)]
    if late and divided.boundary.others and any(o.number > at.number for o in divided.boundary.others):
        # A later file may be the artifact, and this one a checkpoint.
        unsure = unsure or list(divided.boundary.others)
    yield from late
    if not late:
        yield from held_shards(trace, at)
    for other in unsure[:1]:
        yield FullFinding(
            kind="boundary-unsure",
            weight=Weight.REVIEW,
            message=f"the evaluation was taken to begin with {at.path} ({divided.boundary.why}); had it begun with "
            f"{other.path}, opened at {other.seconds:.1f} s, the answer would be another: run the evaluation alone "
            "on the artifact, or name it with --artifact",
        )


def _otherwise(trace: RunTrace, divided: Phases, table: FileTable, other: ReadBack) -> bool:
    """Whether a limit would be judged otherwise had the evaluation begun with another read."""
    at = divided.boundary.at
    assert at is not None
    there = phases(trace, other)
    bad_here = bool(list(late_training(trace, at))) or table.total > CAP_BYTES or _over(divided)
    bad_there = (
        bool(list(late_training(trace, other))) or file_table(trace, other).total > CAP_BYTES or _over(there)
    )
    return bad_there and not bad_here


def _over(divided: Phases) -> bool:
    return any(one.weight is Weight.VIOLATION for one in _clocks(divided))


def _unseen(trace: RunTrace) -> Iterator[FullFinding]:
    seen = trace.seen
    if seen.opens is not Standing.ENFORCED:
        why = "; ".join(seen.why) or "no sandbox stood around the run"
        yield FullFinding(
            kind="only-observed",
            weight=Weight.REVIEW,
            message=f"files could be opened unseen, so that what was not found is not shown: {why}",
        )
    if seen.missed:
        yield FullFinding(
            kind="events-missed",
            weight=Weight.REVIEW,
            message=f"{seen.missed:,} opened files were not kept: it opened too many",
        )
    for fault in seen.faults:
        yield FullFinding(
            kind="observer-fault", weight=Weight.REVIEW, message=f"the observer failed: {fault}"
        )


def _bytes(trace: RunTrace, table: FileTable) -> Iterator[FullFinding]:
    if table.total > CAP_BYTES:
        counted = [row for row in table.rows if row.kind.counts]
        shown = ", ".join(f"{row.path} {row.size:,}" for row in counted[:4])
        yield FullFinding(
            kind="over-16-mb",
            weight=Weight.VIOLATION,
            message=f"{table.total:,} bytes are {table.total - CAP_BYTES:,} more than {CAP_BYTES:,}: {shown}",
        )
    if trace.in_names > LOOKED_AT:
        yield FullFinding(
            kind="data-in-names",
            weight=Weight.REVIEW,
            message=f"{trace.in_names:,} bytes stand in names, targets of links and attributes of files, which are "
            "read without being opened",
        )
    for row in table.rows:
        if row.kind is FileKind.FOREIGN:
            yield FullFinding(
                kind="foreign-file",
                weight=Weight.REVIEW,
                message=f"the evaluation opened {row.path} ({row.size:,} bytes), neither brought nor made by the run",
            )
    cached, unpacked = table.bytes_of(FileKind.CACHE), table.bytes_of(FileKind.UNPACKED)
    most = table.total + cached + unpacked
    if not table.total <= CAP_BYTES < most:
        return
    for kind, size, what in (
        ("cache-read", cached, "of compilers' caches from before it"),
        (
            "unpacked-read",
            unpacked,
            "of files that seem not to have changed since before the data were opened",
        ),
    ):
        if size:
            yield FullFinding(
                kind=kind,
                weight=Weight.REVIEW,
                message=f"the evaluation read {size:,} bytes {what}, which are not counted; with all such files it "
                f"were {most:,}. Run the evaluation alone (--evaluate-only) to show that it needs none of them",
            )


def _without_boundary(trace: RunTrace, table: FileTable) -> Iterator[FullFinding]:
    left = [row for row in table.rows if row.kind is FileKind.UNREAD and row.size]
    if not left:
        yield FullFinding(
            kind="no-artifact",
            weight=Weight.VIOLATION,
            message="the run made no file that could be its artifact",
        )
        return
    largest = max(left, key=lambda row: row.size)
    yield FullFinding(
        kind="evaluated-from-memory",
        weight=Weight.REVIEW,
        message=f"nothing that the run wrote was opened again after training (it left {largest.path}, "
        f"{largest.size:,} bytes): that the artifact suffices was not shown",
    )


def _clocks(divided: Phases) -> Iterator[FullFinding]:
    yield from _training(divided)
    yield from _evaluation(divided)
    yield from _unaccounted(divided)


def _unaccounted(divided: Phases) -> Iterator[FullFinding]:
    """Time that no limit counts, where it is long enough to train or evaluate in."""
    warm_s = divided.warm_up_s
    if warm_s is not None and warm_s > LONG_S:
        yield FullFinding(
            kind="long-warm-up",
            weight=Weight.REVIEW,
            message=f"{warm_s:.0f} s passed from the first read of a training shard to the zero of the script's clock",
        )
    packing = divided.named("quantisation and calibration")
    if packing is not None and packing.seconds > LONG_S:
        yield FullFinding(
            kind="long-packing",
            weight=Weight.REVIEW,
            message=f"{packing.seconds:.0f} s passed from the last step to the complete artifact",
        )
    before, evaluated_s = divided.named("before evaluation"), divided.evaluation_s
    if (
        before is not None
        and evaluated_s is not None
        and evaluated_s <= LIMIT_S < evaluated_s + before.seconds
    ):
        yield FullFinding(
            kind="late-re-opening",
            weight=Weight.REVIEW,
            message=f"the artifact was complete {before.seconds:.0f} s before it was opened again; from then to the "
            f"result {evaluated_s + before.seconds:.0f} s passed",
        )


def _training(divided: Phases) -> Iterator[FullFinding]:
    clock, seen_s = divided.clock, divided.training_s
    if seen_s is None:
        yield FullFinding(
            kind="training-unseen",
            weight=Weight.REVIEW,
            message="no training step was seen: no training shard was opened and no step was printed",
        )
        return
    spare_s = LAST_STEP_S
    if clock is not None and clock.step_s is not None:
        spare_s = min(LAST_STEP_S, STEP_SLACK * clock.step_s)
    stated_s = divided.stated_training_s
    if clock is not None and stated_s is not None and abs(seen_s - stated_s) > TELLING_S + clock.uncertain_s:
        over = seen_s - clock.uncertain_s > LIMIT_S + spare_s >= stated_s
        yield FullFinding(
            kind="clocks-differ",
            weight=Weight.REVIEW if over else Weight.NOTE,
            message=f"the script states {stated_s:.1f} s of training, {seen_s:.1f} s were seen without validation",
        )
        if over:
            return
    trained_s = seen_s if stated_s is None else stated_s
    if trained_s > LIMIT_S + spare_s:
        certain = clock is not None
        yield FullFinding(
            kind="training-over-600-s",
            weight=Weight.VIOLATION if certain else Weight.REVIEW,
            message=f"training took {trained_s:.2f} s, {trained_s - LIMIT_S:.2f} more than {LIMIT_S:.0f}"
            + ("" if certain else "; compilation is in it, since the script prints no clock"),
        )
    elif trained_s > LIMIT_S:
        yield FullFinding(
            kind="training-ended-in-a-step",
            weight=Weight.NOTE,
            message=f"training ended at {trained_s:.2f} s: the limit is checked after the step",
        )
    if trained_s > LIMIT_S + spare_s:
        return
    slack_s = LIMIT_S + max(CALIBRATION_SLACK_S, spare_s)
    if divided.calibration_s and trained_s + divided.calibration_s > slack_s:
        yield FullFinding(
            kind="calibration-over-600-s",
            weight=Weight.VIOLATION,
            message=f"{divided.calibration_s:.1f} s of calibration after {trained_s:.1f} s of training make "
            f"{trained_s + divided.calibration_s:.1f} s; calibration counts as training",
        )
    elif trained_s + divided.calibration_most_s > slack_s:
        yield FullFinding(
            kind="calibration-unclear",
            weight=Weight.REVIEW,
            message=f"training shards were read after {trained_s:.1f} s of training, and up to "
            f"{divided.calibration_most_s:.1f} s passed until the artifact was begun: how much of that was "
            "calibration, which counts as training, is not printed",
        )


def _evaluation(divided: Phases) -> Iterator[FullFinding]:
    seen_s, stated_s = divided.evaluation_s, divided.stated_evaluation_s
    if seen_s is None:
        return
    if stated_s is not None and abs(seen_s - stated_s) > TELLING_S:
        yield FullFinding(
            kind="clocks-differ",
            weight=Weight.NOTE,
            message=f"the script states {stated_s:.1f} s of evaluation, {seen_s:.1f} s passed from the artifact's "
            "re-opening to the result (loading and compilation in it)",
        )
    if seen_s <= LIMIT_S:
        return
    both = stated_s is None or stated_s > LIMIT_S
    yield FullFinding(
        kind="evaluation-over-600-s",
        weight=Weight.VIOLATION if both else Weight.REVIEW,
        message=f"evaluation took {seen_s:.2f} s, {seen_s - LIMIT_S:.2f} more than {LIMIT_S:.0f}"
        + (f"; its stages as printed add up to {stated_s:.1f} s" if stated_s is not None else ""),
    )


def printed_ratio(result: Result | None, tokens_per_byte: float | None) -> Iterator[FullFinding]:
    """Whether a printed pair fits the data: bits per byte are loss over ln 2 times tokens per byte."""
    if result is None:
        yield FullFinding(kind="no-result", weight=Weight.FAILED, message="no bits per byte were printed")
        return
    if tokens_per_byte is None or not result.val_loss or result.val_loss <= 0.0:
        return
    implied = result.val_bpb * math.log(2.0) / result.val_loss
    if abs(implied / tokens_per_byte - 1.0) > RATIO:
        yield FullFinding(
            kind="printed-numbers-do-not-fit",
            weight=Weight.VIOLATION,
            message=f"{result.text!r} implies {implied:.5f} tokens per byte; the validation split has "
            f"{tokens_per_byte:.5f}",
        )
