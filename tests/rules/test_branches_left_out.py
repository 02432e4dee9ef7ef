"""A branch of which nothing is known leaves scores out of a number that is printed behind it, not of one inside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.audit.pipeline import audit_submission
from auditor.submission.load import load_submissions
from rules.core.rule import Outcome
from rules.examples.evaluation_loop import REPORT, SETUP

HEAD = SETUP + (
    "try:\n    import zstandard\n    PACKS = True\nexcept ImportError:\n    PACKS = False\n\n\n"
    "def scored(first, last):\n"
    "    sum_ = torch.zeros(())\n"
    "    for row in range(first, last):\n"
    "        x = val_tokens[row * SEQ : (row + 1) * SEQ]\n"
    "        y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]\n"
    '        sum_ += F.cross_entropy(model(x), y, reduction="sum")\n'
    "    return sum_\n\n\n"
)
INSIDE = "    " + REPORT
CASES = {
    "a whole evaluation and its number": (
        "if PACKS:\n    total = scored(0, rows)\n" + INSIDE,
        Outcome.PASS,
    ),
    "a part of it, the number behind": (
        "total = scored(0, rows // 2)\nif PACKS:\n    total += scored(rows // 2, rows)\n" + REPORT,
        Outcome.REVIEW,
    ),
    "a part in an arm of its own, the number in another of the same test": (
        "total = scored(0, rows // 2)\nif PACKS:\n    total += scored(rows // 2, rows)\nif PACKS:\n" + INSIDE,
        Outcome.REVIEW,
    ),
    "turns of a loop, the number in the arm": (
        "for row in range(rows):\n    if zstandard.sizes[row] > 3:\n        total += scored(row, row + 1)\n"
        "        if row == rows - 1:\n        " + INSIDE,
        Outcome.REVIEW,
    ),
    "calls by map, the number in the arm": (
        "def one(row):\n    global total\n    if zstandard.sizes[row] > 3:\n        total += scored(row, row + 1)\n"
        "    " + INSIDE + "\n\nlist(map(one, range(rows)))\n",
        Outcome.REVIEW,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_an_arm_leaves_out(name: str, tmp_path: Path) -> None:
    body, expected = CASES[name]
    (tmp_path / "train_gpt.py").write_text(HEAD + body)
    (submission,) = load_submissions(str(tmp_path / "train_gpt.py")).submissions
    result = audit_submission(submission)
    (answer,) = [answer for answer in result.rules if answer.rule == "validation-coverage"]
    assert answer.outcome is expected, answer.because
