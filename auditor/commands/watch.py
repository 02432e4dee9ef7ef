"""`auditor watch`: a queue of pull requests that follows its repository."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from time import sleep

import click

from auditor.commands.options import cache_options, judging_options, many_options
from auditor.corpus.fetch import fetch_pulls
from auditor.errors import InputError
from auditor.report.challenge import CHALLENGE


@click.command("watch")
@click.option("--git", "git_dir", required=True, metavar="DIR", help="A bare mirror with refs/pull/N/head.")
@click.option("--site", required=True, metavar="DIR", help="Where the queue, its rows and the feed are.")
@click.option("--fetch", is_flag=True, help="Fetch the branch and all heads first, each time.")
@click.option("--remote", default=CHALLENGE, show_default=True, metavar="URL", help="Where to fetch from.")
@click.option(
    "--every",
    "pause_s",
    type=click.FloatRange(min=0),
    default=600.0,
    show_default=True,
    metavar="S",
    help="Seconds between two looks.",
)
@click.option(
    "--rounds", type=click.IntRange(min=1), metavar="N", help="Looks, 1 from cron; without end if not given."
)
@many_options
@cache_options
@judging_options
@click.pass_context
def command(
    context: click.Context,
    git_dir: str,
    site: str,
    fetch: bool,
    remote: str,
    base: str,
    pause_s: float,
    rounds: int | None,
    jobs: int | None,
    timeout_s: float,
    quiet: bool,
    cache: str | None,
    cache_size: str,
    policy: str,
    overrides: tuple[str, ...],
) -> int:
    """Judge new and changed pull requests again and again, into a site.

    SITE/index.html is the queue, SITE/rows.jsonl has a line a script, SITE/changes.jsonl a line for each answer that
    is new, another or gone. Of what did not move nothing is audited again. The exit code is that of the last look.
    """
    from auditor.commands.corpus import command as corpus

    folder = Path(site)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make {folder}: {error.strerror}") from error
    feed = folder / "changes.jsonl"
    look = 0
    while True:
        look += 1
        last = look == rounds
        if fetch:
            _fetched(git_dir, remote, base, must=last)
        before = _lines(feed)
        code = context.invoke(
            corpus,
            git_dir=git_dir,
            everything=True,
            base=base,
            html_dir=site,
            output=str(folder / "rows.jsonl"),
            resume=True,
            feed=str(feed),
            jobs=jobs,
            timeout_s=timeout_s,
            quiet=quiet,
            cache=cache,
            cache_size=cache_size,
            policy=policy,
            overrides=overrides,
        )
        now = datetime.now(UTC).isoformat(timespec="seconds")
        scripts, changes = _lines(folder / "rows.jsonl"), _lines(feed) - before
        click.echo(f"{now} {scripts:,} scripts, {changes:,} changed answers")
        if last:
            return int(code)
        sleep(pause_s)


def _fetched(git_dir: str, remote: str, base: str, *, must: bool) -> None:
    """Fetch; where it cannot be done now and there will be another look, say so and go on with what is there."""
    try:
        fetch_pulls(git_dir, remote, base)
    except InputError as error:
        if must:
            raise
        click.echo(f"note: {error.message}", err=True)


def _lines(path: Path) -> int:
    try:
        return path.read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0
