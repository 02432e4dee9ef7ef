"""A full run for the terminal: the plan and what is wrong with it, or what was measured of each seed and of all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from auditor.exit_codes import ExitCode
from auditor.records.size_checks import CAP_BYTES
from auditor.records.time_checks import LIMIT_S
from auditor.replay.full.file_table import FileKind
from auditor.replay.full.findings import FullFinding, Weight
from auditor.replay.full.harness import FullResult
from auditor.replay.full.plan import Plan
from auditor.replay.full.seed_run import SeedRun
from auditor.replay.full.statistics import Statistics
from auditor.replay.full.telemetry import Sample
from auditor.report.console import printed
from auditor.report.folding import WIDTH
from auditor.report.stats_text import lines as comparison_lines

if TYPE_CHECKING:
    from rich.text import Text

_STYLE = {
    Weight.VIOLATION: "bold red",
    Weight.FAILED: "bold red",
    Weight.REVIEW: "yellow",
    Weight.NOTE: "dim",
}
_LIMITED = {"training": LIMIT_S, "evaluation": LIMIT_S}
HEADLINES = {
    ExitCode.CLEAN: "NOTHING WRONG",
    ExitCode.REVIEW: "REVIEW",
    ExitCode.VIOLATION: "WRONG",
    ExitCode.CRASHED: "FAILED",
}


def render_plan(plans: Sequence[Plan], *, colour: bool = False, width: int = WIDTH) -> str:
    """What would be run, and what is wrong with that."""
    return printed((line for plan in plans for line in _plan(plan)), colour=colour, width=width)


def render(results: Sequence[FullResult], *, colour: bool = False, width: int = WIDTH) -> str:
    """What was measured."""
    return printed((line for result in results for line in _result(result)), colour=colour, width=width)


def _plan(plan: Plan) -> Iterator[str | Text]:
    options, data = plan.options, plan.data
    yield f"{plan.path}: full run of {len(plan.seeds)} seed(s): {', '.join(map(str, plan.seeds))}"
    yield f"  launch    {plan.command}"
    where = "on the CPU, with stand-ins" if options.on_cpu else f"on {len(plan.machine.gpus)} GPU(s)"
    user = ", as this user" if options.own_user else ""
    yield f"  machine   {options.ranks} rank(s) {where}; sandbox: {options.rung.value}{user}"
    for gpu in plan.machine.gpus:
        yield f"            GPU {gpu.index} {gpu.name}, {gpu.memory_bytes >> 30} GiB, {gpu.clock_mhz or '?'} MHz"
    versions = ", ".join(f"{name} {number}" for name, number in plan.machine.versions.items())
    yield f"  software  {versions or 'no torch'}{f', driver {plan.machine.driver}' if plan.machine.driver else ''}"
    yield (
        f"  data      {data.folder or 'none'}: {data.train_shards} training shards, {data.train_tokens:,} tokens; "
        f"validation {data.val_tokens:,} tokens, {data.val_documents:,} documents"
    )
    if data.val_sha256:
        yield f"            {data.known or 'no known set'}; SHA-256 of the validation shards {data.val_sha256}"
    if data.tokenizer:
        yield f"            {data.tokenizer}: {data.vocabulary or '?'} pieces, SHA-256 {data.tokenizer_sha256}"
    if data.tokens_per_byte is not None:
        yield f"            {data.tokens_per_byte:.6f} tokens per byte"
    if not options.on_cpu:
        money = f", {plan.cost:,.2f} at {plan.price:,.2f} a GPU-hour" if plan.cost is not None else ""
        yield (
            f"  cost      about {plan.gpu_minutes:,.0f} GPU-minutes{money}; "
            f"at most {plan.most_gpu_minutes:,.0f} until the last run is ended"
        )
    if plan.problems:
        yield _styled(f"  {len(plan.problems)} thing(s) to put right before it can run:", "bold red")
        for problem in plan.problems:
            yield f"    - {problem.sentence()}"
    else:
        yield "  nothing is wrong with it"


def _result(result: FullResult) -> Iterator[str | Text]:
    code = result.exit_code
    style = {ExitCode.CLEAN: "bold green", ExitCode.REVIEW: "yellow"}.get(code, "bold red")
    yield _styled(f"{HEADLINES[code]}: {result.plan.path}", style)
    for run in result.runs:
        yield from _seed(run, result.telemetry.get(run.seed, ()))
    together = [one for one in result.findings if one.seed is None]
    yield from _findings(together, "")
    if result.statistics is not None:
        yield from statistics_lines(result.statistics)
    yield f"evidence: {result.evidence}"


def _seed(run: SeedRun, samples: Sequence[Sample]) -> Iterator[str | Text]:
    printed_result = f"val_bpb {run.result.val_bpb}" if run.result is not None else "no result"
    kept = " (kept from before)" if run.kept else ""
    yield f"seed {run.seed}: {printed_result}, {run.ended.trace.ended_s:.1f} s{kept}"
    for phase in run.phases.all:
        limit = f" of {_LIMITED[phase.name]:.0f} s" if phase.name in _LIMITED else ""
        yield f"  {phase.name:<30}{phase.seconds:>9.2f} s{limit:<9} {phase.how}"
    yield from _clocks(run)
    counted = [row for row in run.table.rows if row.kind.counts]
    for row in counted:
        digest = f"  SHA-256 {run.hashes[row.path][:16]}…" if row.path in run.hashes else ""
        yield f"  {row.size:>12,} bytes  {row.kind.value:<10} {row.path}{digest}"
    yield f"  {run.table.total:>12,} bytes  of {CAP_BYTES:,}"
    for kind in (FileKind.CACHE, FileKind.UNPACKED, FileKind.EVALUATION, FileKind.UNREAD):
        rows = [row for row in run.table.rows if row.kind is kind]
        if rows:
            yield f"  {sum(r.size for r in rows):>12,} bytes  not counted: {kind.value}, {len(rows)} file(s)"
    if samples:
        yield f"  {_telemetry(samples)}"
    if run.result is not None:
        yield f"  claimed: {run.result.text}"
    yield from _findings(run.findings, "  ")
    if not run.finished:
        for line in run.ended.last_lines:
            yield f"    | {line}"


def _clocks(run: SeedRun) -> Iterator[str]:
    clock = run.phases.clock
    if clock is not None and run.phases.training_s is not None:
        yield (
            f"  training by the script's clock {clock.claimed_s:.2f} s, seen {run.phases.training_s:.2f} s "
            f"without {clock.in_validation_s:.2f} s of validation, {clock.steps} steps"
        )
    if run.phases.calibration_s:
        yield f"  calibration {run.phases.calibration_s:.2f} s, counted as training"
    if run.phases.stated_evaluation_s is not None and run.phases.evaluation_s is not None:
        yield (
            f"  evaluation by the script's clock {run.phases.stated_evaluation_s:.2f} s, "
            f"seen {run.phases.evaluation_s:.2f} s"
        )


def _telemetry(samples: Sequence[Sample]) -> str:
    cpu = sum(sample.cpu_percent for sample in samples) / len(samples)
    memory = max(sample.memory_bytes for sample in samples) >> 20
    told = f"telemetry: {len(samples)} samples, processors {cpu:.0f} %, memory at most {memory:,} MiB"
    busy = [gpu.busy_percent for sample in samples for gpu in sample.gpus if gpu.busy_percent is not None]
    if busy:
        used = max(gpu.used_bytes or 0 for sample in samples for gpu in sample.gpus) >> 20
        told += f"; GPUs {sum(busy) / len(busy):.0f} %, memory at most {used:,} MiB"
    return told


def _findings(found: Sequence[FullFinding], indent: str) -> Iterator[str | Text]:
    for one in found:
        yield _styled(f"{indent}{one.weight.value}: {one.message} [{one.kind}]", _STYLE[one.weight])


def statistics_lines(found: Statistics) -> Iterator[str]:
    """Mean, claim and frontier in plain lines."""
    sample = found.sample
    spread = f", sd {sample.std:.5f}" if sample.std is not None else ""
    interval = found.interval
    inside = f", 95 % interval {interval.low:.5f} to {interval.high:.5f}" if interval is not None else ""
    yield f"{len(sample.values)} seed(s): mean {sample.mean:.5f} bpb{spread}{inside}"
    if (told := found.reproduction) is not None:
        more = f"; {told.more_seeds} more seed(s) would settle it" if told.more_seeds is not None else ""
        around = (
            f", 95 % interval {told.interval.low:+.5f} to {told.interval.high:+.5f}"
            if told.interval is not None
            else ""
        )
        yield (
            f"claim of {told.claim.mean:.5f} bpb: {told.answer.value}, difference {told.difference_bpb:+.5f}{around}, "
            f"margin {told.margin_bpb:.5f}{more}"
        )
    if found.frontier is not None:
        yield from comparison_lines(found.frontier)


def _styled(text: str, style: str) -> Text:
    from rich.text import Text

    return Text(text, style=style)
