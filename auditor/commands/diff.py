"""`auditor diff`: what changed between two submissions."""

from __future__ import annotations

import click

from auditor.commands.options import output_options, width_of, write


@click.command("diff")
@click.argument("old")
@click.argument("new")
@click.option("--git", "git_dir", metavar="DIR", help="Take OLD and NEW as REF:path of this repository.")
@output_options("text", "json", "markdown")
def command(
    old: str, new: str, git_dir: str | None, format_name: str, output: str | None, quiet: bool
) -> int:
    """Say what changed between two scripts.

    OLD and NEW are scripts or records folders; with --git they are REF:path, or REF for the one submission
    of a pull request. Settings are compared by the values in force, code without formatting and renames.
    """
    import json

    from auditor.diffing.submissions_delta import compare_submissions
    from auditor.exit_codes import ExitCode
    from auditor.pull_request.target import one_submission
    from auditor.report import diff_text as words
    from auditor.submission.git_store import ObjectStore
    from auditor.versions import stamped

    store = ObjectStore(git_dir) if git_dir is not None else None
    delta = compare_submissions(one_submission(old, store), one_submission(new, store))
    if format_name == "json":
        text = json.dumps(stamped(delta.to_json()), indent=2, ensure_ascii=False) + "\n"
    else:
        text = (
            words.render_markdown(delta)
            if format_name == "markdown"
            else words.render_text(delta, width=width_of(output))
        )
    write(text, output)
    return int(ExitCode.CLEAN)
