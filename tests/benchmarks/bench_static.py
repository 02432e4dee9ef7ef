"""What reading a real script costs against LibCST's parse of it, in one process; run by hand.

    python tests/benchmarks/bench_static.py --git MIRROR --count 40 [--seed 0]

MIRROR is a bare mirror of the challenge's repository with its pull requests (`refs/pull/N/head`). Draws that
many distinct `train_gpt*.py` of record folders and prints, as median, 90th percentile and worst: seconds of
LibCST's parse of the innermost text, of `load_program` and of `trace_program`, and the ratio of the latter two
together to the parse. A script that LibCST does not parse is left out and counted.
"""

from __future__ import annotations

import argparse
import gc
import random
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import libcst

from auditor.program.model import Program
from auditor.program.unpack import load_program
from auditor.static.witness import Witnessed, trace_program

Result = TypeVar("Result")

SCRIPT = re.compile(r"^records/.+/train_gpt[^/]*\.py$")
"""Training scripts of record folders, as the challenge lays them out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Seconds for one script, and how the trace came out."""

    name: str
    parse_s: float
    load_s: float
    trace_s: float
    steps: int
    complete: bool

    @property
    def ratio(self) -> float:
        return (self.load_s + self.trace_s) / self.parse_s


def git(directory: str, *arguments: str, text: str = "") -> bytes:
    """Return what a git command prints."""
    command = ["git", "-C", directory, *arguments]
    return subprocess.run(command, input=text.encode(), stdout=subprocess.PIPE, check=True).stdout


def distinct_scripts(directory: str, count: int, seed: int) -> list[tuple[str, str]]:
    """Return (label, blob) of distinct scripts, drawn at random from the pull requests' records."""
    refs = git(directory, "for-each-ref", "--format=%(refname)", "refs/pull/*/head").decode().split()
    drawn = random.Random(seed)
    drawn.shuffle(refs)
    found: dict[str, str] = {}
    known = _scripts(directory, "refs/heads/main")
    for ref in refs:
        for path, blob in _scripts(directory, ref).items():
            if blob not in found and known.get(path) != blob:
                found[blob] = f"{ref.removeprefix('refs/')}:{path.rsplit('/', 1)[1]}"
                break
        if len(found) >= count:
            break
    return [(label, blob) for blob, label in found.items()]


def _scripts(directory: str, ref: str) -> dict[str, str]:
    out: dict[str, str] = {}
    for line in git(directory, "ls-tree", "-r", "-z", ref, "records").decode("utf-8", "replace").split("\0"):
        meta, _, path = line.partition("\t")
        if SCRIPT.match(path):
            out[path] = meta.split()[2]
    return out


def timed(call: Callable[[], Result]) -> tuple[float, Result]:
    """Return the wall seconds of one call and its result; the collector runs before it and is held during it."""
    gc.collect()
    gc.disable()
    try:
        start = time.perf_counter()
        result = call()
        return time.perf_counter() - start, result
    finally:
        gc.enable()


def measure(name: str, data: bytes) -> Row | None:
    """Return the seconds of one script, or None where LibCST or the unpacker gives no tree."""

    def load() -> Program:
        return load_program("train_gpt.py", data, lambda path: None)

    load_s, program = timed(load)
    if program.main.module is None:
        return None
    inner = program.layers[-1].text
    try:
        parse_s, _ = timed(lambda: libcst.parse_module(inner))
    except (libcst.ParserSyntaxError, libcst.CSTValidationError):
        return None

    def trace() -> Witnessed:
        return trace_program(program, {})

    trace_s, witnessed = timed(trace)
    return Row(
        name=name,
        parse_s=parse_s,
        load_s=load_s,
        trace_s=trace_s,
        steps=witnessed.steps,
        complete=witnessed.trace.complete,
    )


def line(title: str, values: Sequence[float], unit: str) -> str:
    """Return a line of the table: median, 90th percentile, worst."""
    ordered = sorted(values)
    high = ordered[min(len(ordered) - 1, int(0.9 * len(ordered)))]
    return f"{title:34} {statistics.median(ordered):8.3f} {high:8.3f} {ordered[-1]:8.3f}  {unit}"


def main(arguments: list[str]) -> int:
    """Measure the drawn scripts, print the table."""
    parser = argparse.ArgumentParser(description="cost of reading real scripts against LibCST's parse")
    parser.add_argument("--git", required=True, help="bare mirror of the challenge's repository")
    parser.add_argument("--count", type=int, default=40, help="distinct scripts to draw")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    options = parser.parse_args(arguments)
    drawn = distinct_scripts(options.git, options.count, options.seed)
    rows: list[Row] = []
    for name, blob in drawn:
        row = measure(name, git(options.git, "cat-file", "blob", blob))
        if row is not None:
            rows.append(row)
    if not rows:
        print(f"none of {len(drawn)} drawn scripts could be read", file=sys.stderr)
        return 2
    print(f"{len(rows)} scripts of {len(drawn)} drawn (seed {options.seed}); median, 90 %, worst")
    print(line("LibCST parse", [row.parse_s for row in rows], "s"))
    print(line("load_program", [row.load_s for row in rows], "s"))
    print(line("trace_program", [row.trace_s for row in rows], "s"))
    print(line("load + trace", [row.load_s + row.trace_s for row in rows], "s"))
    print(line("(load + trace) / LibCST parse", [row.ratio for row in rows], "times"))
    print(line("steps of the evaluator", [row.steps for row in rows], "steps"))
    print(f"cut short: {sum(not row.complete for row in rows)}")
    for row in sorted(rows, key=lambda row: -row.ratio)[:3]:
        print(f"  {row.ratio:6.2f} times  {row.load_s + row.trace_s:6.2f} s  {row.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
