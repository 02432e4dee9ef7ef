"""Which rule a score breaks that came from a state fitted to its own tokens, and how such a score is judged.

Not a rule itself: the rules about order (`train-before-score`, `rescore-after-update`, `two-pass-rescore`,
`same-token-adaptation`, `val-in-training`) each show one kind of offence found here. A rule is asked about
the claimed report; that every other reported number is judged by itself, and that switches nobody has seen
are turned, is done for all rules alike by `auditor.judgement.judge`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

from auditor.trace.answer import Answer
from auditor.trace.events import Absorbed, Event, Report, Score, State, Unresolved, Update
from auditor.trace.overlap import overlap
from auditor.trace.region import Region
from auditor.trace.trace import Trace
from rules.core.rule import Evidence, Finding, Judgement, Level, Outcome, Policy, Rule, Step, no_program

TRAIN_BEFORE_SCORE = "train-before-score"
RESCORE_AFTER_UPDATE = "rescore-after-update"
TWO_PASS_RESCORE = "two-pass-rescore"
SAME_TOKEN_ADAPTATION = "same-token-adaptation"
HINDSIGHT_SELECTION = "hindsight-selection"

SELECTION = "selection"
"""Way of updating: something other than weights or a memory was picked by comparing scores."""

MEMORIES = frozenset({"table", "container"})
"""Kinds of state, and ways of updating one, that store tokens instead of fitting weights to them."""

RESULT_LABEL = re.compile(r"bpb|bits.?per.?byte|val_?loss|validation.loss", re.IGNORECASE)
"""What a line says that prints a result; other lines that print losses report progress."""

MAX_DOUBTS_NAMED = 3
Turns = frozenset[tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offence:
    """A reported score that came from a state which had taken in, or may have, the tokens it scores.

    Attributes:
        slug: the rule it breaks.
        score: the score, as reported.
        absorbed: the update in its distribution and whether it shares tokens.
        earlier: for `rescore-after-update` the score of the same tokens that came before the update, if it is
            one that is reported; None where only the loops show it.
    """

    slug: str
    score: Score
    absorbed: Absorbed
    earlier: Score | None = None

    @property
    def proved(self) -> bool:
        """Whether nothing tells the tokens apart; otherwise they could not be proved disjoint."""
        return self.absorbed.overlap is Answer.YES


def offences(trace: Trace, report: Report) -> list[Offence]:
    """The offences of one reported number, one for each rule, place of score and place of update.

    Of several turns of the loops around them the first with the clearest overlap stands for all. Where some
    turns of two places prove an offence, others that prove nothing are not a second one.
    """
    found: dict[tuple[object, ...], Offence] = {}
    scored_first = _scored_first(trace)
    for score, absorbed in trace.absorbed_by(report):
        if Answer.NO in (score.certain, absorbed.update.certain):
            continue
        offence = _offence(score, absorbed, scored_first)
        key = (offence.slug, score.place, absorbed.update.place)
        known = found.get(key)
        if known is None or absorbed.overlap.rank > known.absorbed.overlap.rank:
            found[key] = offence
    proved = {(o.score.place, o.absorbed.update.place) for o in found.values() if o.proved}
    return [o for o in found.values() if o.proved or (o.score.place, o.absorbed.update.place) not in proved]


def _offence(score: Score, absorbed: Absorbed, scored_first: Callable[[Update], Score | None]) -> Offence:
    update = absorbed.update
    earlier = None
    if update.how == SELECTION:
        slug = HINDSIGHT_SELECTION
    elif (update.how in MEMORIES or update.state.kind in MEMORIES) and not _made_for_these_tokens(
        update.state, score
    ):
        slug = TWO_PASS_RESCORE
    elif (earlier := scored_first(update)) is not None or _comes_back(absorbed, score):
        slug = RESCORE_AFTER_UPDATE
    elif _within_one_turn(update, score) or _made_for_these_tokens(update.state, score):
        slug = SAME_TOKEN_ADAPTATION
    else:
        slug = TRAIN_BEFORE_SCORE
    return Offence(slug=slug, score=score, absorbed=absorbed, earlier=earlier)


def _scored_first(trace: Trace) -> Callable[[Update], Score | None]:
    """Finds the reported score of an update's tokens that was taken in the same turn of a loop over them.

    An evaluation that ran to its end before another loop fits the same tokens does not count: it is the check
    of a trained model that nearly every script prints, and the fit that follows is not made score-first.
    """
    numbers: dict[int, list[Report]] = {}
    for report in trace.reports:
        if RESULT_LABEL.search(report.label):
            for number in report.scores:
                numbers.setdefault(number, []).append(report)
    scores = [(e, numbers[n]) for n in sorted(numbers) if isinstance(e := trace.events[n], Score)]
    known: dict[int, Score | None] = {}

    def find(update: Update) -> Score | None:
        if update.number not in known:
            known[update.number] = next(
                (s for s, reports in scores if _precedes(s, update) and _result(reports, update)), None
            )
        return known[update.number]

    return find


def _precedes(score: Score, update: Update) -> bool:
    if score.number >= update.number or score.certain is Answer.NO:
        return False
    return _within_one_turn(update, score) and any(
        overlap(scored, used)[0] is Answer.YES for scored in score.regions for used in update.regions
    )


def _result(reports: Iterable[Report], update: Update) -> bool:
    """Whether one of the reports is printed after the loops around the update, not as their progress."""
    inside = {turn.entry for turn in update.turns}
    return any(not inside & {turn.entry for turn in report.turns} for report in reports)


def _turns(event: Event) -> Turns:
    return frozenset((turn.entry, turn.iteration) for turn in event.turns)


def _depends(regions: Iterable[Region]) -> frozenset[tuple[object, object]]:
    """The turns of loops that the positions of the regions depend on."""
    return frozenset((symbol.args[0], symbol.args[1]) for r in regions for symbol in r.iterations)


def _within_one_turn(update: Update, score: Score) -> bool:
    """Whether both stand in one turn of a loop that chooses the tokens of both."""
    common = _turns(update) & _turns(score)
    return bool(common & _depends(update.regions) & _depends(score.regions))


def _comes_back(absorbed: Absorbed, score: Score) -> bool:
    """Whether a loop around both comes back to the same tokens, as epochs do and loops over tokens do not."""
    turns = {turn.entry: turn.iteration for turn in absorbed.update.turns}
    return absorbed.overlap is Answer.YES and any(
        turn.entry in turns and turns[turn.entry] < turn.iteration for turn in score.turns
    )


def _made_for_these_tokens(state: State, score: Score) -> bool:
    """Whether the state was made anew inside a loop that chooses the scored tokens."""
    chosen = {entry for entry, _ in _depends(score.regions)}
    around = {turn.entry for turn in score.turns} & chosen
    return bool(around & set(state.fresh_in))


class OrderRule(Rule):
    """A rule that fails when the claimed number has an offence of its kind.

    Attributes:
        clean: the evidence of a pass, in one sentence.
    """

    clean: ClassVar[str]

    def judge(self, evidence: Evidence) -> Judgement:
        missing = no_program(evidence)
        if missing is not None or evidence.trace is None:
            return missing or Judgement(outcome=Outcome.UNKNOWN, because="there is no readable program")
        report = judged_report(evidence.trace)
        found = self.found(evidence.trace, report)
        shown = [o for o in found if o.proved] or found
        findings = tuple(self.finding(offence, report, self._dispute(offence, evidence)) for offence in shown)
        findings = tuple(sorted(findings, key=lambda finding: finding.outcome is not Outcome.FAIL))
        if findings:
            return Judgement(outcome=findings[0].outcome, because=findings[0].message, findings=findings)
        return undecided(self.slug, evidence.trace, report) or Judgement(
            outcome=Outcome.PASS, because=self.clean
        )

    def found(self, trace: Trace, report: Report) -> list[Offence]:
        """The offences of this rule's kind."""
        return [offence for offence in offences(trace, report) if offence.slug == self.slug]

    def story(self, offence: Offence) -> str:
        """What happened, in one sentence without a full stop."""
        raise NotImplementedError

    def disputed(self, offence: Offence, evidence: Evidence) -> str:
        """Why a person should judge a proved offence, as a clause, or "" if the rulings settle it."""
        return ""

    def _dispute(self, offence: Offence, evidence: Evidence) -> str:
        return self.disputed(offence, evidence) if evidence.policy is Policy.RULINGS else ""

    def finding(self, offence: Offence, report: Report, dispute: str = "") -> Finding:
        """The finding for one offence; the place of the update is its main location."""
        update, score = offence.absorbed.update, offence.score
        if offence.proved:
            outcome, level = Outcome.FAIL, Level.ERROR
            message = f"{self.story(offence)}."
            if dispute:
                outcome, level = Outcome.REVIEW, Level.WARNING
                message = f"{self.story(offence)}; {dispute}."
        else:
            outcome, level = Outcome.REVIEW, Level.WARNING
            message = (
                f"It could not be proved that {described(update)} is made from other tokens than those "
                f"scored with it at {score.place}: {offence.absorbed.why}."
            )
        steps = [Step(text=f"{described(update)} from validation tokens", place=update.place)]
        if offence.earlier is not None:
            steps.insert(0, Step(text="these tokens are scored", place=offence.earlier.place))
        again = " again" if offence.slug in (RESCORE_AFTER_UPDATE, TWO_PASS_RESCORE) else ""
        steps.append(
            Step(text=f"the same tokens are scored{again} with {named(update.state)}", place=score.place)
        )
        steps.append(Step(text=f"reported as {report.label!r}", place=report.place))
        return Finding(
            rule=self.slug,
            outcome=outcome,
            level=level,
            message=message,
            report=report.label,
            locations=(update.place, score.place),
            steps=tuple(steps),
        )


