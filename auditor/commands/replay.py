"""`auditor replay`: run a submission in a sandbox and prove or refute the four conditions by experiment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from auditor.commands.full_options import full_options
from auditor.commands.options import (
    config_option,
    output_options,
    parse_overrides,
    schema_option,
    target_options,
    wants_colour,
    width_of,
    write,
)
from auditor.commands.progress import ticking

RUNGS = ("bubblewrap", "unshare", "landlock")


@click.command("replay")
@target_options
@click.option("--probe", "kind", flag_value="probe", default=True, help="At toy size on a CPU (the default).")
@click.option(
    "--full", "kind", flag_value="full", help="The run itself, measured from outside: seconds, bytes, seeds."
)
@click.option("--thorough", is_flag=True, help="More places, and the sum over the vocabulary in any case.")
@click.option("--seed", type=int, metavar="N", help="Of the toy worlds; from the content if not given.")
@click.option(
    "--ranks",
    type=click.IntRange(1, 8),
    metavar="N",
    help="Processes of a run: 1 with --probe, 8 with --full.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=1),
    metavar="S",
    help="Seconds for one run (300, with --full 3,000).",
)
@click.option("--memory", type=click.FloatRange(min=0.5), metavar="GIB", help="Memory of one run (6).")
@click.option("--cache", metavar="DIR", help="Keep runs there, and take from there what was run before.")
@click.option("--sandbox", type=click.Choice(RUNGS), help="Insist on this sandbox.")
@click.option("--i-trust-this-code", "trusted", is_flag=True, help="Run without a sandbox where none works.")
@full_options
@output_options("text", "json", "svg")
@schema_option
@config_option
def command(
    target: str | None,
    git_dir: str | None,
    ref: str | None,
    base: str,
    folders: tuple[str, ...],
    kind: str,
    thorough: bool,
    seed: int | None,
    ranks: int | None,
    timeout: float | None,
    memory: float | None,
    cache: str | None,
    sandbox: str | None,
    trusted: bool,
    format_name: str,
    output: str | None,
    quiet: bool,
    schema: str,
    overrides: tuple[str, ...],
    **full: Any,
) -> int:
    """Run a submission in a sandbox and record what it does.

    The script trains, packs and evaluates itself at toy size on a CPU; experiments on its validation tokens then
    prove or refute the four conditions. Nothing that it prints decides. Needs torch: pip install
    'parameter-golf-auditor[replay]'.
    """
    from auditor.extras import require
    from auditor.reading.overrides import check_overrides
    from auditor.report.clean import clean_line
    from auditor.submission.load import load_submissions

    require("replay", "numpy", "torch")
    loaded = load_submissions(target, git_dir=git_dir, ref=ref, base=base, folders=folders)
    for note in check_overrides(loaded.submissions, parse_overrides(overrides)):
        click.echo(f"note: {clean_line(note)}", err=True)
    if kind == "full":
        from auditor.commands.replay_full import FullRequest, run_full

        return run_full(
            loaded,
            FullRequest(**full),
            git_dir=git_dir,
            ranks=ranks,
            seconds=timeout,
            sandbox=sandbox,
            trusted=trusted,
            overrides=parse_overrides(overrides),
            format_name=format_name,
            output=output,
            quiet=quiet,
        )
    from auditor.exit_codes import worst_exit
    from auditor.replay.replay import ReplayOptions, replay_submission
    from auditor.replay.sandbox.isolation_levels import IsolationLevel

    options = ReplayOptions(
        seed=seed,
        thorough=thorough,
        rung=IsolationLevel(sandbox) if sandbox else None,
        trusted=trusted,
        seconds=timeout or 300.0,
        memory=int((memory or 6.0) * (1 << 30)),
        ranks=ranks or 1,
        cache=Path(cache) if cache else None,
    )
    results = []
    with ticking(quiet) as begin:
        for number, submission in enumerate(loaded.submissions, 1):
            begin(number, len(loaded.submissions), submission.script.path)
            if not quiet and output is not None:
                click.echo(f"replaying {clean_line(submission.script.path)}", err=True)
            results.append(
                replay_submission(submission, overrides=parse_overrides(overrides), options=options)
            )
    if format_name == "json":
        from auditor.report.replay_json import render as render_json

        text = render_json(results, schema=int(schema))
    elif format_name == "svg":
        from auditor.report.replay_svg import render as render_svg

        text = render_svg(results)
    else:
        from auditor.report.replay_text import render

        text = render(results, colour=wants_colour(output), brief=quiet, width=width_of(output))
    write(text, output)
    return int(worst_exit(result.exit_code() for result in results))
