"""Options that several commands share, with the words of the design: one spelling, one meaning, one check."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from auditor.errors import AuditorError, InputError
from auditor.report import FORMATS

if TYPE_CHECKING:
    from auditor.cache.store import Store

Command = TypeVar("Command", bound=Callable[..., object])

POLICIES = ("rulings", "strict")


def target_options(command: Command) -> Command:
    """TARGET, or `--git DIR --ref REF [--base B] [--folder F]…`."""
    for decorate in (
        click.argument("target", required=False, metavar="[TARGET]"),
        click.option("--git", "git_dir", metavar="DIR", help="A git repository or bare store to read from."),
        click.option("--ref", metavar="REF", help="The commit to audit, such as refs/pull/77/head."),
        click.option(
            "--base", default="main", show_default=True, metavar="REF", help="The branch it is against."
        ),
        click.option(
            "--folder",
            "folders",
            multiple=True,
            metavar="F",
            help="Audit this folder of the ref; repeatable.",
        ),
    ):
        command = decorate(command)
    return command


def output_options(*formats: str, on_terminal: str = "") -> Callable[[Command], Command]:
    """`--format`, `-o`, `--quiet`; the first format is the default.

    Args:
        on_terminal: the default where a person reads: no `-o`, and stdout is a terminal. The command asks
            `format_of`.
    """
    shown = f"{on_terminal} on a terminal, else {formats[0]}" if on_terminal else True

    def decorate(command: Command) -> Command:
        command = click.option("--quiet", is_flag=True, help="Print nothing but the result itself.")(command)
        command = click.option("-o", "--output", metavar="FILE", help="Write there instead of stdout.")(
            command
        )
        return click.option(
            "--format",
            "format_name",
            type=click.Choice(formats),
            default=None if on_terminal else formats[0],
            show_default=shown,
            help="How to show the result.",
        )(command)

    return decorate


def format_of(chosen: str | None, output: str | None, *, on_terminal: str, else_: str) -> str:
    """The format that was asked for, else the one for where the result goes."""
    if chosen is not None:
        return chosen
    return on_terminal if output is None and sys.stdout.isatty() else else_


def also_option(command: Command) -> Command:
    """`--also FORMAT=FILE`; see `parse_also`."""
    return click.option(
        "--also",
        metavar="FORMAT=FILE",
        multiple=True,
        help="Write the same result there too; repeatable.",
    )(command)


def parse_also(pairs: tuple[str, ...]) -> dict[str, str]:
    """`FORMAT=FILE` pairs as file → format.

    Raises:
        InputError: a pair has no "=", or names no format.
    """
    found: dict[str, str] = {}
    for pair in pairs:
        name, sign, path = pair.partition("=")
        if not sign or not path or name not in FORMATS:
            raise InputError(f"--also needs FORMAT=FILE, got {pair!r}", hint=f"formats: {', '.join(FORMATS)}")
        found[path] = name
    return found


def schema_option(command: Command) -> Command:
    """`--schema N`, the number of the JSON's schema."""
    return click.option(
        "--schema",
        "schema",
        type=click.Choice(("1", "2")),
        default="1",
        show_default=True,
        help="Of the JSON: with 2 one submission is a list too.",
    )(command)


def config_option(command: Command) -> Command:
    """`--config KEY=VALUE`; see `parse_overrides`."""
    return click.option(
        "--config",
        "overrides",
        multiple=True,
        metavar="KEY=VALUE",
        help="Set a hyperparameter over everything else; repeatable.",
    )(command)


def judging_options(command: Command) -> Command:
    """`--policy` and `--config KEY=VALUE`."""
    command = config_option(command)
    return click.option(
        "--policy",
        type=click.Choice(POLICIES),
        default=POLICIES[0],
        show_default=True,
        help="Maintainers' rulings, or the four conditions to the letter.",
    )(command)


def many_options(command: Command) -> Command:
    """`--base`, `--jobs`, `--timeout` and `--quiet` of what judges many pull requests."""
    for decorate in (
        click.option("--quiet", is_flag=True, help="No progress on stderr."),
        click.option(
            "--timeout",
            "timeout_s",
            type=click.FloatRange(min=1),
            default=300.0,
            show_default=True,
            metavar="S",
            help="Seconds for one pull request.",
        ),
        click.option(
            "--jobs",
            type=click.IntRange(1, 256),
            metavar="N",
            help="Processes; the machine's cores if not given.",
        ),
        click.option(
            "--base", default="main", show_default=True, metavar="REF", help="The branch they are against."
        ),
    ):
        command = decorate(command)
    return command


def cache_options(command: Command) -> Command:
    """`--cache DIR` and `--cache-size`; see `open_store`."""
    command = click.option(
        "--cache-size",
        default="1GiB",
        show_default=True,
        metavar="SIZE",
        help="Largest size of the answers in it.",
    )(command)
    return click.option(
        "--cache",
        metavar="DIR",
        envvar="AUDITOR_CACHE",
        show_envvar=True,
        help="Keep answers there, and take from there what was asked of the same content.",
    )(command)


def open_store(cache: str | None, cache_size: str) -> Store | None:
    """The store of `--cache DIR`, or None without it.

    Raises:
        AuditorError: the folder cannot be used, or the size is none.
    """
    from auditor.cache.store import Store

    size = parse_size(cache_size)
    return Store(Path(cache), max_bytes=size) if cache else None


def parse_size(text: str) -> int:
    """Bytes of a text such as "500MiB", "2GiB" or "1000000".

    Raises:
        InputError: it is no size.
    """
    found = re.fullmatch(r"(\d{1,12}(?:\.\d{1,6})?)\s*([KMGT]i?)?B?", text.strip(), re.IGNORECASE)
    if found is None:
        raise InputError(f"--cache-size needs a size, got {text!r}", hint="e.g. 500MiB, 2GiB or 1000000")
    number, unit = found.groups()
    power = 0 if unit is None else "KMGT".index(unit[0].upper()) + 1
    return int(float(number) * (1024 if unit is not None and len(unit) == 2 else 1000) ** power)


def parse_overrides(pairs: tuple[str, ...]) -> Mapping[str, str]:
    """`KEY=VALUE` pairs as a mapping; a later pair wins.

    Raises:
        InputError: a pair has no "=" or no name.
    """
    found: dict[str, str] = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign or not name.strip():
            raise InputError(f"--config needs KEY=VALUE, got {pair!r}", hint="e.g. --config TTT_EPOCHS=1")
        found[name.strip()] = value
    return found


def wants_colour(output: str | None) -> bool:
    """Whether styles are written: as `--color` says, else never to a file, else as `NO_COLOR` (no-color.org) or
    `FORCE_COLOR` (force-color.org) say, else on a terminal."""
    context = click.get_current_context(silent=True)
    chosen = context.find_root().params.get("colour") if context is not None else None
    if chosen in ("always", "never"):
        return bool(chosen == "always")
    if output is not None or os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()


def width_of(output: str | None) -> int:
    """Characters of a line: 80, and on a wider terminal up to 110."""
    if output is not None or not sys.stdout.isatty():
        return 80
    return min(max(shutil.get_terminal_size().columns, 60), 110)


def write(text: str, output: str | None) -> None:
    """Write to a file or stdout as UTF-8.

    Raises:
        AuditorError: the file cannot be written.
    """
    if output is None:
        click.echo(text, nl=False, color=True)
        return
    try:
        Path(output).write_text(text, encoding="utf-8")
    except OSError as error:
        raise AuditorError(f"cannot write {output}: {error.strerror}") from error
