"""A model that is causal for the rows that are run, and looks ahead in longer, shorter, more or fewer ones.

The proof runs two rows of 64 tokens and of 40. What each case does for other rows is plain from its own condition:
the threshold lies outside of what is run.
"""

from __future__ import annotations

import pytest

from auditor.trace.forward_pass import Bound
from tests.static.causality.models import HEAD
from tests.static.causality.proving import proved

NET = """\
class Net(Base):
    def forward(self, ids, targets):
        x = self.tok(ids)
        count, span, width = x.shape
        ahead = x.flip(1)
{body}
        logits = self.head(x)
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
"""
ATTENTION = "F.scaled_dot_product_attention(x[:, None], x[:, None], x[:, None], {mask})[:, 0]"

OTHERWISE = {
    "a mask for short rows": f"x = {ATTENTION.format(mask='is_causal=span <= 128')}",
    "a mask for very long rows not": f"x = {ATTENTION.format(mask='is_causal=span < 4000')}",
    "a mask for few rows": f"x = {ATTENTION.format(mask='is_causal=count <= 4')}",
    "a mask for a batch of a thousand not": f"x = {ATTENTION.format(mask='is_causal=count < 1000')}",
    "a branch on the length": "if ids.size(1) > 200:\n    x = x + ahead",
    "a branch on the length of one row": "if len(ids[0]) > 200:\n    x = x + ahead",
    "a branch on the number of tokens": "if ids.numel() >= 2048:\n    x = x + ahead",
    "a branch on a few tokens": "if span < 30:\n    x = x + ahead",
    "a number kept for later": "long = span > 500\nif long:\n    x = x + ahead",
    "the remainder of a length": "if span % 100 == 60:\n    x = x + ahead",
    "a diagonal that moves with the length": (
        f"x = {ATTENTION.format(mask='attn_mask=torch.ones(span, span, dtype=torch.bool).tril(span // 100)')}"
    ),
    "a diagonal above a threshold": (
        f"x = {ATTENTION.format(mask='attn_mask=torch.ones(span, span, dtype=torch.bool).tril(max(span - 250, 0))')}"
    ),
}
ALIKE = {
    "no mask for a single token": f"x = {ATTENTION.format(mask='is_causal=span > 1')}",
    "both ways causal": "if span > 1024:\n    x = x * 0.5\nelse:\n    x = x * 2.0",
    "a length that is refused": "if span > 1024:\n    raise ValueError(span)",
    "a loop over pieces": (
        "at, parts = 0, []\nwhile at < span:\n    parts.append(x[:, at : at + 16])\n    at += 16\n"
        "x = torch.cat(parts, 1)"
    ),
    "a piece no longer than the row": "size = min(span, 128)\nx = torch.cat([x[:, :size], x[:, size:]], 1)",
    "a width compared": "if width > 4096:\n    x = x + ahead",
}


def bound(body: str) -> tuple[Bound, str]:
    text = "\n".join(" " * 8 + line for line in body.splitlines())
    found = proved(HEAD + NET.format(body=text))
    return found.bound, found.reason


@pytest.mark.parametrize("body", OTHERWISE.values(), ids=OTHERWISE.keys())
def test_other_rows_that_look_ahead_leave_it_open(body: str) -> None:
    kind, reason = bound(body)
    assert kind is Bound.UNKNOWN
    assert "it asks for the size of the batch" in reason and "a row depends on t" in reason


@pytest.mark.parametrize("body", ALIKE.values(), ids=ALIKE.keys())
def test_other_rows_that_are_causal_too_leave_it_proved(body: str) -> None:
    assert bound(body)[0] is Bound.CAUSAL
