"""What the program stage costs against LibCST's parse of the same script, in one process.

    python tests/benchmarks/bench_parse.py SCRIPT...        (or a folder of scripts)

Prints the median over the scripts of: LibCST's parse, `parse` (by `ast` if it can), `parse_concrete` (LibCST
and the lowering), `load_program` with unpacking, and the reads of the environment; each with its ratio.
"""

from __future__ import annotations

import gc
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import libcst

from auditor.program.configuration.environment import environment_reads
from auditor.program.parsing.parse import ParseFailure, decode_source, parse, parse_concrete
from auditor.program.unpacking.program import load_program


def seconds(call: Callable[[], object]) -> float:
    """Return the wall time of one call; the collector is run before and held during it."""
    gc.collect()
    gc.disable()
    start = time.perf_counter()
    call()
    elapsed = time.perf_counter() - start
    gc.enable()
    return elapsed


def measure(data: bytes, name: str) -> dict[str, float] | None:
    """Return seconds by stage, or None where the script is no Python."""
    try:
        text = decode_source(data, name)
        parse(text, name)
    except ParseFailure:
        return None
    program = load_program(name, data, lambda path: None)
    inner = program.layers[-1].text

    def by_libcst() -> object:
        try:
            return libcst.parse_module(inner)
        except (libcst.ParserSyntaxError, libcst.CSTValidationError):
            return None

    return {
        "libcst.parse_module": seconds(by_libcst),
        "parse": seconds(lambda: parse(inner, name)),
        "parse_concrete": seconds(lambda: parse_concrete(inner, name)),
        "load_program": seconds(lambda: load_program(name, data, lambda path: None)),
        "environment_reads": seconds(lambda: environment_reads(program)),
    }


def main(arguments: list[str]) -> int:
    """Measure the scripts named, print the table."""
    paths = [
        file
        for item in map(Path, arguments)
        for file in (sorted(item.rglob("*.py")) if item.is_dir() else [item])
    ]
    rows = [row for path in paths if (row := measure(path.read_bytes(), path.name)) is not None]
    if not rows:
        print("no script could be read", file=sys.stderr)
        return 2
    print(f"{len(rows)} scripts, median seconds (largest) and ratio to LibCST's parse")
    for stage in rows[0]:
        values = [row[stage] for row in rows]
        ratio = statistics.median(row[stage] / row["libcst.parse_module"] for row in rows)
        print(f"{stage:22} {statistics.median(values):8.4f} ({max(values):.3f})  {ratio:6.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
