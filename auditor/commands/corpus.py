"""`auditor corpus`: many pull requests, a line each, and how they agree with real rulings."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditor.commands.options import (
    cache_options,
    judging_options,
    many_options,
    parse_overrides,
    parse_size,
    write,
)
from auditor.commands.progress import corpus_progress
from auditor.errors import InputError

if TYPE_CHECKING:
    from auditor.corpus.journal import Journal
    from auditor.corpus.labels import Label
    from auditor.corpus.pulls import Pull
    from auditor.corpus.row import Row
    from auditor.corpus.run import Engine
    from auditor.corpus.task import Task
    from auditor.judgement.result import AuditResult
    from auditor.submission.model import Submission


@click.command("corpus")
@click.option("--git", "git_dir", required=True, metavar="DIR", help="A git store with refs/pull/N/head.")
@click.option("--pr", "numbers", metavar="N,N-N", help="Which pull requests.")
@click.option("--all", "everything", is_flag=True, help="Every pull request of the store.")
@click.option(
    "--labels",
    metavar="FILE",
    help='Measure agreement with these rulings; "precedents" are those of the package.',
)
@click.option("--agreement", metavar="FILE", help="Write the agreement as JSON, or as Markdown to a FILE.md.")
@click.option(
    "--html",
    "html_dir",
    metavar="DIR",
    help="Write a site: the queue, reports and, with --labels, the agreement.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Write the JSON lines there instead of stdout, each as it is known, in order at the end.",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Go on from the rows that FILE holds, of the same commits, settings and program.",
)
@click.option("--feed", metavar="FILE", help="Append a JSON line for each answer that is other than there.")
@many_options
@click.option(
    "--replay",
    "replays",
    is_flag=True,
    help="Replay in a sandbox too what the static witness does not decide.",
)
@click.option(
    "--engine",
    type=click.Choice(("local", "ray")),
    default="local",
    show_default=True,
    help="Where to audit: processes of this machine, or a Ray cluster.",
)
@click.option("--address", metavar="HOST:PORT", help="The Ray cluster.  [default: the one that Ray finds]")
@cache_options
@judging_options
def command(
    git_dir: str,
    numbers: str | None,
    everything: bool,
    base: str,
    labels: str | None,
    agreement: str | None,
    html_dir: str | None,
    output: str | None,
    resume: bool,
    feed: str | None,
    jobs: int | None,
    timeout_s: float,
    replays: bool,
    engine: str,
    address: str | None,
    quiet: bool,
    cache: str | None,
    cache_size: str,
    policy: str,
    overrides: tuple[str, ...],
) -> int:
    """Audit many pull requests and measure agreement with rulings.

    Writes a JSON line per script. Without --pr and --all the labelled pull requests are taken.
    """
    from auditor.corpus.journal import Journal
    from auditor.corpus.labels import read_labels
    from auditor.corpus.pulls import list_pulls
    from auditor.corpus.row import to_json
    from auditor.corpus.run import in_order, run_corpus
    from auditor.corpus.task import tasks_of
    from auditor.extras import require
    from rules import ALL

    if agreement is not None and labels is None:
        raise InputError("--agreement needs --labels", hint="--labels precedents takes those of the package")
    if resume and output is None:
        raise InputError("--resume needs the file that the rows are in", hint="-o FILE")
    if replays:
        require("replay", "numpy", "torch")
    known = read_labels(None if labels == "precedents" else labels) if labels is not None else ()
    pulls = _chosen(list_pulls(git_dir), numbers, everything, known, git_dir)
    pages = _pages(html_dir)
    journal = Journal(output) if output is not None else None
    with _cache_folder(cache) as folder:
        tasks = tasks_of(
            pulls,
            git_dir=git_dir,
            base=base,
            policy=policy,
            overrides=parse_overrides(overrides),
            pages=pages,
            page_of=_page_of() if pages is not None else None,
            related_of=_related_of() if pages is not None else None,
            replays=replays,
            cache=folder,
            cache_bytes=parse_size(cache_size),
        )
        known_rows: list[Row] = []
        if journal is not None:
            known_rows = _finished(journal, tasks, pages) if resume else []
            journal.begin(known_rows)
        done = {row.pr for row in known_rows}
        with corpus_progress(len(pulls), quiet) as tell:
            tell(len(done), known_rows)

            def told(count: int, found: Sequence[Row]) -> None:
                if journal is not None:
                    journal.add(found)
                tell(len(done) + count, found)

            rows = run_corpus(
                [task for task in tasks if task.pr not in done],
                _engine(engine, address, jobs, timeout_s),
                progress=told,
            )
    rows = in_order([*known_rows, *rows])
    slugs = [rule.slug for rule in ALL]
    if journal is not None:
        journal.end(rows)
    elif labels is None:
        write("".join(to_json(row) + "\n" for row in rows), None)
    if feed is not None:
        from auditor.corpus.feed import append_changes

        now = datetime.now(UTC).isoformat(timespec="seconds")
        append_changes(Path(feed), rows, {pull.number for pull in pulls}, when=now)
    if html_dir is not None:
        from auditor.pull_request.significance import board_at
        from auditor.report.corpus_dashboard import render_dashboard

        beside = "agreement.html" if labels is not None else ""
        page = render_dashboard(rows, slugs, board=board_at(git_dir, base), agreement=beside)
        write(page, str(Path(html_dir) / "index.html"))
    if labels is not None:
        _agree(known, rows, slugs, {pull.number for pull in pulls}, agreement, html_dir)
    return _exit(rows)


def _finished(journal: Journal, tasks: Sequence[Task], pages: Path | None) -> list[Row]:
    """Rows that need not be made again; with reports asked for, those whose report is there."""
    rows = journal.finished({task.pr: task.key for task in tasks})
    if pages is None:
        return rows
    lost = {row.pr for row in rows if not row.page or not (pages / row.page).is_file()}
    return [row for row in rows if row.pr not in lost]


def _engine(name: str, address: str | None, jobs: int | None, timeout_s: float) -> Engine:
    """The engine of `--engine`.

    Raises:
        InputError: an address without a cluster, or Ray is missing.
    """
    import os
    from functools import partial

    from auditor.corpus.run import local_engine
    from auditor.extras import require

    if name == "local":
        if address is not None:
            raise InputError("--address names a Ray cluster", hint="with --engine ray")
        return local_engine(jobs=jobs or os.cpu_count() or 1, timeout_s=timeout_s)
    require("ray", "ray")
    from auditor.corpus.ray_engine import run_on_ray

    def tell(sentence: str) -> None:
        click.echo(f"note: {sentence}", err=True)

    return partial(run_on_ray, address=address, jobs=jobs, timeout_s=timeout_s, tell=tell)


@contextlib.contextmanager
def _cache_folder(cache: str | None) -> Iterator[Path]:
    """The folder of answers: the user's, or one for this run, since pull requests carry each other's folders."""
    if cache is not None:
        yield Path(cache)
        return
    with tempfile.TemporaryDirectory(prefix="auditor-corpus-") as made:
        yield Path(made)


def _chosen(
    pulls: dict[int, Pull], numbers: str | None, everything: bool, labels: Sequence[Label], git_dir: str
) -> list[Pull]:
    from auditor.corpus.pulls import parse_numbers

    if everything and numbers is not None:
        raise InputError("give --pr or --all, not both")
    if everything:
        wanted = list(pulls)
    elif numbers is not None:
        wanted = parse_numbers(numbers, pulls)
    elif labels:
        wanted = sorted({label.pr for label in labels})
    else:
        raise InputError(
            "say which pull requests", hint="--pr 77,467 or --all, or --labels for the labelled ones"
        )
    missing = [number for number in wanted if number not in pulls]
    if missing and not labels:
        shown = ", ".join(f"#{number}" for number in missing[:10])
        raise InputError(
            f"{git_dir} has no ref of {shown}", hint="git fetch origin 'refs/pull/*/head:refs/pull/*/head'"
        )
    found = [pulls[number] for number in wanted if number in pulls]
    if not found:
        which = "no pull requests" if numbers is None else f"no pull request in {numbers}"
        raise InputError(f"{git_dir} has {which}", hint="refs/pull/N/head must have been fetched")
    return found


def _page_of() -> Callable[[AuditResult], str]:
    from auditor.report.html import corpus_page

    return corpus_page


def _related_of() -> Callable[[Submission, int], list[tuple[int, str, int]]]:
    from auditor.pull_request.lineage import related_of

    return related_of


def _pages(html_dir: str | None) -> Path | None:
    if html_dir is None:
        return None
    from auditor.report.html import environment

    environment()  # says at once, and not after an hour, that the template engine is missing
    pages = Path(html_dir) / "submissions"
    try:
        pages.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make {pages}: {error.strerror}") from error
    return pages


def _agree(
    labels: Sequence[Label],
    rows: Sequence[Row],
    slugs: Sequence[str],
    audited: set[int],
    agreement: str | None,
    html_dir: str | None,
) -> None:
    import json

    from auditor.corpus.agreement import as_object, as_text, measure
    from auditor.report.agreement_markdown import as_markdown

    measured = measure([label for label in labels if label.pr in audited], rows, slugs)
    click.echo(as_text(measured), nl=False)
    if agreement is not None and agreement.endswith(".md"):
        write(as_markdown(measured), agreement)
    elif agreement is not None:
        write(json.dumps(as_object(measured), indent=1, ensure_ascii=False) + "\n", agreement)
    if html_dir is not None:
        from auditor.report.agreement_page import render

        write(render(measured), str(Path(html_dir) / "agreement.html"))


def _exit(rows: Sequence[Row]) -> int:
    """By the worst verdict; 4 if the auditor failed on an item; what has no verdict is for a person.

    A pull request without a script counts for none.
    """
    from auditor.exit_codes import ExitCode, worst_exit

    codes = {
        "violation": ExitCode.VIOLATION,
        "review": ExitCode.REVIEW,
        "compliant": ExitCode.CLEAN,
        "nothing": ExitCode.CLEAN,
    }
    worst = [
        ExitCode.REVIEW if row.verdict is None else codes[row.verdict] for row in rows if not row.nothing
    ]
    crashed = any(row.crashed for row in rows)
    return int(worst_exit([*worst, ExitCode.CRASHED] if crashed else worst))
