"""`auditor audit`: one target, one verdict a script."""

from __future__ import annotations

from pathlib import Path

import click

from auditor.commands.options import (
    also_option,
    cache_options,
    judging_options,
    open_store,
    output_options,
    parse_also,
    parse_overrides,
    schema_option,
    target_options,
    wants_colour,
    width_of,
    write,
)
from auditor.commands.progress import ticking
from auditor.commands.settings import accepted_by, policy_of, read_settings, settings_options
from auditor.report import FORMATS


@click.command("audit")
@target_options
@output_options(*FORMATS)
@also_option
@schema_option
@click.option("--verbose", is_flag=True, help="Every event, number, rule and setting, as text.")
@click.option(
    "--replay", "replays", is_flag=True, help="Replay it in a sandbox too, and join both witnesses."
)
@settings_options
@cache_options
@judging_options
def command(
    target: str | None,
    git_dir: str | None,
    ref: str | None,
    base: str,
    folders: tuple[str, ...],
    format_name: str,
    output: str | None,
    quiet: bool,
    also: tuple[str, ...],
    schema: str,
    verbose: bool,
    replays: bool,
    settings_file: str | None,
    baseline: str | None,
    cache: str | None,
    cache_size: str,
    policy: str,
    overrides: tuple[str, ...],
) -> int:
    """Judge a script, a records folder or a pull request.

    TARGET is a training script or a records folder. With --git and --ref it is a pull request, read from a
    repository without a checkout. Nothing of the submission is run, but with --replay in a sandbox.
    """
    from auditor.audit.targets import audit_target
    from auditor.report import renderer
    from auditor.report.clean import clean_line

    files = parse_also(also)
    settings = read_settings(settings_file, git_dir, base)
    accepted = accepted_by(settings, baseline)
    with ticking(quiet) as begin:
        results, notes = audit_target(
            target,
            git_dir=git_dir,
            ref=ref,
            base=base,
            folders=folders,
            overrides=parse_overrides(overrides),
            policy=policy_of(policy, settings),
            replays=replays,
            store=open_store(cache, cache_size),
            runs=Path(cache) if cache else None,
            begin=begin,
        )

    def rendered(name: str) -> str:
        if name == "json":
            from auditor.report.json import render as render_json

            return render_json(results, shown, schema=int(schema))
        return renderer(name)(results, shown)

    told = tuple(dict.fromkeys(accepted.told(results)))
    shown = (*notes, *told)
    if format_name == "text":
        from auditor.report.text import render

        text = render(
            results,
            told if quiet and results else shown,
            colour=wants_colour(output),
            brief=quiet,
            verbose=verbose,
            width=width_of(output),
        )
    else:
        text = rendered(format_name)
    write(text, output)
    for path, name in files.items():
        write(rendered(name), path)
    for result in results:
        for crash in result.crashed:
            said = f"{result.target.path}: rule {crash.rule} crashed: {crash.crashed}"
            click.echo(f"error: {clean_line(said)}", err=True)
    return int(accepted.exit_of(results))
