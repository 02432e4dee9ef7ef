"""Replays one submission: prepares it, runs the probes in a sandbox, judges the conditions."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from auditor.reading.claim_matching import BY_LABEL, REPRODUCES
from auditor.reading.reading import Reading, read_submission
from auditor.replay.probes.conditions import judge_conditions
from auditor.replay.probes.coverage import expected_places
from auditor.replay.probes.experiment import Evidence, run_experiment
from auditor.replay.probes.facts import facts_of
from auditor.replay.probes.outcome import ConditionResult, LeakWitness, ReplayResult, SandboxResult
from auditor.replay.probes.runner import RUN_S, Bench, Laboratory, Observed
from auditor.replay.probes.suspicion import suspicions_of
from auditor.replay.probes.trust import TRAINING_DATA_READ, circumstances_of
from auditor.replay.runs.cache import RunCache
from auditor.replay.runs.claimed_line import ASSUMED, ClaimedLine, layer_files
from auditor.replay.runs.recorded_trace import recorded_trace
from auditor.replay.runs.session import Session
from auditor.replay.sandbox.isolation_levels import IsolationLevel, choose
from auditor.replay.toy.target import ReplayTarget, prepare
from auditor.trace.trace import Trace

if TYPE_CHECKING:
    from auditor.submission.model import Submission

MAX_TOLD: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayOptions:
    """How to replay.

    Attributes:
        seed: of the worlds; None takes it from the submission's content.
        thorough: more places, and the sum over the vocabulary whatever the scores are.
        rung: a rung to insist on, or None for the highest that works.
        trusted: run without any sandbox if none works.
        seconds: limit of one run.
        memory: limit of one run in bytes.
        ranks: processes of each run.
        shrink: look for the smallest world that shows a leak.
        cache: folder in which runs are kept by content and looked up, or None.
    """

    seed: int | None = None
    thorough: bool = False
    rung: IsolationLevel | None = None
    trusted: bool = False
    seconds: float = RUN_S
    memory: int = 6 << 30
    ranks: int = 1
    shrink: bool = True
    cache: Path | None = None


def replay_submission(
    submission: Submission,
    *,
    overrides: Mapping[str, str] | None = None,
    options: ReplayOptions = ReplayOptions(),
    reading: Reading | None = None,
    session: Session | None = None,
) -> ReplayResult:
    """Replay one script at toy size and judge it.

    Args:
        reading: what the static side knows, where the caller has it already.
        session: a sandbox to use again; without it one is made and ended.

    Raises:
        AuditorError: no sandbox works here, torch is missing, or the script cannot be read.
    """
    started = time.perf_counter()
    reading = reading or read_submission(submission, overrides=overrides)
    target = prepare(submission, reading.program, reading.settings)
    claim = _claim(reading)
    seed = options.seed if options.seed is not None else _content_seed(target)
    rung, because = (session.rung, "") if session is not None else _rung(options)
    with contextlib.nullcontext(session) if session is not None else _session(rung, options) as used:
        laboratory = _laboratory(used, target, claim, reading, options)
        evidence = run_experiment(laboratory, seed=seed, thorough=options.thorough, shrink=options.shrink)
    circumstances = circumstances_of(evidence, reading, target, laboratory)
    suspicions = suspicions_of(evidence, circumstances)
    conditions, probes = judge_conditions(evidence, circumstances, suspicions)
    names = layer_files(evidence.base.run.ranks[0], target) if evidence.base.run.ranks else {}
    base = evidence.base
    place = submission.target
    return ReplayResult(
        path=submission.script.path if place.kind == "pull_request" else place.path,
        kind=place.kind,
        ref=place.ref,
        head=place.head,
        ran=base.run.ran,
        reason=base.run.why_not,
        claimed=base.claimed.text.strip() if base.claimed is not None else "",
        claimed_how=claim.how or ASSUMED,
        conditions=_placed(conditions, names),
        probes=probes,
        notes=tuple(_notes(evidence, laboratory)),
        sandbox=SandboxResult(
            rung=used.rung.value,
            because="; ".join(filter(None, [because, *used.passed_over])),
            left_behind=laboratory.left_behind,
        ),
        sizes=_sizes(base.bench),
        trace=_trace(base, target, claim) if base.run.ranks else None,
        runs=laboratory.runs,
        seconds=time.perf_counter() - started,
        accesses=tuple(_accesses(evidence)),
        suspicions=suspicions,
        facts=facts_of(evidence, rung),
    )


@contextlib.contextmanager
def open_laboratory(reading: Reading, target: ReplayTarget, options: ReplayOptions) -> Iterator[Laboratory]:
    """A laboratory for other experiments than those of a replay, in a sandbox of its own.

    Raises:
        AuditorError: no sandbox works here, or torch is missing.
    """
    with _session(_rung(options)[0], options) as session:
        yield _laboratory(session, target, _claim(reading), reading, options)


def _laboratory(
    session: Session, target: ReplayTarget, claim: ClaimedLine, reading: Reading, options: ReplayOptions
) -> Laboratory:
    session.place(
        files=target.files,
        script=target.script,
        lowered=target.lowered,
        data_names=target.data_names,
        vocabulary=target.vocabulary,
        sidecar=target.sidecar,
    )
    return Laboratory(
        session,
        target,
        claim,
        marks=_marks(reading, target),
        ranks=options.ranks,
        seconds=options.seconds,
        memory=options.memory,
    )


def _session(rung: IsolationLevel, options: ReplayOptions) -> Session:
    allowed = _allowed(options)
    cache = RunCache(options.cache) if options.cache is not None else None
    return Session(rung, cache=cache, others=allowed[allowed.index(rung) + 1 :])


def _rung(options: ReplayOptions) -> tuple[IsolationLevel, str]:
    return choose(allowed=_allowed(options))


def _allowed(options: ReplayOptions) -> tuple[IsolationLevel, ...]:
    """The levels that may be tried, highest first."""
    if options.rung is not None:
        return (options.rung,)
    confined = (IsolationLevel.BUBBLEWRAP, IsolationLevel.UNSHARE, IsolationLevel.LANDLOCK)
    return (*confined, IsolationLevel.NONE) if options.trusted else confined


def _marks(reading: Reading, target: ReplayTarget) -> dict[str, list[int]]:
    """Lines of the scores and updates that the static witness expects, by digest of their text."""
    if reading.trace is None:
        return {}
    digests = {place: digest for digest, place in target.layers.items()}
    found: dict[str, set[int]] = {}
    report = reading.match.report if reading.match is not None else None
    for _, place in expected_places(reading.trace, report):
        digest = digests.get((place.path, place.layer))
        if digest is not None:
            found.setdefault(digest, set()).add(place.line)
    return {digest: sorted(lines) for digest, lines in found.items()}


def _content_seed(target: ReplayTarget) -> int:
    """A seed that follows from the submission's files: equal input is replayed alike."""
    digest = hashlib.sha256()
    for name in sorted(target.files):
        digest.update(name.encode() + b"\0" + hashlib.sha256(target.files[name]).digest())
    return int.from_bytes(digest.digest()[:4], "big")


