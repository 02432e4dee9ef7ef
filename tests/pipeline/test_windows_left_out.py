"""Ways to leave out windows of a sliding evaluation, and legal ones that look alike.

Each way is written into one specimen. How many tokens have no score is not taken from the auditor: the lines that
choose the windows are run as Python here, and every target is marked.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from auditor.audit.pipeline import audit_submission
from auditor.judgement.result import AuditResult, RuleResult, Verdict
from auditor.submission.load import load_path
from auditor.trace.coverage import TAIL
from auditor.trace.loop_turns import TOKENS, Split
from rules.core.rule import Outcome

SOURCE = (Path(__file__).parents[1] / "specimens" / "sliding.py").read_text(encoding="utf-8")
LIST = SOURCE[SOURCE.index("    window_starts = [") : SOURCE.index("    mine = window_starts[")]
SHARE = SOURCE[
    SOURCE.index("    mine = window_starts[") : SOURCE.index("    model.eval()\n    with torch.inf")
]
ADDED = "                byte_count += byte_table[y[i, s : lengths[i]]].sum()\n"
SUMS = "                loss_sum += scored.double().sum()\n                token_count += lengths[i] - s\n"
STRIDE, WINDOW = 64, 1024

WHILE = """    window_starts = []
    position = 0
    while position < total:
        window_starts.append(position)
        position += args.eval_stride
"""
COUNTED = {
    "half of a while loop": WHILE.replace("< total", "< total // 2"),
    "a while loop in double steps": WHILE.replace("+= args.eval_stride", "+= 2 * args.eval_stride"),
    "a while loop that breaks off": WHILE.replace(
        "        window_starts", "        if position > 200_000:\n            break\n        window_starts"
    ),
    "a for loop that breaks off": """    window_starts = []
    for w in range(0, total, args.eval_stride):
        if w > 200_000:
            break
        window_starts.append(w)
""",
    "a for loop that breaks off behind": """    window_starts = []
    for w in range(0, total, args.eval_stride):
        window_starts.append(w)
        if w >= total // 2:
            break
""",
    "every other one": """    window_starts = []
    for w in range(0, total, args.eval_stride):
        if w % (2 * args.eval_stride) != 0:
            continue
        window_starts.append(w)
""",
}
WHOLE = {
    "a while loop": WHILE,
    "a while loop that adds by name": WHILE.replace(
        "position += args.eval_stride", "position = position + args.eval_stride"
    ),
    "a loop that ends where the split does": """    window_starts = []
    for w in range(0, total, args.eval_stride):
        window_starts.append(w)
        if w + args.train_seq_len >= total:
            break
