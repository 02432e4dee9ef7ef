"""What the command line does: one function a command, each given the parsed options and returning an exit code."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from pathlib import Path
from typing import Any

import torch

from reference_impl.artifact import load_artifact, shape_of
from reference_impl.config import Settings
from reference_impl.corpus_text import build_data_set
from reference_impl.data import ShardError
from reference_impl.demo import VOCAB_SIZE, demo_environment, run_demo
from reference_impl.dist import Ranks, start_ranks, stop_ranks
from reference_impl.model import GPT
from reference_impl.quantize import SCHEMES
from reference_impl.reproduce import (
    ROWS,
    Plan,
    Reproduction,
    evaluate_artifact,
    make_plan,
    reproduce,
    run_seed,
)
from reference_impl.roster import COMPLIANT, EVALUATIONS, VIOLATIONS
from reference_impl.run import load_validation
from reference_impl.settings import assignments, read_settings
from reference_impl.single_file import write_script
from reference_impl.submission import Entry, write_submission
from reference_impl.train import Observer, Progress

EMBEDDED = "embedded"


class Bar(Observer):
    """Drives a progress bar."""

    def __init__(self, tell: Callable[[str, int, int], None], what: str) -> None:
        self.tell, self.what = tell, what

    def after_step(
        self, model: GPT, optimizers: list[torch.optim.Optimizer], progress: Progress, stop_at: int
    ) -> None:
        """Move the bar."""
        self.tell(self.what, progress.step, stop_at)


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


def prepare(options: argparse.Namespace, names: list[str], given: dict[str, str]) -> tuple[Settings, Plan]:
    """Return settings and evaluators: data of the options over `given`, `--set` over both."""
    if options.data == EMBEDDED and "output" in options:
        folder = Path(options.output) / "data"
        build_data_set(folder, VOCAB_SIZE)
        torch.set_num_threads(1)  # the sums of the demonstration are in one order
        given = {**demo_environment(folder), **given}
    elif options.data:
        given = {**given, **data_of(options)}
    classes = [COMPLIANT[name].load()[1] for name in names]
    settings, *configs = read_settings({**given, **assignments(options.set)}, *classes)
    return settings, make_plan(dict(zip(names, configs, strict=True)))


def data_of(options: argparse.Namespace) -> dict[str, str]:
    """The shards and the tokenizer that the options name.

    Raises:
        ShardError: there are no shards.
    """
    folder = Path(options.data)
    if next(folder.glob("*_val_*.bin"), None) is None:
        hint = "`python -m reference_impl data FOLDER` says what to fetch, or makes a small set of any text"
        raise ShardError(f"no *_val_*.bin in {folder}: {hint}")
    return {"DATA_PATH": options.data, **tokenizer_of(options)}


def tokenizer_of(options: argparse.Namespace) -> dict[str, str]:
    """Return the tokenizer to use: the one named, or the only one beside the shards, in the challenge's layout too."""
    if options.tokenizer:
        return {"TOKENIZER_PATH": options.tokenizer}
    data = Path(options.data)
    found = [*data.glob("*.model"), *(data.parent.parent / "tokenizers").glob("*.model")]
    return {"TOKENIZER_PATH": str(found[0])} if len(found) == 1 else {}


def tell_result(result: Reproduction, options: argparse.Namespace, ranks: Ranks) -> int:
    """Print and write a reproduction; 1 if its order is wrong."""
    errors = result.order_errors()
    if ranks.first:
        print(result.table())
        for error in errors:
            print(f"order: {error}", file=sys.stderr)
        if options.json:
            Path(options.json).write_text(json.dumps(result.as_json(), indent=1) + "\n", encoding="utf-8")
    return 1 if errors else 0


def code_size() -> int:
    """Return the bytes of the script that ships with LoRA TTT."""
    return len(write_script(EVALUATIONS["lora_ttt"]).encode("utf-8"))


@contextmanager
def quiet_log(quiet: bool, ranks: Ranks) -> Iterator[None]:
    """Keep the log off the screen where a table is to stand alone; it still goes to its file."""
    if not quiet:
        with redirect_stdout(sys.stderr):
            yield
        return
    with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        yield


def run_reproduce(options: argparse.Namespace) -> int:
    """Train once a seed (or take an artifact) and print the table of pull request 77 beside it."""
    if options.artifact:
        return run_evaluate(options)
    folder = Path(options.output)
    folder.mkdir(parents=True, exist_ok=True)
    settings, plan = prepare(options, list(ROWS), {})
    ranks = start_ranks()
    bar = progress_bar(options.quiet or not ranks.first or not sys.stderr.isatty())
    with bar as tell, quiet_log(options.quiet, ranks):
        result = reproduce(
            settings,
            plan,
            options.seeds,
            folder,
            ranks,
            code_size(),
            options.checkpoint_every,
            lambda seed: Bar(tell, f"training, seed {seed}"),
        )
    code = tell_result(result, options, ranks)
    stop_ranks(ranks)
    return code


