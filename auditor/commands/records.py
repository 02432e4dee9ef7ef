"""`auditor records`: validate the files, logs, sizes, seeds and claims of records folders."""

from __future__ import annotations

from pathlib import Path

import click

from auditor.commands.options import output_options, schema_option, target_options, width_of, write
from auditor.commands.settings import accepted_by, read_settings, settings_options


@click.command("records")
@target_options
@output_options("text", "json", "markdown")
@schema_option
@settings_options
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
    settings_file: str | None,
    baseline: str | None,
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
    from auditor.report.markdown import escaped
    from auditor.report.pull_request_json import folder_object
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
            hint="--folder F names any folder of that ref"
            if ref
            else "auditor init makes the skeleton of one",
        )
    results = [
        validate_folder(folder, extra=significance_findings(folder, loaded, git_dir=git_dir))
        for folder in loaded.folders
    ]
    accepted = accepted_by(read_settings(settings_file, git_dir, base), baseline)
    paths = [folder.path or folder.target.path for folder in loaded.folders]
    told = [*accepted.ended()]
    for path, result in zip(paths, results, strict=True):
        told += accepted.told_of_records(result.findings, path)
    if format_name == "json":
        values = [stamped(folder_object(result)) for result in results]
        value = enveloped(values, "folders", schema=int(schema))
        if told:
            value["accepted"] = told
        text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    elif format_name == "markdown":
        text = "\n".join(render_markdown(result) for result in results)
        text += "".join(f"\n- {escaped(line)}\n" for line in told)
    else:
        text = "\n".join(render_text(result, brief=quiet, width=width_of(output)) for result in results)
        text += "".join(f"{clean_line(line)}\n" for line in told)
    write(text, output)
    absent = [entry for entry in loaded.unjudged if entry.folder is None]
    if not quiet:
        unread = [*loaded.problems, *(f"{entry.path}: {entry.reason}" for entry in absent)]
        for problem in dict.fromkeys(unread):
            click.echo(f"note: {clean_line(problem)}", err=True)
    if any(accepted.failed(result.findings, path) for path, result in zip(paths, results, strict=True)):
        return int(ExitCode.VIOLATION)
    return int(ExitCode.REVIEW if absent else ExitCode.CLEAN)
