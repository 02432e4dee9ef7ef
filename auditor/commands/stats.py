"""`auditor stats`: is one result significantly better than another."""

from __future__ import annotations

import click

from auditor.commands.options import output_options, width_of, write


@click.group("stats")
def command() -> None:
    """Compare two results: Welch and one-sample tests with the margin."""


def parse_numbers(text: str | None, option: str) -> tuple[float, ...]:
    """Numbers with commas or blanks between them; () for None.

    Raises:
        InputError: one is no number.
    """
    from auditor.errors import InputError

    if text is None:
        return ()
    try:
        return tuple(float(word) for word in text.replace(",", " ").split())
    except ValueError as error:
        raise InputError(
            f"{option} takes numbers, got {text!r}", hint=f"e.g. {option} 1.0811,1.0807"
        ) from error


@command.command("compare")
@click.argument("old", required=False)
@click.argument("new", required=False)
@click.option("--git", "git_dir", metavar="DIR", help="Take OLD and NEW as REF:folder of this repository.")
@click.option("--old-bpb", metavar="NUMBERS", help="Scores of the old entry instead of OLD, comma-separated.")
@click.option("--new-bpb", metavar="NUMBERS", help="Scores of the new entry instead of NEW, comma-separated.")
@click.option(
    "--tokens-per-byte",
    type=click.FloatRange(min=0.0, min_open=True),
    metavar="X",
    help="For bare numbers: 0.410521 sp1024, 0.301236 sp4096, 0.268339 sp8192, 0.316735 CaseOps.",
)
@click.option("--plot", metavar="FILE.svg", help="Draw the seeds and their intervals.")
@output_options("text", "json", "markdown")
def compare(
    old: str | None,
    new: str | None,
    git_dir: str | None,
    old_bpb: str | None,
    new_bpb: str | None,
    tokens_per_byte: float | None,
    plot: str | None,
    format_name: str,
    output: str | None,
    quiet: bool,
) -> int:
    """Test whether NEW scores lower than OLD.

    OLD and NEW are records folders, or REF:folder with --git. With --old-bpb the only folder given is NEW.
    Tests are one-sided; t belongs to new minus old and is negative when the new one is better.
    """
    import json

    from auditor.errors import InputError
    from auditor.exit_codes import ExitCode
    from auditor.pull_request.target import one_folder
    from auditor.records.facts import read_folder
    from auditor.records.sample import folder_sample
    from auditor.report import stats_text as words
    from auditor.stats.compare import Sample, values_sample
    from auditor.stats.compare import compare as compare_samples
    from auditor.submission.git_store import ObjectStore
    from auditor.versions import stamped

    if old_bpb is not None and new_bpb is None and old is not None and new is None:
        old, new = None, old
    store = ObjectStore(git_dir) if git_dir is not None else None

    def sample(target: str | None, numbers: str | None, name: str) -> Sample:
        values = parse_numbers(numbers, f"--{name}-bpb")
        if target is not None and values:
            raise InputError(f"give either {name.upper()} or --{name}-bpb, not both")
        if values:
            return values_sample(f"{name} numbers", values, tokens_per_byte)
        if target is None:
            raise InputError(
                f"nothing to compare: {name.upper()} is missing", hint=f"a folder, or --{name}-bpb"
            )
        return folder_sample(read_folder(one_folder(target, store)), name=target)

    try:
        comparison = compare_samples(sample(old, old_bpb, "old"), sample(new, new_bpb, "new"))
    except ValueError as error:
        raise InputError(str(error)) from error
    if format_name == "json":
        text = json.dumps(stamped(comparison.to_json()), indent=2, ensure_ascii=False) + "\n"
    else:
        text = (
            words.render_markdown(comparison)
            if format_name == "markdown"
            else words.render_text(comparison, width=width_of(output))
        )
    write(text, output)
    if plot is not None:
        from auditor.report.stats_plot import comparison_svg

        write(comparison_svg(comparison), plot)
        if not quiet:
            click.echo(f"wrote {plot}", err=True)
    return int(ExitCode.CLEAN)
