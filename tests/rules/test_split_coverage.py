"""Tokens without a score are counted as a plain execution of the same loops counts them, and what follows from that.

Each case changes a line or two of a legal specimen. What stays unscored is worked out by Python's own loops over the
same split (`expected`), and compared with what is counted from the symbolic trace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from auditor.audit.pipeline import audit_submission
from auditor.judgement.result import AuditResult
from auditor.reading.reading import read_submission
from auditor.submission.load import load_submissions
from auditor.trace.coverage import TAIL, Coverage
from auditor.trace.loop_turns import Split
from rules.core.rule import Outcome
from rules.validation_coverage import ValidationCoverage

ROOT = Path(__file__).parents[2]
SLIDING = (ROOT / "tests/specimens/sliding.py").read_text()
FLAT = (ROOT / "tests/specimens/flat.py").read_text()
DOCUMENTS = (ROOT / "auditor/specimens/legal_lora_ttt.py").read_text()

SPLIT = Split.drawn()
WINDOW, STRIDE, CHUNK = 1024, 64, 256
Interval = tuple[int, int]

DEALT = "        for first in range(0, len(mine), 16):"
EVERY_WINDOW = "for first in range(0, len(mine), 16):"
SOME = "mine = mine[::2]\n        " + EVERY_WINDOW
EVERY_DOCUMENT = "for number in range(len(starts)):"
ADAPTER = "        adapter = Adapter("
LAST = "last = min(first + s.chunk_tokens, end)"


def windows(
    keep: Callable[[int, int], bool] = lambda _number, _count: True, tail: int = STRIDE
) -> Iterator[Interval]:
    """Scored targets of the sliding evaluation on one rank: of each window the last `tail`, of the first all."""
    total = SPLIT.tokens - 1
    starts = range(0, total, STRIDE)
    for number, start in enumerate(starts):
        if keep(number, len(starts)):
            end = min(start + WINDOW, total)
            yield (0 if start == 0 and tail == STRIDE else max(end - tail, start)) + 1, end + 1


def documents(
    keep: Callable[[int, int], bool] = lambda _number, _length: True, chunks: int = 1 << 30, short: int = 0
) -> Iterator[Interval]:
    """Scored targets of the evaluation by documents."""
    starts = [int(start) for start in SPLIT.starts]
    for number, begin in enumerate(starts):
        end = starts[number + 1] if number + 1 < len(starts) else SPLIT.tokens - 1
        if keep(number, end - begin):
            for chunk in range(min(-(-(end - begin) // CHUNK), chunks)):
                first = begin + chunk * CHUNK
                yield first + 1, min(first + CHUNK, end - short) + 1


def expected(intervals: Iterator[Interval]) -> int:
    scored = np.zeros(SPLIT.tokens, dtype=bool)
    for start, stop in intervals:
        scored[start:stop] = True
    missing = np.flatnonzero(~scored[1:]) + 1
    end = SPLIT.tokens
    while end > 0 and not scored[end - 1]:
        end -= 1
    return int((missing < end).sum()) if SPLIT.tokens - end < TAIL else len(missing)


@dataclass(frozen=True)
class Case:
    source: str
    changes: dict[str, str] = field(default_factory=dict)
    scored: Callable[[], Iterator[Interval]] = windows
    outcome: Outcome = Outcome.FAIL


DEAL = """        lists = [[] for _ in range((total + 32767) // 32768)]
        for w in mine:
            end = min(w + args.train_seq_len, total)
            at = 0 if w == 0 else max(end - w - args.eval_stride, 0)
            lists[min((w + at) // 32768, len(lists) - 1)].append(w)
        for number in VISITED:
            part = lists[number]PART
            for first in range(0, len(part), 16):
                batch = part[first : first + 16]
"""


def dealt(visited: str = "range(len(lists))", part: str = "") -> dict[str, str]:
    """The windows dealt to a list a chunk, and the lists gone through."""
    lines = SLIDING[
        SLIDING.index("            x = torch.zeros(len(batch)") : SLIDING.index(
            "    model.train()\n    return"
        )
    ]
    inner = "".join("    " + line + "\n" for line in lines.splitlines())
    old = DEALT + "\n            batch = mine[first : first + 16]\n" + lines
    return {old: DEAL.replace("VISITED", visited).replace("PART", part) + inner}


def in_list(window: int) -> int:
    """The list that a window is dealt to."""
    total = SPLIT.tokens - 1
    at = 0 if window == 0 else max(min(window + WINDOW, total) - window - STRIDE, 0)
    return min((window + at) // 32768, -(-total // 32768) - 1)


CASES = {
    "every list of windows": Case(SLIDING, dealt(), outcome=Outcome.PASS),
    "every window": Case(SLIDING, outcome=Outcome.PASS),
    "every second window": Case(SLIDING, {EVERY_WINDOW: SOME}, lambda: windows(lambda n, _: n % 2 == 0)),
    "every second batch": Case(
        SLIDING, {"len(mine), 16)": "len(mine), 32)"}, lambda: windows(lambda n, _: n % 32 < 16)
    ),
    "every third window, by its number": Case(
        SLIDING,
        {EVERY_WINDOW: "mine = [w for i, w in enumerate(mine) if i % 3 == 0]\n        " + EVERY_WINDOW},
        lambda: windows(lambda n, _: n % 3 == 0),
    ),
    "not every third window, appended under a condition": Case(
        SLIDING,
        {
            EVERY_WINDOW: "kept = []\n        for i, w in enumerate(mine):\n            if i % 3 != 0:\n"
            "                kept.append(w)\n        mine = kept\n        " + EVERY_WINDOW
        },
        lambda: windows(lambda n, _: n % 3 != 0),
    ),
    "not every third window, by a filter": Case(
        SLIDING,
        {EVERY_WINDOW: "mine = [w for w in mine if w // 64 % 3 != 0]\n        " + EVERY_WINDOW},
        lambda: windows(lambda n, _: n % 3 != 0),
    ),
    "every window, appended one by one": Case(
        SLIDING,
        {
            EVERY_WINDOW: "kept = []\n        for w in mine:\n            if w >= 0:\n"
            "                kept.append(w)\n        mine = kept\n        " + EVERY_WINDOW
        },
        outcome=Outcome.PASS,
    ),
    "every second window, by islice": Case(
        SLIDING,
        {
            "import os\n": "import itertools\nimport os\n",
            EVERY_WINDOW: "mine = list(itertools.islice(mine, 0, None, 2))\n        " + EVERY_WINDOW,
        },
        lambda: windows(lambda n, _: n % 2 == 0),
    ),
    "the first windows, while they begin early": Case(
        SLIDING,
        {
            "import os\n": "import itertools\nimport os\n",
            EVERY_WINDOW: "for first in itertools.takewhile(lambda at: at < 9600, range(0, len(mine), 16)):",
        },
        lambda: windows(lambda n, _: n < 9600),
    ),
    "batches that a predicate keeps": Case(
        SLIDING,
        {EVERY_WINDOW: "for first in filter(lambda at: at % 48 < 16, range(0, len(mine), 16)):"},
        lambda: windows(lambda n, _: n % 48 < 16),
    ),
    "documents joined by fives": Case(
        DOCUMENTS,
        {
            ADAPTER: ADAPTER,
            "    loss_sum = ": "    starts = [b for i, b in enumerate(starts) if i % 5 == 0]\n    loss_sum = ",
        },
        documents,
        Outcome.PASS,
    ),
    "half of the windows": Case(
        SLIDING,
        {EVERY_WINDOW: "mine = mine[: len(mine) // 2]\n        " + EVERY_WINDOW},
        lambda: windows(lambda n, count: n < count // 2),
    ),
    "half of every stride": Case(
        SLIDING,
        {"s = 0 if ws == 0 else max(lengths[i] - args.eval_stride, 0)": "s = max(lengths[i] - 32, 0)"},
        lambda: windows(tail=STRIDE // 2),
    ),
    "forty batches": Case(
        SLIDING,
        {
            "batch = mine[first : first + 16]": "if first >= 640:\n                break\n"
            "            batch = mine[first : first + 16]"
        },
        lambda: windows(lambda n, _: n < 640),
    ),
    "the last window left out": Case(
        SLIDING,
        {"total = val_tokens.numel() - 1\n": "total = (val_tokens.numel() - 1) // 1024 * 1024\n"},
        outcome=Outcome.PASS,
    ),
    "every document": Case(DOCUMENTS, {}, documents, Outcome.PASS),
    "every third document": Case(
        DOCUMENTS,
        {EVERY_DOCUMENT: "for number in range(0, len(starts), 3):"},
        lambda: documents(lambda n, _: n % 3 == 0),
    ),
    "no short documents": Case(
        DOCUMENTS,
        {ADAPTER: "        if end - begin < 512:\n            continue\n" + ADAPTER},
        lambda: documents(lambda _, length: length >= 512),
    ),
    "two chunks a document": Case(
        DOCUMENTS,
        {"for chunk in range(chunks):": "for chunk in range(min(chunks, 2)):"},
        lambda: documents(chunks=2),
    ),
    "no first tokens": Case(
        DOCUMENTS,
        {LAST: "last = min(first + s.chunk_tokens, end - 1)"},
        lambda: documents(short=1),
        Outcome.PASS,
    ),
}


def read(source: str, changes: dict[str, str], folder: Path) -> Path:
    for old, new in changes.items():
        assert source.count(old) == 1, old
        source = source.replace(old, new)
    path = folder / "train_gpt.py"
    path.write_text(source)
    return path


def judged(path: Path) -> tuple[Coverage, AuditResult]:
    (submission,) = load_submissions(str(path)).submissions
    reading = read_submission(submission)
    assert reading.trace is not None and reading.match is not None
    coverage = reading.witness.coverage(reading.trace, reading.match.report)
    return coverage, audit_submission(submission, rules=(ValidationCoverage,), reading=reading)


def test_lists_that_are_not_gone_to_are_missed(tmp_path: Path) -> None:
    """A little fewer than are: the first turn of the dealing stands for any, and its window has no context."""
    coverage, result = judged(read(SLIDING, dealt("range(0, len(lists), 2)"), tmp_path))
    missed = expected(windows(lambda n, _: in_list(n * STRIDE) % 2 == 0))
    assert missed - (WINDOW - STRIDE) <= coverage.unscored <= missed
    assert result.rules[0].outcome is Outcome.FAIL


FROM_FILE = """\
    words = np.fromfile(path, dtype="<u2", count=int(header[2]), offset=1024)
    return torch.from_numpy(words.astype(np.int64))
"""
BUFFERS = {
    "numpy": "np.frombuffer(file.read(2 * int(header[2])), dtype='<u2')",
    "torch": "torch.frombuffer(bytearray(file.read(2 * int(header[2]))), dtype=torch.uint16)",
}


@pytest.mark.parametrize("buffer", BUFFERS.values(), ids=BUFFERS.keys())
def test_tokens_read_through_a_buffer_are_counted(buffer: str, tmp_path: Path) -> None:
    lines = f"    with open(path, 'rb') as file:\n        file.seek(1024)\n        words = {buffer}\n"
    changes = {FROM_FILE: lines + "    return torch.as_tensor(words).long()\n"}
    coverage, _ = judged(read(SLIDING, changes, tmp_path))
    assert (coverage.unknown, coverage.unscored) == ("", 0)


def test_half_of_every_list_is_half_of_the_split(tmp_path: Path) -> None:
    coverage, result = judged(read(SLIDING, dealt(part="[::2]"), tmp_path))
    assert coverage.unscored / SPLIT.tokens == pytest.approx(0.5, abs=0.001)
    assert result.rules[0].outcome is Outcome.FAIL


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_tokens_without_a_score_are_counted(case: Case, tmp_path: Path) -> None:
    coverage, result = judged(read(case.source, case.changes, tmp_path))
    assert coverage.unknown == ""
    assert coverage.unscored == expected(case.scored())
    (answer,) = result.rules
    assert answer.outcome is case.outcome, answer.because


def test_first_tokens_without_a_score_are_told(tmp_path: Path) -> None:
    _, result = judged(read(DOCUMENTS, CASES["no first tokens"].changes, tmp_path))
    assert ["The first token of each document" in finding.message for finding in result.findings] == [True]


def test_a_rank_that_scores_half_its_part_is_found(tmp_path: Path) -> None:
    """On one rank everything is scored; on eight the first one stops at a sixteenth."""
    change = {
        EVERY_WINDOW: "mine = mine[: len(mine) // 2] if world_size > 1 else mine\n        " + EVERY_WINDOW
    }
    (answer,) = judged(read(SLIDING, change, tmp_path))[1].rules
    assert answer.outcome is Outcome.FAIL, answer.because


def test_a_quarter_of_the_split_is_found(tmp_path: Path) -> None:
    change = {
        "    total = val_tokens.numel() - 1\n": "    val_tokens = val_tokens.chunk(4)[0]\n"
        "    total = val_tokens.numel() - 1\n"
    }
    coverage, result = judged(read(SLIDING, change, tmp_path))
    assert SPLIT.tokens * 3 // 4 - coverage.unscored < TAIL
    assert result.rules[0].outcome is Outcome.FAIL


def test_half_of_an_array_of_losses_is_found(tmp_path: Path) -> None:
    changes = {
        "    model.eval()\n": "    model.eval()\n    every = np.zeros(val_tokens.numel())\n",
        "            loss_sum += model(x, y).double() * y.numel()\n": "            nll = F.cross_entropy("
        "model.forward_logits(x).flatten(0, 1), y.flatten(), reduction='none')\n"
        "            at = batch_start * args.train_seq_len\n            every[at : at + y.numel()] = nll.numpy()\n",
        "    model.train()\n": "    loss_sum += every[: len(every) // 2].sum()\n    model.train()\n",
    }
    coverage, result = judged(read(FLAT, changes, tmp_path))
    assert coverage.unscored / SPLIT.tokens == pytest.approx(0.5, abs=0.01)
    assert result.rules[0].outcome is Outcome.FAIL


def test_a_rank_that_tells_its_own_part_alone_is_found(tmp_path: Path) -> None:
    """Eight ranks score an eighth each, and the first prints what it has."""
    reduce = "        if dist.is_initialized():\n            dist.all_reduce(part)\n"
    (answer,) = judged(read(SLIDING, {reduce: "        pass\n"}, tmp_path))[1].rules
    assert answer.outcome is Outcome.FAIL, answer.because


CLOCK = {
    "batch = mine[first : first + 16]": "if time.perf_counter() - began > 300:\n                break\n"
    "            batch = mine[first : first + 16]",
    "    model.eval()\n    with torch.inference_mode():\n        for first": "    began = time.perf_counter()\n"
    "    model.eval()\n    with torch.inference_mode():\n        for first",
}
WHILE_TIME = {
    "    for number in range(len(starts)):\n": "    number, began = -1, time.perf_counter()\n"
    "    while number + 1 < len(starts) and time.perf_counter() - began < 300:\n        number += 1\n"
}
BATCH = "            batch = mine[first : first + 16]"
TOTALS = (
    "            loss_sum += losses.detach().double().sum()\n"
    "            byte_sum += lengths[targets.flatten()].sum()\n            token_count += last - first\n"
)
RANDOM = {"import os\n": "import os\nimport random\n"}


def chosen(windows: str, *imported: str) -> dict[str, str]:
    """The windows of a rank replaced by an expression, before they are gone through."""
    return {
        EVERY_WINDOW: f"mine = {windows}\n        {EVERY_WINDOW}",
        "import os\n": "\n".join(["import os", *(f"import {name}" for name in imported), ""]),
    }


def skipped(condition: str, *imported: str) -> dict[str, str]:
    """Documents left out where a condition holds."""
    return {
        ADAPTER: f"        if {condition}:\n            continue\n{ADAPTER}",
        "import os\n": "\n".join(["import os", *(f"import {name}" for name in imported), ""]),
    }


LEFT_OUT = {
    "by time, in the loop's own test": (DOCUMENTS, WHILE_TIME),
    "drawn by position": (
        SLIDING,
        chosen("[mine[i] for i in torch.randperm(len(mine))[: len(mine) // 4].tolist()]"),
    ),
    "drawn from a list": (SLIDING, chosen("random.sample(mine, len(mine) // 4)", "random")),
    "drawn by numpy": (SLIDING, chosen("np.random.choice(mine, len(mine) // 4, replace=False)")),
    "drawn by a generator": (SLIDING, chosen("np.random.default_rng(0).choice(mine, 5000).tolist()")),
    "spaced out": (
        SLIDING,
        {EVERY_WINDOW: "for first in np.linspace(0, len(mine) - 16, 50).astype(int).tolist():"},
    ),
    "the first rows of each batch": (
        FLAT,
        {
            "            loss_sum += model(x, y)": "            x, y = x[:16], y[:16]\n"
            "            loss_sum += model(x, y)"
        },
    ),
    "the first places of each row": (
        FLAT,
        {
            "loss_sum += model(x, y).double()": "nll = F.cross_entropy(model.forward_logits(x).flatten(0, 1), "
            "y.flatten(), reduction='none').view_as(y)\n            loss_sum += nll[:, 16:].mean().double()"
        },
    ),
    "drawn starts": (SLIDING, chosen("torch.randint(0, total - 1024, (5000,)).tolist()")),
    "drawn one by one": (SLIDING, chosen("[w for w in mine if random.random() < 0.5]", "random")),
    "chosen by their first token": (SLIDING, chosen("[w for w in mine if int(val_tokens[w]) % 2]")),
    "batches by chance": (
        SLIDING,
        {BATCH: "            if torch.rand(()) > 0.5:\n                continue\n" + BATCH},
    ),
    "added up by chance": (
        DOCUMENTS,
        {
            **RANDOM,
            TOTALS: "            if random.random() > 0.5:\n" + TOTALS.replace("            ", " " * 16),
        },
    ),
    "left out where a file is": (DOCUMENTS, skipped("os.path.exists(f'skip_{number}')")),
    "left out by a list of a file": (DOCUMENTS, skipped("number in json.load(open('left.json'))", "json")),
    "left out by a hash": (DOCUMENTS, skipped("hash((number, s.seed)) % 2")),
    "left out where the loss is no number": (
        DOCUMENTS,
        {TOTALS: "            if torch.isnan(losses).any():\n                continue\n" + TOTALS},
    ),
    "until enough tokens are counted": (
        SLIDING,
        {BATCH: "            if token_count > 2_000_000:\n                break\n" + BATCH},
    ),
    "by time": (SLIDING, CLOCK),
    "by what they are": (
        DOCUMENTS,
        {ADAPTER: "        if int(tokens[begin + 1]) % 2:\n            continue\n" + ADAPTER},
    ),
    "by an error": (
        DOCUMENTS,
        {
            "            losses = model(inputs, targets, adapter)": "            try:\n"
            "                losses = model(inputs, targets, adapter)\n"
            "            except RuntimeError:\n                continue"
        },
    ),
}


@pytest.mark.parametrize(("source", "changes"), LEFT_OUT.values(), ids=LEFT_OUT.keys())
def test_turns_that_may_be_left_out_are_for_a_person(
    source: str, changes: dict[str, str], tmp_path: Path
) -> None:
    _, result = judged(read(source, changes, tmp_path))
    (answer,) = result.rules
    assert answer.outcome is Outcome.REVIEW, answer.because
    assert "left out" in answer.because or "random number decides" in answer.because


IN_ORDER = {
    "shuffled in place": (
        SLIDING,
        {**RANDOM, EVERY_WINDOW: "random.shuffle(mine)\n        " + EVERY_WINDOW},
    ),
    "what is only trained on is drawn": (
        DOCUMENTS,
        {
            **RANDOM,
            "            if chunk + 1 < chunks:": "            if chunk + 1 < chunks and random.random() < 0.5:",
        },
    ),
    "what is added up goes on in both arms": (
        DOCUMENTS,
        {
            **RANDOM,
            TOTALS: "            if random.random() > 0.5:\n"
            + TOTALS.replace("            ", " " * 16)
            + "            else:\n"
            + TOTALS.replace("            ", " " * 16),
        },
    ),
}


@pytest.mark.parametrize(("source", "changes"), IN_ORDER.values(), ids=IN_ORDER.keys())
def test_chance_that_leaves_nothing_out_is_no_question(
    source: str, changes: dict[str, str], tmp_path: Path
) -> None:
    (answer,) = judged(read(source, changes, tmp_path))[1].rules
    assert answer.outcome is Outcome.PASS, answer.because
