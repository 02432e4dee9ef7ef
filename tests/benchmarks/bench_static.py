"""What the whole static audit of real scripts costs against LibCST's parse of them, in one process; run by hand.

    python tests/benchmarks/bench_static.py --git MIRROR [--count 40] [--seed 0]
    python tests/benchmarks/bench_static.py --git MIRROR --all --rows ROWS.jsonl --part 1/2 &
    python tests/benchmarks/bench_static.py --git MIRROR --all --rows ROWS.jsonl --part 2/2 &

MIRROR is a bare mirror of the challenge's repository with its pull requests (`refs/pull/N/head`). The first form
draws distinct `train_gpt*.py` of record folders; the others go over all of them on two cores, append a line a
script to ROWS as it is done, and go on there when started again. `--rows ROWS` alone prints the table of what is
in it.

Each script is measured in a process of its own (forked, everything imported), in CPU seconds, the collector as
the audit itself has it: LibCST's parse of the innermost text, `load_program`, `trace_program` under the source's
defaults, and the audit of the bare script from its bytes to the verdict, with all switches turned and all rules
asked. The table gives median, 90th percentile and worst, and the ratio of the whole audit to the parse. A script
that LibCST does not parse counts in all but the ratio.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import libcst

from auditor.audit.pipeline import audit_submission
from auditor.program.unpacking.program import load_program
from auditor.solver.expressions import reset_caches
from auditor.static.predict import trace_program
from auditor.submission.load import load_submissions

Result = TypeVar("Result")

SCRIPT = re.compile(r"^records/.+/train_gpt[^/]*\.py$")
"""Training scripts of record folders, as the challenge lays them out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """CPU seconds for one script, the memory its process took at most, and how the audit came out."""

    name: str
    blob: str
    parse_s: float | None
    load_s: float
    trace_s: float
    audit_s: float
    peak_mib: int
    steps: int
    complete: bool
    verdict: str

    @property
    def ratio(self) -> float | None:
        return None if self.parse_s is None else self.audit_s / self.parse_s


def git(directory: str, *arguments: str) -> bytes:
    """Return what a git command prints."""
    return subprocess.run(["git", "-C", directory, *arguments], stdout=subprocess.PIPE, check=True).stdout


def distinct_scripts(directory: str, seed: int) -> list[tuple[str, str]]:
    """Return (label, blob) of all distinct scripts of the records and the pull requests', in a drawn order."""
    refs = git(directory, "for-each-ref", "--format=%(refname)", "refs/pull/*/head").decode().split()
    found: dict[str, str] = {}
    for ref in ["refs/heads/main", *refs]:
        for path, blob in _scripts(directory, ref).items():
            found.setdefault(blob, f"{ref.removeprefix('refs/')}:{path}")
    drawn = [(label, blob) for blob, label in found.items()]
    random.Random(seed).shuffle(drawn)
    return drawn


def _scripts(directory: str, ref: str) -> dict[str, str]:
    out: dict[str, str] = {}
    for line in git(directory, "ls-tree", "-r", "-z", ref, "records").decode("utf-8", "replace").split("\0"):
        meta, _, path = line.partition("\t")
        if SCRIPT.match(path):
            out[path] = meta.split()[2]
    return out


def timed(call: Callable[[], Result]) -> tuple[float, Result]:
    """Return the CPU seconds of one call and its result; the collector runs before it."""
    gc.collect()
    start = time.process_time()
    result = call()
    return time.process_time() - start, result


def measure(name: str, blob: str, data: bytes) -> Row:
    """Return the measures of one script."""
    load_s, program = timed(lambda: load_program("train_gpt.py", data, lambda path: None))
    parse_s = None
    with contextlib.suppress(libcst.ParserSyntaxError, libcst.CSTValidationError):
        parse_s = timed(lambda: libcst.parse_module(program.layers[-1].text))[0]
    steps, complete, trace_s = 0, True, 0.0
    if program.main.module is not None:
        reset_caches()
        trace_s, witnessed = timed(lambda: trace_program(program, {}))
        steps, complete = witnessed.steps, witnessed.trace.complete
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "train_gpt.py")
        path.write_bytes(data)
        (submission,) = load_submissions(str(path)).submissions
        audit_s, result = timed(lambda: audit_submission(submission))
    return Row(
        name=name,
        blob=blob,
        parse_s=parse_s,
        load_s=load_s,
        trace_s=trace_s,
        audit_s=audit_s,
        peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        steps=steps,
        complete=complete,
        verdict=result.verdict.value,
    )


