"""Bytes and seconds against the limits, as far as something real tells them: shipped code, a log, a stated number.

Nothing is guessed from the size of a model. What no log and no statement tells is unknown, with what would tell it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from auditor.judgement.settings import NO_LIMITS, Limits
from auditor.records.claim import find_claim
from auditor.records.facts import FolderFacts
from auditor.records.log_model import Run
from auditor.records.size_checks import CAP_BYTES, final_model
from auditor.records.time_checks import LIMIT_S, calibration_s, evaluation_s, training_s
from auditor.trace.trace import Trace

MODEL_SPREAD = 0.008
"""Of compressed models over the seeds of one entry, largest minus smallest by their mean: nine in ten of the 32 folders
with three logs or more in the challenge's record track have less (the median is 0.0006)."""

RECORD_GPUS = 8


class Fit(Enum):
    """A measure against its limit."""

    FITS = "fits"
    OVER = "over"
    CLOSE = "close"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bytes:
    """Code as shipped and the compressed model.

    Attributes:
        cap: the challenge's, or a tighter one of one's own.
        files: what is shipped as code, with its sizes.
        low, high: of the model; None where nothing tells it.
        origin: what tells it.
    """

    cap: int
    files: tuple[tuple[str, int], ...]
    low: int | None
    high: int | None
    origin: str

    @property
    def code(self) -> int:
        return sum(size for _, size in self.files)

    @property
    def room(self) -> int:
        """What the limit leaves to the model; negative where the code alone is over it."""
        return self.cap - self.code

    @property
    def fit(self) -> Fit:
        if self.room < 0 or (self.low is not None and self.low > self.room):
            return Fit.OVER
        if self.high is None:
            return Fit.UNKNOWN
        return Fit.CLOSE if self.high > self.room else Fit.FITS


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One stage of the run: seconds as told, and by what; None where nothing tells them.

    Attributes:
        limit: in seconds, None for a stage that has none of its own.
        hard: whether more than the limit is a failure, or for a person to see.
    """

    name: str
    seconds: float | None
    limit: float | None
    origin: str
    hard: bool = True

    @property
    def fit(self) -> Fit:
        if self.limit is None:
            return Fit.FITS
        if self.seconds is None:
            return Fit.UNKNOWN
        if self.seconds <= self.limit:
            return Fit.FITS
        return Fit.OVER if self.hard else Fit.CLOSE


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What the participant states instead of a log; None where they do not."""

    model_bytes: int | None = None
    train_s: float | None = None
    calibration_s: float | None = None
    eval_s: float | None = None


def judge_bytes(facts: FolderFacts, runs: Sequence[Run], stated: Stated, own: Limits = NO_LIMITS) -> Bytes:
    """Code now, and the model by what was stated or by the logs of shorter or earlier runs."""
    files = tuple((path, facts.sizes[path]) for path in facts.loaded)
    cap = min(CAP_BYTES, own.bytes or CAP_BYTES)
    if stated.model_bytes is not None:
        return Bytes(
            cap=cap, files=files, low=stated.model_bytes, high=stated.model_bytes, origin="as stated"
        )
    models = [(found.size_bytes, f"{run.path}:{found.line}") for run in runs if (found := final_model(run))]
    if not models:
        return Bytes(
            cap=cap, files=files, low=None, high=None, origin="no log prints the size of a compressed model"
        )
    sizes = [size for size, _ in models]
    spread = round(max(sizes) * MODEL_SPREAD)
    return Bytes(
        cap=cap,
        files=files,
        low=min(sizes) - (spread if len(sizes) < 3 else 0),
        high=max(sizes) + (spread if len(sizes) < 3 else 0),
        origin=", ".join(place for _, place in models[:3])
        + ("" if len(sizes) > 2 else f", ±{MODEL_SPREAD:.1%} as seeds of real entries differ"),
    )


