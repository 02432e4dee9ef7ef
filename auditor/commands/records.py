"""`auditor records`: validate the files, logs, sizes, seeds and claims of records folders."""

from __future__ import annotations

from pathlib import Path

import click

from auditor.commands.options import output_options, schema_option, target_options, write


@click.command("records")
@target_options
@output_options("text", "json", "markdown")
@schema_option
def command(
    target: str | None,
    git_dir: str | None,
    ref: str | None,
    base: str,
    folders: tuple[str, ...],
    format_name: str,
    output: str | None,
    quiet: bool,
    schema: str,
) -> int:
    """Validate a records folder: files, logs, sizes, seeds, claim.

    TARGET is a records folder. With --git and --ref the changed folders of that commit are validated, or
    those named by --folder. Exits 1 if a finding is a fail.
    """
    import json

    from auditor.errors import InputError
    from auditor.exit_codes import ExitCode
    from auditor.pull_request.significance import significance_findings
    from auditor.records.validate import validate_folder
    from auditor.report.clean import clean_line
    from auditor.report.records_text import render_markdown, render_text
    from auditor.submission.load import load_submissions
    from auditor.submission.loaded import NOTHING_CHANGED
    from auditor.versions import enveloped, stamped

    if target is not None and Path(target).is_file():
        raise InputError(
            f"{target} is a file, not a records folder", hint=f"name its folder: {Path(target).parent}"
        )
    loaded = load_submissions(
        target, git_dir=git_dir, ref=ref, base=base, folders=folders, require_script=False
    )
    if loaded.nothing_changed and format_name != "json":
        write(f"{NOTHING_CHANGED}\n", output)
        return int(ExitCode.CLEAN)
    if not loaded.folders and not loaded.nothing_changed:
        why = "; ".join(f"{entry.path}: {entry.reason}" for entry in loaded.unjudged)
        raise InputError(
            f"{ref or target}: no records folder to validate" + (f" ({why})" if why else ""),
            hint="--folder F names any folder of that ref",
        )
    results = [
        validate_folder(folder, extra=significance_findings(folder, loaded, git_dir=git_dir))
        for folder in loaded.folders
    ]
    if format_name == "json":
        values = [stamped(result.to_json()) for result in results]
        value = enveloped(values, "folders", schema=int(schema))
        text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    elif format_name == "markdown":
        text = "\n".join(render_markdown(result) for result in results)
    else:
        text = "\n".join(render_text(result, brief=quiet) for result in results)
    write(text, output)
    absent = [entry for entry in loaded.unjudged if entry.folder is None]
    if not quiet:
        told = [*loaded.problems, *(f"{entry.path}: {entry.reason}" for entry in absent)]
        for problem in dict.fromkeys(told):
            click.echo(f"note: {clean_line(problem)}", err=True)
    if any(result.failed for result in results):
        return int(ExitCode.VIOLATION)
    return int(ExitCode.REVIEW if absent else ExitCode.CLEAN)
