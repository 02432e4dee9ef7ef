"""`auditor pr`: scope, audit, records and significance of a pull request in one comment."""

from __future__ import annotations

import click

from auditor.commands.options import (
    also_option,
    cache_options,
    format_of,
    open_store,
    output_options,
    parse_also,
    wants_colour,
    width_of,
    write,
)
from auditor.commands.progress import ticking
from auditor.commands.settings import accepted_by, policy_of, read_settings, settings_options
from auditor.report import FORMATS


@click.command("pr")
@click.option("--git", "git_dir", required=True, metavar="DIR", help="A git repository or bare store.")
@click.option(
    "--ref", required=True, metavar="REF", help="The pull request's head, such as refs/pull/77/head."
)
@click.option("--base", default="main", show_default=True, metavar="REF", help="The branch it is against.")
@click.option(
    "--policy",
    type=click.Choice(("rulings", "strict")),
    default="rulings",
    show_default=True,
    help="Maintainers' rulings, or the four conditions to the letter.",
)
@click.option("--plot", metavar="FILE.svg", help="Draw the seeds against the record.")
@settings_options
@cache_options
@output_options("markdown", *(name for name in FORMATS if name != "markdown"), on_terminal="text")
@also_option
def command(
    git_dir: str,
    ref: str,
    base: str,
    policy: str,
    plot: str | None,
    settings_file: str | None,
    baseline: str | None,
    cache: str | None,
    cache_size: str,
    format_name: str | None,
    output: str | None,
    quiet: bool,
    also: tuple[str, ...],
) -> int:
    """Review a pull request: scope, evaluation, records and significance in one.

    As Markdown it is one comment that can be pasted under the pull request. Exits with the worst of all parts.
    """
    import dataclasses

    from auditor.pull_request.review import review_pull_request
    from auditor.report.pull_request_formats import render_review
    from auditor.report.pull_request_text import render as render_text

    files = parse_also(also)
    settings = read_settings(settings_file, git_dir, base)
    accepted = accepted_by(settings, baseline)
    with ticking(quiet) as begin:
        review = review_pull_request(
            git_dir,
            ref,
            base=base,
            policy=policy_of(policy, settings),
            store=open_store(cache, cache_size),
            begin=begin,
        )
    review = dataclasses.replace(review, accepted=accepted)
    wanted = format_of(format_name, output, on_terminal="text", else_="markdown")
    if wanted == "text":
        write(render_text(review, colour=wants_colour(output), width=width_of(output)), output)
    else:
        write(render_review(review, wanted), output)
    for path, name in files.items():
        write(render_review(review, name), path)
    compared = [folder.significance for folder in review.folders if folder.significance is not None]
    if plot is not None and compared:
        from auditor.report.stats_plot import comparison_svg

        write(comparison_svg(compared[0].comparison), plot)
    if plot is not None and not compared and not quiet:
        click.echo("note: nothing to plot, there is no record to compare with", err=True)
    return int(review.exit_code())
