"""What a replay yields: probes, conditions and witnesses, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from auditor.exit_codes import ExitCode
from auditor.replay.runs.observations import Standing
from auditor.trace.trace import Trace


class Outcome(Enum):
    """What a probe or a condition says. `UNVERIFIED` is never taken for `PASS`."""

    PASS = "pass"
    FAIL = "fail"
    UNVERIFIED = "unverified"
    NOTE = "note"


CONDITIONS = ("C1", "C2", "C3", "C4")


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One experiment and what it showed.

    Attributes:
        slug: "P0" to "P7", or the name of a check.
        title: what was done.
        runs: how many runs it took that no other probe had ordered before.
    """

    slug: str
    title: str
    outcome: Outcome
    why: str
    runs: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessStep:
    """One event between the exchanged token and the score that moved."""

    text: str
    path: str
    layer: int
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakWitness:
    """A proof that a score depends on a token that it must not depend on.

    Attributes:
        token: position of the exchanged token; `old` and `new` are its values.
        score: position of the token whose score moved; equal to `token` if the distribution itself moved.
        before, after: that score in nats with the old and the new token.
        tokens: length of the smallest validation stream that still shows it.
        seeds: worlds in which it was shown.
        steps: events that carried the token to the score, in order of time.
        exchanged: how many tokens were exchanged at once; `token` is the first of them to be scored.
    """

    token: int
    old: int
    new: int
    score: int
    before: float
    after: float
    tokens: int
    seeds: tuple[int, ...]
    moved: int
    tested: int
    steps: tuple[WitnessStep, ...] = ()
    exchanged: int = 1

    def __str__(self) -> str:
        if self.exchanged > 1:
            return (
                f"all {self.exchanged} tokens scored from token {self.token} on exchanged: the score of token "
                f"{self.score}, made earlier, moves from {self.before:.6f} to {self.after:.6f} nats"
            )
        if self.score == self.token:
            return (
                f"token {self.token} exchanged ({self.old} → {self.new}): the distribution that it is scored with "
                f"moves with it (its score from {self.before:.6f} to {self.after:.6f} nats)"
            )
        return (
            f"token {self.token} exchanged ({self.old} → {self.new}): the score of token {self.score}, made "
            f"earlier, moves from {self.before:.6f} to {self.after:.6f} nats"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MassWitness:
    """A proof that the scored numbers are no distribution: their sum over the vocabulary at one place."""

    token: int
    total: float
    counted: int
    vocabulary: int
    seeds: tuple[int, ...]

    def __str__(self) -> str:
        whole = "" if self.counted == self.vocabulary else f" already over {self.counted} of them"
        return (
            f"at token {self.token} the probabilities of all {self.vocabulary} tokens sum to "
            f"{self.total:.4f}{whole}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionResult:
    """One of the four conditions: outcome, the reason in one sentence, and the witness of a failure."""

    outcome: Outcome
    why: str
    witness: LeakWitness | MassWitness | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicion:
    """Something seen that proves no offence, and that no green verdict may stand beside.

    Attributes:
        kind: "tampering", "hooks", "leak", "learnt first", "number", "coverage", …
        rule: slug of the rule it bears on.
    """

    kind: str
    rule: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A kind of fact that a replay rests on, and how far it can be relied on."""

    what: str
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxResult:
    """The rung that was reached, and why not a higher one."""

    rung: str
    because: str = ""
    left_behind: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayResult:
    """Everything a replay found.

    Attributes:
        ran: whether the submission ran to its end at toy size.
        reason: why it did not, or "".
        claimed: text of the printed line that was judged, or "".
        claimed_how: how it was chosen.
        conditions: C1 to C4.
        notes: facts that are no verdict, one sentence each.
        sizes: the toy sizes that decide, by name.
        trace: of the first run.
        runs: runs of the submission, all together.
        facts: what the replay rests on, with how far each can be relied on.
        suspicions: what forbids a green verdict although nothing is proved.
    """

    path: str
    ran: bool
    reason: str
    claimed: str
    claimed_how: str
    conditions: dict[str, ConditionResult]
    probes: tuple[Probe, ...]
    notes: tuple[str, ...]
    sandbox: SandboxResult
    sizes: dict[str, int]
    trace: Trace | None
    runs: int
    seconds: float
    kind: str = "script"
    ref: str | None = None
    head: str | None = None
    accesses: tuple[str, ...] = field(default=())
    suspicions: tuple[Suspicion, ...] = field(default=())
    facts: tuple[Fact, ...] = field(default=())

    @property
    def failed(self) -> bool:
        return any(result.outcome is Outcome.FAIL for result in self.conditions.values())

    @property
    def proven(self) -> bool:
        """Whether all four conditions passed, and nothing suspicious was seen."""
        return not self.suspicions and all(
            result.outcome is Outcome.PASS for result in self.conditions.values()
        )

    def exit_code(self) -> ExitCode:
        """1 if a condition is proved to fail, 0 if all four are proved to hold, else 3."""
        if self.failed:
            return ExitCode.VIOLATION
        return ExitCode.CLEAN if self.proven else ExitCode.REVIEW
