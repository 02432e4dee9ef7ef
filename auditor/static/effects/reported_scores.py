"""What is told last of the scores that were reported: the updates they had absorbed, and the lookups in them."""

from __future__ import annotations

from dataclasses import replace

from auditor.static.effects.events import Scoring
from auditor.static.effects.lookups import Lookups
from auditor.static.interpreter.machine import Machine
from auditor.trace.answer import Answer
from auditor.trace.events import Absorbed, Event, Report, Score, Unresolved, Update
from auditor.trace.overlap import overlap
from auditor.trace.region import Region


class ReportedScores:
    """Completes the events of reported scores."""

    def __init__(self, machine: Machine, scoring: Scoring, lookups: Lookups) -> None:
        self.recorder = machine.recorder
        self.scoring = scoring
        self.lookups = lookups
        self.overlaps: dict[tuple[frozenset[Region], int, bool, bool], tuple[Answer, str]] = {}

    def finish_scores(self, *, compare: bool = True) -> None:
        """Tell for each score that was reported which of the updates it had absorbed were made from its tokens.

        And of what could not be followed tell what a reported number depends on.

        Done last, and only for reported scores: most distributions are training losses that nobody reports.

        Args:
            compare: whether updates are compared with the tokens; if not, none of them is told apart from any.
        """
        reported = {
            n for event in self.recorder.events.values() if isinstance(event, Report) for n in event.scores
        }
        for number in sorted(reported):
            score = self.recorder.events[number]
            if isinstance(score, Score):
                absorbed = tuple(
                    self.absorbed(score, n) if compare else self.not_compared(n)
                    for n in sorted(self.scoring.in_score[number])
                )
                blends = self.lookups.blends(score)
                mixed = score.how != "stored" and any(blend.form != "chosen" for blend in blends)
                new = replace(
                    score,
                    absorbed=absorbed,
                    blends=blends,
                    how="mixture" if mixed else score.how,
                    keyed_by_target=any(b.combined and b.target is Answer.YES for b in blends),
                )
                self.exchange(score, new)
        on_the_way = {
            n for event in self.recorder.events.values() if isinstance(event, Report) for n in event.doubts
        }
        for number in reported:
            score = self.recorder.events[number]
            on_the_way |= set(score.doubts) if isinstance(score, Score) else set()
        for number in sorted(on_the_way):
            doubt = self.recorder.events[number]
            if isinstance(doubt, Unresolved):
                self.exchange(doubt, replace(doubt, touches_scores=True))

    def exchange(self, old: Event, new: Event) -> None:
        """Put an event of the same number in the place of another."""
        self.recorder.events[old.number] = new
        leaf = self.recorder.leaves[old.number]
        leaf.events[leaf.events.index(old)] = new

    def not_compared(self, number: int) -> Absorbed:
        """An update that a score had absorbed, of which nothing more is said."""
        update = self.recorder.events[number]
        assert isinstance(update, Update)
        return Absorbed(update=update, overlap=Answer.MAYBE, why="its tokens were not compared")

    def absorbed(self, score: Score, number: int) -> Absorbed:
        """Whether an update that a score had absorbed was made from its tokens.

        Of an update that took tokens that could not be told before the loops over all scored tokens began, some
        are scored; of one within these loops, perhaps.
        """
        update = self.recorder.events[number]
        assert isinstance(update, Update)
        regions = score.regions
        before = {t.entry for t in update.turns}.isdisjoint(t.entry for t in score.turns)
        taken_in_turn = any(t.entry in self.scoring.written_in_loops[score.number] for t in update.turns)
        key = (regions, number, before, taken_in_turn)
        found = self.overlaps.get(key)
        if found is None:
            found = (Answer.NO, "no token in common")
            for scored in regions:
                for used in update.regions:
                    answer, why = overlap(scored, used)
                    if answer is Answer.MAYBE and (used.partial or scored.partial) and before:
                        answer, why = (
                            Answer.YES,
                            "some of these tokens were taken before all of them were scored",
                        )
                    if answer.rank > found[0].rank:
                        found = (answer, why)
                if found[0] is Answer.YES:
                    break
            if taken_in_turn and found[0] is Answer.YES:
                found = (
                    Answer.MAYBE,
                    "the scored values were written piece by piece, in turn with the updates",
                )
            self.overlaps[key] = found
        return Absorbed(update=update, overlap=found[0], why=found[1])
