"""Validation tokens in the training or in the artifact.

## What it checks

Two things. In the program: whether weights are fitted to validation tokens before any reported score is taken
and before the artifact is written, so that the artifact carries them into the claimed number. In the records
folder: whether the logs and files show the marks of training data that overlap the split (more shards than
the published data set has, a doubled data path, a training shard that links to a validation shard).

## Why it breaks the rules

The validation split may not be touched during training. A model that trained on it, or an artifact that
stores a part of it, is scored on what it has already been given.

## How to fix it

Train on `fineweb_train_*` of the published data set alone, and rebuild shards of one's own with the same
50,000 validation documents held out.

## Known limits

Which documents a shard holds cannot be seen from the script: renamed or rebuilt shards show up only through
the marks above. Tokens stored in the artifact and compared with the targets leave no update in the trace. A
fit that follows a first evaluation is told as `train-before-score`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from auditor.trace.answer import Answer
from auditor.trace.events import Report
from auditor.trace.trace import Trace
from rules.absorption import TRAIN_BEFORE_SCORE, Offence, OrderRule, judged_report, named, offences
from rules.base import Bad, Evidence, Good, Judgement, Outcome, Policy, Source, no_program
from rules.record_examples import SCRIPT, toy_folder
from rules.record_rule import judge_findings, records_of
from rules.train_before_score import REPORT, SETUP, STEP

GRADIENT = "gradient"
SAVE = "save"

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


class ValInTraining(OrderRule):
    """Fails when the artifact is written with weights fitted to tokens that are then scored."""

    slug = "val-in-training"
    title = "Validation tokens in training or in the artifact"
    condition = "README"
    clean = "nothing shows validation tokens in the training or in the artifact"
    policies: ClassVar[Mapping[Policy, str]] = {
        Policy.RULINGS: "a fit to the split before the artifact is written fails; so do logs and files that "
        "show an overlap",
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
    )

    def judge(self, evidence: Evidence) -> Judgement:
        """What the trace proves and what the records show; doubts about order are other rules' business."""
        records = records_of(evidence)
        shown = None if records is None else judge_findings(self.slug, records.of_rule(self.slug), self.clean)
        findings = () if shown is None else shown.findings
        if evidence.trace is None or no_program(evidence) is not None:
            if shown is not None and shown.outcome is Outcome.FAIL:
                return shown
            missing = no_program(evidence) or Judgement(outcome=Outcome.PASS, because=self.clean)
            return Judgement(outcome=missing.outcome, because=missing.because, findings=findings)
        report = judged_report(evidence.trace)
        proved = [o for o in self.found(evidence.trace, report) if o.proved]
        findings = (*(self.finding(offence, report) for offence in proved), *findings)
        failed = [finding for finding in findings if finding.outcome is Outcome.FAIL]
        if failed:
            return Judgement(outcome=Outcome.FAIL, because=failed[0].message, findings=findings)
        return Judgement(outcome=Outcome.PASS, because=self.clean, findings=findings)

    def found(self, trace: Trace, report: Report) -> list[Offence]:
        """Fits to validation tokens with every score after them and an artifact written in between."""
        first = min((n for r in trace.reports for n in r.scores), default=0)
        found = []
        for offence in offences(trace, report):
            update = offence.absorbed.update
            if offence.slug != TRAIN_BEFORE_SCORE or update.how != GRADIENT or update.number > first:
                continue
            saves = [a for a in trace.artifacts if a.action == SAVE and a.certain is not Answer.NO]
            if any(update.number < a.number < offence.score.number for a in saves):
                found.append(offence)
        return found

    def story(self, offence: Offence) -> str:
        update, score = offence.absorbed.update, offence.score
        return (
            f"{named(update.state)} is trained on validation tokens by {update.by} at {update.place} before "
            f"the artifact is written, and these tokens are scored with it at {score.place}"
        )
