"""The command line: `python -m reference_impl demo | train | submission`.

Data goes to stdout and files, progress to stderr. All other settings are environment variables (see
`config`).
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from pathlib import Path

# A spinning OpenMP pool next to a busy neighbour is 30 to 60 times slower. Set before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

VIOLATORS = ("multi_epoch_lora_ttt", "slot", "prequant_ttt")


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Yield a function (what, done, total) that drives a progress bar on stderr."""
    if quiet:
        yield lambda what, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=Console(stderr=True)) as bar:

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done)

        yield tell


def demo(options: argparse.Namespace) -> int:
    """Train and score on the embedded text; exit 1 if the ablation's order does not reproduce."""
    from reference_impl.demo import run_demo

    holder = nullcontext(options.folder) if options.folder else tempfile.TemporaryDirectory()
    with progress_bar(options.quiet) as on_step, holder as folder, redirect_stdout(sys.stderr):
        if options.quiet or sys.stderr.isatty():
            with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
                result = run_demo(Path(folder), tuple(options.seeds), on_step)
        else:
            result = run_demo(Path(folder), tuple(options.seeds), on_step)
    print(result.table())
    print(f"\n{result.wall_s:.0f} s for {len(options.seeds)} seeds")
    if options.json:
        Path(options.json).write_text(json.dumps(result.as_json(), indent=1) + "\n", encoding="utf-8")
    if options.plot:
        from reference_impl.plot import draw_ablation

        draw_ablation(result, Path(options.plot))
    for error in result.order_errors():
        print(f"order: {error}", file=sys.stderr)
    return 1 if result.order_errors() else 0


def train(options: argparse.Namespace) -> int:
    """Train, export and score on a folder of shards, alone or as one of torchrun's ranks."""
    import importlib

    from reference_impl.config import environment, read_settings
    from reference_impl.dist import start_ranks, stop_ranks
    from reference_impl.run import run
    from reference_impl.single_file import EVALUATIONS, PACKAGE, write_script

    given = {
        "DATA_PATH": options.data,
        "TOKENIZER_PATH": options.tokenizer,
        "SEED": options.seed,
        "QUANT_SCHEME": options.scheme,
        "CHECKPOINT_EVERY": options.checkpoint_every,
    }
    with environment({name: str(value) for name, value in given.items() if value is not None}):
        settings = read_settings()
    evaluation = EVALUATIONS[options.evaluator]
    code_bytes = len(write_script(evaluation).encode("utf-8"))
    evaluate = getattr(importlib.import_module(f"{PACKAGE}.{evaluation.module}"), evaluation.function)
    ranks = start_ranks()
    bar = progress_bar(options.quiet or not ranks.first or not sys.stderr.isatty())
    with bar as on_step:
        result = run(
            settings,
            ranks,
            code_bytes,
            evaluate,
            evaluation.label,
            on_step=lambda done, total: on_step("training", done, total),
        )
    if ranks.first and options.json:
        report = {
            "evaluator": options.evaluator,
            "val_loss": result.metric.val_loss,
            "val_bpb": result.metric.val_bpb,
            "roundtrip_bpb": result.roundtrip.val_bpb,
            "steps": result.steps,
            "train_s": result.train_s,
            "eval_s": result.eval_s,
            "artifact_bytes": result.artifact_bytes,
            "code_bytes": result.code_bytes,
        }
        Path(options.json).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    stop_ranks(ranks)
    return 0


