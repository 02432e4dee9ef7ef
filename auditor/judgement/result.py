"""What an audit yields: the values that `auditor.audit.pipeline` makes and every report format reads.

These are plain facts in a fixed order; how they are shown is the business of `auditor.report`, and what they
mean for the exit code that of `auditor.judgement.verdict`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from auditor.reading.configuration_entry import ConfigurationEntry
from auditor.trace.events import Place
from auditor.trace.trace import Trace
from rules.core.rule import CodeProblem, Finding, Kind, Outcome, Policy


class Verdict(Enum):
    """The fold of the evaluation rules on one reported number; `NOTHING` for a script without an evaluation."""

    COMPLIANT = "compliant"
    VIOLATION = "violation"
    REVIEW = "review"
    NOTHING = "nothing"


class RecordVerdict(Enum):
    """The fold of the record rules on the folder."""

    COMPLETE = "complete"
    PROBLEMS = "problems"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditTarget:
    """What was audited.

    Attributes:
        kind: "script", "folder" or "pull_request".
        path: of the script; as the user gave it for local targets, from the repository root for a pull
            request.
        ref: as the user gave it, or None.
        head: full commit id, or None.
        folder: the record folder, or None for a bare script.
    """

    kind: str
    path: str
    ref: str | None = None
    head: str | None = None
    folder: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleResult:
    """One rule's answer on the claimed report; `crashed` is the error of a rule that raised, or ""."""

    rule: str
    kind: Kind
    outcome: Outcome
    because: str
    crashed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportResult:
    """One reported number with a verdict of its own; `failed` are the slugs that it breaks."""

    label: str
    claimed: bool
    verdict: Verdict
    place: Place
    failed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The number the submission claims, as far as it was found; `how` says what ties it to a report."""

    val_bpb: float | None = None
    source: str = ""
    how: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditResult:
    """Everything that is known of one submission after the audit.

    Attributes:
        verdict: the fold of the evaluation rules on the claimed report.
        record_verdict: the fold of the record rules, None for a bare script.
        rules: one answer per rule, in the order of `rules.ALL`.
        findings: of the claimed report first, then of the others.
        reports: each number that the script prints, in source order of their printing.
        configuration: what the program read, in that order.
        problems: code that could not be read.
        doubts: why nothing can be compliant although no rule objects, one sentence each.
        notes: what could not be read of the target, one sentence each.
        layers: how the script was packed, outermost first.
        texts: lines of each file and layer that findings may point into, by (path, layer).
        judged: whether there was a script that could be read; without one the verdict is a review.
        seconds: wall-clock time of the audit.
    """

    target: AuditTarget
    policy: Policy
    track: str
    language: str
    verdict: Verdict
    record_verdict: RecordVerdict | None
    claim: Claim
    rules: tuple[RuleResult, ...]
    findings: tuple[Finding, ...]
    reports: tuple[ReportResult, ...]
    configuration: tuple[ConfigurationEntry, ...]
    trace: Trace | None
    problems: tuple[CodeProblem, ...] = ()
    doubts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    texts: Mapping[tuple[str, int], tuple[str, ...]] = field(default_factory=dict)
    judged: bool = True
    seconds: float = 0.0

    @property
    def crashed(self) -> tuple[RuleResult, ...]:
        return tuple(answer for answer in self.rules if answer.crashed)

    def slugs(self, outcome: Outcome, *, kind: Kind | None = None) -> tuple[str, ...]:
        """Slugs of the rules that gave this outcome."""
        return tuple(
            answer.rule
            for answer in self.rules
            if answer.outcome is outcome and (kind is None or answer.kind is kind)
        )