""",
}
NOT_COUNTED = {
    "elements deleted": (SHARE, SHARE + "    del mine[2000:]\n"),
    "elements removed": (SHARE, SHARE + "    for odd in list(mine[1::2]):\n        mine.remove(odd)\n"),
    "elements taken away": (SHARE, SHARE + "    while len(mine) > 2000:\n        mine.pop()\n"),
    "the rest of each batch": (ADDED, ADDED + "                if i == 8:\n                    break\n"),
    "a return from the loop": (
        ADDED,
        ADDED + "            if first > 1600:\n"
        "                return to_bpb(loss_sum, token_count, byte_count)\n",
    ),
    "a mask over positions": (
        SUMS,
        "                pick = torch.arange(lengths[i] - s, device=device) % 2 == 0\n"
        "                loss_sum += scored[pick].double().sum()\n"
        "                token_count += int(pick.sum())\n",
    ),
    "a weight of zero": (
        SUMS,
        "                keep = float(ws % 128 == 0)\n"
        "                loss_sum += keep * scored.double().sum()\n"
        "                token_count += keep * (lengths[i] - s)\n",
    ),
    "a cap on the list": (LIST, WHILE.replace("< total", "< total and len(window_starts) < 500")),
    "a step that is moved elsewhere": (
        LIST,
        "    def leap():\n        nonlocal position\n        position += 4096\n"
        + WHILE.replace("        position +=", "        leap()\n        position +="),
    ),
}

LORA = (Path(__file__).parents[1] / "specimens" / "lora_ttt.py").read_text(encoding="utf-8")
CHUNKS = "range(max(num_chunks))"
FEWER_CHUNKS = {
    "range(max(num_chunks) // 2)": Outcome.FAIL,
    "range(max(num_chunks) - 1)": Outcome.FAIL,
    "range(max([c // 2 for c in num_chunks]))": Outcome.FAIL,
    "range(num_chunks[0])": Outcome.FAIL,
    "range(4)": Outcome.FAIL,
    "range(min(num_chunks))": Outcome.UNKNOWN,
}

SKIP = "                if ci >= num_chunks[b]:\n"
CHUNKS_SKIPPED = {
    "the first": "                if ci >= num_chunks[b] or ci == 0:\n",
    "the last": "                if ci >= num_chunks[b] - 1:\n",
    "one in the middle": "                if ci >= num_chunks[b] or ci == 5:\n",
    "one in the middle, by itself": "                if ci == 5:\n                    continue\n" + SKIP,
    "of some rows": "                if ci > 2 and b > 3:\n                    continue\n" + SKIP,
    "of some rows, one test in another": "                if ci > 2:\n                    if b > 3:\n"
    "                        continue\n" + SKIP,
}
"""Ways to end a turn of the loop over the rows of a chunk."""


def judged(source: str, folder: Path) -> AuditResult:
    path = folder / "train_gpt.py"
    path.write_text(source, encoding="utf-8")
    (submission,) = load_path(str(path)).submissions
    return audit_submission(submission)


def coverage(result: AuditResult) -> RuleResult:
    (found,) = [answer for answer in result.rules if answer.rule == "validation-coverage"]
    return found


def unscored(snippet: str) -> int:
    """Targets that no window reaches, a short rest at the end left out; the snippet is run."""
    space = {"total": TOKENS - 1, "args": type("Args", (), {"eval_stride": STRIDE, "train_seq_len": WINDOW})}
    exec("if True:\n" + snippet, space)  # noqa: S102
    marked = np.zeros(TOKENS, dtype=bool)
    for start in space["window_starts"]:
        end = min(start + WINDOW, TOKENS - 1)
        marked[(1 if start == 0 else max(end - STRIDE, start) + 1) : end + 1] = True
    return missing(marked)


def missing(marked: np.ndarray) -> int:
    """Targets that are not marked, a short rest at the end left out."""
    rest = TOKENS - 1 - int(np.flatnonzero(marked).max())
    return int((~marked[1:]).sum()) - (rest if rest < TAIL else 0)


@pytest.mark.parametrize("name", COUNTED)
def test_what_is_left_out_is_counted(name: str, tmp_path: Path) -> None:
    result = judged(SOURCE.replace(LIST, COUNTED[name]), tmp_path)
    found = coverage(result)
    assert result.verdict is Verdict.VIOLATION and found.outcome is Outcome.FAIL
    counted = re.search(r"([\d,]+) \([\d.]+%\) have no score", found.because)
    if counted is not None:
        assert int(counted[1].replace(",", "")) == unscored(COUNTED[name])
    else:
        limit = re.search(r"the first ([\d,]+) tokens at most", found.because)
        assert limit is not None and TOKENS - int(limit[1].replace(",", "")) >= unscored(COUNTED[name])


@pytest.mark.parametrize("name", WHOLE)
def test_the_whole_split_is_the_whole_split(name: str, tmp_path: Path) -> None:
    assert unscored(WHOLE[name]) == 0
    result = judged(SOURCE.replace(LIST, WHOLE[name]), tmp_path)
    assert result.verdict is Verdict.COMPLIANT and coverage(result).outcome is Outcome.PASS


@pytest.mark.parametrize("name", NOT_COUNTED)
def test_what_cannot_be_counted_does_not_pass(name: str, tmp_path: Path) -> None:
    old, new = NOT_COUNTED[name]
    assert SOURCE.count(old) == 1
    result = judged(SOURCE.replace(old, new), tmp_path)
    assert result.verdict is Verdict.REVIEW
    assert coverage(result).outcome in (Outcome.UNKNOWN, Outcome.REVIEW)


@pytest.mark.parametrize("chunks", FEWER_CHUNKS)
def test_documents_of_a_batch_are_gone_through_to_the_longest_one(chunks: str, tmp_path: Path) -> None:
    assert LORA.count(CHUNKS) == 1
    assert coverage(judged(LORA.replace(CHUNKS, chunks), tmp_path)).outcome is FEWER_CHUNKS[chunks]


@pytest.mark.parametrize("which", CHUNKS_SKIPPED)
def test_chunks_that_are_skipped_are_counted(which: str, tmp_path: Path) -> None:
    assert LORA.count(SKIP) == 1
    found = coverage(judged(LORA.replace(SKIP, CHUNKS_SKIPPED[which]), tmp_path))
    assert found.outcome is Outcome.FAIL
    counted = re.search(r"([\d,]+) \([\d.]+%\) have no score", found.because)
    assert counted is not None and int(counted[1].replace(",", "")) == chunks_skipped(CHUNKS_SKIPPED[which])


def chunks_skipped(test: str) -> int:
    """Targets in the chunks that the lines skip, in batches of 16 documents of a split like the auditor's."""
    starts = Split.drawn().starts
    marked = np.zeros(TOKENS, dtype=bool)
    lines = "if True:\n    for ci in range(num_chunks[b]):\n" + test
    lines += "                    continue\n                kept.append(ci)\n"
    for document, (start, end) in enumerate(zip(starts, [*starts[1:], TOKENS], strict=True)):
        row, kept = document % 16, list[int]()
        chunks = (end - start - 1 + 255) // 256
        exec(lines, {"num_chunks": {row: int(chunks)}, "b": row, "kept": kept})  # noqa: S102
        for ci in kept:
            marked[start + 1 + 256 * ci : min(start + 1 + 256 * (ci + 1), end)] = True
    return missing(marked)


RETURNS = "    def first_of(pair):\n        if pair < 3:\n            return pair\n        return pair + 0\n"


def test_a_return_in_what_a_comprehension_calls_ends_no_loop(tmp_path: Path) -> None:
    whole = LIST.replace("w for w in", "first_of(w) for w in")
    found = coverage(judged(SOURCE.replace(LIST, RETURNS + whole), tmp_path))
    assert found.outcome is not Outcome.FAIL and not found.crashed
