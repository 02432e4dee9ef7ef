"""Audits the shipped specimens and shows both timelines: `python -m auditor.specimens` (or `make audit`).

Exits 0 when each verdict, and the rule behind it, is the one on the specimen's first line.
"""

from __future__ import annotations

import sys
from pathlib import Path

from auditor.audit.targets import audit_target
from auditor.commands.options import wants_colour
from auditor.judgement.result import AuditResult
from auditor.report.text import render
from rules.core.rule import Outcome

SPECIMENS = ("legal_lora_ttt.py", "train_before_score.py")


def expectation(script: str) -> tuple[str, tuple[str, ...]]:
    """The verdict and rules that a specimen's first line promises (`# expected: violation slug`)."""
    words = script.splitlines()[0].removeprefix("# expected:").split()
    return words[0], tuple(words[1:])


def kept(result: AuditResult, script: str) -> bool:
    """Whether the audit answers what the specimen promises."""
    verdict, rules = expectation(script)
    return result.verdict.value == verdict and set(rules) <= set(result.slugs(Outcome.FAIL))


def main() -> int:
    right = 0
    for name in SPECIMENS:
        path = Path(__file__).with_name(name)
        results, notes = audit_target(str(path))
        print(render(results, notes, colour=wants_colour(None)))
        right += kept(results[0], path.read_text(encoding="utf-8"))
    print(f"{right} of {len(SPECIMENS)} verdicts are as expected")
    return 0 if right == len(SPECIMENS) else 1


if __name__ == "__main__":
    sys.exit(main())
