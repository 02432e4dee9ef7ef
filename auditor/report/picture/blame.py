"""Which pairs of an update and a score the rules object to: what may be red, and what is a question."""

from __future__ import annotations

from dataclasses import dataclass

from auditor.judgement.result import AuditResult
from auditor.trace.answer import Answer
from auditor.trace.events import Absorbed, Place, Report, Score
from rules.core.rule import Finding, Kind, Outcome

_ANSWERS = {Outcome.FAIL: Answer.YES, Outcome.REVIEW: Answer.MAYBE, Outcome.UNKNOWN: Answer.MAYBE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """A finding about one pair.

    Attributes:
        earlier: where the same tokens were scored before they were learnt from, or None.
    """

    rule: str
    answer: Answer
    update: Place
    score: Place
    earlier: Place | None


class Blame:
    """The findings on the claimed number, by the pair of places that they name.

    The picture follows the verdict: an overlap that the rules let pass is not coloured, one that they leave to a
    person is a question, and only one that fails is red.
    """

    def __init__(self, result: AuditResult, report: Report) -> None:
        self._pairs: dict[tuple[Place, Place], Charge] = {}
        own = [f for f in result.findings if f.report in (None, report.label) and f.outcome in _ANSWERS]
        self.charges = [charge for finding in own if (charge := _charge(finding, report)) is not None]
        for charge in sorted(self.charges, key=lambda c: c.answer is Answer.YES):
            self._pairs[charge.update, charge.score] = charge
        named = {charge.rule for charge in self.charges}
        kinds = {answer.rule: answer.kind for answer in result.rules}
        self.also = tuple(
            (rule, frozenset(p for f in own if f.rule == rule for p in _places(f)))
            for rule in result.slugs(Outcome.FAIL, kind=Kind.EVALUATION)
            if rule not in named and kinds.get(rule) is Kind.EVALUATION
        )

    def of(self, score: Score, absorbed: Absorbed) -> Charge | None:
        """The charge against a score for an update in its distribution; None if nobody objects."""
        if absorbed.overlap is Answer.NO:
            return None
        return self._pairs.get((absorbed.update.place, score.place))


def _charge(finding: Finding, report: Report) -> Charge | None:
    """A finding that names an update, then a score."""
    if len(finding.locations) != 2 or finding.origin != "static" or len(finding.steps) < 3:
        return None
    update, score = finding.locations
    if [step.place for step in finding.steps[-3:]] != [update, score, report.place]:
        return None
    earlier = finding.steps[-4].place if len(finding.steps) > 3 else None
    return Charge(
        rule=finding.rule,
        answer=_ANSWERS[finding.outcome],
        update=update,
        score=score,
        earlier=earlier,
    )


def _places(finding: Finding) -> list[Place]:
    return [*finding.locations, *(step.place for step in finding.steps)]
