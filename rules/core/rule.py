"""What a rule is: its documentation, its examples and its judgement of evidence.

A rule never walks source code. It asks the trace (`Evidence.trace`) and the facts of the records folder
(`Evidence.records`), and answers with a `Judgement`. One rule is one file; its class is read by the tests, by
`rules/README.md`, by `auditor explain` and by every report format.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar, Final

from auditor.trace.coverage import Coverage
from auditor.trace.events import Place, Report
from auditor.trace.forward_pass import ForwardPass
from auditor.trace.trace import Trace

DISPUTED = "no maintainer has ruled"
"""Stands in the reason of a `review` where it is known what is done, and people differ on whether it is allowed."""


class Outcome(Enum):
    """What a rule says of one submission; the order of severity is that of `SEVERITY`."""

    PASS = "pass"
    FAIL = "fail"
    REVIEW = "review"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not_applicable"


SEVERITY = (Outcome.NOT_APPLICABLE, Outcome.PASS, Outcome.UNKNOWN, Outcome.REVIEW, Outcome.FAIL)


def worst(outcomes: Sequence[Outcome]) -> Outcome:
    """The most severe outcome; `NOT_APPLICABLE` for none."""
    return max(outcomes, key=SEVERITY.index, default=Outcome.NOT_APPLICABLE)


class Level(Enum):
    """SARIF's levels of a finding."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Policy(Enum):
    """`RULINGS`: the README and the maintainers' rulings; `STRICT`: the four conditions to the letter."""

    RULINGS = "rulings"
    STRICT = "strict"


class Kind(Enum):
    """Evaluation rules fold into `verdict`, record rules into `record_verdict`."""

    EVALUATION = "evaluation"
    RECORD = "record"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a rule comes from: link, date (ISO), who said it, and the ruling in our words."""

    url: str
    date: str
    who: str
    ruling: str


EXAMPLE_DATE: Final = "2026-03-20"
"""Of an example that says nothing else: two days after the challenge began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A submission of 10 to 40 lines that is documentation and test at once.

    Attributes:
        title: what it shows.
        script: source of `train_gpt.py`; in a bad example the offending line ends with `# expect: <slug>`.
        files: further files of the folder by name (text).
        policy: the policy under which the outcome holds.
        outcome: what the rule must say.
        date: in the folder's name (ISO day); some rulings hold from a day on.
    """

    title: str
    script: str
    outcome: Outcome
    files: Mapping[str, str] = field(default_factory=dict)
    policy: Policy = Policy.RULINGS
    date: str = EXAMPLE_DATE


def Good(
    title: str, script: str, files: Mapping[str, str] | None = None, date: str = EXAMPLE_DATE
) -> Example:
    """An example that the rule passes."""
    return Example(title=title, script=script, files=files or {}, outcome=Outcome.PASS, date=date)


def Bad(
    title: str,
    script: str,
    files: Mapping[str, str] | None = None,
    outcome: Outcome = Outcome.FAIL,
    date: str = EXAMPLE_DATE,
) -> Example:
    """An example that the rule fails (or, with `outcome`, sends to review)."""
    return Example(title=title, script=script, files=files or {}, outcome=outcome, date=date)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the story behind a finding."""

    text: str
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A fact about the submission that a reader must see.

    Attributes:
        rule: slug.
        outcome: FAIL, REVIEW, UNKNOWN, or PASS for a note.
        level: error, warning or note.
        report: label of the reported number it concerns, or None for the whole submission.
        message: one or two sentences: what, where, why it matters.
        locations: the places to mark, the main one first; may be empty for record findings.
        steps: the story, in order of time.
        origin: "static", "replay" or "records".
        code: finding code of the records validator, or "".
        where: for record findings the file and key or line.
    """

    rule: str
    outcome: Outcome
    level: Level
    message: str
    report: str | None = None
    locations: tuple[Place, ...] = ()
    steps: tuple[Step, ...] = ()
    origin: str = "static"
    code: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A rule's answer: the outcome for the claimed report, all findings, and the evidence in one sentence."""

    outcome: Outcome
    because: str
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeProblem:
    """A part of the submission's code that could not be read.

    Attributes:
        kind: "undecoded", "bytecode", "native", "unreadable", "syntax", "missing", "cap".
        reason: in one sentence.
        place: where.
        runs: whether the program runs it, as far as that is known.
    """

    kind: str
    reason: str
    place: Place
    runs: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that a rule may look at.

    Attributes:
        trace: the witness's trace, or None if there is no readable program.
        policy: under which policy to judge.
        problems: code that could not be read.
        layers: how the program was packed, outermost first ("lzma+base85"); empty if it was not.
        language: "torch", "mlx", "other".
        records: facts of the records folder, or None for a bare script. Typed by `auditor.records`.
        track: "record", "non-record" or "unknown".
        claimed_bpb: the number that the submission claims, or None.
        forward_passes: what was proved of the models that score validation tokens.
        date: the submission's date (ISO), or "" where none is told: rulings and practice have changed with time.
        coverage: how much of the split the claimed number is made of, or None where that was not asked.
    """

    trace: Trace | None
    policy: Policy = Policy.RULINGS
    problems: tuple[CodeProblem, ...] = ()
    layers: tuple[str, ...] = ()
    language: str = "torch"
    records: object | None = None
    track: str = "unknown"
    claimed_bpb: float | None = None
    date: str = ""
    forward_passes: tuple[ForwardPass, ...] = ()
    coverage: Coverage | None = None

    @property
    def claimed(self) -> Report | None:
        return self.trace.claimed_report if self.trace is not None else None


class Rule(ABC):
    """One rule. The module's docstring is its documentation, under the headings that `auditor explain` shows."""

    slug: ClassVar[str]
    title: ClassVar[str]
    condition: ClassVar[str]
    kind: ClassVar[Kind] = Kind.EVALUATION
    tracks: ClassVar[tuple[str, ...]] = ("record", "non-record", "unknown")
    policies: ClassVar[Mapping[Policy, str]]
    sources: ClassVar[tuple[Source, ...]]
    examples: ClassVar[tuple[Example, ...]]

    @abstractmethod
    def judge(self, evidence: Evidence) -> Judgement:
        """Say whether the evidence keeps the rule. Never raises for what a submission may contain."""


def no_program(evidence: Evidence) -> Judgement | None:
    """The answer of a rule about order when there is no trace to ask, or None if there is one."""
    if evidence.trace is not None and evidence.trace.reports:
        return None
    if evidence.trace is None:
        why = evidence.problems[0].reason if evidence.problems else "there is no readable program"
        return Judgement(outcome=Outcome.UNKNOWN, because=f"the program could not be followed: {why}")
    missing = next(iter(evidence.trace.unresolved), None)
    why = f": {missing.reason} ({missing.what} at {missing.place})" if missing is not None else ""
    return Judgement(outcome=Outcome.UNKNOWN, because=f"no reported number could be traced to scores{why}")
