"""Everything that can be known of an entry before its runs, folder by folder."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from auditor.audit.pipeline import audit_submission
from auditor.errors import InputError
from auditor.exit_codes import ExitCode, worst_exit
from auditor.judgement.result import AuditResult
from auditor.judgement.settings import NO_LIMITS, Limits
from auditor.judgement.verdict import exit_of
from auditor.preflight.asked import Asked, State, asked_of
from auditor.preflight.budget import Bytes, Fit, Stage, Stated, judge_bytes, judge_stages
from auditor.program.unpacking.program import load_program
from auditor.records.facts import FolderFacts
from auditor.records.implied_bytes import FAMILIES
from auditor.records.log_model import Run
from auditor.records.sample import folder_sample
from auditor.records.validate import validate_folder
from auditor.stats.plan import SEED_STD_BPB, PlanRow, plan
from auditor.stats.units import RECORD_MARGIN_NATS, nats_per_token_to_bpb
from auditor.submission.model import Folder, Submission
from auditor.trace.trace import Trace
from rules.core.rule import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Beaten:
    """The record to beat: its scores, and where they are from."""

    values: tuple[float, ...]
    origin: str

    @property
    def mean(self) -> float:
        return sum(self.values) / len(self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What n seeds can show against a record.

    Attributes:
        std: over seeds, in bits per byte; `std_origin` says from what.
        margin: in bits per byte, None where the tokenizer is not known.
        beaten: None where no record is known.
    """

    rows: tuple[PlanRow, ...]
    std: float
    std_origin: str
    margin: float
    margin_origin: str
    beaten: Beaten | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a participant gives besides the folder.

    Attributes:
        runs: logs of shorter or earlier runs, read.
        std: over seeds, in bits per byte; measured from logs or usual if not given.
        limits: of one's own; where they are tighter than the challenge's, they count.
    """

    stated: Stated = field(default_factory=Stated)
    runs: tuple[Run, ...] = ()
    std: float | None = None
    tokens_per_byte: float | None = None
    beaten: Beaten | None = None
    policy: Policy = Policy.RULINGS
    limits: Limits = NO_LIMITS
    overrides: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preflight:
    """One folder before its runs; `plan` is None outside of the record track."""

    folder: str
    is_record: bool
    audits: tuple[AuditResult, ...]
    asked: tuple[Asked, ...]
    size: Bytes
    stages: tuple[Stage, ...]
    plan: Plan | None
    problems: tuple[str, ...]

    @property
    def over(self) -> bool:
        """Whether bytes or seconds are over a limit."""
        return self.size.fit is Fit.OVER or any(stage.fit is Fit.OVER for stage in self.stages)

    @property
    def missing(self) -> bool:
        """Whether something is missing that no run will bring."""
        return any(asked.state is State.MISSING for asked in self.asked)

    def exit_code(self) -> ExitCode:
        """The worse of the code's verdict and of what is missing or over a limit."""
        codes = [ExitCode.VIOLATION if self.over or self.missing else ExitCode.CLEAN]
        if self.audits:
            codes.append(exit_of(self.audits))
        return worst_exit(codes)


def preflight_folder(folder: Folder, submissions: Sequence[Submission], options: Options) -> Preflight:
    """Look at one folder.

    Args:
        submissions: the scripts of the folder.
    """
    records = validate_folder(folder)
    facts = records.facts
    audits: list[AuditResult] = []
    problems = list(records.problems)
    for submission in submissions:
        try:
            audits.append(
                audit_submission(submission, policy=options.policy, overrides=dict(options.overrides))
            )
        except InputError as error:
            problems.append(error.message)
    entry = next((s for s in submissions if s.contents.relative(s.script) == facts.entry), None)
    program = None
    if entry is not None:
        program = load_program(entry.script.path, entry.script.data(), entry.read_sibling)
    trace = next(
        (
            audit.trace
            for audit, submission in zip(audits, submissions, strict=False)
            if submission is entry and audit.trace is not None
        ),
        None,
    )
    runs = (*options.runs, *facts.distinct)
    return Preflight(
        folder=folder.path or folder.target.path,
        is_record=facts.is_record,
        audits=tuple(audits),
        asked=asked_of(records, program),
        size=judge_bytes(facts, runs, options.stated, options.limits),
        stages=judge_stages(facts, runs, trace, options.stated, options.limits),
        plan=_plan(facts, trace, options) if facts.is_record else None,
        problems=tuple(problems),
    )


def _plan(facts: FolderFacts, trace: Trace | None, options: Options) -> Plan | None:
    std, std_origin = _std(facts, options)
    tokens_per_byte, origin = _tokens_per_byte(facts, trace, options)
    if tokens_per_byte is None:
        return None
    margin = nats_per_token_to_bpb(RECORD_MARGIN_NATS, tokens_per_byte)
    old = options.beaten.values if options.beaten is not None else ()
    return Plan(
        rows=plan(std, margin=margin, old=old),
        std=std,
        std_origin=std_origin,
        margin=margin,
        margin_origin=origin,
        beaten=options.beaten,
    )


def _std(facts: FolderFacts, options: Options) -> tuple[float, str]:
    if options.std is not None:
        return options.std, "as stated"
    try:
        sample = folder_sample(facts) if facts.distinct else None
    except InputError:
        sample = None
    if sample is not None and sample.std and len(set(sample.seeds)) > 1:
        return sample.std, f"of the {len(sample.values)} logs in the folder"
    return SEED_STD_BPB, "the median of real entries"


def _tokens_per_byte(facts: FolderFacts, trace: Trace | None, options: Options) -> tuple[float | None, str]:
    """As stated; as logs measure it; else by the name of the tokenizer in the path of the validation files."""
    if options.tokens_per_byte is not None:
        return options.tokens_per_byte, "tokens per byte as stated"
    try:
        sample = folder_sample(facts)
    except InputError:
        sample = None
    if sample is not None and sample.tokens_per_byte is not None:
        return sample.tokens_per_byte, "tokens per byte as the logs measure them"
    for load in trace.loads if trace is not None else ():
        named = re.search(r"(?:_|\b)(sp\d{3,5})(?=[_/.]|\b)", load.what) if load.source == "val" else None
        family = next((f for f in FAMILIES if named is not None and f.name == named.group(1)), None)
        if family is not None:
            return family.tokens_per_byte, f"tokens per byte of {family.name}"
    return None, ""
