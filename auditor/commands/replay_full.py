"""`auditor replay --full`: each seed launched in the sandbox, seconds and bytes measured from outside."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditor.commands.options import write
from auditor.errors import InputError
from auditor.exit_codes import ExitCode
from auditor.report.clean import clean_line

if TYPE_CHECKING:
    from auditor.replay.full_run import FullOptions, FullRun
    from auditor.submission.model import Submission


def run_full(
    submissions: Sequence[Submission],
    *,
    seeds: str,
    data: str | None,
    ranks: int,
    seconds: float,
    sandbox: str | None,
    trusted: bool,
    overrides: Mapping[str, str],
    format_name: str,
    output: str | None,
) -> int:
    """Run each submission with each seed and report what was measured.

    Raises:
        AuditorError: no data folder, a seed that is no number, or no sandbox that can let devices in.
    """
    from auditor.replay.full_run import FullOptions
    from auditor.replay.sandbox.ladder import Rung, choose

    if data is None:
        raise InputError("--full needs --data DIR", hint="the folder with datasets/ and tokenizers/")
    if sandbox not in (None, Rung.BUBBLEWRAP.value):
        raise InputError(f"--full cannot run in {sandbox}", hint="only bubblewrap can let the GPUs in")
    allowed = (Rung.BUBBLEWRAP, Rung.NONE) if trusted else (Rung.BUBBLEWRAP,)
    rung, _ = choose(allowed=allowed)
    options = FullOptions(data=Path(data).resolve(), ranks=ranks, seconds=seconds, rung=rung)
    chosen = _numbers(seeds)
    runs = {s.script.path: _runs(s, chosen, overrides, options) for s in submissions}
    write(_json(runs) if format_name == "json" else _text(runs), output)
    bad = any(run.problems for found in runs.values() for run in found)
    return int(ExitCode.VIOLATION if bad else ExitCode.CLEAN)


def _numbers(seeds: str) -> list[int]:
    try:
        return [int(seed) for seed in seeds.split(",")]
    except ValueError as error:
        raise InputError(
            f"--seeds needs whole numbers, got {seeds!r}", hint="e.g. --seeds 42,314,999"
        ) from error


def _runs(
    submission: Submission, seeds: Sequence[int], overrides: Mapping[str, str], options: FullOptions
) -> list[FullRun]:
    from auditor.reading.reading import read_submission
    from auditor.replay.full_run import run_seed
    from auditor.replay.toy.target import claimed_settings

    settings = claimed_settings(read_submission(submission, overrides=overrides).settings)
    found = []
    for seed in seeds:
        click.echo(f"running {clean_line(submission.script.path)} with seed {seed}", err=True)
        found.append(run_seed(submission, settings, seed, options))
    return found


def _json(runs: Mapping[str, Sequence[FullRun]]) -> str:
    return (
        json.dumps(
            {
                "schema": 1,
                "submissions": [
                    {"path": path, "runs": [{**asdict(run), "problems": list(run.problems)} for run in found]}
                    for path, found in runs.items()
                ],
            },
            indent=1,
        )
        + "\n"
    )


def _text(runs: Mapping[str, Sequence[FullRun]]) -> str:
    lines = []
    for path, found in runs.items():
        lines.append(clean_line(path))
        for run in found:
            phases = (
                "no artifact"
                if run.training_seconds is None
                else (f"training {run.training_seconds:.1f} s, evaluation {run.evaluation_seconds:.1f} s")
            )
            lines.append(f"  seed {run.seed}: {run.seconds:.1f} s ({phases}), exit code {run.code}")
            lines.append(
                f"    {run.artifact or 'nothing'} {run.artifact_bytes:,} bytes + code {run.code_bytes:,} = "
                f"{run.total_bytes:,}"
            )
            lines += [f"    printed: {clean_line(line)}" for line in run.results]
            lines += [f"    problem: {clean_line(problem)}" for problem in run.problems]
    return "\n".join(lines) + "\n"
