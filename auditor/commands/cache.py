"""`auditor cache`: what a folder of kept answers holds, and how to be rid of it."""

from __future__ import annotations

from pathlib import Path

import click


@click.group("cache")
def command() -> None:
    """Say what a folder of kept answers holds, or clear it.

    `audit`, `pr`, `corpus` and `replay` keep answers by content in the folder of --cache DIR: the key is a digest of
    the script, its siblings, logs and README, the settings, the policy and this program itself, so that no answer
    outlives what it was made from.
    """


folder = click.argument("folder", metavar="DIR", envvar="AUDITOR_CACHE")


@command.command("info")
@folder
def info(folder: str) -> int:
    """Count the answers, what they were judged from, and replayed runs, with their bytes."""
    from auditor.cache.store import Store
    from auditor.replay.runs.cache import content

    held, runs = Store(_existing(folder)).content(), content(Path(folder))
    click.echo(f"answers  {held.answers:>8,}  {held.size_bytes:>15,} bytes, those of the readings included")
    click.echo(f"readings {held.readings:>8,}  judged anew when a rule changes")
    click.echo(f"runs     {runs.runs:>8,}  {runs.size_bytes:>15,} bytes")
    return 0


@command.command("clear")
@folder
def clear(folder: str) -> int:
    """Drop all answers and replayed runs; nothing else in the folder is touched."""
    from auditor.cache.store import NAME, remove
    from auditor.replay.runs.cache import clear as clear_runs

    removed = remove(_existing(folder)), clear_runs(Path(folder))
    click.echo(f"{'removed' if removed[0] else 'no'} {NAME}, {removed[1]:,} runs removed")
    return 0


def _existing(folder: str) -> Path:
    """The folder.

    Raises:
        InputError: there is none.
    """
    from auditor.errors import InputError

    if not Path(folder).is_dir():
        raise InputError(f"no folder at {folder}", hint="name the one given to --cache")
    return Path(folder)
