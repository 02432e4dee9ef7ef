"""Hashes of contexts that a loop builds up: the key of a position is made of the tokens at known distances from it."""

from __future__ import annotations

import pytest

from auditor.trace.answer import Answer
from tests.static.conftest import run

LOOP = """\
SIZE = 1 << 20
keys = torch.zeros(n, dtype=torch.int64)
for k in range({orders}):
    keys[{first}:] = (keys[{first}:] * 31337 + val[k:n - {first} + k]) % SIZE
table = torch.zeros(SIZE, 1024)
for lo in range({first}, n - 1024, 1024):
    with torch.no_grad():
        p = F.softmax(model.head(model.embed(val[lo - 1:lo + 1023])), dim=-1)
    key, y = keys[lo:lo + 1024], val[lo:lo + 1024]
    seen = table[key]
    mixed = (seen + p) / (seen.sum(1, keepdim=True) + 1.0)
    total -= torch.log(mixed.gather(1, y[:, None])).sum().item()
    table.index_put_((key, y), torch.ones(1024), accumulate=True)
"""


@pytest.mark.parametrize(
    ("orders", "first", "holds_target"),
    [(1, 1, False), (2, 2, False), (3, 3, False), (3, 2, True), (4, 3, True)],
)
def test_a_key_holds_the_scored_token_only_where_the_loop_reaches_it(
    orders: int, first: int, holds_target: bool
) -> None:
    trace = run(LOOP.format(orders=orders, first=first))
    (report,) = trace.reports
    blends = [blend for score in trace.scores_of(report) for blend in score.blends]
    assert any(blend.target is not Answer.NO for blend in blends) is holds_target
