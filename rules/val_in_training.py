"""Validation tokens in the training or in the artifact.

## What it checks

Four things. In the program: whether weights are fitted to validation tokens before any reported score is
taken and before the artifact is written, so that the artifact carries them into the claimed number. Whether
a model is given weights out of a file that the script never wrote. Whether a
file that the script reads and did not write, or text that is decoded from its source, is compared with the
tokens that are scored, and the outcome changes their score (a "paid prefix": the answers shipped beside the
weights). In the records folder: whether the logs and files show the marks of training data that overlap the
split (more shards than the published data set has, a doubled data path, a training shard that links to a
validation shard).

## Why it breaks the rules

The validation split may not be touched during training. A model that trained on it, or an artifact that
stores a part of it, is scored on what it has already been given.

## How to fix it

Train on `fineweb_train_*` of the published data set alone, and rebuild shards of one's own with the same
50,000 validation documents held out.

## Known limits

Which documents a shard holds cannot be seen from the script: renamed or rebuilt shards show up only through
the marks above. A stored answer that is made a Python number before it is compared, that is added to the
logits by position, or that sits inside the weights file, is not seen. A file that takes part in a score
without such a comparison (a table, a prior) is told as a remark: its bytes count towards the artifact. A fit
that follows a first evaluation is told as `train-before-score`. Weights whose path the run was told by its
command or its log may be those of an earlier run of the same script, and are not asked about.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from auditor.trace.answer import Answer
from auditor.trace.events import TRAINING_STEP, Load, Place, Report
from auditor.trace.trace import Trace
from rules.core.order_rule import TRAIN_BEFORE_SCORE, Offence, OrderRule, judged_report, named, offences
from rules.core.record_rule import judge_findings, records_of
from rules.core.rule import (
    Bad,
    Evidence,
    Finding,
    Good,
    Judgement,
    Level,
    Outcome,
    Policy,
    Source,
    Step,
    no_program,
)
from rules.examples.evaluation_loop import REPORT, SETUP, STEP
from rules.examples.record_folder import SCRIPT, toy_folder

GRADIENT = "gradient"
CALIBRATION = "calibration"
SAVE, FOREIGN = "save", "foreign"
STORED = "stored"
SETTINGS = (".json", ".yaml", ".yml", ".toml")
"""Files that hold settings rather than text: what is compared with the tokens may be the id of a mark."""

_EVALUATE = """\
with torch.no_grad():
    for row in range(rows):
        y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
        total += F.cross_entropy(model(val_tokens[row * SEQ : (row + 1) * SEQ]), y, reduction="sum")
"""

_READ_BACK = """\
torch.save({name: value.half() for name, value in model.state_dict().items()}, "final_model.pt")
model = Model()
model.load_state_dict(torch.load("final_model.pt"))
"""


_PREFIX = """\
stored = torch.from_numpy(np.frombuffer(lzma.decompress(open("prefix.xz", "rb").read()), dtype=np.uint16).copy())
with torch.no_grad():
    for row in range(rows):
        y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
        nll = F.cross_entropy(model(val_tokens[row * SEQ : (row + 1) * SEQ]), y, reduction="none")
        known = stored[row * SEQ : (row + 1) * SEQ] == y
        total += (nll * (~known).float()).sum()  # expect: val-in-training
""".replace("stored = ", "import lzma\n\nstored = ", 1)

_PRIOR = """\
prior = torch.from_numpy(np.load("unigram.npy"))
with torch.no_grad():
    for row in range(rows):
        y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
        logits = model(val_tokens[row * SEQ : (row + 1) * SEQ]) + prior
        total += F.cross_entropy(logits, y, reduction="sum")
