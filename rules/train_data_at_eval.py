"""Training data read after the training clock has stopped.

## What it checks

Whether training tokens are read once training is over: to calibrate a quantiser (GPTQ Hessians, activation
ranges), to fill a cache, to tune a temperature. Two cases are kept apart. Between the last training step and
the artifact the read is calibration: it belongs to the 600 s of training, so the training loop must stop early
enough to leave it its seconds. Once the artifact has been written or the validation tokens are being scored, no reserve
helps.

## Why it breaks the rules

Training data may be used in the 600 s of training only; the evaluation must do with the artifact. A quantiser
that is fitted on training batches after the full 600 s has had more training compute than the budget grants.

## How to fix it

Take the seconds out of the training budget before the loop starts (stop at 586 s, calibrate for 14 s),
collect the statistics during training, or calibrate on text that the model generates itself.

## Known limits

The static witness sees that a reserve is taken, not whether it is long enough: the seconds printed in the log
are checked by `time-limit`. A loader whose files are chosen at run time by something other than a glob or a path
setting may not be recognised as training data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from auditor.trace.answer import Answer
from auditor.trace.events import TRAINING_STEP, UNKNOWN_CAP, Event, Load, Report, Update
from auditor.trace.trace import Trace
from rules.core.rule import (
    Bad,
    Evidence,
    Finding,
    Good,
    Judgement,
    Level,
    Outcome,
    Policy,
    Rule,
    Source,
    Step,
    no_program,
)
from rules.examples.training_clock import FOLDER, HEAD, READ_BACK, RUN, stopped_log

TRAINING_BUDGET_S = 600.0
"""Seconds of training on 8×H100 that the challenge grants a record (README of the challenge)."""

STOP_SLACK_S = 1.0
"""A run that stops less than this before the budget has reserved nothing: a step takes about 0.1 s."""

TOLERATED_SINCE = "2026-04-01"
"""The rulings on calibration after the clock are of March 2026; none was made since, and later entries that
do it were discussed and not objected to (#1812): from then on it is told as a note, under `strict` it fails."""

NON_RECORD = "non-record"


class TrainDataAtEval(Rule):
    """Fails for training data read after the training clock, unless its seconds were reserved."""

    slug = "train-data-at-eval"
    title = "Training data read after the training clock has stopped"
    condition = "README"
    policies: ClassVar[Mapping[Policy, str]] = {
        Policy.RULINGS: "calibration inside the 600 s is legal, after them it fails for entries dated before April "
        "2026, when it was ruled on, and is a note for later ones; training data once the artifact stands fails",
        Policy.STRICT: "calibration after the 600 s fails whatever the date",
    }
    sources = (
        Source(
            url="https://github.com/openai/parameter-golf/blob/main/README.md",
            date="2026-03-18",
            who="challenge README",
            ruling="training data is not available in evaluation; the artifact has to carry what is needed",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/pull/593",
            date="2026-03-25",
            who="valerio-oai",
            ruling="calibrating GPTQ on training batches in seconds that count as evaluation is not allowed",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/pull/634#issuecomment-4136949992",
            date="2026-03-26",
            who="community, after the ruling",
            ruling="the same calibration with its 14 s taken out of the training budget first is accepted",
        ),
    )
    examples = (
        Good(
            "fourteen seconds of the budget are kept for the calibration",
            HEAD
            + """\
model = torch.nn.Sequential(torch.nn.Embedding(1024, 64), torch.nn.Linear(64, 1024))
train(model, MAX_WALLCLOCK_SECONDS - 14.0)
batch = tokens("data/fineweb_train_*.bin")[:4096]
scale = model[0](batch).abs().amax()
blob = io.BytesIO()
torch.save({name: torch.round(value / scale) * scale for name, value in model.state_dict().items()}, blob)
evaluate(model)
""",
            FOLDER | {"train.log": stopped_log(586.0)},
        ),
        Good(
            "the source keeps the seconds back, and there is no log",
            HEAD
            + RUN.replace("BUDGET", "MAX_WALLCLOCK_SECONDS - 14.0").replace(
                "  # expect: train-data-at-eval", ""
            ),
            FOLDER,
        ),
        Bad(
            "the source trains for all of the 600 seconds, and there is no log",
            HEAD + RUN.replace("BUDGET", "MAX_WALLCLOCK_SECONDS"),
            FOLDER,
        ),
        Bad(
            "a scale is fitted to training tokens once the artifact has been read back",
            HEAD
            + """\
model = torch.nn.Sequential(torch.nn.Embedding(1024, 64), torch.nn.Linear(64, 1024))
train(model, MAX_WALLCLOCK_SECONDS - 14.0)
torch.save(model.state_dict(), "model.pt")
model.load_state_dict(torch.load("model.pt"))
shards = sorted(glob.glob("data/fineweb_train_*.bin"))  # expect: train-data-at-eval
data = torch.from_numpy(np.fromfile(shards[0], dtype=np.uint16).astype(np.int64))
scale = torch.ones(1024, requires_grad=True)
fitting = torch.optim.SGD([scale], lr=0.01)
for start in range(0, 65536, 1024):
    logits = model(data[start : start + 1024]).detach() * scale
    F.cross_entropy(logits, data[start + 1 : start + 1025]).backward()
    fitting.step()
evaluate(torch.nn.Sequential(model, torch.nn.Identity()))
""",
            FOLDER | {"train.log": stopped_log(586.0)},
        ),
        Bad(
            "tokens that training has read are trained on once the artifact has been read back",
            HEAD
            + READ_BACK
            + """\
for start in range(0, 65536, 1024):
    F.cross_entropy(model(data[start : start + 1024]), data[start + 1 : start + 1025]).backward()
    fitting.step()  # expect: train-data-at-eval
evaluate(model)
""",
            FOLDER | {"train.log": stopped_log(586.0)},
        ),
        Good(
            "a step that warms the kernels up, and is taken back",
            HEAD
            + READ_BACK
            + """\
F.cross_entropy(model(data[:1024]), data[1:1025]).backward()
fitting.step()
model.load_state_dict(torch.load("model.pt"))
evaluate(model)
""",
            FOLDER | {"train.log": stopped_log(586.0)},
        ),
        Bad(
            "the quantiser reads training batches after the full 600 seconds",
            HEAD
            + """\
model = torch.nn.Sequential(torch.nn.Embedding(1024, 64), torch.nn.Linear(64, 1024))
train(model, MAX_WALLCLOCK_SECONDS)
shards = sorted(glob.glob("data/fineweb_train_*.bin"))  # expect: train-data-at-eval
words = np.fromfile(shards[-1], dtype=np.uint16)
batch = torch.from_numpy(words.astype(np.int64))[:4096]
scale = model[0](batch).abs().amax()
blob = io.BytesIO()
torch.save({name: torch.round(value / scale) * scale for name, value in model.state_dict().items()}, blob)
evaluate(model)
""",
            FOLDER | {"train.log": stopped_log(600.1)},
        ),
    )

    def judge(self, evidence: Evidence) -> Judgement:
        if (undecided := no_program(evidence)) is not None:
            return undecided
        trace = evidence.trace
        assert trace is not None
        reads = [event for event in trace if _reads_training_data(event)]
        if not reads:
            return Judgement(outcome=Outcome.PASS, because="no training data is read")
        training = _training(trace)
        if training is None:
            return _cannot_place(reads[0])
        until = evidence.claimed.number if evidence.claimed is not None else None
        late = [e for e in reads if training.precedes(e) and (until is None or e.number < until)]
        late = late or _steps_at_evaluation(trace, until)
        if not late:
            return Judgement(outcome=Outcome.PASS, because="training data is read in training alone")
        return _judge_late(late, training, trace, evidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Training:
    """The training phase: its last event and its loops."""

    last: Event
    loops: frozenset[int]

    def precedes(self, event: Event) -> bool:
        """Whether the event comes after training; what shares a loop with a training step belongs to it."""
        return event.number > self.last.number and self.loops.isdisjoint(turn.entry for turn in event.turns)


def _training(trace: Trace) -> _Training | None:
    """The training phase, by its steps, or by the loop that prints validation numbers on the way."""
    steps: list[Event] = [clock for clock in trace.clocks if clock.phase == TRAINING_STEP]
    steps += [u for u in trace.updates if any(region.source == "train" for region in u.regions)]
    loops = frozenset(turn.entry for step in steps for turn in step.turns)
    if not steps:
        first_save = min((a.number for a in trace.artifacts if a.action == "save"), default=None)
        inside = [r for r in trace.reports if r.turns and (first_save is None or r.number < first_save)]
        loops = frozenset(report.turns[0].entry for report in inside)
        steps = [event for event in trace if event.turns and event.turns[0].entry in loops]
    read_back = _read_back(trace)
    steps = [
        step
        for step in steps
        if step.certain is not Answer.NO and (read_back is None or step.number < read_back)
    ]
    if not steps:
        return None
    return _Training(last=max(steps, key=lambda step: step.number), loops=loops)


def _read_back(trace: Trace) -> int | None:
    """The event at which the artifact is read back after it was written: a step after it is no training.

    Weights that a loop keeps and takes up again while it trains are checkpoints.
    """
    saves = [a for a in trace.artifacts if a.action == "save" and a.certain is Answer.YES]
    restores = [a for a in trace.artifacts if a.action == "restore" and a.certain is Answer.YES]
    return min(
        (r.number for r in restores if not r.turns and any(s.number < r.number for s in saves)), default=None
    )


def _artifact_stands(trace: Trace, claimed: Report | None) -> int | None:
    """The event from which on training data come too late: the last save before the claimed scores, or these.

    Earlier saves are checkpoints: many scripts write the raw weights before they calibrate the quantiser.
    """
    first_score = min((score.number for score in trace.scores_of(claimed)), default=None) if claimed else None
    saves = [a.number for a in trace.artifacts if a.action == "save"]
    if first_score is not None:
        return max((number for number in saves if number < first_score), default=first_score)
    return max(saves, default=None)


def _steps_at_evaluation(trace: Trace, until: int | None) -> list[Event]:
    """Steps on training data after the artifact was read back, where no weights are read back or reset after them."""
    read_back = _read_back(trace)
    if read_back is None:
        return []
    undone = [a.number for a in (*trace.artifacts, *trace.resets) if getattr(a, "action", "") != "save"]
    return [
        clock
        for clock in trace.clocks
        if clock.on_training_data
        and clock.certain is not Answer.NO
        and clock.number > read_back
        and (until is None or clock.number < until)
        and not any(clock.number < number and (until is None or number < until) for number in undone)
    ]


def _reads_training_data(event: Event) -> bool:
    if event.certain is Answer.NO:
        return False
    if isinstance(event, Load):
        return event.source == "train"
    return isinstance(event, Update) and any(region.source == "train" for region in event.regions)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Budget:
    """What is known of the seconds: when training stopped, and in which words and by whom that is said."""

    stopped_s: float | None
    text: str

    @property
    def reserved(self) -> bool:
        return self.stopped_s is not None and self.stopped_s < TRAINING_BUDGET_S - STOP_SLACK_S


def _budget(trace: Trace, training: _Training, records: object | None) -> _Budget:
    """From the logs of the claimed runs, else from a cap that the source itself puts on its training loop."""
    from auditor.records.time_checks import training_s
    from auditor.records.validate import RecordsResult

    if isinstance(records, RecordsResult):
        runs = records.facts.claim_runs or records.facts.distinct
        stops = [(*trained, run.path) for run in runs if (trained := training_s(run)) is not None]
        if stops:
            seconds, line, path = max(stops)
            return _Budget(stopped_s=seconds, text=f"training ended at {seconds:.1f} s ({path}:{line})")
    return _budget_of_source(trace, training)


def _budget_of_source(trace: Trace, training: _Training) -> _Budget:
    """From the comparisons of time in the training loops: where they agree that nothing, or something, is kept back.

    A script compares time with other numbers too (to begin another schedule): alone, a smaller one says that seconds
    are kept back only where it ends the loop.
    """
    clocks = [c for c in trace.clocks if not training.loops.isdisjoint(turn.entry for turn in c.turns)]
    caps = [cap for clock in clocks if (cap := clock.cap_s) is not None]
    unknown = any(clock.phase == UNKNOWN_CAP for clock in clocks)
    if caps and not unknown:
        late = [cap >= TRAINING_BUDGET_S - STOP_SLACK_S for cap in caps]
        ends = any(clock.phase.startswith("ends") for clock in clocks)
        if all(late) or (not any(late) and ends):
            return _Budget(stopped_s=max(caps), text=f"the source caps training at {max(caps):g} s")
    return _Budget(stopped_s=None, text="no log and no cap says when training ended")


def _cannot_place(read: Event) -> Judgement:
    message = "training data is read, but no training step was found to tell whether that is in training"
    finding = Finding(
        rule=TrainDataAtEval.slug,
        outcome=Outcome.UNKNOWN,
        level=Level.WARNING,
        message=message,
        locations=(read.place,),
    )
    return Judgement(outcome=Outcome.UNKNOWN, because=message, findings=(finding,))


def _judge_late(late: list[Event], training: _Training, trace: Trace, evidence: Evidence) -> Judgement:
    claimed = evidence.claimed
    end = _artifact_stands(trace, claimed)
    budget = _budget(trace, training, evidence.records)
    findings = []
    for event in late:
        calibration = end is None or event.number < end
        if not (calibration and (evidence.track == NON_RECORD or budget.reserved)):
            found = _finding(event, training, claimed, budget, calibration=calibration)
            findings.append(_by_date(found, evidence) if calibration else found)
    if findings and all(f.outcome is Outcome.PASS for f in findings):
        return Judgement(outcome=Outcome.PASS, because=findings[0].message, findings=tuple(findings))
    if not findings:
        why = "only record tracks have a limit" if evidence.track == NON_RECORD else budget.text
        return Judgement(outcome=Outcome.PASS, because=f"calibration on training data in time: {why}")
    worst = next((f for f in findings if f.outcome is Outcome.FAIL), findings[0])
    return Judgement(outcome=worst.outcome, because=worst.message, findings=tuple(findings))


def _by_date(finding: Finding, evidence: Evidence) -> Finding:
    """What calibration after the clock comes to for an entry of that date; without one it is as it was ruled."""
    if evidence.policy is not Policy.RULINGS or "" < evidence.date < TOLERATED_SINCE:
        return finding
    if not evidence.date:
        told = f"{finding.message}; no date is known, in an entry of {TOLERATED_SINCE} or later it is a note"
        return replace(finding, message=told)
    message = f"{finding.message}; not ruled on since {TOLERATED_SINCE}, a person may want to"
    return replace(finding, outcome=Outcome.PASS, level=Level.NOTE, message=message)


def _finding(
    event: Event, training: _Training, claimed: Report | None, budget: _Budget, *, calibration: bool
) -> Finding:
    decided = event.certain is Answer.YES and not (calibration and budget.stopped_s is None)
    if calibration:
        where = f"after training, before the artifact is written: {budget.text}"
    else:
        where = "once the artifact stands: evaluation has to do without"
    return Finding(
        rule=TrainDataAtEval.slug,
        outcome=Outcome.FAIL if decided else Outcome.REVIEW,
        level=Level.ERROR if decided else Level.WARNING,
        report=claimed.label if claimed else None,
        message=f"training data is read {where}",
        locations=(event.place,),
        steps=(
            Step(text="training ends", place=training.last.place),
            Step(text="training data is read again", place=event.place),
        ),
    )
