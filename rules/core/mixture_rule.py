"""What went into a score beside the distribution of the model, and how a rule judges it.

Not a rule itself: `target-keyed-cache` and `unnormalized-distribution` each show one kind of offence found here.
A lookup by the scored token itself says something of this one token only: what is mixed from it is no
distribution over the vocabulary that was fixed before the token was looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from auditor.trace.answer import Answer
from auditor.trace.events import Blend, Lookup, Report, Score
from auditor.trace.trace import Trace
from rules.core.order_rule import judged_report, undecided
from rules.core.rule import (
    DISPUTED,
    Evidence,
    Finding,
    Judgement,
    Level,
    Outcome,
    Policy,
    Rule,
    Step,
    no_program,
)

POSTERIOR = "posterior"
CHOSEN = "chosen"
CARRIED = "carried"
NATIVE = "native"


@dataclass(frozen=True, slots=True, kw_only=True)
class Blended:
    """A blend of one reported score; of several turns of the loops the clearest stands for all."""

    score: Score
    blend: Blend


def blended(trace: Trace, report: Report) -> list[Blended]:
    """The blends of a reported number, one for each place of score and lookup and each form."""
    found: dict[tuple[object, ...], Blended] = {}
    for score in trace.scores_of(report):
        if score.certain is Answer.NO:
            continue
        for blend in score.blends:
            key = (score.place, blend.lookup.place, blend.lookup.how, blend.lookup.where, blend.form)
            known = found.get(key)
            if known is None or blend.target.rank > known.blend.target.rank:
                found[key] = Blended(score=score, blend=blend)
    return list(found.values())


def named_lookup(lookup: Lookup) -> str:
    """What was looked up in, as the source calls it."""
    if lookup.how == NATIVE:
        return f"`{lookup.where}`"
    names = sorted({state.name for state in lookup.states if state.name})
    return f"`{', '.join(names[:3])}`" if names else "a table"


class BlendRule(Rule):
    """A rule that fails when the claimed number has a blend of its kind.

    Attributes:
        clean: the evidence of a pass, in one sentence.
    """

    clean: ClassVar[str]

    def judge(self, evidence: Evidence) -> Judgement:
        missing = no_program(evidence)
        if missing is not None or evidence.trace is None:
            return missing or Judgement(outcome=Outcome.UNKNOWN, because="there is no readable program")
        report = judged_report(evidence.trace)
        found, failed = self.found(evidence, report)
        shown = failed or sorted(found, key=lambda entry: entry.blend.target is not Answer.YES)
        findings = tuple(
            self.finding(entry, report, Outcome.FAIL if failed else Outcome.REVIEW) for entry in shown
        )
        if findings:
            return Judgement(outcome=findings[0].outcome, because=findings[0].message, findings=findings)
        return (
            self.beside(evidence, report)
            or undecided(self.slug, evidence.trace, report)
            or Judgement(outcome=Outcome.PASS, because=self.clean)
        )

    def found(self, evidence: Evidence, report: Report) -> tuple[list[Blended], list[Blended]]:
        """The blends of a number that are of this rule's kind, and those of them that fail."""
        assert evidence.trace is not None
        found = [entry for entry in blended(evidence.trace, report) if self.concerns(entry.blend)]
        return found, [e for e in found if self.outcome(e, found, evidence) is Outcome.FAIL]

    def beside(self, evidence: Evidence, report: Report) -> Judgement | None:
        """REVIEW where another number fails and nothing tells that it is not the one claimed."""
        trace = evidence.trace
        if evidence.claimed_bpb is None or trace is None or not trace.claimed_how.startswith("assumed"):
            return None
        for other in trace.reports:
            if other is report or (other.place, other.label) == (report.place, report.label):
                continue
            for entry in self.found(evidence, other)[1]:
                finding = self.finding(entry, other, Outcome.REVIEW, "nothing tells which number is claimed")
                return Judgement(outcome=Outcome.REVIEW, because=finding.message, findings=(finding,))
        return None

    def concerns(self, blend: Blend) -> bool:
        """Whether the blend is, or may be, of this rule's kind."""
        raise NotImplementedError

    def story(self, entry: Blended) -> str:
        """What happened, in one sentence without a full stop."""
        raise NotImplementedError

    def outcome(self, entry: Blended, found: Iterable[Blended], evidence: Evidence) -> Outcome:
        """FAIL where the target is in the key; a count added to the model's probability as to a prior is disputed."""
        if entry.blend.target is not Answer.YES:
            return Outcome.REVIEW
        disputed = all(e.blend.form in (POSTERIOR, CHOSEN) for e in found)
        return Outcome.REVIEW if disputed and evidence.policy is Policy.RULINGS else Outcome.FAIL

    def dispute(self, entry: Blended) -> str:
        """Why a person should judge what is proved, as a clause."""
        return (
            "the count is added to the model's probability as to a prior and divided by the context's count: with "
            f"exact counts that is a distribution, with hashed ones it is not; {DISPUTED}"
        )

    def finding(self, entry: Blended, report: Report, outcome: Outcome, dispute: str = "") -> Finding:
        """The finding for one blend; the place of the lookup is its main location."""
        lookup, score = entry.blend.lookup, entry.score
        message = f"{self.story(entry)}."
        if entry.blend.target is not Answer.YES:
            message = (
                f"It could not be told whether {named_lookup(lookup)} is looked up at {lookup.place} by the "
                f"token that is scored with it at {score.place}: {entry.blend.why}."
            )
        elif outcome is Outcome.REVIEW:
            message = f"{self.story(entry)}; {dispute or self.dispute(entry)}."
        steps = (
            Step(
                text=f"{named_lookup(lookup)} is looked up by tokens that include the target",
                place=lookup.place,
            ),
            Step(text="the answer is in the score of that token alone", place=score.place),
            Step(text=f"reported as {report.label!r}", place=report.place),
        )
        return Finding(
            rule=self.slug,
            outcome=outcome,
            level=Level.ERROR if outcome is Outcome.FAIL else Level.WARNING,
            message=message,
            report=report.label,
            locations=(lookup.place, score.place),
            steps=steps,
        )
