"""The command line: finds the command, catches input errors once, and turns bugs into exit code 4.

Commands live in `auditor.commands`, one a file, and are imported when they are called: `auditor --help` loads
nothing but click.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Sequence

import click

from auditor.errors import AuditorError
from auditor.exit_codes import ExitCode

COMMANDS: dict[str, str] = {
    "audit": "Judge a script, a records folder or a pull request.",
    "records": "Validate a records folder: files, logs, sizes, seeds, claim.",
    "pr": "Review a pull request: scope, evaluation, records and significance in one.",
    "stats": "Compare two results: Welch and one-sample tests with the margin.",
    "diff": "Say what changed between two scripts.",
    "replay": "Run a submission in a sandbox and record what it does.",
    "corpus": "Audit many pull requests and measure agreement with rulings.",
    "watch": "Judge new and changed pull requests again and again, into a site.",
    "cache": "Say what a folder of kept answers holds, or clear it.",
    "preflight": "Look at an entry before its runs: verdict, bytes, seconds, seeds.",
    "init": "Write the skeleton of an entry.",
    "explain": "Show a rule or a finding code: documentation, sources, precedents.",
    "rules": "List the rules.",
    "schema": "Show the JSON Schema of an output.",
}
"""Every command with its line in `--help`; `tests/cli` holds it against the commands themselves."""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for name in COMMANDS if _exists(name)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS or not _exists(cmd_name):
            return None
        command = importlib.import_module(f"auditor.commands.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            close = difflib.get_close_matches(args[0], COMMANDS, n=1)
            if close:
                told = f"{error.message.rstrip('.')}; did you mean {close[0]}?"
                raise click.UsageError(told, ctx) from error
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name]) for name in self.list_commands(ctx)])


def _exists(name: str) -> bool:
    return importlib.util.find_spec(f"auditor.commands.{name}") is not None


EPILOG = (
    "Exit codes: 0 compliant or nothing wrong, 1 violation or failed findings, 2 usage or unreadable input, "
    "3 review, 4 the auditor itself failed."
)


@click.group(cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="parameter-golf-auditor", prog_name="auditor")
@click.option(
    "--color",
    "colour",
    type=click.Choice(("auto", "always", "never")),
    default="auto",
    show_default=True,
    help="Styles in text; auto heeds NO_COLOR and FORCE_COLOR.",
)
def group(colour: str) -> None:
    """Say whether a Parameter Golf submission obeys the rules, why, and with what proof."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with one of `ExitCode`."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and give its exit code; nothing propagates but an interrupt."""
    try:
        code = group.main(
            args=None if arguments is None else list(arguments), prog_name="auditor", standalone_mode=False
        )
    except AuditorError as error:
        _say(f"error: {_one_line(error.message)}", f"hint: {_one_line(error.hint)}" if error.hint else "")
        return ExitCode.UNUSABLE
    except click.ClickException as error:
        with contextlib.suppress(OSError):
            error.show()
        return ExitCode.UNUSABLE
    except click.exceptions.Abort:
        _say("aborted")
        return 130
    except BrokenPipeError:
        _silence_stdout()
        return ExitCode.CLEAN
    except Exception as error:  # noqa: BLE001  (the last line of defence: a bug must read as one, exit 4)
        if isinstance(error, OSError) and error.errno in _FULL and error.filename is None:
            _silence_stdout()
            _say(f"error: cannot write the result: {error.strerror}", "hint: free some space, or use -o FILE")
            return ExitCode.UNUSABLE
        _say(
            _clean(traceback.format_exc()),
            f"error: the auditor failed: {type(error).__name__}: {_one_line(str(error))}",
            "hint: this is a bug of the auditor; the submission was not judged",
        )
        return ExitCode.CRASHED
    return code if isinstance(code, int) else ExitCode.CLEAN


_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""A disk or file that takes no more: the environment's fault, not a bug."""


def _say(*lines: str) -> None:
    """Write to stderr what there is to say; an exit code must not change because nobody can be told why."""
    with contextlib.suppress(OSError):
        for line in lines:
            if line:
                click.echo(line, err=True)


def _clean(text: str) -> str:
    from auditor.report.clean import clean

    return clean(text)


def _one_line(text: str) -> str:
    from auditor.report.clean import clean_line

    return clean_line(text)


def _silence_stdout() -> None:
    """The reader went away (`| head`), or can take no more: what is left in the buffer must not raise at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
