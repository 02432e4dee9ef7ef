"""The formula of the claimed number held against the challenge's, and what the rules about it answer.

Not a rule itself: `altered-score` and `altered-target` each show one kind of difference.
"""

from __future__ import annotations

from typing import ClassVar

from auditor.trace.events import Place, Report
from auditor.trace.formula import Deviation, Kind, deviations, expected
from rules.core.order_rule import judged_report
from rules.core.rule import Evidence, Finding, Judgement, Level, Outcome, Rule, Step

MAX_SHOWN = 6
"""Findings of one kind that are shown; the rest is counted."""


class FormulaRule(Rule):
    """A rule that fails where the claimed number differs from the challenge's in its kind.

    Attributes:
        fails: the kind that breaks it.
        open: the kinds that leave it undecided.
        meaning: what a change is called in a sentence.
    """

    fails: ClassVar[Kind]
    open: ClassVar[tuple[Kind, ...]] = ()
    meaning: ClassVar[str]

    def judge(self, evidence: Evidence) -> Judgement:
        trace = evidence.trace
        if trace is None or not trace.reports:
            return Judgement(outcome=Outcome.NOT_APPLICABLE, because="there is no reported number to follow")
        report = judged_report(trace)
        found: dict[tuple[object, ...], Deviation] = {}
        for printed in report.numbers:
            for deviation in deviations(printed):
                found.setdefault(
                    (deviation.kind, deviation.place, deviation.text, deviation.certain), deviation
                )
        sure = [d for d in found.values() if d.kind is self.fails and d.certain]
        unsure = [
            d for d in found.values() if d.kind in self.open or (d.kind is self.fails and not d.certain)
        ]
        if sure:
            return self.answer(Outcome.FAIL, sure, report)
        if unsure:
            return self.answer(Outcome.UNKNOWN, unsure, report)
        if self.open and report.scores and not any(expected(n.name) for n in report.numbers):
            lost = Deviation(
                text="no number of the line could be told by its name", place=None, kind=Kind.OPAQUE
            )
            return self.answer(Outcome.UNKNOWN, [lost], report)
        notes = [d for d in found.values() if d.kind is Kind.HARMLESS] if self.open else []
        findings = tuple(self.finding(Outcome.PASS, note, report) for note in notes[:MAX_SHOWN])
        return Judgement(outcome=Outcome.PASS, because=self.clean(report), findings=findings)

    def clean(self, report: Report) -> str:
        """The evidence of a pass, in one sentence."""
        raise NotImplementedError

    def answer(self, outcome: Outcome, found: list[Deviation], report: Report) -> Judgement:
        findings = tuple(self.finding(outcome, deviation, report) for deviation in found[:MAX_SHOWN])
        return Judgement(outcome=outcome, because=findings[0].message, findings=findings)

    def finding(self, outcome: Outcome, deviation: Deviation, report: Report) -> Finding:
        places: tuple[Place, ...] = (report.place,)
        if deviation.place is not None and deviation.place != report.place:
            places = (deviation.place, report.place)
        words = {
            Outcome.FAIL: self.meaning,
            Outcome.UNKNOWN: f"Perhaps {self.meaning[0].lower()}{self.meaning[1:]}",
        }
        head = words.get(outcome, "Makes the number no better")
        where = f" ({deviation.place})" if deviation.place is not None else ""
        levels = {Outcome.FAIL: Level.ERROR, Outcome.UNKNOWN: Level.WARNING}
        steps = [Step(text=deviation.text, place=places[0])]
        steps += [
            Step(text=f"{printed.name} = {printed.formula.text()}", place=report.place)
            for printed in report.numbers
        ]
        return Finding(
            rule=self.slug,
            outcome=outcome,
            level=levels.get(outcome, Level.NOTE),
            report=report.label,
            message=f"{head}: {deviation.text}{where}.",
            locations=places,
            steps=tuple(dict.fromkeys(steps)),
        )