"""


class ValInTraining(OrderRule):
    """Fails when the artifact is written with weights fitted to tokens that are then scored."""

    slug = "val-in-training"
    title = "Validation tokens in training or in the artifact"
    condition = "README"
    clean = "nothing shows validation tokens in the training or in the artifact"
    policies: ClassVar[Mapping[Policy, str]] = {
        Policy.RULINGS: "a fit to the split before the artifact is written fails; so do stored tokens that are "
        "compared with the targets (since 2026-03-20), and logs and files that show an overlap; the shard count "
        "of a build that was ruled to overlap, a comparison with the content of a settings file, and weights of a "
        "file that the script never wrote, are for review",
        Policy.STRICT: "as under the rulings: the README forbids it in so many words",
    }
    sources = (
        Source(
            url="https://github.com/openai/parameter-golf/blob/main/README.md",
            date="2026-03-18",
            who="challenge README",
            ruling="validation data may not be used during training, and not be carried in the artifact",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/pull/44",
            date="2026-03-18",
            who="0hq",
            ruling="training on the validation shard itself is not an entry for the record track",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/pull/168",
            date="2026-03-20",
            who="0hq",
            ruling="validation tokens stored in the artifact and played back where they match are not a model: "
            "closed",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/pull/262",
            date="2026-03-20",
            who="cocohearts",
            ruling="a paid prefix is disallowed, in the non-record track as well",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/pull/2018",
            date="2026-04-30",
            who="cocohearts",
            ruling="training shards cut at 10,000 validation documents overlap the 50,000 that are scored",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/pull/2130",
            date="2026-05-01",
            who="cocohearts",
            ruling="1,499 training shards and a doubled data path in the log show the overlapping split",
        ),
    )
    examples = (
        Good(
            "trained on training shards, scored on the validation shard",
            SETUP
            + STEP
            + """\
shard = sorted(glob.glob("data/fineweb_train_*.bin"))[0]
train_tokens = torch.from_numpy(np.fromfile(shard, dtype=np.uint16).astype(np.int64))
for step in range(1000):
    window = train_tokens[step * SEQ : (step + 1) * SEQ + 1]
    F.cross_entropy(model(window[:-1]), window[1:]).backward()
    optimizer.step()
    optimizer.zero_grad()
"""
            + _READ_BACK
            + _EVALUATE
            + REPORT,
        ),
        Good("a folder whose logs show the published shards", SCRIPT, toy_folder()),
        Bad(
            "the training loop reads the validation shard, and the artifact is written after it",
            SETUP
            + STEP
            + """\
for step in range(1000):
    begin = (step * SEQ) % (val_tokens.numel() - SEQ - 1)
    window = val_tokens[begin : begin + SEQ + 1]
    F.cross_entropy(model(window[:-1]), window[1:]).backward()
    optimizer.step()  # expect: val-in-training
    optimizer.zero_grad()
"""
            + _READ_BACK
            + _EVALUATE
            + REPORT,
        ),
        Bad(
            "the last training epoch goes over the split before the weights are saved",
            SETUP
            + STEP
            + """\