def in_a_process(name: str, blob: str, data: bytes, limit_s: int) -> Row | None:
    """Return what `measure` returns in a forked process, or None if it ended otherwise (told on stderr)."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        resource.setrlimit(resource.RLIMIT_CPU, (limit_s, limit_s + 1))
        status = 1
        try:
            with os.fdopen(writing, "w") as pipe:
                pipe.write(json.dumps(asdict(measure(name, blob, data))))
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    if status:
        print(f"{name} ({blob}) ended with status {status}", file=sys.stderr)
        return None
    return Row(**json.loads(text))


def known_rows(path: str) -> list[Row]:
    """Return the rows of a file, none if there is none yet."""
    if not os.path.exists(path):
        return []
    return [Row(**json.loads(text)) for text in Path(path).read_text().splitlines()]


def table(rows: Sequence[Row]) -> str:
    """Return the measures as text: median, 90th percentile and worst, and the scripts with the worst ratios."""
    lines = [
        f"{len(rows)} scripts; median, 90 %, worst; CPU seconds in all {sum(r.audit_s for r in rows):.0f}"
    ]
    lines += [
        _line("LibCST parse", [row.parse_s for row in rows], "s"),
        _line("load_program", [row.load_s for row in rows], "s"),
        _line("trace_program", [row.trace_s for row in rows], "s"),
        _line("audit", [row.audit_s for row in rows], "s"),
        _line("audit / LibCST parse", [row.ratio for row in rows], "times"),
        _line("peak memory", [row.peak_mib for row in rows], "MiB"),
        _line("steps of the evaluator", [row.steps for row in rows], "steps"),
        f"cut short: {sum(not row.complete for row in rows)}",
    ]
    for row in sorted(rows, key=lambda row: -row.audit_s)[:5]:
        lines.append(f"  {row.ratio or 0.0:6.2f} times  {row.audit_s:6.2f} s  {row.name}")
    return "\n".join(lines)


def _line(title: str, measured: Iterable[float | None], unit: str) -> str:
    ordered = sorted(value for value in measured if value is not None)
    high = ordered[min(len(ordered) - 1, int(0.9 * len(ordered)))]
    return f"{title:34} {statistics.median(ordered):9.3f} {high:9.3f} {ordered[-1]:9.3f}  {unit}"


def main(arguments: list[str]) -> int:
    """Measure the drawn scripts, print the table."""
    parser = argparse.ArgumentParser(description="cost of auditing real scripts against LibCST's parse")
    parser.add_argument("--git", help="bare mirror of the challenge's repository")
    parser.add_argument("--count", type=int, default=40, help="distinct scripts to draw")
    parser.add_argument("--all", action="store_true", help="all of them")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    parser.add_argument("--part", default="1/1", help="I/N: every N-th script from the I-th on")
    parser.add_argument(
        "--rows", default="", help="file to append a JSON line a script to, and to go on from"
    )
    parser.add_argument("--limit", type=int, default=300, help="CPU seconds a script may take")
    options = parser.parse_args(arguments)
    rows = known_rows(options.rows) if options.rows else []
    if options.git:
        measure("nothing", "", b"print('everything is imported')\n")
        part, parts = (int(number) for number in options.part.split("/"))
        drawn = distinct_scripts(options.git, options.seed)
        done = {row.blob for row in rows}
        for name, blob in drawn[: None if options.all else options.count][part - 1 :: parts]:
            if blob in done:
                continue
            row = in_a_process(name, blob, git(options.git, "cat-file", "blob", blob), options.limit)
            if row is not None:
                rows.append(row)
                if options.rows:
                    with open(options.rows, "a") as file:
                        file.write(json.dumps(asdict(row)) + "\n")
    if not rows:
        print("no script was measured", file=sys.stderr)
        return 2
    print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