def run_evaluate(options: argparse.Namespace) -> int:
    """Score an artifact that is there already; its shape is read from its tensors."""
    names = list(EVALUATIONS) if options.all else options.evaluator or list(ROWS)
    path = Path(options.artifact)
    blob = path.read_bytes()
    scheme = "int8" if blob[:1] == b"x" else "int6"  # zlib begins so; the int5 and int6 files are read alike
    shape = shape_of(load_artifact(blob, SCHEMES[scheme]))
    settings, plan = prepare(options, names, {**shape, "QUANT_SCHEME": scheme, "ARTIFACT_PATH": str(path)})
    ranks = start_ranks()
    with quiet_log(options.quiet, ranks):
        result = evaluate_artifact(
            settings, plan, ranks, code_size(), lambda line: print(line) if ranks.first else None
        )
    code = tell_result(result, options, ranks)
    stop_ranks(ranks)
    return code


def run_train(options: argparse.Namespace) -> int:
    """Train, export and score one seed in one way, alone or as one of torchrun's ranks."""
    settings, plan = prepare(options, [options.evaluator], {})
    ranks = start_ranks()
    code_bytes = len(write_script(COMPLIANT[options.evaluator]).encode("utf-8"))
    bar = progress_bar(options.quiet or not ranks.first or not sys.stderr.isatty())
    with bar as tell:
        val = load_validation(settings, ranks)
        every = options.checkpoint_every
        result = run_seed(settings, plan, val, ranks, code_bytes, every, Bar(tell, "training"))
    if ranks.first and options.json:
        scored = result.scores[options.evaluator]
        assert result.trained is not None
        report = {
            "evaluator": options.evaluator,
            "val_loss": scored.metric.val_loss,
            "val_bpb": scored.metric.val_bpb,
            "steps": result.trained.steps,
            "train_s": result.trained.train_s,
            "eval_s": scored.eval_s,
            "compile_s": scored.compile_s,
            "artifact_bytes": result.submission_bytes - code_bytes,
            "code_bytes": code_bytes,
        }
        Path(options.json).write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    stop_ranks(ranks)
    return 0


def run_demonstration(options: argparse.Namespace) -> int:
    """Train and score on the embedded text; exit 1 if the ablation's order does not reproduce."""
    holder = nullcontext(options.folder) if options.folder else tempfile.TemporaryDirectory()
    quiet = options.quiet or sys.stderr.isatty()
    with progress_bar(options.quiet) as tell, holder as folder, quiet_log(quiet, Ranks()):
        result = run_demo(
            Path(folder), tuple(options.seeds), lambda seed: Bar(tell, f"training, seed {seed}")
        )
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


def run_submission(options: argparse.Namespace) -> int:
    """Write a records folder: generate the script, run it once per seed, collect what the logs say."""
    if options.data:
        data = data_of(options)
    else:
        folder = Path("data/reference_corpus")
        build_data_set(folder, VOCAB_SIZE)
        data = demo_environment(folder)
        os.environ.setdefault("OMP_NUM_THREADS", "1")
    given: dict[str, Any] = {**data, **assignments(options.set)}
    evaluation = {**COMPLIANT, **VIOLATIONS}[options.evaluator]
    read_settings(given, evaluation.load()[1])  # refused before a seed is spent
    with tempfile.TemporaryDirectory() as scratch, progress_bar(options.quiet) as tell:
        entry = Entry(
            name=options.name,
            author=options.author,
            github_id=options.github_id,
            date=options.date,
            track=options.track,
            blurb=options.blurb,
            evaluation=evaluation,
            seeds=tuple(options.seeds),
            environment=given,
            processes=options.nproc,
            pack=options.pack,
        )
        written = write_submission(
            entry, Path(options.output), Path(scratch), lambda done, total: tell("seeds", done, total)
        )
    print(written)
    return 0


def run_data(options: argparse.Namespace) -> int:
    """Check a folder of shards, or make a small one from texts; 1 if something is wrong with it."""
    from reference_impl.data_check import build_from_texts, inspect

    if options.build:
        build_from_texts([Path(text) for text in options.build], Path(options.folder), options.vocab_size)
    report = inspect(Path(options.folder), Path(options.hashes) if options.hashes else None)
    print(report.text())
    if options.write_hashes:
        Path(options.write_hashes).write_text(report.hash_list(), encoding="utf-8")
    return 0 if report.usable else 1
