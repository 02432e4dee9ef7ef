"""A score over a part of the validation split, or over another text.

## What it checks

Which tokens the scores behind the claimed number are of. Their positions are followed as expressions of loop turns, of
the split's length and of its documents' starts; in a split of known length they are gone through turn by turn, on one
rank and on the first of eight, and what is left without a score is counted. What stays finite when the split grows is
a cap on tokens, on windows or on documents. A script that counts its own scores, by the places of their tokens, and
raises an error unless each count is 1 proves as much by itself. Turns of the evaluation's loops, elements of its lists
and sums under a branch that time, chance, what the tokens are, an error or a condition of which nothing is known
leaves out are named. And the number of validation tokens that the log prints: known counts of cut or foreign splits,
and for other tokenizers the bytes they cover.

## Why it breaks the rules

Scores are comparable over the same 50,000 documents only; a part can be easier than the whole.

## How to fix it

Export and score the full split of 50,000 documents. Leave limits for development runs out of the claimed one
(`VAL_MAX_TOKENS=0`). Dropping the tail that does not fill a row, and dividing the split over ranks, are fine.

## Known limits

Where a position depends on something that is not known (a mask, a size), nothing is counted: that is said, and such a
script is for review. The first token of each document has no score in evaluations that start anew at every document:
told, not judged, since nobody has ruled on it. So is a last window that is not full. Development runs on a part are
fine when they are not claimed; where nothing ties the claim to a report and the last one is printed inside a loop, a
cap is for review.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

from auditor.trace.answer import Answer
from auditor.trace.coverage import Coverage
from auditor.trace.events import SKIP_WAYS, Report, Score, Skip
from auditor.trace.extent import Reach
from auditor.trace.loop_turns import AT_RANDOM, CUT, TOKENS
from auditor.trace.region import Region
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
REASONS = {
    "time": "time", "content": "what the tokens or their scores are", "exception": "an error",
    "chance": "a random number", "unknown": "a condition of which nothing is known",
}  # fmt: skip
"""What may decide that tokens are left out, in words."""
ROUNDING = 0.0005
"""Share of the split below which tokens without a score are only told: 31,000 of 62 million."""


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
        findings = [found for found in (self.cap(evidence), *self.gaps(evidence)) if found is not None]
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
        coverage = evidence.coverage
        because = "nothing keeps the scores from the end of the split"
        if coverage is not None and coverage.unknown:
            claimed, trace = evidence.claimed, evidence.trace
            scores = [] if claimed is None or trace is None else trace.scores_of(claimed)
            at = f" at {scores[0].place}" if scores else ""
            because = f"Which tokens are scored{at} could not be counted out: {coverage.unknown}."
            return Judgement(outcome=Outcome.UNKNOWN, because=because, findings=tuple(findings))
        if coverage is not None and coverage.checked:
            because = "the script itself ends with an error unless each token of the split has just one score"
        elif coverage is not None and not findings:
            because = "gone through turn by turn, every token of a split has a score"
            if not coverage.exact:
                because = "gone through turn by turn, no token of a split is known to have no score"
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

    def gaps(self, evidence: Evidence) -> Iterator[Finding]:
        """Tokens that no turn scores, and turns that may be left out."""
        trace, coverage = evidence.trace, evidence.coverage
        if trace is None or coverage is None or evidence.claimed is None:
            return
        report = evidence.claimed
        scores = [score for score in trace.scores_of(report) if score.certain is not Answer.NO]
        if coverage.unscored and not coverage.unknown:
            yield self._unscored(coverage, report, scores)
        if coverage.unknown in (AT_RANDOM, CUT):
            yield self._not_all(coverage.unknown, report, scores)
        left_out = [skip for skip in trace.skips if _leaves_out(skip, scores)]
        left_out = [skip for skip in left_out if not trace.goes_with(skip, report)]
        for skip in {skip.place: skip for skip in left_out}.values():
            does, what = SKIP_WAYS[skip.how]
            why = REASONS[skip.by]
            yield Finding(
                rule=self.slug,
                outcome=Outcome.REVIEW,
                level=Level.WARNING,
                report=report.label,
                message=f"Scores of the claimed number may be left out: {why} {does} {what} at {skip.place} "
                f"({skip.what}).",
                locations=(skip.place, scores[0].place, report.place),
                steps=(
                    Step(text=f"{what} is left out by {why}", place=skip.place),
                    Step(text="scored in that loop", place=scores[0].place),
                ),
            )

    def _not_all(self, why: str, report: Report, scores: list[Score]) -> Finding:
        return Finding(
            rule=self.slug,
            outcome=Outcome.REVIEW,
            level=Level.WARNING,
            report=report.label,
            message=f"Not all tokens are in the claimed number: {why} ({scores[0].place}).",
            locations=(scores[0].place, report.place),
            steps=(Step(text="scored here", place=scores[0].place),),
        )

    def _unscored(self, coverage: Coverage, report: Report, scores: list[Score]) -> Finding:
        share = coverage.unscored / TOKENS
        places = tuple(dict.fromkeys([*(score.place for score in scores), report.place]))
        only_first = coverage.unscored == coverage.first_tokens
        if only_first or share < ROUNDING:
            outcome, level = Outcome.PASS, Level.NOTE
        else:
            outcome = Outcome.FAIL if share > 1 - WHOLE else Outcome.REVIEW
            level = Level.ERROR if outcome is Outcome.FAIL else Level.WARNING
        text = (
            f"The first token of each document has no score: {DOCUMENTS - 1:,} of the split's 50,000 documents."
            if only_first
            else f"Of a split of {TOKENS:,} tokens that is gone through turn by turn, {coverage.unscored:,} "
            f"({share:.2%}) have no score in the claimed number."
        )
        return Finding(
            rule=self.slug,
            outcome=outcome,
            level=level,
            report=report.label,
            message=text,
            locations=places,
            steps=(
                *dict.fromkeys(Step(text="the scores are made here", place=score.place) for score in scores),
                Step(text=f"reported as {report.label!r}", place=report.place),
            ),
        )

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


def _leaves_out(skip: Skip, scores: list[Score]) -> bool:
    """Whether a score of the number stands in the loop whose turns are left out, behind the place where they are."""
    if skip.certain is Answer.NO:
        return False
    if skip.scores:
        return any(score.number in skip.scores for score in scores)
    if skip.container:
        return any(_of_list(region, skip.container) for score in scores for region in score.regions)
    if not skip.turns:
        return False
    loop = skip.turns[-1]
    for score in scores:
        inside = [turn for turn in score.turns if turn.entry == loop.entry]
        if inside and (
            skip.how == "break"
            or skip.by == "exception"
            or (inside[0] == loop and score.number > skip.number)
        ):
            return True
    return False


def _of_list(region: Region, container: int) -> bool:
    """Whether its place is an element of a list."""
    for expr in (region.start, region.stop):
        for symbol in () if expr is None else expr.symbols():
            family = symbol.args[0] if symbol.kind in ("at", "pick") else None
            if container == (family[0] if isinstance(family, tuple) else family) and (
                isinstance(family, tuple) or symbol.kind == "pick"
            ):
                return True
    return False


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
