"""A score over a part of the validation split, or over another text.

## What it checks

How far the scores behind the claimed number reach: the positions are followed as expressions of the split's
length, and what stays finite when the split grows is a cap on tokens, on windows or on documents. And the
number of validation tokens that the log prints: known counts of cut or foreign splits, and for other tokenizers
the bytes they cover.

## Why it breaks the rules

Scores are comparable over the same 50,000 documents only; a part can be easier than the whole.

## How to fix it

Export and score the full split of 50,000 documents. Leave limits for development runs out of the claimed one
(`VAL_MAX_TOKENS=0`). Dropping the tail that does not fill a row, and dividing the split over ranks, are fine.

## Known limits

A cap is what no longer split moves: a fraction of the split, or documents left out by a condition on them, is
not seen in the code, and in a log only by its token count. Development runs on a part are fine when they are
not claimed; where nothing ties the claim to a report and the last one is printed inside a loop, a cap is for
review.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from auditor.trace.answer import Answer
from auditor.trace.events import Report, Score
from auditor.trace.extent import Reach
from rules.core.order_rule import judged_report
from rules.core.record_rule import judge_metric
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
)
from rules.examples.byte_counting import BY_SETTING, BY_SETTING_OFF, FIRST_DOCUMENTS, FIRST_TOKENS, UPSTREAM
from rules.examples.record_folder import SCRIPT, toy_folder

WORLD_SIZE = 8
"""Ranks that share the split; the witness follows the first, whose share may end at an eighth."""
SMALLEST_SPLIT = 40_540_160
"""Tokens of the 50,000 documents with the coarsest published tokenizer (sp8192)."""
DOCUMENTS = 50_000
WHOLE = 0.98
"""What counts as the whole of it: the tail below one row per rank may go."""


class ValidationCoverage(Rule):
    """Not the whole validation split is scored."""

    slug = "validation-coverage"
    title = "Not the whole validation split is scored"
    condition = "metric"
    policies: ClassVar[Mapping[Policy, str]] = {
        Policy.RULINGS: "fails where a cap keeps the claimed number to a part of the split, and for known token "
        "counts of cut or foreign splits; a cap that eight ranks together may make up for is for review",
        Policy.STRICT: "the same, and every cap below the split's length fails",
    }
    sources = (
        Source(
            url="https://github.com/openai/parameter-golf/pull/1835",
            date="2026-04-27",
            who="cocohearts",
            ruling="a score over a subset of the validation documents does not count",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/pull/2018",
            date="2026-04-30",
            who="cocohearts",
            ruling="the canonical split of 50,000 documents must be used",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/pull/2039",
            date="2026-04-30",
            who="cocohearts",
            ruling="9.66 of 47.85 million tokens scored is not the validation split",
        ),
    )
    examples = (
        Good("every row of the split", UPSTREAM),
        Good("a limit for development that is off", BY_SETTING_OFF),
        Good("all 50,000 documents, by the log", SCRIPT, toy_folder()),
        Bad("the first million tokens", FIRST_TOKENS.replace("5_000_000", "1_000_000")),
        Bad("five million tokens a rank, if every rank has others", FIRST_TOKENS, outcome=Outcome.REVIEW),
        Bad("a limit that is on by default", BY_SETTING),
        Bad("the first thousand documents", FIRST_DOCUMENTS),
        Bad("10,000 of 50,000 documents, by the log", SCRIPT, toy_folder(tokens=9_662_464)),
    )

    def judge(self, evidence: Evidence) -> Judgement:
        findings = [] if (cap := self.cap(evidence)) is None else [cap]
        logged = judge_metric(self.slug, evidence, "the printed token counts are those of the full split")
        findings += logged.findings
        silent = evidence.trace is None or not evidence.trace.reports
        if logged.outcome is Outcome.NOT_APPLICABLE and silent:
            because = "there is no log and no reported number to measure the split by"
            return Judgement(outcome=Outcome.NOT_APPLICABLE, because=because)
        order = (Outcome.FAIL, Outcome.REVIEW)
        worst = next((f for outcome in order for f in findings if f.outcome is outcome), None)
        if worst is not None:
            return Judgement(outcome=worst.outcome, because=worst.message, findings=tuple(findings))
        because = "nothing keeps the scores from the end of the split"
        return Judgement(outcome=Outcome.PASS, because=because, findings=tuple(findings))

    def cap(self, evidence: Evidence) -> Finding | None:
        """What bounds the scores of the claimed number, if it is below the split."""
        trace = evidence.trace
        if trace is None or not trace.reports:
            return None
        report = judged_report(trace)
        scores = [score for score in trace.scores_of(report) if score.certain is not Answer.NO]
        share, text = _reached(scores)
        if share >= WHOLE:
            return None
        if report.turns and trace.claimed_how.startswith("assumed"):
            outcome = Outcome.REVIEW  # a check on the way, taken for want of a final number
        elif share * WORLD_SIZE < WHOLE or evidence.policy is Policy.STRICT:
            outcome = Outcome.FAIL
        else:
            outcome = Outcome.REVIEW
        return self.finding(report, scores, text, outcome)

    def finding(self, report: Report, scores: list[Score], text: str, outcome: Outcome) -> Finding:
        steps = [Step(text=f"scored here, {text} at most", place=score.place) for score in scores]
        steps.append(Step(text=f"reported as {report.label!r}", place=report.place))
        return Finding(
            rule=self.slug,
            outcome=outcome,
            level=Level.ERROR if outcome is Outcome.FAIL else Level.WARNING,
            report=report.label,
            message=f"The claimed number is made of {text} at most, however long the split is.",
            locations=tuple(dict.fromkeys([*(score.place for score in scores), report.place])),
            steps=tuple(dict.fromkeys(steps)),
        )


def _reached(scores: list[Score]) -> tuple[float, str]:
    """The share of the split that the scores can reach at most on one rank, and the cap in words."""
    regions = [region for score in scores for region in score.regions]
    if not regions:
        return 1.0, ""
    reach = Reach()
    tokens, documents, parts = reach.positions(regions), reach.documents(regions), reach.elements(regions)
    shares = [
        (tokens / SMALLEST_SPLIT, f"the first {tokens:,.0f} tokens"),
        (documents / DOCUMENTS, f"{documents:,.0f} documents"),
        (parts / SMALLEST_SPLIT, f"{parts:,.0f} tokens in chosen windows"),
    ]
    return min(shares)
