"""The events of the one language that both witnesses speak.

Every event has a number that grows with time, a place in the source and the loops it happened in. What an event
means for the rules is settled when it is recorded: a `Score` carries the updates that its distribution had
absorbed and whether each of them was made from the tokens being scored.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from auditor.solver.expressions import Expr, Symbol
from auditor.trace.answer import Answer
from auditor.trace.formula import Printed
from auditor.trace.place import Place as Place
from auditor.trace.region import Region

StateKind = Literal[
    "module",
    "optimizer",
    "tensor",
    "table",
    "container",
    "file",
    "instance",
    "iterator",
    "selection",
    "handle",
    "namespace",
    "tokenizer",
]
"""What a state is; "selection" is a choice by scores, which what was chosen depends on."""

LoadSource = Literal["val", "train", "artifact", "tokenizer", "external"]
"""Whose data are read."""

UpdateHow = Literal["gradient", "table", "container", "calibration", "in place", "selection"]
"""By what a state changes."""

LookupHow = Literal["entry", "column", "row", "pick", "comparison", "native", "carried"]
"""By what something is asked: one index made of the tokens; the last of several indices, a place in a row; another of
them; a place in a row that was computed as a whole; whether tokens are equal; code that is not Python; what earlier
turns of a loop left behind."""

BlendForm = Literal["blended", "posterior", "spread", "chosen"]
"""How the answer of a lookup is in a score: mixed into the probability; a count that is added to the probability taken
as a prior; it divides the log-probability; it decides what is mixed in."""

ScoreHow = Literal["softmax", "distribution", "mixture", "table", "stored", "unknown"]
"""What a probability came from; "distribution" is all of it, of which the target's is yet to be taken; "stored" if it
changed after a comparison of the targets with what a file holds."""

CountHow = Literal["table", "uniform", "sidecar", "file", "unknown"]
"""How tokens are counted in bytes: lengths by kind of token, the same for every token, lengths stored by position, a
table read from a file."""

SkipHow = Literal["continue", "break", "branch", "filter"]
"""What leaves tokens out; "branch" if scores are added up in one arm alone, "filter" of a list."""

SkipBy = Literal["time", "chance", "content", "unknown", "exception"]
"""What decides that tokens are left out; "content" is that of tokens or scores."""

ArtifactAction = Literal["save", "restore", "foreign"]

AccessKind = Literal["network", "file", "subprocess", "native"]


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Something a later score may depend on.

    Attributes:
        number: identity of the allocation.
        kind: what it is.
        name: what the source calls it, for display.
        place: where it was made.
        fresh_in: loops that were running when it was made, outermost first (their entry numbers).
    """

    number: int
    kind: StateKind
    name: str
    place: Place
    fresh_in: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One loop around an event: its entry number, the abstract iteration, and the loop's variable."""

    entry: int
    iteration: int
    variable: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Common to all events.

    Attributes:
        number: position in time; smaller happened earlier where both happened.
        place: where in the source.
        turns: the loops around it, outermost first.
        certain: NO if under a branch that is not taken, MAYBE if under one that is not decided.
        function: the function it stands in.
    """

    number: int
    place: Place
    turns: tuple[Turn, ...] = ()
    certain: Answer = Answer.YES
    function: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load(Event):
    """Data of a source are read."""

    source: LoadSource
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Update(Event):
    """A state changed because of tokens.

    Attributes:
        state: what changed.
        regions: the tokens it was made from.
        how: by what it changed.
        by: the call that did it, for display ("AdamW.step").
    """

    state: State
    regions: frozenset[Region]
    how: UpdateHow
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Absorbed:
    """An update that was in the distribution when it was scored, and whether it was made from the same tokens."""

    update: Update
    overlap: Answer
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup(Event):
    """Something was asked about particular tokens: a table by a key made of them, or whether they equal others.

    Attributes:
        states: what was looked up in; empty for a comparison and for what is no state.
        how: by what it was asked.
        where: file and line of code that is not Python, else empty.
        combined: the index mixes several tokens into one number.
        memory: the table holds validation tokens.
    """

    states: tuple[State, ...]
    how: LookupHow
    where: str = ""
    combined: bool = False
    memory: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Blend:
    """A lookup whose answer is in a score, and whether it was made by the very tokens that are scored.

    Attributes:
        lookup: the lookup.
        target: whether the scored tokens are among those looked up by.
        combined: the target and other tokens make up one key.
        form: how its answer is in the score.
        why: the reason for `target`, in words.
    """

    lookup: Lookup
    target: Answer
    combined: bool
    form: BlendForm
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Score(Event):
    """Tokens were given a probability.

    Attributes:
        regions: the target tokens.
        states: names of the states the distribution came from.
        absorbed: updates in these states at that moment.
        how: what the probability came from.
        keyed_by_target: the distribution was looked up by the target token itself.
        doubts: what could not be followed on the way (numbers of `Unresolved` events).
        refined_from: the score this one narrows or mixes further, or None.
        blends: what was looked up by particular tokens and is in the number; those that were not looked up by
            the scored tokens themselves are left out.
        loads: numbers of the loads of outside files that it was made with.
        restored: whether a module that it came from had been given weights read back from a file.
    """

    regions: frozenset[Region]
    states: tuple[State, ...]
    absorbed: tuple[Absorbed, ...]
    how: ScoreHow = "softmax"
    keyed_by_target: bool = False
    doubts: tuple[int, ...] = ()
    refined_from: int | None = None
    blends: tuple[Blend, ...] = ()
    loads: tuple[int, ...] = ()
    restored: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Count(Event):
    """Tokens were counted in bytes, for the denominator of a number.

    Attributes:
        regions: the tokens counted.
        how: how they were counted.
        what: the expression that was summed, for display.
        counts: for a table what is counted for each kind of token, as `token_bytes.compared` takes it.
        masked: a mask lets some of the tokens through alone.
    """

    regions: frozenset[Region]
    how: CountHow
    what: str
    counts: tuple[float | None, ...] = ()
    masked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Carry(Event):
    """Inside a forward pass each position takes in the one before it, at the start of a document too.

    Attributes:
        what: class and method.
    """

    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset(Event):
    """A state went back to what the artifact gave."""

    state: State
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Select(Event):
    """A choice was made after looking at scores; `scores` are those it chose between.

    Attributes:
        repeated: the variable of the loop that scores the same tokens in each of its turns, for a choice between
            these turns; else empty.
    """

    scores: tuple[int, ...]
    by: str
    repeated: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(Event):
    """A number was printed or returned as the result.

    Attributes:
        label: the constant text of the line, for display.
        template: the line as parts: constant text, and None where a value stands.
        scores: the scores that the number was made from.
        doubts: numbers of `Unresolved` events on the way.
        untraced: it prints a bpb whose scores could not be found.
        selects: choices the number went through.
        counts: the counts of bytes that the number was made from.
        numbers: the numbers of the line, as formulas over scores and counts.
        one_rank: whether none of the scores went through anything by which ranks put theirs together.
    """

    label: str
    template: tuple[str | None, ...]
    scores: tuple[int, ...]
    doubts: tuple[int, ...] = ()
    untraced: bool = False
    selects: tuple[int, ...] = ()
    counts: tuple[int, ...] = ()
    numbers: tuple[Printed, ...] = ()
    one_rank: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact(Event):
    """The artifact is written ("save") or read back ("restore"), or a state is given other weights ("foreign").

    These are weights that the script never wrote.
    """

    action: ArtifactAction
    what: str
    absorbed: tuple[Update, ...] = ()
    state: State | None = None


TRAINING_STEP = "training step"
"""Phase of the clock event that an optimiser step away from the validation tokens gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock(Event):
    """A phase starts, ends or is capped (`TRAINING_STEP`, `capped`, `ended`).

    Attributes:
        phase: what happens.
        on_training_data: the step is taken on tokens of the training shards.
    """

    phase: str
    on_training_data: bool = False

    @property
    def cap_s(self) -> float | None:
        """The seconds that time was compared with, or None for another phase and a number that is not known."""
        found = re.fullmatch(r"(?:capped|ends) at (\d+(?:\.\d+)?) s", self.phase)
        return float(found[1]) if found is not None else None


