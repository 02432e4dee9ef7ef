"""What is mixed into a score: variations that the rules must tell apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from rules.core.rule import Bad, Good, Outcome
from rules.examples.evaluation_loop import REPORT, SETUP
from rules.target_gated_hint import HINTS, TILTED, TargetGatedHint
from rules.target_keyed_cache import TargetKeyedCache
from tests.rules.folder import audit_example

CACHE = """\
lengths = np.zeros(1024)
for token in range(1024):
    lengths[token] = len(str(token))
contexts, pairs, weights = np.zeros(1 << 20), np.zeros(1 << 20), np.array([0.7, 0.3])
for row in range(rows):
    x = val_tokens[row * SEQ : (row + 1) * SEQ]
    y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
    with torch.no_grad():
        nll = F.cross_entropy(model(x), y, reduction="none")
    p = np.exp(-nll.numpy())
    context = (x.numpy() * 36313) & ((1 << 20) - 1)
    pair = (context ^ (y.numpy() * 27191)) & ((1 << 20) - 1)
    MIX
    total += -np.log(p).sum()
    np.add.at(contexts, context, 1)
    np.add.at(pairs, pair, 1)
"""

MIXES = {
    "where the context was seen": "seen = contexts[context] >= 2.0; "
    "p[seen] = 0.7 * p[seen] + 0.3 * pairs[pair][seen] / contexts[context][seen]",
    "by a where": "p = np.where(contexts[context] > 1.5, 0.7 * p + 0.3 * pairs[pair] / (contexts[context] + 1), p)",
    "by a table of all tokens": "p = np.where(lengths[y.numpy()] > 0, 0.7 * p + 0.3 * pairs[pair], p)",
    "in a column": "both = np.stack([p, pairs[pair] / (contexts[context] + 1)], axis=1); p = both @ weights",
}


@pytest.mark.parametrize("mix", MIXES.values(), ids=MIXES.keys())
def test_counts_that_grow_open_their_gates(mix: str, tmp_path: Path) -> None:
    example = Bad("", SETUP + CACHE.replace("MIX", mix) + REPORT)
    (answer,) = audit_example(TargetKeyedCache, example, tmp_path).rules
    assert answer.outcome is Outcome.FAIL, answer.because


@pytest.mark.parametrize(
    ("before", "after", "outcome"),
    [
        ("if (!starts[tokens[i]] &&", "if (!starts[previous] &&", Outcome.PASS),
        ("known->top;", "known->top + tokens[i];", Outcome.REVIEW),
        ("(float)known->total;", "(float)known->total * 200.0f;", Outcome.FAIL),
        (
            "#include <stdint.h>",
            "#include <stdint.h>\nstatic int peek(const uint16_t *t) { return outside(t); }",
            Outcome.FAIL,
        ),
        ("chance[i] = 0.0f;", "chance[i] = outside(tokens, i);", Outcome.UNKNOWN),
        ("{\n    uint16_t previous", "{\n    uint16_t } previous", Outcome.UNKNOWN),
    ],
    ids=[
        "the token before",
        "a value of the token",
        "no share",
        "unused function",
        "foreign function",
        "syntax",
    ],
)
def test_gates_in_c(before: str, after: str, outcome: Outcome, tmp_path: Path) -> None:
    assert before in HINTS
    script = SETUP + TILTED.replace("THRESHOLD", "0.6" if outcome is not Outcome.FAIL else "99.0") + REPORT
    if before.startswith("#include"):
        script = script.replace("99.0", "0.6")
    example = Good("", script, files={"hints.c": HINTS.replace(before, after)}, date="2026-05-02")
    (answer,) = audit_example(TargetGatedHint, example, tmp_path).rules
    assert answer.outcome is outcome or (outcome is Outcome.REVIEW and answer.outcome is Outcome.FAIL), (
        answer.because
    )
