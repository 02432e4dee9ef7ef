"""Options of `auditor replay --full`, put beside those of the replay itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., object])


def full_options(command: Command) -> Command:
    """Everything that only a full run takes."""
    for decorate in reversed(
        (
            click.option(
                "--data", metavar="DIR", help="With --full: the folder with datasets/ and tokenizers/."
            ),
            click.option(
                "--seeds", metavar="A,B,C", help="With --full: the seeds to run.  [default: 42,314,999]"
            ),
            click.option(
                "--seeds-from-claim", is_flag=True, help="With --full: the seeds that the submission claims."
            ),
            click.option("--on-cpu", is_flag=True, help="With --full: stand-ins in the place of the GPUs."),
            click.option(
                "--dry-run", is_flag=True, help="With --full: say what would be run and what is wrong."
            ),
            click.option(
                "--evidence",
                metavar="DIR",
                help="With --full: keep everything there; the same command goes on.  [default: full-evidence]",
            ),
            click.option(
                "--against", metavar="FOLDER", help="With --full: the record to be beaten, a records folder."
            ),
            click.option(
                "--artifact", metavar="NAME", help="With --full: the file with which the evaluation begins."
            ),
            click.option(
                "--instrumented",
                is_flag=True,
                help="With --full: the toy replay's experiments too, first, and the recorder at the run's own size.",
            ),
            click.option(
                "--slice",
                type=click.IntRange(min=256),
                metavar="N",
                help="With --instrumented: tokens of the split that are run at the run's own size (32,768).",
            ),
            click.option(
                "--evaluate-only",
                multiple=True,
                metavar="KEY=VALUE",
                help="With --full: how the script skips its training; then its artifact is evaluated alone, in a "
                "fresh process. Repeatable.",
            ),
            click.option(
                "--price",
                type=click.FloatRange(min=0),
                metavar="X",
                help="With --full: of one GPU for an hour, for the cost.",
            ),
            click.option(
                "--silent",
                type=click.FloatRange(min=1),
                metavar="S",
                help="With --full: a rank that does nothing for so long hangs (180).",
            ),
            click.option(
                "--let-in",
                multiple=True,
                type=click.Path(exists=True, file_okay=False),
                metavar="DIR",
                help="With --full: libraries that the run may read too, such as a cache of kernels. Repeatable.",
            ),
            click.option(
                "--torchrun",
                metavar="WORDS",
                help="With --full: more options of torchrun, such as --nnodes and --rdzv-endpoint.",
            ),
        )
    ):
        command = decorate(command)
    return command
