"""docs/commands.md: every command with its help and with what it says of real pull requests.

The help is the program's; what it says of pull requests is kept in docs/shown, one file a command, since a checkout
has no pull requests. `python -m tests.docs.commands` rewrites the page; with `--git DIR`, a store of the challenge with
refs/pull/*/head, it runs the commands again first.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from click.testing import CliRunner

from auditor.cli import COMMANDS, group

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "commands.md"
KEPT = ROOT / "docs" / "shown"

STORE = "parameter-golf.git"
LORA = "records/track_10min_16mb/2026-03-17_LoRA_TTT"
BASELINE = "records/track_10min_16mb/2026-03-17_NaiveBaseline"
MAX_LINES = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A command as it is shown.

    Attributes:
        before: lines of the shell that come first.
        steady: whether another run prints the same: no seconds, no speed.
    """

    words: Sequence[str]
    before: Sequence[str] = ()
    steady: bool = True

    @property
    def line(self) -> str:
        return " ".join(("auditor", *self.words))


OF_77 = ("--git", STORE, "--ref", "refs/pull/77/head")
SHOWN = {
    "audit": Shown(words=("audit", *OF_77)),
    "records": Shown(words=("records", *OF_77)),
    "pr": Shown(words=("pr", *OF_77, "--format", "text")),
    "stats": Shown(
        words=("stats", "compare", "--git", STORE, f"main:{BASELINE}", f"refs/pull/77/head:{LORA}"),
    ),
    "diff": Shown(
        words=(
            "diff",
            "--git",
            STORE,
            f"main:{BASELINE}/train_gpt.py",
            f"refs/pull/77/head:{LORA}/train_gpt.py",
        ),
    ),
    "replay": Shown(words=("replay", *OF_77), steady=False),
    "corpus": Shown(
        words=(
            "corpus",
            "--git",
            STORE,
            "--pr",
            "77,442,549",
            "--labels",
            "precedents",
            "-o",
            "rows.jsonl",
            "--quiet",
        )
    ),
    "watch": Shown(
        before=(
            f"git clone -q --bare --shared {STORE} one.git",
            "git -C one.git fetch -q origin refs/pull/77/head:refs/pull/77/head",
        ),
        words=("watch", "--git", "one.git", "--site", "queue", "--rounds", "1", "2>&1"),
        steady=False,
    ),
    "cache": Shown(
        before=(f"auditor audit {' '.join(OF_77)} --cache answers --quiet",),
        words=("cache", "info", "answers"),
        steady=False,
    ),
    "preflight": Shown(
        before=(f"git -C {STORE} archive refs/pull/77/head {LORA} | tar x",),
        words=("preflight", LORA),
    ),
    "init": Shown(
        before=(f"git -C {STORE} show refs/pull/77/head:{LORA}/train_gpt.py > train_gpt.py",),
        words=(
            "init",
            "MyEntry",
            "--author",
            '"Jane Doe"',
            "--github-id",
            "jane",
            "--script",
            "train_gpt.py",
            "--date",
            "2026-04-20",
        ),
    ),
    "explain": Shown(words=("explain", "same_seed")),
    "rules": Shown(words=("rules",)),
    "schema": Shown(words=("schema", "records")),
}


def page() -> str:
    """The page, from the program's help and from what is kept."""
    parts = [
        "# Commands",
        "Made by `make docs` from the program's own help; what each says of a real pull request is as it was printed, "
        f"cut after {MAX_LINES} lines. `{STORE}` is a clone of the challenge with its pull requests:",
        "```sh\ngit clone --mirror https://github.com/openai/parameter-golf parameter-golf.git\n```",
    ]
    for name in COMMANDS:
        shown = SHOWN[name]
        typed = "\n".join(f"$ {line}" for line in (*shown.before, shown.line))
        told = (KEPT / f"{name}.txt").read_text(encoding="utf-8").rstrip()
        parts += [f"## {name}", f"```text\n{typed}\n{told}\n```"]
        parts += [f"```text\n$ auditor {words} --help\n{_help(words)}\n```" for words in _helped(name)]
    return "\n\n".join(parts) + "\n"


def _helped(name: str) -> list[str]:
    command = group.get_command(None, name)  # type: ignore[arg-type]
    return [name, *(f"{name} {below}" for below in getattr(command, "commands", {}))]


def _help(words: str) -> str:
    result = CliRunner().invoke(
        group, [*words.split(), "--help"], prog_name="auditor", terminal_width=80, max_content_width=80
    )
    assert result.exit_code == 0, result.output
    return result.output.rstrip()


def run(name: str, store: Path, folder: Path) -> str:
    """What a command prints in a folder of its own, cut, with the exit code where it is not 0."""
    link = folder / STORE
    if not link.exists():
        link.symlink_to(store)
    shown = SHOWN[name]
    script = "\n".join(
        ("set -e", 'auditor() { "$PYTHON" -m auditor "$@"; }', *shown.before, "set +e", shown.line)
    )
    environment = {
        **os.environ,
        "PYTHON": sys.executable,
        "COLUMNS": "80",
        "NO_COLOR": "1",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 1, 3), done.stderr
    lines = done.stdout.rstrip().split("\n")
    if len(lines) > MAX_LINES:
        lines = [*lines[:MAX_LINES], f"… and {len(lines) - MAX_LINES} more lines"]
    code = [f"(exit code {done.returncode})"] if done.returncode else []
    return "\n".join([*lines, *code]) + "\n"


def main() -> None:
    """Write what is kept, if a store is given, and the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--git", type=Path, help="run the commands again on this store")
    parser.add_argument("--only", default=",".join(SHOWN), help="of these commands")
    asked = parser.parse_args()
    if asked.git is not None:
        KEPT.mkdir(exist_ok=True)
        for name in asked.only.split(","):
            with tempfile.TemporaryDirectory() as folder:
                told = run(name, asked.git.resolve(), Path(folder))
            (KEPT / f"{name}.txt").write_text(told, encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
