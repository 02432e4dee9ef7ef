"""The claimed number was scored with weights that are not the artifact's.

## What it checks

Where the script reads its artifact back into a model, whether the scores of the claimed number come from a model
that was given these weights, directly or as a copy of one that was.

## Why it breaks the rules

What is measured is the artifact: code and compressed weights within 16,000,000 bytes. Weights before
quantisation predict better and do not fit. A script that scores its round trip once, and then calls the sliding
evaluation with the model it trained, reports a number that nobody can reproduce from what was shipped.

## How to fix it

Load the artifact before the claimed evaluation and hand that model on: `eval_model.load_state_dict(dequantize(
torch.load(...)))`, then `sliding(eval_model)`.

## Known limits

A script that never reads its weights back from a file is not judged: what it quantises in memory is not told from
what it averages. Nor are weights that are assigned to parameters one by one by name. No maintainer has ruled on
such a number, and entries with one were merged: it is a fact about the entry, told with the number that the round
trip has in the log, and leaves the verdict on the evaluation as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from auditor.trace.answer import Answer
from auditor.trace.trace import Trace
from rules.core.record_rule import records_of
from rules.core.rule import (
    Bad,
    Evidence,
    Example,
    Finding,
    Good,
    Judgement,
    Kind,
    Level,
    Outcome,
    Policy,
    Rule,
    Source,
    Step,
    no_program,
)
from rules.examples.evaluation_loop import SETUP

RESTORE = "restore"

_SAVED = (
    SETUP
    + """\
torch.save({name: p.half() for name, p in model.state_dict().items()}, "model.ptz")
"""
)
_LOADED = """\
shipped = Model()
shipped.load_state_dict(torch.load("model.ptz"))
"""
_SCORED = """\
with torch.no_grad():
    for row in range(rows):
        tokens = val_tokens[row * SEQ : (row + 1) * SEQ + 1]
        logits = shipped(tokens[:-1])
        total += F.cross_entropy(logits, tokens[1:], reduction="sum")
print(f"final val_bpb:{total.item() / (rows * SEQ) / math.log(2.0) * 0.41:.8f}")
"""
_UNSHIPPED = _SCORED.replace("shipped(", "model(").replace(
    'reduction="sum")', 'reduction="sum")  # expect: unshipped-weights'
)


class UnshippedWeights(Rule):
    """Tells where the claimed number comes from a model that the artifact was not loaded into."""

    slug = "unshipped-weights"
    title = "The claimed number is of weights that are not the artifact's"
    condition = "README"
    kind = Kind.RECORD
    policies: ClassVar[Mapping[Policy, str]] = {
        Policy.RULINGS: "told beside the verdict: the README's numbers are of the artifact after its round trip; "
        "nobody has ruled, and a record was merged with it (#542)",
        Policy.STRICT: "the same: the four conditions say nothing about the weights",
    }
    sources = (
        Source(
            url="https://github.com/openai/parameter-golf/blob/main/README.md",
            date="2026-03-18",
            who="challenge README",
            ruling="the number to submit is that of the final round trip through the compressed artifact, which "
            "must be self-contained and reproducible",
        ),
    )
    examples: ClassVar[tuple[Example, ...]] = (
        Good("scored with the model that the artifact was loaded into", _SAVED + _LOADED + _SCORED),
        Good(
            "scored with a copy of it",
            "import copy\n" + _SAVED + _LOADED + "shipped = copy.deepcopy(shipped)\n" + _SCORED,
        ),
        Bad(
            "scored with the model that was trained",
            _SAVED + _LOADED + _UNSHIPPED,
            outcome=Outcome.REVIEW,
        ),
        Bad(
            "scored before the artifact is loaded",
            _SAVED + _UNSHIPPED + 'model.load_state_dict(torch.load("model.ptz"))\n',
            outcome=Outcome.REVIEW,
        ),
    )

    def judge(self, evidence: Evidence) -> Judgement:
        if (undecided := no_program(evidence)) is not None:
            return Judgement(outcome=Outcome.NOT_APPLICABLE, because=undecided.because)
        trace, report = evidence.trace, evidence.claimed
        assert trace is not None
        restores = [a for a in trace.artifacts if a.action == RESTORE and a.certain is not Answer.NO]
        scores = [] if report is None else trace.scores_of(report)
        scores = [score for score in scores if any(state.kind == "module" for state in score.states)]
        if report is None or not restores or not scores:
            because = "no model was found into which the script reads its artifact back"
            return Judgement(outcome=Outcome.NOT_APPLICABLE, because=because)
        unshipped = [score for score in scores if not score.restored]
        if len(unshipped) < len(
            scores
        ):  # those beside restored ones count where it is certain that they are made
            unshipped = [score for score in unshipped if score.certain is Answer.YES]
        if not unshipped:
            because = (
                f"the scores come from a model that was given what a file holds, as at {restores[0].place}"
            )
            return Judgement(outcome=Outcome.PASS, because=because)
        score, restore = unshipped[0], restores[-1]
        models = sorted({state.name for state in score.states if state.kind == "module"})
        scored_with = {state.number for state in score.states}
        later = [a for a in restores if a.state is not None and a.state.number in scored_with]
        if later:
            restore = later[-1]
        shipped = restore.state.name if restore.state is not None else "another model"
        told = (
            f"; the artifact is loaded into it afterwards, at {restore.place}."
            if later
            else f", which the artifact is never loaded into; it is loaded into {shipped} at {restore.place}."
        )
        finding = Finding(
            rule=self.slug,
            outcome=Outcome.REVIEW,
            level=Level.WARNING,
            report=report.label,
            message=f"The claimed number is scored with {', '.join(models)}{told}{round_trip(trace, evidence)}",
            locations=(score.place, restore.place, report.place),
            steps=(
                Step(text=f"{shipped} is given the artifact's weights", place=restore.place),
                Step(text=f"the tokens are scored with {', '.join(models)}", place=score.place),
                Step(text=f"reported as {report.label!r}", place=report.place),
            ),
        )
        return Judgement(outcome=Outcome.REVIEW, because=finding.message, findings=(finding,))


def round_trip(trace: Trace, evidence: Evidence) -> str:
    """The number of the weights that were read back, as the script prints it and as the log has it; "" without one."""
    records = records_of(evidence)
    for report in reversed(trace.reports):
        scores = trace.scores_of(report)
        if not scores or not all(score.restored for score in scores):
            continue
        opening = (report.template[0] or "").strip()
        lines = [] if records is None else [line for run in records.facts.claim_runs for line in run.metrics]
        said = next((line for line in lines if opening and line.text.startswith(opening)), None)
        where = f"{report.label!r} at {report.place}"
        if said is None:
            return f" What was read back is scored for {where}."
        return f" What was read back is scored for {where}: {said.val_bpb} in {said.path}:{said.line}."
    return ""
