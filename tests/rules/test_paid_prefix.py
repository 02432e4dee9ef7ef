"""Stored validation tokens that cost nothing where they match, in other spellings than the rule's example."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules.byte_accounting import ByteAccounting
from rules.core.rule import Bad, Outcome
from rules.examples.evaluation_loop import REPORT, SETUP
from rules.val_in_training import ValInTraining
from tests.rules.folder import audit_example

FROM_FILE = 'lzma.decompress(open("prefix.xz", "rb").read())'
IN_SOURCE = f'lzma.decompress(base64.b85decode("{"A" * 400}"))'
EQUAL = "stored[row * SEQ : (row + 1) * SEQ] == y"
MASKED = "total += (nll * (~known).float()).sum()"

SPELLINGS = {
    "a mask as a factor": (FROM_FILE, EQUAL, MASKED),
    "the function instead of the operator": (
        FROM_FILE,
        "torch.eq(stored[row * SEQ : (row + 1) * SEQ], y)",
        MASKED,
    ),
    "scores overwritten": (FROM_FILE, EQUAL, "nll[known] = 0.0\n        total += nll.sum()"),
    "scores filled": (FROM_FILE, EQUAL, "total += nll.masked_fill(known, 0.0).sum()"),
    "scores selected": (FROM_FILE, EQUAL, "total += nll[~known].sum()"),
    "zeros chosen": (FROM_FILE, EQUAL, "total += torch.where(known, torch.zeros_like(nll), nll).sum()"),
    "a branch a token": (
        FROM_FILE,
        EQUAL,
        "for i in range(SEQ):\n            if stored[row * SEQ + i] != y[i]:\n                total += nll[i]",
    ),
    "a conditional a token": (
        FROM_FILE,
        EQUAL,
        "for i in range(SEQ):\n            total += 0.0 if stored[row * SEQ + i] == y[i] else nll[i]",
    ),
    "text in the source": (IN_SOURCE, EQUAL, MASKED),
}


def script(stored: str, known: str, added: str) -> str:
    return (
        SETUP
        + f"""\
import base64
import lzma

stored = torch.from_numpy(np.frombuffer({stored}, dtype=np.uint16).copy())
with torch.no_grad():
    for row in range(rows):
        y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
        nll = F.cross_entropy(model(val_tokens[row * SEQ : (row + 1) * SEQ]), y, reduction="none")
        known = {known}
        {added}
"""
        + REPORT
    )


def outcome(text: str, root: Path) -> Outcome:
    (answer,) = audit_example(ValInTraining, Bad("a variant", text), root).rules
    return answer.outcome


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS.keys())
def test_playing_back_stored_tokens_is_found_however_it_is_written(
    spelling: tuple[str, str, str], tmp_path: Path
) -> None:
    assert outcome(script(*spelling), tmp_path) is Outcome.FAIL


@pytest.mark.parametrize(
    ("stored", "known"),
    [
        (FROM_FILE, "y == 1"),
        (FROM_FILE, "val_tokens[row * SEQ : (row + 1) * SEQ] == y"),
        ('base64.b85decode("Zm9v")', EQUAL),
    ],
    ids=["a delimiter", "the token before", "a short constant"],
)
def test_other_comparisons_of_the_targets_are_no_prefix(stored: str, known: str, tmp_path: Path) -> None:
    assert outcome(script(stored, known, MASKED), tmp_path) is Outcome.PASS


def test_text_in_the_source_that_scales_the_number_is_known_by_its_reporter(tmp_path: Path) -> None:
    text = script(IN_SOURCE, "y == 1", "total += nll.sum() * stored[0]")
    (answer,) = audit_example(ByteAccounting, Bad("a factor out of the source", text), tmp_path).rules
    assert not answer.crashed
    assert outcome(text, tmp_path / "again") is Outcome.PASS
