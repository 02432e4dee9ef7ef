"""The command line: `python -m reference_impl demo | reproduce | evaluate | train | data | submission`.

Results go to stdout and files, logs and progress to stderr. Settings are environment variables, or `--set
KEY=VALUE` over them; what there is stands in `config` and in the files of the evaluators. Exit code 1:
something does not hold (an order, a limit, a data folder); 2: usage, settings or files that cannot be used.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import os
import sys

from reference_impl.roster import EVALUATIONS, GPU_ONLY, VIOLATIONS

# A spinning OpenMP pool next to a busy neighbour is 30 to 60 times slower. Set before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


def shared_options() -> tuple[argparse.ArgumentParser, argparse.ArgumentParser, argparse.ArgumentParser]:
    """Return the options of all commands, of those that read shards, and of those that report."""
    quiet = argparse.ArgumentParser(add_help=False)
    quiet.add_argument("--quiet", action="store_true", help="no progress, no log on the screen")
    shards = argparse.ArgumentParser(add_help=False)
    shards.add_argument("--data", metavar="DIR", help="folder with *_train_*.bin and *_val_*.bin")
    shards.add_argument(
        "--tokenizer", metavar="FILE", help="sentencepiece model of the shards (default: the one beside them)"
    )
    shards.add_argument(
        "--set", "--env", action="append", default=[], metavar="KEY=VALUE", help="a setting; repeatable"
    )
    report = argparse.ArgumentParser(add_help=False)
    report.add_argument("--json", metavar="FILE", help="write the numbers here")
    return quiet, shards, report


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = argparse.ArgumentParser(prog="python -m reference_impl", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    quiet, shards, report = shared_options()

    def add(name: str, action: str, help: str, *parents: argparse.ArgumentParser) -> argparse.ArgumentParser:
        command = commands.add_parser(name, parents=[quiet, *parents], help=help)
        command.set_defaults(action=action)
        return command

    command = add("demo", "run_demonstration", "ablation on the embedded text, in minutes on a CPU", report)
    command.add_argument("--plot", metavar="FILE", help="write the ablation here as SVG")
    command.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="default: the pinned 0 1 2")
    command.add_argument("--folder", metavar="DIR", help="keep shards, logs and artifacts here")

    command = add(
        "reproduce", "run_reproduce", "the table of pull request 77, from one command", shards, report
    )
    command.add_argument("--artifact", metavar="FILE", help="score this one instead of training")
    command.add_argument("--seeds", type=int, nargs="+", default=[1337], help="default: 1337")
    command.add_argument("--output", metavar="DIR", default="reproduction", help="logs and artifacts go here")
    command.add_argument(
        "--checkpoint-every", type=int, default=0, metavar="STEPS", help="a killed run goes on"
    )
    command.set_defaults(all=False, evaluator=None)

    command = add("evaluate", "run_evaluate", "score an artifact", shards, report)
    command.add_argument("artifact", metavar="ARTIFACT")
    command.add_argument("--evaluator", action="append", choices=[*EVALUATIONS, *GPU_ONLY], help="repeatable")
    command.add_argument("--all", action="store_true", help="with every compliant evaluator")

    command = add("train", "run_train", "train, export and score one seed in one way", shards, report)
    command.add_argument(
        "--evaluator", choices=[*EVALUATIONS, *GPU_ONLY], default="lora_ttt", help="default: lora_ttt"
    )
    command.add_argument(
        "--checkpoint-every", type=int, default=0, metavar="STEPS", help="a killed run goes on"
    )

    command = add("data", "run_data", "check a folder of shards, or make a small one from texts")
    command.add_argument("folder", metavar="DIR")
    command.add_argument("--build", nargs="+", metavar="TEXT", help="make it from these texts first")
    command.add_argument("--vocab-size", type=int, default=1024, help="of the tokenizer made by --build")
    command.add_argument(
        "--hashes", metavar="FILE", help="compare with this list of SHA-256 (as by sha256sum)"
    )
    command.add_argument("--write-hashes", metavar="FILE", help="write such a list")

    command = add("submission", "run_submission", "write a records folder, one log per seed", shards)
    command.add_argument("output", metavar="DIR", help="parent folder, e.g. records/track_10min_16mb")
    command.add_argument(
        "--evaluator",
        choices=[*EVALUATIONS, *GPU_ONLY, *VIOLATIONS],
        default="lora_ttt",
        help=f"{', '.join(VIOLATIONS)} break the rules, for testing auditors",
    )
    command.add_argument("--seeds", type=int, nargs="+", default=[1337, 42, 2025])
    command.add_argument("--nproc", type=int, default=1, help="processes per run, under torchrun")
    command.add_argument("--pack", action="store_true", help="ship the script compressed")
    command.add_argument("--name", default="Reference LoRA TTT")
    command.add_argument("--author", default="Reference implementation")
    command.add_argument("--github-id", default="reference-impl")
    command.add_argument("--blurb", default="The baseline model, scored by the reference evaluator.")
    command.add_argument("--track", default="non_record_16mb")
    command.add_argument("--date", type=datetime.date.fromisoformat, default=datetime.date.today())
    return parser


def main(argv: list[str] | None = None) -> int:
    """Parse and run."""
    options = build_parser().parse_args(argv)
    try:
        commands = importlib.import_module("reference_impl.commands")
        result: int = getattr(commands, options.action)(options)
    except ModuleNotFoundError as error:
        print(f"error: {error.name} is not installed; pip install '.[reference]'", file=sys.stderr)
        return 2
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except RuntimeError as error:
        if type(error).__module__.split(".")[0] != "reference_impl":
            raise
        print(f"error: {error}", file=sys.stderr)
        return 1
    return result


if __name__ == "__main__":
    raise SystemExit(main())
