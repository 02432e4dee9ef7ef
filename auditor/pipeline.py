"""The straight line: a target becomes submissions, each a program, a trace, findings and a verdict.

One call an arrow; every stage is a package of its own and is loaded when it is reached. Facts about the
submission travel as values; what the user must mend is raised as `AuditorError` by the first stages.
"""

from __future__ import annotations

import ast
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from auditor.alternatives import Alternative, explore
from auditor.claim_evidence import ClaimEvidence, read_claim
from auditor.claimed import Match, match_claim
from auditor.judging import judge, judge_reports, merged
from auditor.result import AuditResult, AuditTarget, Claim, ConfigurationEntry
from auditor.submission.model import Submission, Track
from auditor.trace.answer import Answer
from auditor.trace.events import Place
from auditor.trace.trace import Trace
from auditor.verdict import fold_evaluation, fold_records, understood
from rules import ALL
from rules.base import CodeProblem, Evidence, Policy, Rule

if TYPE_CHECKING:
    from auditor.program.model import Problem, Program
    from auditor.static.machine import Resolved, Setting

TRACKS = {Track.RECORD_10MIN_16MB: "record", Track.NON_RECORD: "non-record", Track.UNKNOWN: "unknown"}


def audit_target(
    path: str | None = None,
    *,
    git_dir: str | None = None,
    ref: str | None = None,
    base: str = "main",
    folders: Sequence[str] = (),
    overrides: Mapping[str, str] | None = None,
    policy: Policy = Policy.RULINGS,
) -> tuple[list[AuditResult], tuple[str, ...]]:
    """Audit every submission of a target.

    Returns:
        the results in order, and what could not be read of the target, one sentence each.

    Raises:
        AuditorError: the target holds nothing to audit, or the arguments contradict each other.
    """
    from auditor.submission.load import load_submissions

    loaded = load_submissions(path, git_dir=git_dir, ref=ref, base=base, folders=folders)
    results = [audit_submission(s, overrides=overrides, policy=policy) for s in loaded.submissions]
    return results, loaded.problems


def audit_submission(
    submission: Submission,
    *,
    overrides: Mapping[str, str] | None = None,
    policy: Policy = Policy.RULINGS,
    rules: Sequence[type[Rule]] = ALL,
) -> AuditResult:
    """Audit one script with everything that travels with it.

    Args:
        overrides: hyperparameters that outrank every other source.
        rules: which rules to ask; all of them unless a test asks for one.

    Raises:
        AuditorError: the script itself cannot be read.
    """
    started = time.perf_counter()
    program = _program(submission)
    settings = _settings(submission, program, overrides or {})
    witness = _Witness(program, settings)
    claim = read_claim(submission)
    effective, alternatives, notes = witness.effective(claim)
    trace, match = _claimed(effective, claim)
    problems = tuple(_problem(problem) for problem in program.problems) + witness.problems
    evidence = Evidence(
        trace=trace,
        policy=policy,
        problems=problems,
        layers=_layers(program),
        language=witness.language,
        records=_records(submission),
        track=TRACKS[submission.track],
        alternatives={alternative.switch.name: alternative.trace for alternative in alternatives},
    )
    judged = judge(rules, evidence, alternatives)
    reports, others = judge_reports(rules, evidence, judged)
    report = match.report if match is not None else None
    has_folder = submission.folder is not None or submission.submission_json is not None
    return AuditResult(
        target=_target(submission),
        policy=policy,
        track=evidence.track,
        language=witness.language,
        verdict=fold_evaluation(judged.answers, understood=understood(trace, report)),
        record_verdict=fold_records(judged.answers) if has_folder else None,
        claim=Claim(val_bpb=claim.val_bpb, source=claim.source, how=match.how if match is not None else ""),
        rules=judged.answers,
        findings=merged(judged.findings, others),
        reports=reports,
        configuration=witness.configuration(trace),
        trace=trace,
        problems=problems,
        notes=claim.problems + notes,
        layers=_layers(program),
        texts={(layer.path, layer.index): tuple(layer.text.split("\n")) for layer in program.layers},
        seconds=time.perf_counter() - started,
    )


