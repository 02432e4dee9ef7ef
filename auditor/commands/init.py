"""`auditor init`: the skeleton of an entry."""

from __future__ import annotations

import datetime
import shutil
from pathlib import Path

import click

from auditor.errors import AuditorError, InputError


@click.command("init")
@click.argument("name")
@click.option("--author", required=True, metavar="NAME", help="As it is to stand on the board.")
@click.option("--github-id", required=True, metavar="ID", help="The account that opens the pull request.")
@click.option("--blurb", default="", metavar="TEXT", help="What it does, in a sentence.")
@click.option("--date", metavar="YYYY-MM-DD", help="Of the entry; today if not given.")
@click.option("--non-record", is_flag=True, help="For the track without limits of time.")
@click.option("--script", metavar="FILE", help="The train_gpt.py to copy; the one at DIR if not given.")
@click.option("--dir", "root", default=".", show_default=True, help="Root of the challenge's repository.")
def command(
    name: str,
    author: str,
    github_id: str,
    blurb: str,
    date: str | None,
    non_record: bool,
    script: str | None,
    root: str,
) -> int:
    """Write the skeleton of an entry.

    A folder under records/ with a README, a submission.json with every field, and a copy of the script.
    Numbers that only runs can give are null. Nothing that is there is written over.
    """
    from auditor.preflight.skeleton import Entry

    entry = Entry(
        name=name,
        date=date or datetime.date.today().isoformat(),
        author=author,
        github_id=github_id,
        blurb=blurb,
        record=not non_record,
    )
    folder = Path(root) / entry.folder()
    source = Path(script) if script is not None else Path(root) / "train_gpt.py"
    if script is not None and not source.is_file():
        raise InputError(f"no file at {script}", hint="--script names the train_gpt.py to copy")
    if folder.exists():
        raise InputError(f"{folder} is there already", hint="another name, or --date")
    try:
        folder.mkdir(parents=True)
        for file, text in entry.files().items():
            (folder / file).write_text(text, encoding="utf-8")
        if source.is_file():
            shutil.copyfile(source, folder / "train_gpt.py")
    except OSError as error:
        raise AuditorError(f"cannot write {error.filename}: {error.strerror}") from error
    click.echo(f"wrote {folder}")
    if not source.is_file():
        click.echo(f"next: put your script there as {folder / 'train_gpt.py'}")
    click.echo(f"then: auditor preflight {folder}")
    return 0
