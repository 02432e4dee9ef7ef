"""Judge mutants of the reference's evaluations without running them, and hold that against what they do when run.

    python -m tests.mutants [--count N] [--seed S] [--subject NAME] [--out FILE]

Prints a table and every mutant that violates and is compliant, or is honest and accused.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.mutants.judged import Row, judged
from tests.mutants.subjects import drawn, subjects


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=32, help="mutants of each evaluation")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--subject", action="append", help="only this evaluation (repeatable)")
    parser.add_argument("--out", type=Path, help="write a JSON line for each mutant")
    options = parser.parse_args()
    rows: list[Row] = []
    with TemporaryDirectory() as folder:
        for subject in subjects():
            if options.subject and subject.name not in options.subject:
                continue
            for row in judged(subject, drawn(subject, options.count, options.seed), Path(folder)):
                rows.append(row)
                if options.out is not None:
                    with options.out.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(row.as_json()) + "\n")
    counts = Counter((row.truth.truth.value, row.verdict) for row in rows)
    for (truth, verdict), count in sorted(counts.items()):
        print(f"{count:5d}  {truth:<11} {verdict}")
    for row in rows:
        if row.survives or row.accused_falsely:
            print(
                f"{row.verdict}: {row.subject}: {row.mutant.name}\n    {row.truth.why}; {', '.join(row.failed)}"
            )


if __name__ == "__main__":
    main()