def submission(options: argparse.Namespace) -> int:
    """Write a records folder: generate the script, run it once per seed, collect what the logs say."""
    from reference_impl.corpus_text import build_data_set
    from reference_impl.demo import VOCAB_SIZE, demo_environment
    from reference_impl.single_file import EVALUATIONS, VIOLATIONS
    from reference_impl.submission import Entry, SubmissionError, write_submission

    environment = dict(pair.split("=", 1) for pair in options.env)
    evaluations = {**EVALUATIONS, **VIOLATIONS}
    data: dict[str, str] = {}
    if not options.data:
        folder = Path("data/reference_corpus")
        build_data_set(folder, VOCAB_SIZE)
        data = demo_environment(folder)
    elif options.tokenizer:
        data = {"DATA_PATH": options.data, "TOKENIZER_PATH": options.tokenizer}
    else:
        data = {"DATA_PATH": options.data}
    environment = data | environment
    with tempfile.TemporaryDirectory() as scratch, progress_bar(options.quiet) as on_step:
        entry = Entry(
            name=options.name,
            author=options.author,
            github_id=options.github_id,
            date=options.date,
            track=options.track,
            blurb=options.blurb,
            evaluation=evaluations[options.evaluator],
            seeds=tuple(options.seeds),
            environment=environment,
            processes=options.nproc,
        )
        try:
            written = write_submission(
                entry, Path(options.output), Path(scratch), lambda done, total: on_step("seeds", done, total)
            )
        except SubmissionError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    print(written)
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all three commands."""
    parser = argparse.ArgumentParser(prog="python -m reference_impl", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    quiet = argparse.ArgumentParser(add_help=False)
    quiet.add_argument("--quiet", action="store_true", help="no progress bar")

    command = commands.add_parser(
        "demo", parents=[quiet], help="ablation on the embedded text, in minutes on a CPU"
    )
    command.add_argument("--json", metavar="FILE", help="write the numbers here")
    command.add_argument("--plot", metavar="FILE", help="write the ablation here as SVG")
    command.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="default: the pinned 0 1 2")
    command.add_argument("--folder", type=Path, help="keep shards, logs and artifacts here")
    command.set_defaults(action=demo)

    command = commands.add_parser(
        "train", parents=[quiet], help="train, export and score on a folder of shards"
    )
    command.add_argument(
        "--data", required=True, metavar="DIR", help="folder with *_train_*.bin and *_val_*.bin"
    )
    command.add_argument("--tokenizer", metavar="FILE", help="sentencepiece model the shards were made with")
    command.add_argument(
        "--evaluator",
        choices=("flat", "document", "sliding", "lora_ttt", "chunk_ttt"),
        default="lora_ttt",
        help="whose number is the score (default: lora_ttt)",
    )
    command.add_argument("--seed", type=int)
    command.add_argument("--scheme", choices=("int8", "int6", "int5"), help="quantisation (default: int8)")
    command.add_argument(
        "--checkpoint-every", type=int, metavar="STEPS", help="write checkpoints and resume from them"
    )
    command.add_argument("--json", metavar="FILE", help="write the result here")
    command.set_defaults(action=train)

    command = commands.add_parser(
        "submission", parents=[quiet], help="write a records folder, one log per seed"
    )
    command.add_argument(
        "output", type=Path, metavar="DIR", help="parent folder, e.g. records/track_10min_16mb"
    )
    command.add_argument(
        "--evaluator",
        choices=("flat", "document", "sliding", "lora_ttt", "chunk_ttt", *VIOLATORS),
        default="lora_ttt",
        help="the last three break the rules, for testing auditors",
    )
    command.add_argument("--seeds", type=int, nargs="+", default=[1337, 42, 2025])
    command.add_argument(
        "--data",
        metavar="DIR",
        help="default: the embedded text",
    )
    command.add_argument("--tokenizer", metavar="FILE")
    command.add_argument(
        "--env", action="append", default=[], metavar="KEY=VALUE", help="a setting of the runs"
    )
    command.add_argument("--nproc", type=int, default=1, help="processes per run, under torchrun")
    command.add_argument("--name", default="Reference LoRA TTT")
    command.add_argument("--author", default="Reference implementation")
    command.add_argument("--github-id", default="reference-impl")
    command.add_argument("--blurb", default="The baseline model, scored by the reference evaluator.")
    command.add_argument("--track", default="non_record_16mb")
    command.add_argument("--date", type=datetime.date.fromisoformat, default=datetime.date.today())
    command.set_defaults(action=submission)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Parse and run; exit 2 without torch, or on settings and files that cannot be used."""
    options = build_parser().parse_args(argv)
    try:
        result: int = options.action(options)
    except ModuleNotFoundError as error:
        print(f"error: {error.name} is not installed; pip install '.[reference]'", file=sys.stderr)
        return 2
    except (ValueError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return result


if __name__ == "__main__":
    raise SystemExit(main())
