"""`auditor preflight`: what can be known of an entry before its runs are paid for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from auditor.commands.options import judging_options, output_options, parse_overrides, write
from auditor.commands.settings import policy_of, read_settings

if TYPE_CHECKING:
    from auditor.preflight.preflight import Beaten
    from auditor.records.log_model import Run

_SECONDS = click.FloatRange(min=0.0)


@click.command("preflight")
@click.argument("folder", required=False, metavar="[FOLDER]")
@click.option("--staged", is_flag=True, help="The entries in what is staged for the next commit.")
@click.option(
    "--log",
    "logs",
    metavar="FILE",
    multiple=True,
    help="Log of a shorter run, to tell bytes and seconds by; repeatable.",
)
@click.option("--model-bytes", type=click.IntRange(min=1), metavar="N", help="Bytes of the compressed model.")
@click.option("--train-seconds", type=_SECONDS, metavar="S", help="Seconds of training, in place of a log's.")
@click.option(
    "--calibration-seconds", type=_SECONDS, metavar="S", help="Seconds of the quantiser's calibration."
)
@click.option("--eval-seconds", type=_SECONDS, metavar="S", help="Seconds of the evaluation.")
@click.option("--beat", metavar="NUMBERS", help="Scores of the record to beat, comma-separated.")
@click.option(
    "--std",
    type=click.FloatRange(min=0.0, min_open=True),
    metavar="BPB",
    help="Spread over seeds; the logs', else that of real entries.",
)
@click.option(
    "--tokens-per-byte",
    type=click.FloatRange(min=0.0, min_open=True),
    metavar="X",
    help="Tokens of the tokenizer a byte; by its name in the script if not given.",
)
@click.option(
    "--fail-on",
    type=click.Choice(("review", "violation")),
    default="review",
    show_default=True,
    help="violation: code that a person must judge is told, and exits 0.",
)
@click.option(
    "--settings",
    "settings_file",
    metavar="FILE",
    help="An auditor.toml with a policy and limits of your own.",
)
@output_options("text", "json")
@judging_options
def command(
    folder: str | None,
    staged: bool,
    logs: tuple[str, ...],
    model_bytes: int | None,
    train_seconds: float | None,
    calibration_seconds: float | None,
    eval_seconds: float | None,
    beat: str | None,
    std: float | None,
    tokens_per_byte: float | None,
    fail_on: str,
    settings_file: str | None,
    format_name: str,
    output: str | None,
    quiet: bool,
    policy: str,
    overrides: tuple[str, ...],
) -> int:
    """Look at an entry before its runs are paid for.

    Verdict of the code, what will be asked of the entry, bytes and seconds against the limits as far as logs
    or statements tell them, and what gain so many seeds can show. FOLDER is the entry's, by default the
    current one. Exits 1 for a violation, for what is over a limit, and for what no run will bring.
    """
    from auditor.errors import InputError
    from auditor.exit_codes import ExitCode, worst_exit
    from auditor.preflight.budget import Stated
    from auditor.preflight.preflight import Options, preflight_folder
    from auditor.preflight.staged import load_staged
    from auditor.report.preflight_text import conclusion, render_json, render_text
    from auditor.submission.load import load_submissions

    settings = read_settings(settings_file)
    if staged and folder is not None:
        raise InputError("give FOLDER or --staged, not both")
    loaded = load_staged(Path.cwd()) if staged else load_submissions(folder or ".", require_script=False)
    if not loaded.folders and not staged:
        raise InputError(f"{folder or '.'} holds no entry", hint="auditor init makes the skeleton of one")
    options = Options(
        stated=Stated(
            model_bytes=model_bytes,
            train_s=train_seconds,
            calibration_s=calibration_seconds,
            eval_s=eval_seconds,
        ),
        runs=tuple(_run(path) for path in logs),
        std=std,
        tokens_per_byte=tokens_per_byte,
        beaten=_beaten(beat, Path.cwd() if staged else Path(folder or ".")),
        policy=policy_of(policy, settings),
        limits=settings.limits,
        overrides=parse_overrides(overrides),
    )
    if loaded.unjudged:
        entry = loaded.unjudged[0]
        raise InputError(f"cannot judge {entry.path or entry.folder or folder}: {entry.reason}")
    found = [
        preflight_folder(one, [s for s in loaded.submissions if (s.folder or "") == one.path], options)
        for one in loaded.folders
    ]
    if format_name == "json":
        text = render_json(found)
    elif quiet:
        text = "".join(f"{one.folder}: {conclusion(one)}\n" for one in found)
    else:
        text = render_text(found) if found else "nothing under records/ is staged\n"
    write(text, output)
    code = worst_exit(one.exit_code() for one in found)
    return int(ExitCode.CLEAN if code is ExitCode.REVIEW and fail_on == "violation" else code)


def _run(path: str) -> Run:
    from auditor.errors import InputError
    from auditor.records.logs import parse_log
    from auditor.submission.limits import MAX_TEXT_BYTES

    try:
        with open(path, "rb") as stream:
            data = stream.read(MAX_TEXT_BYTES + 1)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    if len(data) > MAX_TEXT_BYTES:
        raise InputError(f"{path} has more than {MAX_TEXT_BYTES:,} bytes")
    run = parse_log(path, data.decode("utf-8", errors="replace").replace("\r\n", "\n"))
    if not run.is_log:
        raise InputError(f"{path} is no log of a run", hint="steps, or a score with its settings, make one")
    return run


def _beaten(numbers: str | None, place: Path) -> Beaten | None:
    """The scores given; else the best of the leaderboard in the checkout that the folder stands in."""
    from auditor.commands.stats import parse_numbers
    from auditor.preflight.preflight import Beaten
    from auditor.pull_request.board import read_board

    values = parse_numbers(numbers, "--beat")
    if values:
        return Beaten(values=values, origin="as stated")
    for home in (place.resolve(), *place.resolve().parents):
        readme = home / "README.md"
        if (home / "records").is_dir() and readme.is_file():
            rows = read_board(readme.read_text(encoding="utf-8", errors="replace"))
            best = min(rows, key=lambda row: row.score, default=None)
            if best is not None:
                return Beaten(values=(best.score,), origin=f"{best.name} on the board of {best.date}")
    return None