def judged_report(trace: Trace) -> Report:
    """The claimed report, or the last one if nothing ties the claim to a report."""
    return trace.claimed_report or trace.reports[-1]


def named(state: State) -> str:
    """The state as the source calls it, with its kind."""
    return f"{state.kind} `{state.name}`" if state.name else f"the {state.kind} made at {state.place}"


def described(update: Update) -> str:
    """The update in words: what changed, by which call, where."""
    return f"the update of {named(update.state)} by {update.by} at {update.place}"


def undecided(slug: str, trace: Trace, report: Report) -> Judgement | None:
    """UNKNOWN, naming what could not be followed on the way to the report; None if all of it was."""
    if report.untraced:
        message = f"The number printed at {report.place} could not be followed back to scores."
        return _unknown(slug, report, message, (), Step(text="printed here", place=report.place))
    doubts = trace.doubts_of(report)
    if not doubts:
        return None
    told = "; ".join(f"{doubt.reason} ({doubt.what}) at {doubt.place}" for doubt in doubts[:MAX_DOUBTS_NAMED])
    more = len(doubts) - MAX_DOUBTS_NAMED
    message = f"Part of the way to the reported number could not be followed: {told}"
    message += f"; and {more} more." if more > 0 else "."
    return _unknown(slug, report, message, doubts, Step(text="reported here", place=report.place))


def _unknown(slug: str, report: Report, message: str, doubts: Iterable[Unresolved], last: Step) -> Judgement:
    steps = [Step(text=f"not followed: {doubt.reason}", place=doubt.place) for doubt in doubts]
    finding = Finding(
        rule=slug,
        outcome=Outcome.UNKNOWN,
        level=Level.WARNING,
        message=message,
        report=report.label,
        locations=(*dict.fromkeys(step.place for step in steps), last.place),
        steps=(*steps, last),
    )
    return Judgement(outcome=Outcome.UNKNOWN, because=message, findings=(finding,))
