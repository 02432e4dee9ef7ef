"""`auditor replay --full`: plan, pre-flight, every seed launched in the sandbox, a folder of evidence."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from auditor.commands.options import parse_overrides, wants_colour, width_of, write
from auditor.errors import AuditorError, InputError
from auditor.exit_codes import ExitCode, worst_exit

if TYPE_CHECKING:
    from auditor.reading.reading import Reading
    from auditor.replay.full.evidence import Evidence
    from auditor.replay.full.findings import FullFinding
    from auditor.replay.full.harness import FullResult
    from auditor.replay.full.options import FullOptions
    from auditor.replay.full.plan import Plan
    from auditor.replay.sandbox.isolation_levels import IsolationLevel
    from auditor.stats.compare import Sample
    from auditor.submission.loaded import LoadResult
    from auditor.submission.model import Submission

SEEDS: Final = "42,314,999"
EVIDENCE: Final = "full-evidence"
MEMORY: Final = 32 << 30
"""Bytes that a recorded run at its own size may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FullRequest:
    """What the command line asks of a full run; names as those of its options."""

    data: str | None = None
    seeds: str | None = None
    seeds_from_claim: bool = False
    on_cpu: bool = False
    dry_run: bool = False
    evidence: str | None = None
    against: str | None = None
    artifact: str | None = None
    price: float | None = None
    silent: float | None = None
    torchrun: str | None = None
    instrumented: bool = False
    slice: int | None = None
    evaluate_only: tuple[str, ...] = ()
    let_in: tuple[str, ...] = ()


def run_full(
    loaded: LoadResult,
    asked: FullRequest,
    *,
    git_dir: str | None,
    ranks: int | None,
    seconds: float | None,
    sandbox: str | None,
    trusted: bool,
    overrides: Mapping[str, str],
    format_name: str,
    output: str | None,
    quiet: bool,
) -> int:
    """Plan each submission's run, say what is wrong, else run it.

    Raises:
        AuditorError: no data folder, a seed that is no number, or no sandbox that works.
    """
    from auditor.reading.reading import read_submission
    from auditor.report import full_json, full_text

    if asked.data is None:
        raise InputError("--full needs --data DIR", hint="the folder with datasets/ and tokenizers/")
    options = _options(asked, ranks, seconds, sandbox, trusted)
    submissions = loaded.submissions
    readings = [read_submission(one, overrides=overrides) for one in submissions]
    plans = [
        _plan(one, reading, asked, options, overrides)
        for one, reading in zip(submissions, readings, strict=True)
    ]
    wrong = any(plan.problems for plan in plans)
    if wrong or asked.dry_run:
        text = (
            full_json.render_plan(plans)
            if format_name == "json"
            else full_text.render_plan(plans, colour=wants_colour(output), width=width_of(output))
        )
        write(text, output)
        return int(ExitCode.UNUSABLE if wrong else ExitCode.CLEAN)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        results = [
            _run(one, reading, plan, asked, _frontier(asked.against, one, loaded, git_dir), quiet=quiet)
            for one, reading, plan in zip(submissions, readings, plans, strict=True)
        ]
    finally:
        signal.signal(signal.SIGTERM, before)
    if format_name == "json":
        text = full_json.render(results)
    elif format_name == "svg":
        from auditor.report import full_svg

        text = full_svg.render(results[0])
    else:
        text = full_text.render(results, colour=wants_colour(output), width=width_of(output))
    write(text, output)
    return int(worst_exit(result.exit_code for result in results))


def _options(
    asked: FullRequest, ranks: int | None, seconds: float | None, sandbox: str | None, trusted: bool
) -> FullOptions:
    from auditor.replay.full.options import RUNGS, SILENT_S, FullOptions, needs_network
    from auditor.replay.full.trial import choose_level
    from auditor.replay.sandbox.isolation_levels import IsolationLevel

    launcher = tuple(shlex.split(asked.torchrun or ""))
    allowed = (IsolationLevel(sandbox),) if sandbox else (*RUNGS, IsolationLevel.NONE) if trusted else RUNGS
    if trusted and needs_network(launcher) and not sandbox:
        allowed = (IsolationLevel.NONE,)
    options = FullOptions(
        data=Path(asked.data or "").resolve(),
        ranks=ranks or 8,
        seconds=seconds or 3000.0,
        on_cpu=asked.on_cpu,
        silent_s=asked.silent or SILENT_S,
        let_in=tuple(Path(folder).resolve() for folder in asked.let_in),
        launcher=launcher,
    )
    return choose_level(options, allowed)


def _plan(
    submission: Submission,
    reading: Reading,
    asked: FullRequest,
    options: FullOptions,
    overrides: Mapping[str, str],
) -> Plan:
    from auditor.replay.full.data_set import read_data_set
    from auditor.replay.full.imports import missing_imports
    from auditor.replay.full.plan import Plan, parse_seeds, seeds_of_claim
    from auditor.replay.full.preflight import preflight, read_machine
    from auditor.replay.toy.target import claimed_settings, prepare, submission_files

    # Paths of the claim's machine mean nothing here; those that were given on the command line do.
    settings = {**claimed_settings(reading.settings), **overrides}
    claim = _claim(reading)
    try:
        seeds = parse_seeds(asked.seeds or SEEDS)
    except ValueError as error:
        raise InputError(
            f"--seeds needs whole numbers, got {asked.seeds!r}", hint="e.g. --seeds 42,314,999"
        ) from error
    if asked.seeds_from_claim:
        seeds = seeds_of_claim(claim.seeds) if claim is not None else []
    own = [name.split("/")[0].removesuffix(".py") for name in submission_files(submission)]
    target = prepare(submission, reading.program, reading.settings)
    size = settings.get("VOCAB_SIZE") or target.reads.get("VOCAB_SIZE") or ""
    wanted = target.data_names(int(size)) if size.isdecimal() else ()
    machine, data = read_machine(), read_data_set(options.data, wanted)
    options = replace(options, shards=data.folder, tokenizer=data.tokenizer)
    return Plan(
        path=submission.script.path,
        options=options,
        seeds=tuple(seeds),
        settings=settings,
        machine=machine,
        data=data,
        price=asked.price,
        label=reading.records.facts.claim.label if reading.records is not None else "",
        artifact=asked.artifact or "",
        problems=tuple(
            preflight(
                options=options,
                machine=machine,
                data=data,
                seeds=seeds,
                settings=settings,
                missing=missing_imports(
                    [layer.text for layer in reading.program.layers], own, on_cpu=options.on_cpu
                ),
                evidence=_evidence(asked, submission),
            )
        ),
    )


