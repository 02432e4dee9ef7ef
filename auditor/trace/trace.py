"""A trace: what a witness says of one script, and the questions that rules ask of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from auditor.trace.answer import Answer
from auditor.trace.events import (
    Absorbed,
    Access,
    Artifact,
    Carry,
    Clock,
    Count,
    Event,
    Load,
    LoopEnd,
    Place,
    Report,
    Reset,
    Score,
    Select,
    SelfCheck,
    Skip,
    Unresolved,
    Update,
)
from auditor.trace.tree import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """A setting that decided a branch: the environment name, the value, where it came from, and what it guards.

    Attributes:
        name: environment name.
        value: as text.
        origin: "default" if only the source says so; else where it was found.
        place: the branch.
        taken: whether the guarded part ran.
        guards: whether the part not taken (or taken) holds updates or scores, as far as its text tells.
    """

    name: str
    value: str
    origin: str
    place: Place
    taken: bool
    guards: bool


@dataclass(slots=True, kw_only=True)
class Trace:
    """The events of one evaluation.

    Attributes:
        witness: "static" or "replay".
        root: the tree.
        events: all events by number.
        switches: settings that decided branches, in the order met.
        claimed: number of the report that the submission claims, or None.
        claimed_how: "reproduces submission.json", "assumed: the last report", …
        complete: False if a cap cut the witness short.
    """

    witness: str
    root: Node
    events: dict[int, Event] = field(default_factory=dict)
    switches: list[Switch] = field(default_factory=list)
    claimed: int | None = None
    claimed_how: str = ""
    complete: bool = True

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events.values())

    @property
    def reports(self) -> list[Report]:
        return [e for e in self if isinstance(e, Report)]

    @property
    def scores(self) -> list[Score]:
        return [e for e in self if isinstance(e, Score)]

    @property
    def updates(self) -> list[Update]:
        return [e for e in self if isinstance(e, Update)]

    @property
    def resets(self) -> list[Reset]:
        return [e for e in self if isinstance(e, Reset)]

    @property
    def loads(self) -> list[Load]:
        return [e for e in self if isinstance(e, Load)]

    @property
    def accesses(self) -> list[Access]:
        return [e for e in self if isinstance(e, Access)]

    @property
    def artifacts(self) -> list[Artifact]:
        return [e for e in self if isinstance(e, Artifact)]

    @property
    def clocks(self) -> list[Clock]:
        return [e for e in self if isinstance(e, Clock)]

    @property
    def carries(self) -> list[Carry]:
        return [e for e in self if isinstance(e, Carry)]

    @property
    def skips(self) -> list[Skip]:
        return [e for e in self if isinstance(e, Skip)]

    @property
    def loop_ends(self) -> list[LoopEnd]:
        return [e for e in self if isinstance(e, LoopEnd)]

    @property
    def self_checks(self) -> list[SelfCheck]:
        return [e for e in self if isinstance(e, SelfCheck)]

    @property
    def unresolved(self) -> list[Unresolved]:
        return [e for e in self if isinstance(e, Unresolved)]

    def scores_of(self, report: Report) -> list[Score]:
        """The scores that a reported number was made from, in time order."""
        found = [self.events[n] for n in sorted(report.scores)]
        return [e for e in found if isinstance(e, Score)]

    def counts_of(self, report: Report) -> list[Count]:
        """The counts of bytes that a reported number was divided by, in time order."""
        found = [self.events[n] for n in sorted(report.counts)]
        return [e for e in found if isinstance(e, Count)]

    def selects_of(self, report: Report) -> list[Select]:
        found = [self.events[n] for n in sorted(report.selects)]
        return [e for e in found if isinstance(e, Select)]

    def doubts_of(self, report: Report) -> list[Unresolved]:
        """Everything that could not be followed on the way to a reported number."""
        numbers = set(report.doubts)
        for score in self.scores_of(report):
            numbers.update(score.doubts)
        found = [self.events[n] for n in sorted(numbers)]
        return [e for e in found if isinstance(e, Unresolved)]

    def absorbed_by(self, report: Report) -> Iterator[tuple[Score, Absorbed]]:
        """Each score of the report with each update that it had absorbed and shares, or may share, tokens with."""
        for score in self.scores_of(report):
            for absorbed in score.absorbed:
                if absorbed.overlap is not Answer.NO:
                    yield score, absorbed

    def before(self, first: Event, second: Event) -> Answer:
        """Whether `first` happened before `second`: MAYBE if one of them is under an undecided branch."""
        if Answer.NO in (first.certain, second.certain) or first.number >= second.number:
            return Answer.NO
        if Answer.MAYBE in (first.certain, second.certain):
            return Answer.MAYBE
        return Answer.YES

    def goes_with(self, skip: Skip, report: Report) -> bool:
        """Whether a report is printed in the very arm that a branch outside of all loops may leave out.

        Where that arm does not run the number is not printed, and where it is printed the arm ran.
        """
        if skip.how != "branch" or skip.turns or report.turns:
            return False
        around = next(
            node
            for node in self.root.walk()
            if any(any(event is skip for event in leaf.events) for leaf in node.children)
        )
        arms = (child for child in around.children if child.kind == "branch" and child.place == skip.place)
        return any(event is report for arm in arms for node in arm.walk() for event in node.events)

    @property
    def claimed_report(self) -> Report | None:
        event = self.events.get(self.claimed) if self.claimed is not None else None
        return event if isinstance(event, Report) else None
