"""What a verdict is made from: all that the rules and the result need of a reading, as plain values.

Between reading and judging: whoever has the grounds of a script can judge it without its program, so grounds are
kept and judged again when a rule has changed. The records folder is not among them: to read it costs little.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditor.reading.claim_matching import Match
from auditor.reading.configuration_entry import ConfigurationEntry
from auditor.reading.gc_pause import patient_collector
from auditor.records.findings import RecordFinding
from auditor.trace.coverage import Coverage
from auditor.trace.events import Place
from auditor.trace.forward_pass import ForwardPass
from auditor.trace.trace import Trace
from rules.core.rule import CodeProblem

if TYPE_CHECKING:
    from auditor.program.model import Problem, Program
    from auditor.reading.reading import Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounds:
    """What is known of one script before any rule is asked.

    Attributes:
        trace: of the claimed run, with the claimed report marked, or None.
        match: the claimed report and how it was tied to the claim.
        claimed_bpb: the claimed number, None where nothing is claimed.
        claim_source: file and key that state it.
        cut_short: whether the trace is not complete.
        coverage: how much of the split the claimed number is made of; None without one.
        foreign_log: why the log behind the claim is taken to be made by other code, or None.
        notes: what must be told of settings and switches, one sentence each.
        layers: how the script was packed, outermost first.
        texts: lines of each file and layer, by (path, layer).
    """

    language: str
    trace: Trace | None
    match: Match | None
    claimed_bpb: float | None
    claim_source: str
    cut_short: bool
    problems: tuple[CodeProblem, ...]
    forward_passes: tuple[ForwardPass, ...]
    coverage: Coverage | None
    configuration: tuple[ConfigurationEntry, ...]
    foreign_log: RecordFinding | None
    notes: tuple[str, ...]
    layers: tuple[str, ...]
    texts: Mapping[tuple[str, int], tuple[str, ...]]


@patient_collector()
def grounds_of(reading: Reading) -> Grounds:
    """What the judge needs of a reading; counts out the scored tokens and proves the forward passes."""
    program, witness, trace, match = reading.program, reading.witness, reading.trace, reading.match
    return Grounds(
        language=witness.language,
        trace=trace,
        match=match,
        claimed_bpb=reading.claim.val_bpb,
        claim_source=reading.claim.source,
        cut_short=witness.cut_short,
        problems=tuple(_problem(problem) for problem in program.problems) + witness.problems,
        forward_passes=witness.forward_passes(trace),
        coverage=None if trace is None or match is None else witness.coverage(trace, match.report),
        configuration=witness.configuration(trace),
        foreign_log=reading.foreign_log,
        notes=reading.notes,
        layers=_layers(program),
        texts={(layer.path, layer.index): tuple(layer.text.split("\n")) for layer in program.layers},
    )


def _layers(program: Program) -> tuple[str, ...]:
    return tuple(layer.how for layer in program.layers if layer.parent is not None)


def _problem(problem: Problem) -> CodeProblem:
    place = Place(problem.path, problem.layer, problem.line, problem.column)
    return CodeProblem(kind=_kind(problem), reason=problem.reason, place=place)


def _kind(problem: Problem) -> str:
    """The kind of problem as the rules know it; code that can never be text is told apart."""
    if problem.kind == "outside":
        return "missing"
    if problem.kind != "opaque":
        return problem.kind
    never_text = ("bytecode", "native")
    return next((kind for kind in never_text if kind in problem.reason), "undecoded")