UNKNOWN_CAP = "capped at a time that is not known"


def capped(seconds: float | None) -> str:
    """The phase of a loop in which the time passed is compared with so many seconds."""
    return UNKNOWN_CAP if seconds is None or not 0.0 < seconds < 1e9 else f"capped at {seconds:.6g} s"


def ended(seconds: float) -> str:
    """The phase of a loop that ends when so many seconds have passed."""
    return f"ends at {seconds:.6g} s" if 0.0 < seconds < 1e9 else UNKNOWN_CAP


@dataclass(frozen=True, slots=True, kw_only=True)
class Access(Event):
    """The world outside is reached; `what` names the host, file or command.

    `reaches` names the phase as far as it could be told: "evaluation" if a score follows.
    """

    kind: AccessKind
    what: str


NEVER_REACHED = "updates states, and was never reached"
"""Reason of what stands in the source and that nothing which was followed calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip(Event):
    """A turn of a loop, or the rest of its turns, is left out for another reason than the position reached.

    Attributes:
        how: what leaves it out.
        by: what decides that.
        what: the condition, for display.
        scores: those that are left out, where it is these and not all that a loop makes.
        container: the number of the list whose elements are left out, or 0.
    """

    how: SkipHow
    by: SkipBy
    what: str
    scores: tuple[int, ...] = ()
    container: int = 0


SKIP_WAYS = {
    "break": ("ends", "the rest of the loop"),
    "continue": ("ends", "a turn of the loop"),
    "branch": ("decides over", "what is added up"),
    "filter": ("decides over", "what is gone through"),
}
"""How a `Skip` leaves tokens out: what its cause does to what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopEnd(Event):
    """A loop is broken off in the first turn at this place in which a position has gone too far.

    Attributes:
        counter: of the turn.
        room: it goes on while this is not negative, which becomes smaller with each turn; None if that is not known.
        what: the condition, for display.
    """

    counter: Symbol
    room: Expr | None
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfCheck(Event):
    """The script ends with an error here unless each token of the split, the first aside, has just one of these scores.

    Attributes:
        scores: the numbers of these scores.
    """

    scores: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unresolved(Event):
    """What could not be followed: `reason` in a few words, `what` as the source has it."""

    reason: str
    what: str
    touches_scores: bool = False


@dataclass(slots=True)
class Numbering:
    """Hands out event numbers."""

    last: int = field(default=0)

    def next(self) -> int:
        self.last += 1
        return self.last
