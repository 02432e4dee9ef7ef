"""The full run from plan to result: every seed in turn, each kept as it ends, then what they show together."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from auditor.exit_codes import ExitCode
from auditor.replay.full.evidence import Evidence
from auditor.replay.full.findings import FullFinding, exit_of
from auditor.replay.full.fresh_tree import fresh_run
from auditor.replay.full.gpus import Nvml
from auditor.replay.full.launch import lay_out, run_environment, user_of
from auditor.replay.full.plan import Plan, run_key
from auditor.replay.full.run_trace import Line
from auditor.replay.full.seed_run import LOG, TELEMETRY, SeedRun, copy_artifacts, keep, kept_run, seed_run
from auditor.replay.full.statistics import Statistics, seed_findings, statistics_of
from auditor.replay.full.supervise import supervise
from auditor.replay.full.telemetry import Sample, Telemetry, read_telemetry
from auditor.stats.compare import Sample as Scores


@dataclass(frozen=True, slots=True, kw_only=True)
class FullResult:
    """All that a full run of one submission showed.

    Attributes:
        findings: of all seeds and of the seeds together.
        telemetry: samples of each seed's run.
    """

    plan: Plan
    runs: tuple[SeedRun, ...]
    statistics: Statistics | None
    findings: tuple[FullFinding, ...]
    telemetry: Mapping[int, tuple[Sample, ...]]
    evidence: Path

    @property
    def exit_code(self) -> ExitCode:
        return exit_of(self.findings)


Progress = Callable[[int, Line | None], None]
"""Is told each line of the seed that runs, and None when it begins."""


def run_plan(
    plan: Plan,
    files: Mapping[str, bytes],
    evidence: Evidence,
    *,
    claim: Scores | None = None,
    frontier: Scores | None = None,
    evaluate_only: Mapping[str, str] | None = None,
    besides: Sequence[FullFinding] = (),
    progress: Progress = lambda *_: None,
) -> FullResult:
    """Run every seed that is not kept yet.

    Args:
        files: the submission's, by path relative to the script's folder.
        claim: what the submission claims.
        frontier: the record to be beaten.
        evaluate_only: settings by which the script skips its training, for a run on the first seed's artifact alone.
        besides: findings from elsewhere that belong to the result.
    """
    evidence.clean()
    key = run_key(plan, files)
    runs = []
    for seed in plan.seeds:
        folder = evidence.seed(seed)
        run = kept_run(
            folder,
            key,
            tokens_per_byte=plan.data.tokens_per_byte,
            artifact=plan.artifact,
            label=plan.label,
        )
        if run is None:
            progress(seed, None)
            run = _run(plan, files, evidence, seed, key, progress)
        runs.append(run)
    found = statistics_of(runs, name=plan.path, claim=claim, frontier=frontier)
    evidence.write_records(plan, files, runs, found)
    together = [*besides, *seed_findings(runs, found)]
    done = next((run for run in runs if run.finished and run.result is not None), None)
    if evaluate_only and done is not None:
        together += fresh_run(plan, files, evidence, done, evaluate_only)
    return FullResult(
        plan=plan,
        runs=tuple(runs),
        statistics=found,
        findings=(*(one for run in runs for one in run.findings), *together),
        telemetry={run.seed: tuple(read_telemetry(evidence.seed(run.seed) / TELEMETRY)) for run in runs},
        evidence=evidence.root,
    )


def _run(
    plan: Plan,
    files: Mapping[str, bytes],
    evidence: Evidence,
    seed: int,
    key: str,
    progress: Progress,
) -> SeedRun:
    options, folder = plan.options, evidence.seed(seed)
    (folder / "run.json").unlink(missing_ok=True)
    script = plan.path.rsplit("/", 1)[-1]
    with evidence.working_folder(seed) as root, contextlib.ExitStack() as stack:
        launch = lay_out(root, files, script, options, user_of(options))
        given = {f"{launch.places.job}{name}": len(content) for name, content in files.items()}
        log = stack.enter_context((folder / LOG).open("w", encoding="utf-8", errors="replace"))
        gpus = None
        if not options.on_cpu and plan.machine.gpus:
            gpus = Nvml()
            stack.callback(gpus.close)
        stack.enter_context(Telemetry(folder / TELEMETRY, gpus.sample if gpus is not None else list))
        ended = supervise(
            launch,
            run_environment(launch, plan.settings, seed),
            given,
            log=log,
            on_line=lambda line: progress(seed, line),
            busy_gpus=gpus.busy if gpus is not None else tuple,
        )
        judged = partial(
            seed_run,
            seed,
            ended,
            tokens_per_byte=plan.data.tokens_per_byte,
            artifact=plan.artifact,
            label=plan.label,
        )
        run = judged()
        run = judged(hashes=copy_artifacts(run, launch, folder / "artifact"))
        keep(folder, key, run)
    return run