def _run(
    submission: Submission,
    reading: Reading,
    plan: Plan,
    asked: FullRequest,
    frontier: Sample | None,
    *,
    quiet: bool,
) -> FullResult:
    from auditor.commands.full_progress import Progress
    from auditor.replay.full.evidence import Evidence
    from auditor.replay.full.harness import run_plan
    from auditor.replay.full.instrumented import instrumented_findings
    from auditor.replay.replay import ReplayOptions, replay_submission
    from auditor.replay.toy.target import submission_files
    from auditor.report import full_json, full_text, replay_json

    evidence = Evidence(_evidence(asked, submission))
    besides: list[FullFinding] = []
    if asked.instrumented:
        replayed = replay_submission(submission, reading=reading, options=ReplayOptions(rung=_toy_rung(plan)))
        (evidence.root / "replay.json").write_text(replay_json.render([replayed]), encoding="utf-8")
        besides += instrumented_findings(replayed)
        besides += _at_real_size(submission, reading, plan, asked, evidence)
    evidence.write("plan.json", full_json.plan_object(plan))
    progress = Progress(plan.path, plan.options.seconds)
    try:
        result = run_plan(
            plan,
            submission_files(submission),
            evidence,
            claim=_claim(reading),
            frontier=frontier,
            evaluate_only=parse_overrides(asked.evaluate_only),
            besides=besides,
            progress=(lambda *_: None) if quiet else progress,
        )
    except KeyboardInterrupt:
        click.echo(f"\ninterrupted; the same command goes on from {evidence.root}", err=True)
        raise
    progress.end()
    evidence.write("result.json", full_json.result_object(result))
    (evidence.root / "report.txt").write_text(full_text.render([result]), encoding="utf-8")
    _show(result)
    return result


def _at_real_size(
    submission: Submission, reading: Reading, plan: Plan, asked: FullRequest, evidence: Evidence
) -> list[FullFinding]:
    """The recorder at the run's own size, its figures in the folder of evidence."""
    from auditor.replay.full.real_size import SLICE, at_real_size, real_size_findings
    from auditor.replay.replay import ReplayOptions
    from auditor.report import full_json

    options = ReplayOptions(rung=_toy_rung(plan), seconds=plan.options.seconds, memory=MEMORY)
    folder = plan.options.data / plan.data.folder
    found = at_real_size(submission, reading, folder, plan.data.vocabulary, options, asked.slice or SLICE)
    evidence.write("real_size.json", full_json.real_size_object(found))
    return list(real_size_findings(found))


def _toy_rung(plan: Plan) -> IsolationLevel | None:
    """The level that was asked for; without a sandbox the replay chooses its own."""
    from auditor.replay.sandbox.isolation_levels import IsolationLevel

    return plan.options.rung if plan.options.rung is not IsolationLevel.NONE else None


def _show(result: FullResult) -> None:
    """The page and the plots, where what draws them is installed; without it the folder has none."""
    from auditor.report import full_html, full_svg, stats_plot

    folder = result.evidence
    try:
        picture = full_svg.render(result)
        (folder / "phases.svg").write_text(picture, encoding="utf-8")
        (folder / "report.html").write_text(full_html.render(result, picture), encoding="utf-8")
        if result.statistics is not None and result.statistics.frontier is not None:
            drawn = stats_plot.comparison_svg(result.statistics.frontier)
            (folder / "statistics.svg").write_text(drawn, encoding="utf-8")
    except AuditorError as error:
        click.echo(f"note: no page or plots: {error.message}", err=True)


def _evidence(asked: FullRequest, submission: Submission) -> Path:
    """Where a submission's evidence is kept: below the folder given, by the script's own path."""
    root = Path(asked.evidence or EVIDENCE)
    name = submission.script.path.strip("/").replace("/", "-").removesuffix(".py")
    return root / (name[-80:] or "script")


def _claim(reading: Reading) -> Sample | None:
    from auditor.records.sample import folder_sample

    if reading.records is None:
        return None
    try:
        return folder_sample(reading.records.facts)
    except InputError:
        return None


def _frontier(
    against: str | None, submission: Submission, loaded: LoadResult, git_dir: str | None
) -> Sample | None:
    """The record to be beaten: the folder that was named, else the board's best at the base of a pull request."""
    from auditor.pull_request.significance import judge_significance
    from auditor.pull_request.target import one_folder
    from auditor.records.facts import read_folder
    from auditor.records.sample import folder_sample
    from auditor.submission.git_store import ObjectStore

    if against is not None:
        return folder_sample(read_folder(one_folder(against, None)), name=against)
    folder = next((one for one in loaded.folders if one.path == submission.folder), None)
    if git_dir is None or folder is None:
        return None
    with ObjectStore(git_dir) as store:
        found = judge_significance(store, folder, loaded)
    return found.comparison.old if found is not None else None
