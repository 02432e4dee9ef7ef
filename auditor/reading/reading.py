"""One script read whole, before any rule is asked: settings, claim, trace, counterfactuals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from auditor.reading.claim_evidence import ClaimEvidence, claim_evidence
from auditor.reading.claim_matching import Match, match_claim
from auditor.reading.configuration import effective_settings
from auditor.reading.counterfactuals import Exploration
from auditor.reading.gc_pause import patient_collector
from auditor.reading.log_origin import log_of_other_code
from auditor.reading.static_witness import Witness
from auditor.solver.expressions import reset_caches
from auditor.submission.model import Submission
from auditor.trace.trace import Trace

if TYPE_CHECKING:
    from auditor.program.model import Program
    from auditor.records.findings import RecordFinding
    from auditor.records.validate import RecordsResult
    from auditor.static.domain.settings import Setting


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the static side knows of one script before any rule is asked.

    Attributes:
        settings: the effective configuration, by environment name.
        trace: of the claimed run, with the claimed report marked, or None.
        match: the claimed report and how it was tied to the claim.
        exploration: what the trace would be with a switch turned, or None without a trace.
        notes: what must be told of settings and switches, one sentence each.
        foreign_log: why the log behind the claim is taken to be made by other code, or None.
    """

    program: Program
    records: RecordsResult | None
    settings: Mapping[str, Setting]
    claim: ClaimEvidence
    witness: Witness
    trace: Trace | None
    match: Match | None
    exploration: Exploration | None
    notes: tuple[str, ...]
    foreign_log: RecordFinding | None = None


@patient_collector()
def read_submission(submission: Submission, *, overrides: Mapping[str, str] | None = None) -> Reading:
    """Read one script: unpack it, find its configuration and claim, follow it.

    Raises:
        AuditorError: the script itself cannot be read.
    """
    reset_caches()
    program = _program(submission)
    records = records_of(submission)
    settings, conflicts = effective_settings(
        submission, program, None if records is None else records.facts, overrides or {}
    )
    claim = ClaimEvidence() if records is None else claim_evidence(records.facts)
    witness = Witness(program, settings)
    effective, exploration, notes = witness.effective(claim)
    trace, match = _claimed(effective, claim)
    foreign = None if records is None else log_of_other_code(submission, program, records.facts)
    return Reading(
        program=program,
        records=records if records is None or foreign is None else records.with_finding(foreign),
        settings=settings,
        claim=claim,
        witness=witness,
        trace=trace,
        match=match,
        exploration=exploration,
        notes=notes + conflicts,
        foreign_log=foreign,
    )


def _program(submission: Submission) -> Program:
    from auditor.program.unpacking.program import load_program

    return load_program(submission.script.path, submission.script.data(), submission.read_sibling)


def records_of(submission: Submission) -> RecordsResult | None:
    """The facts and findings of the records folder, or None for a bare script."""
    from auditor.records.validate import validate_folder

    if submission.folder is None and submission.submission_json is None:
        return None
    return validate_folder(submission)


def _claimed(trace: Trace | None, claim: ClaimEvidence) -> tuple[Trace | None, Match | None]:
    if trace is None:
        return None, None
    match = match_claim(trace, lines=claim.lines, label=claim.label or None, log=claim.log)
    if match is not None:
        trace.claimed, trace.claimed_how = match.report.number, match.how
    return trace, match