def fit(tokens):
    for row in range((tokens.numel() - 1) // SEQ):
        window = tokens[row * SEQ : (row + 1) * SEQ + 1]
        F.cross_entropy(model(window[:-1]), window[1:]).backward()
        optimizer.step()  # expect: val-in-training
        optimizer.zero_grad()


fit(val_tokens)
"""
            + _READ_BACK
            + _EVALUATE
            + REPORT,
        ),
        Good("a table of word frequencies that is shipped and counted", SETUP + _PRIOR + REPORT),
        Bad(
            "the first tokens of the split are shipped and cost nothing where they match",
            SETUP + _PREFIX + REPORT,
        ),
    )

    def judge(self, evidence: Evidence) -> Judgement:
        """What the trace proves and what the records show; doubts about order are other rules' business."""
        records = records_of(evidence)
        shown = None if records is None else judge_findings(self.slug, records.of_rule(self.slug), self.clean)
        findings = () if shown is None else tuple(_fingerprint(finding) for finding in shown.findings)
        if evidence.trace is None or no_program(evidence) is not None:
            if shown is not None and shown.outcome is Outcome.FAIL:
                return shown
            missing = no_program(evidence) or Judgement(outcome=Outcome.PASS, because=self.clean)
            return Judgement(outcome=missing.outcome, because=missing.because, findings=findings)
        trace, report = evidence.trace, judged_report(evidence.trace)
        proved = [o for o in self.found(trace, report) if o.proved]
        findings = (
            *self.stored(trace, report),
            *(self.finding(offence, report) for offence in proved),
            *self.foreign(trace, report),
            *self.outside(trace, report),
            *findings,
        )
        for outcome in (Outcome.FAIL, Outcome.REVIEW):
            told = [finding for finding in findings if finding.outcome is outcome]
            if told:
                return Judgement(outcome=outcome, because=told[0].message, findings=findings)
        return Judgement(outcome=Outcome.PASS, because=self.clean, findings=findings)

    def stored(self, trace: Trace, report: Report) -> list[Finding]:
        """Scores that were changed where the targets are what a file from outside holds."""
        found: dict[Place, Finding] = {}
        for score in trace.scores_of(report):
            if score.how != STORED or score.certain is Answer.NO:
                continue
            loads = [load for number in score.loads if isinstance(load := trace.events[number], Load)]
            names = ", ".join(dict.fromkeys(load.what for load in loads)) or "a file"
            settings_only = bool(loads) and all(load.what.endswith(SETTINGS) for load in loads)
            places = tuple(dict.fromkeys([score.place, *(load.place for load in loads)]))
            steps = [
                Step(text=f"{load.what} is read; the script never wrote it", place=load.place)
                for load in loads
            ]
            steps.append(Step(text="the scores of tokens that match it are changed", place=score.place))
            steps.append(Step(text=f"reported as {report.label!r}", place=report.place))
            found.setdefault(
                score.place,
                Finding(
                    rule=self.slug,
                    outcome=Outcome.REVIEW if settings_only else Outcome.FAIL,
                    level=Level.WARNING if settings_only else Level.ERROR,
                    report=report.label,
                    message=f"The scored tokens are compared with {names}, and where they match their score is "
                    f"changed at {score.place}.",
                    locations=places,
                    steps=tuple(steps),
                ),
            )
        return list(found.values())

    def outside(self, trace: Trace, report: Report) -> list[Finding]:
        """A remark on each file from outside that took part in a score."""
        numbers = {n for score in trace.scores_of(report) if score.how != STORED for n in score.loads}
        loads = [load for n in sorted(numbers) if isinstance(load := trace.events[n], Load)]
        return [
            Finding(
                rule=self.slug,
                outcome=Outcome.PASS,
                level=Level.NOTE,
                report=report.label,
                message=f"The claimed number was made with {load.what}, which the script did not write: its bytes "
                "are part of the artifact.",
                locations=(load.place,),
            )
            for load in loads
        ]

    def foreign(self, trace: Trace, report: Report) -> list[Finding]:
        """Weights that the script neither made nor wrote: what they were fitted to, nothing shows."""
        scores = trace.scores_of(report)
        given = {
            (a.what, a.place): a
            for a in trace.artifacts
            if a.action == FOREIGN and a.certain is not Answer.NO and any(a.number < s.number for s in scores)
        }
        return [
            Finding(
                rule=self.slug,
                outcome=Outcome.REVIEW,
                level=Level.WARNING,
                report=report.label,
                message=f"A model is given the weights in {a.what} at {a.place}, which the script never wrote: what "
                "they were fitted to, nothing shows.",
                locations=(a.place, report.place),
                steps=(Step(text=f"weights are read from {a.what}", place=a.place),),
            )
            for a in given.values()
        ]

    def found(self, trace: Trace, report: Report) -> list[Offence]:
        """Fits to validation tokens before the artifact is written that are the training, or a part of it.

        They are where every score comes after them, and where no step is taken on anything else. What is measured on
        validation tokens and saved with the weights (a calibration) is in the artifact, whenever it was measured.
        """
        first = min((n for r in trace.reports for n in r.scores), default=0)
        trained = any(clock.phase == TRAINING_STEP for clock in trace.clocks)
        found = []
        for offence in offences(trace, report):
            update = offence.absorbed.update
            if update.how == CALIBRATION:
                found.append(offence)
                continue
            if update.how != GRADIENT or (trained and update.number > first):
                continue
            if trained and offence.slug != TRAIN_BEFORE_SCORE:
                continue
            saves = [a for a in trace.artifacts if a.action == SAVE and a.certain is not Answer.NO]
            if any(update.number < a.number < offence.score.number for a in saves):
                found.append(offence)
        return found

    def story(self, offence: Offence) -> str:
        update, score = offence.absorbed.update, offence.score
        if update.how == CALIBRATION:
            return (
                f"statistics of validation tokens are written with {named(update.state)} into the artifact at "
                f"{update.place}, and these tokens are scored with it at {score.place}"
            )
        return (
            f"{named(update.state)} is trained on validation tokens by {update.by} at {update.place} before "
            f"the artifact is written, and these tokens are scored with it at {score.place}"
        )


def _fingerprint(finding: Finding) -> Finding:
    """A mark of data that was ruled to overlap the split, which another build could carry as well: for a person."""
    marked = finding.code == "val_in_training" and finding.level is Level.WARNING
    return replace(finding, outcome=Outcome.REVIEW) if marked else finding
