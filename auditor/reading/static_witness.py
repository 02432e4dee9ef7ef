"""The static witness on one program: its effective trace, and what else it could have been.

Between the program stage and the rules: evaluates the program under its settings, turns the switches that nobody
has seen, and lets the log say which of the runs took place.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from auditor.program.configuration.compared_values import compared_values
from auditor.reading.claim_evidence import ClaimEvidence
from auditor.reading.claim_matching import BY_LABEL, REPRODUCES, match_claim
from auditor.reading.configuration_entry import ConfigurationEntry
from auditor.reading.counterfactuals import Exploration, ExplorationSpent
from auditor.solver.expressions import expressions_known
from auditor.trace.coverage import Coverage
from auditor.trace.events import Report
from auditor.trace.forward_pass import ForwardPass
from auditor.trace.trace import Trace
from rules.core.rule import CodeProblem

if TYPE_CHECKING:
    from auditor.program.model import Program
    from auditor.static.causality.entry import Entry
    from auditor.static.domain.settings import Resolved, Setting


MAX_INFERENCES = 4
"""Switches that a log may show to have been turned; real scripts hide at most three."""

MAX_STEPS_TURNED = 2_000_000
"""Steps of the evaluator after which no further switch is turned; a median script takes 20,000 a run."""

MAX_EXPRESSIONS_TURNED = 240_000
"""Different expressions after which no further switch is turned: they take memory until the next script."""

MIN_WORK_BOTH_WAYS = 150_000
"""What the prover may spend, besides twice its work on the trace, on the evaluation that takes switches both ways.

Beyond that, turning each switch costs less.
"""


class Witness:
    """The static witness on one program: its trace under the settings, and with switches turned."""

    def __init__(self, program: Program, settings: Mapping[str, Setting]) -> None:
        self._program = program
        self._settings = settings
        self._traced: list[tuple[Trace, Sequence[Resolved]]] = []
        self._entries: dict[int, tuple[Entry, ...]] = {}
        self.language = language_of(program)
        self._steps = 0
        self._steps_of: dict[int, int] = {}
        self._work = 0
        self._forced: dict[str, str] = {}
        self.cut_short = False
        self.problems: tuple[CodeProblem, ...] = ()

    @cached_property
    def _compared(self) -> Mapping[str, tuple[str, ...]]:
        return compared_values(self._program)

    def effective(self, claim: ClaimEvidence) -> tuple[Trace | None, Exploration | None, tuple[str, ...]]:
        """The trace of the claimed run, what else it could have been, and what must be said about both.

        Where the log prints what only a turned switch prints, that run is the effective one.
        """
        if self._program.main.module is None:
            return None, None, ()
        forced: dict[str, str] = {}
        notes: list[str] = []
        trace = self._trace({})
        exploration = self._explored(trace, forced, claim)
        for _ in range(MAX_INFERENCES):
            shown = exploration.shown()
            if shown is None:
                break
            forced[shown.switch.name] = shown.value
            notes.append(
                f"{shown.switch.name} is {shown.switch.value!r} in the source, but the log prints "
                f"{shown.shown_by!r}: the run had {shown.switch.name}={shown.value} (inferred)"
            )
            trace = shown.trace
            exploration = self._explored(trace, dict(forced), claim)
        self._forced = forced
        self.cut_short = not trace.complete
        return trace, exploration, tuple(notes)

    def coverage(self, trace: Trace, report: Report) -> Coverage:
        """How much of the split the scores of a report of the effective trace reach."""
        from auditor.reading.split_coverage import ALONE, split_coverage

        def alone() -> Trace | None:
            try:
                return self._trace({**self._forced, **ALONE}, compare=False)
            except ExplorationSpent:
                return None

        given = self._settings.get("WORLD_SIZE")
        ranks = given.value if given is not None and given.value is not None else ""
        return split_coverage(trace, report, int(ranks) if ranks.isdigit() else 1, alone)

    def _explored(self, trace: Trace, forced: Mapping[str, str], claim: ClaimEvidence) -> Exploration:
        return Exploration(
            trace,
            lambda further: _tied(self._trace({**forced, **further}), claim),
            lambda: self._opened(trace, forced),
            log=claim.log,
            known=self._compared,
        )

    def _opened(self, trace: Trace, forced: Mapping[str, str]) -> Trace:
        """The program with every switch both ways.

        One that was cut short would be so again; it counts as evaluated, so that no more of its switches are turned.
        """
        if not trace.complete:
            self._steps += self._steps_of[id(trace)]
            raise ExplorationSpent
        return self._trace(forced, both_ways=True)

    def _trace(self, forced: Mapping[str, str], *, both_ways: bool = False, compare: bool = True) -> Trace:
        from auditor.static.predict import trace_program

        spent = self._steps > MAX_STEPS_TURNED or expressions_known() > MAX_EXPRESSIONS_TURNED
        if (forced or both_ways) and spent:
            raise ExplorationSpent
        work = MIN_WORK_BOTH_WAYS + 2 * self._work if both_ways else None
        witnessed = trace_program(
            self._program, self._settings, forced=forced, both_ways=both_ways, compare=compare, work=work
        )
        self._steps += witnessed.steps
        self._steps_of[id(witnessed.trace)] = witnessed.steps
        self._work = max(self._work, witnessed.work)
        self._traced.append((witnessed.trace, witnessed.configuration))
        self._entries[id(witnessed.trace)] = witnessed.entries
        return witnessed.trace

    def forward_passes(self, trace: Trace | None) -> tuple[ForwardPass, ...]:
        """What is proved of the models that score validation tokens in this trace."""
        if trace is None:
            return ()
        from auditor.static.causality.program import prove_forward_passes

        return prove_forward_passes(self._program, self._settings, self._entries.get(id(trace), ()))

    def configuration(self, trace: Trace | None) -> tuple[ConfigurationEntry, ...]:
        """The settings that the effective trace read; those that decide a guarded branch are marked."""
        if trace is None:
            return ()
        deciding = {switch.name for switch in trace.switches if switch.guards}
        deciding |= {name for node in trace.root.walk() if node.has_events() for name in node.settings}
        return tuple(
            ConfigurationEntry(
                name=entry.name,
                value="" if entry.value is None else entry.value,
                origin=entry.origin,
                path=entry.path,
                line=entry.line,
                decides=entry.name in deciding,
            )
            for entry in next(read for traced, read in self._traced if traced is trace)
        )


def _tied(trace: Trace, claim: ClaimEvidence) -> Trace:
    """The trace with its claimed report marked, where logs or labels tell which it is.

    What else a turned switch does to other numbers that are printed says nothing about the one that is claimed.
    """
    match = match_claim(trace, lines=claim.lines, label=claim.label or None, log=claim.log)
    if match is not None and match.how in (REPRODUCES, BY_LABEL):
        trace.claimed, trace.claimed_how = match.report.number, match.how
    return trace


def language_of(program: Program) -> str:
    """The library the script computes with, by what it imports: "torch", "mlx" or "other"."""
    imported: set[str] = set()
    for layer in program.innermost:
        if layer.module is None:
            continue
        for node in ast.walk(layer.module):
            if isinstance(node, ast.Import):
                imported.update(alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                imported.add(node.module.split(".")[0])
    if "torch" in imported:
        return "torch"
    return "mlx" if "mlx" in imported else "other"