def _claim(reading: Reading) -> ClaimedLine:
    match = reading.match
    if match is None:
        return ClaimedLine(lines=reading.claim.lines)
    reports = reading.trace.reports if reading.trace is not None else []
    return ClaimedLine(
        place=match.report.place,
        lines=reading.claim.lines,
        how=match.how,
        tied=match.how in (REPRODUCES, BY_LABEL),
        known=tuple(dict.fromkeys(report.place for report in reports)),
    )


def _trace(base: Observed, target: ReplayTarget, claim: ClaimedLine) -> Trace:
    """The first run as a trace."""
    record = base.run.ranks[0]
    layers = layer_files(record, target)
    how = claim.how or ASSUMED
    return recorded_trace(record, base.printed, base.claimed, layers, target.texts, how=how)


def _placed(
    conditions: Mapping[str, ConditionResult], names: Mapping[int, tuple[str, int]]
) -> dict[str, ConditionResult]:
    """The results with paths in place of the recorder's file numbers; equal results stay one."""
    known: dict[int, ConditionResult] = {}
    for result in conditions.values():
        witness = result.witness
        if isinstance(witness, LeakWitness):
            steps = []
            for step in witness.steps:
                path, layer = names.get(int(step.path), ("", 0)) if step.path else ("", 0)
                steps.append(replace(step, path=path, layer=layer))
            known[id(result)] = replace(result, witness=replace(witness, steps=tuple(steps)))
    return {name: known.get(id(result), result) for name, result in conditions.items()}


def _notes(evidence: Evidence, laboratory: Laboratory) -> list[str]:
    notes = []
    if laboratory.reads_training_data:
        notes.append(TRAINING_DATA_READ)
    if laboratory.left_behind:
        notes.append(f"{laboratory.left_behind} processes were still running when the script had ended")
    if evidence.artifact_moved:
        notes.append(f"the artifact depends on validation tokens: {', '.join(evidence.artifact_moved[:3])}")
    return notes


def _accesses(evidence: Evidence) -> list[str]:
    found: dict[str, None] = {}
    for record in evidence.base.run.ranks:
        for event in record.of_kind("access"):
            found.setdefault(f"{event['what']} {str(event.get('detail', ''))[:120]}")
    return list(found)[:MAX_TOLD]


def _sizes(bench: Bench) -> dict[str, int]:
    size = bench.world.size
    return {
        "vocabulary": size.vocabulary,
        "validation tokens": size.validation,
        "window": bench.sizes.length,
        "chunk": bench.sizes.chunk,
    }