def judge_stages(
    facts: FolderFacts, runs: Sequence[Run], trace: Trace | None, stated: Stated, own: Limits = NO_LIMITS
) -> tuple[Stage, ...]:
    """Training, calibration and evaluation; calibration counts to training time."""
    record = facts.is_record
    training = _training(runs, trace, stated)
    calibration = _calibration(runs, stated)
    stages = [training, calibration, *_both(training, calibration), _evaluation(runs, stated)]
    tighter = {"training": own.train_s, "both": own.train_s, "evaluation": own.eval_s}
    stages = [
        replace(stage, limit=min(stage.limit, tighter.get(stage.name) or stage.limit))
        if stage.limit
        else stage
        for stage in stages
    ]
    return tuple(stages if record else (replace(stage, limit=None) for stage in stages))


def _training(runs: Sequence[Run], trace: Trace | None, stated: Stated) -> Stage:
    """As stated; else the script's own clock, which ends a long run; else the log of one."""
    if stated.train_s is not None:
        return Stage(name="training", seconds=stated.train_s, limit=LIMIT_S, origin="as stated")
    caps = [
        (c.cap_s, str(c.place)) for c in (trace.clocks if trace is not None else ()) if c.cap_s is not None
    ]
    longest = max(caps, default=None)
    if longest is not None and longest[0] is not None:
        origin = f"the script ends it by its clock ({longest[1]})"
        return Stage(name="training", seconds=longest[0], limit=LIMIT_S, origin=origin)
    trained = [(found[0], f"{run.path}:{found[1]}") for run in runs if (found := training_s(run))]
    if not trained:
        return Stage(
            name="training", seconds=None, limit=LIMIT_S, origin="no clock ends it, and no log times it"
        )
    seconds, place = max(trained)
    return Stage(
        name="training", seconds=seconds, limit=LIMIT_S, origin=f"{place}; no clock of the script ends it"
    )


def _calibration(runs: Sequence[Run], stated: Stated) -> Stage:
    name = "calibration"
    if stated.calibration_s is not None:
        return Stage(name=name, seconds=stated.calibration_s, limit=None, origin="as stated")
    found = [(c[0], f"{run.path}:{c[1]}") for run in runs if (c := calibration_s(run))]
    if not found:
        return Stage(name=name, seconds=None, limit=None, origin="no log times a quantiser's calibration")
    seconds, place = max(found)
    return Stage(name=name, seconds=seconds, limit=None, origin=place)


def _both(training: Stage, calibration: Stage) -> list[Stage]:
    """Their sum, where both are known: calibration counts to training time; a person sees to it if it is too much."""
    if training.seconds is None or calibration.seconds is None:
        return []
    seconds = training.seconds + calibration.seconds
    return [Stage(name="both", seconds=seconds, limit=LIMIT_S, origin="their sum", hard=False)]


def _evaluation(runs: Sequence[Run], stated: Stated) -> Stage:
    name = "evaluation"
    if stated.eval_s is not None:
        return Stage(name=name, seconds=stated.eval_s, limit=LIMIT_S, origin="as stated")
    found = []
    for run in runs:
        last = next(iter(find_claim(None, [run]).lines), None)
        if (timed := evaluation_s(run, last)) is not None:
            found.append((timed[0], f"{run.path}:{timed[1]}", run.world_size))
    if not found:
        return Stage(name=name, seconds=None, limit=LIMIT_S, origin="no log times an evaluation")
    seconds, place, world = max(found, key=lambda item: item[0])
    if world is not None and world.value != RECORD_GPUS:
        shared = seconds * world.value / RECORD_GPUS
        origin = f"{place}: {seconds:.1f} s on {world.value} GPUs, shared evenly by {RECORD_GPUS}; to be measured there"
        return Stage(name=name, seconds=shared, limit=LIMIT_S, origin=origin)
    return Stage(name=name, seconds=seconds, limit=LIMIT_S, origin=place)
