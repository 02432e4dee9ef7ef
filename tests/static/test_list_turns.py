"""Which turn of a loop put an element into a list: any of them for a list used whole, an unknown one where it may not.

The verdicts follow from what the scripts do, by hand: which windows are trained on, and which are scored after that.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.audit.targets import audit_target
from auditor.judgement.result import AuditResult, Verdict
from rules.examples.evaluation_loop import REPORT, SETUP, STEP

HELPERS = """\
def score(row):
    global total
    with torch.no_grad():
        logits = model(val_tokens[row * SEQ : (row + 1) * SEQ][None])
        targets = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
        total += F.cross_entropy(logits.flatten(0, 1), targets, reduction="sum")


def adapt(x, y):
    loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def window(row):
    return val_tokens[row * SEQ : (row + 1) * SEQ], val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
"""

STACKED = """\
for first in range(0, rows, 8):
    last = min(first + 8, rows)
    xs, ys = [], []
    for row in range(first, last):
        x, y = window(row)
        xs.append(x)
        ys.append(y)
    for row in range(first, {scored}):
        score(row)
    adapt(torch.stack(xs), torch.stack(ys))
    for row in range({scored}, last):
        score(row)
"""

PICKED = """\
picked = []
for row in range(rows):
    {append}
for index in range(len(picked)):
    score(index)
    adapt(*(part[None] for part in window(picked[index])))
"""

WHOLE = """\
for first in range(0, rows, 8):
    xs, ys = [], []
    for row in range(first, min(first + 8, rows)):
        x, y = window(row)
        {append}
    with torch.no_grad():
        logits = model(torch.stack(xs)).flatten(0, 1)
        total += F.cross_entropy(logits, torch.stack(ys).flatten(), reduction="sum")
"""


def judged(tmp_path: Path, body: str) -> AuditResult:
    script = tmp_path / "train_gpt.py"
    script.write_text(SETUP + STEP + HELPERS + body + REPORT, encoding="utf-8")
    ((result,), _) = audit_target(str(script))
    return result


def test_a_batch_that_was_scored_whole_may_be_trained_on(tmp_path: Path) -> None:
    assert judged(tmp_path, STACKED.format(scored="last")).verdict is Verdict.COMPLIANT


@pytest.mark.parametrize("scored", ["first", "first + 1", "first + 4"])
def test_a_batch_whose_later_windows_are_scored_after_it_was_trained_on(tmp_path: Path, scored: str) -> None:
    result = judged(tmp_path, STACKED.format(scored=scored))
    assert result.verdict is Verdict.VIOLATION
    assert {"train-before-score", "rescore-after-update", "same-token-adaptation"} & {
        answer.rule for answer in result.rules if answer.outcome.value == "fail"
    }


def test_a_list_that_each_turn_adds_to_holds_its_turns_in_their_order(tmp_path: Path) -> None:
    assert judged(tmp_path, PICKED.format(append="picked.append(row)")).verdict is Verdict.COMPLIANT


@pytest.mark.parametrize(
    "append",
    [
        "if torch.rand(()) > 0.5: picked.append(row)",
        "if int(val_tokens[row * SEQ]) % 2:\n        continue\n    picked.append(row)",
        "(lambda: picked.append(row) if torch.rand(()) > 0.5 else None)()",
        "try:\n        random_failure()\n        picked.append(row)\n    except NameError:\n        pass",
    ],
)
def test_a_list_that_a_turn_may_leave_short_has_later_rows_at_an_index(tmp_path: Path, append: str) -> None:
    # picked[index] >= index: the row that is trained on may be one that is scored later
    assert judged(tmp_path, PICKED.format(append=append)).verdict is not Verdict.COMPLIANT


def coverage(result: AuditResult) -> str:
    (answer,) = [answer for answer in result.rules if answer.rule == "validation-coverage"]
    return f"{answer.outcome.value}: {answer.because}"


def test_a_stack_of_windows_is_all_of_them(tmp_path: Path) -> None:
    result = judged(tmp_path, WHOLE.format(append="xs.append(x); ys.append(y)"))
    assert coverage(result) == "pass: gone through turn by turn, every token of a split has a score"


@pytest.mark.parametrize(
    "append",
    [
        "if torch.rand(()) > 0.5: xs.append(x); ys.append(y)",
        "if torch.rand(()) > 0.5:\n            continue\n        xs.append(x); ys.append(y)",
    ],
)
def test_a_stack_of_the_windows_that_chance_did_not_leave_out_is_for_a_person(
    tmp_path: Path, append: str
) -> None:
    assert coverage(judged(tmp_path, WHOLE.format(append=append))).startswith("review: ")