def _program(submission: Submission) -> Program:
    from auditor.program.unpack import load_program

    return load_program(submission.script.path, submission.script.data(), submission.read_sibling)


def _settings(
    submission: Submission, program: Program, overrides: Mapping[str, str]
) -> Mapping[str, Setting]:
    from auditor.static.machine import Setting

    return {name: Setting(value, "--config") for name, value in overrides.items()}


def _records(submission: Submission) -> object | None:
    """The facts of the records folder, or None for a bare script."""
    if submission.folder is None and submission.submission_json is None:
        return None
    return None


class _Witness:
    """The static witness on one program: its trace under the settings, and with switches turned."""

    def __init__(self, program: Program, settings: Mapping[str, Setting]) -> None:
        self._program = program
        self._settings = settings
        self._traced: list[tuple[Trace, Sequence[Resolved]]] = []
        self.language = _language(program)
        self.problems: tuple[CodeProblem, ...] = ()

    def effective(
        self, claim: ClaimEvidence
    ) -> tuple[Trace | None, tuple[Alternative, ...], tuple[str, ...]]:
        """The trace of the claimed run, the alternatives that nothing refutes, and what must be said about
        both.

        Where the log prints what only a turned switch prints, that run is the effective one.
        """
        if self._program.main.module is None:
            return None, (), ()
        if self.language == "mlx":
            place = Place(self._program.main.path, 0, 1)
            reason = "it is written for MLX, which the static witness does not follow"
            self.problems = (CodeProblem(kind="language", reason=reason, place=place, runs=False),)
            return None, (), ()
        base = self._trace({})
        alternatives, notes = explore(base, self._trace, log=claim.log)
        shown = next((a for a in alternatives if a.ran is Answer.YES), None)
        if shown is None:
            return base, tuple(alternatives), tuple(notes)
        forced = {shown.switch.name: shown.value}
        notes.append(
            f"{shown.switch.name} is {shown.switch.value!r} in the source, but the log prints "
            f"{shown.shown_by!r}: the run had {shown.switch.name}={shown.value} (inferred)"
        )
        again, more = explore(shown.trace, lambda further: self._trace({**forced, **further}), log=claim.log)
        others = [a for a in again if a.switch.name != shown.switch.name]
        return shown.trace, tuple(others), tuple(notes + more)

    def _trace(self, forced: Mapping[str, str]) -> Trace:
        from auditor.static.witness import trace_program

        witnessed = trace_program(self._program, self._settings, forced=forced)
        self._traced.append((witnessed.trace, witnessed.configuration))
        return witnessed.trace

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


def _claimed(trace: Trace | None, claim: ClaimEvidence) -> tuple[Trace | None, Match | None]:
    if trace is None:
        return None, None
    match = match_claim(trace, lines=claim.lines, label=claim.label or None, log=claim.log)
    if match is not None:
        trace.claimed, trace.claimed_how = match.report.number, match.how
    return trace, match


def _language(program: Program) -> str:
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


def _layers(program: Program) -> tuple[str, ...]:
    return tuple(layer.how for layer in program.layers if layer.parent is not None)


_KINDS = {"opaque": "undecoded", "outside": "missing"}


def _problem(problem: Problem) -> CodeProblem:
    place = Place(problem.path, problem.layer, problem.line, problem.column)
    return CodeProblem(kind=_KINDS.get(problem.kind, problem.kind), reason=problem.reason, place=place)


def _target(submission: Submission) -> AuditTarget:
    target = submission.target
    path = submission.script.path
    if target.kind == "script":
        path = target.path
    elif target.kind == "folder":
        path = f"{target.path.rstrip('/')}/{path}"
    return AuditTarget(
        kind=target.kind, path=path, ref=target.ref, head=target.head, folder=submission.folder
    )
