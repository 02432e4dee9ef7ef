"""A memory filled with tokens that are then scored with it.

## What it checks

Whether a table, a cache or a dictionary that enters the scored distribution already holds the tokens being
scored: a first pass over the split fills it, a second pass looks up in it. The same holds for a memory that
takes a window's tokens in before that window is scored.

## Why it breaks the rules

One pass over the tokens is allowed, and a memory may hold only what came before. After a full first pass it
holds the token itself and all that follow it; leaving out the token's own entry does not take the later
ones away.

## How to fix it

Look up first, score, and only then put the scored tokens into the memory; never score again what has been
put in.

## Known limits

Which entry of a table is read is not followed: a table that holds the scored tokens counts as read at them.
Tables built in native code are not seen here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from rules.core.order_rule import TWO_PASS_RESCORE, Offence, OrderRule, named
from rules.core.rule import Bad, Good, Policy, Source
from rules.examples.evaluation_loop import REPORT, SETUP

_MIX = """\
counts = torch.ones(1024, 1024)


def mixed(x, y):
    nll = F.cross_entropy(model(x), y, reduction="none")
    bigram = counts[x, y] / counts[x].sum(dim=-1)
    return -torch.log(0.8 * torch.exp(-nll) + 0.2 * bigram).sum()


"""


class TwoPassRescore(OrderRule):
    """Fails when a memory in the reported distribution holds the scored tokens."""

    slug = TWO_PASS_RESCORE
    title = "A first pass fills a memory, a second one scores with it"
    condition = "C4"
    clean = "no reported score came from a table or cache that held its tokens"
    policies: ClassVar[Mapping[Policy, str]] = {
        Policy.RULINGS: "a memory that holds the scored tokens fails; one filled after the score is legal",
        Policy.STRICT: "as under the rulings: one pass, and a memory of earlier tokens only",
    }
    sources = (
        Source(
            url="https://github.com/openai/parameter-golf/pull/846",
            date="2026-03-26",
            who="valerio-oai",
            ruling="a first pass fills a cache and chunks are scored again with it: not accepted",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/pull/868",
            date="2026-03-26",
            who="valerio-oai",
            ruling="scoring cold chunks a second time with the filled cache: not accepted",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/pull/881",
            date="2026-03-26",
            who="valerio-oai",
            ruling="leaving out a token's own entry does not mend a second pass: later tokens remain in it",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/pull/893",
            date="2026-03-27",
            who="valerio-oai",
            ruling="a two-pass n-gram cache of higher order is the same: not accepted",
        ),
    )
    examples = (
        Good(
            "each row is looked up and scored before it is counted",
            SETUP
            + _MIX
            + """\
with torch.no_grad():
    for row in range(rows):
        x = val_tokens[row * SEQ : (row + 1) * SEQ]
        y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
        total += mixed(x, y)
        counts[x, y] += 1
"""
            + REPORT,
        ),
        Good(
            "the table is filled from training tokens",
            SETUP
            + _MIX
            + """\
shard = sorted(glob.glob("data/fineweb_train_*.bin"))[0]
train_tokens = torch.from_numpy(np.fromfile(shard, dtype=np.uint16).astype(np.int64))
for step in range(1000):
    window = train_tokens[step * SEQ : (step + 1) * SEQ + 1]
    counts[window[:-1], window[1:]] += 1
with torch.no_grad():
    for row in range(rows):
        y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
        total += mixed(val_tokens[row * SEQ : (row + 1) * SEQ], y)
"""
            + REPORT,
        ),
        Bad(
            "one pass counts the bigrams of the split, a second one scores with the counts",
            SETUP
            + _MIX
            + """\
for row in range(rows):
    y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
    counts[val_tokens[row * SEQ : (row + 1) * SEQ], y] += 1  # expect: two-pass-rescore
with torch.no_grad():
    for row in range(rows):
        y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
        total += mixed(val_tokens[row * SEQ : (row + 1) * SEQ], y)
"""
            + REPORT,
        ),
        Bad(
            "each row is counted before it is scored",
            SETUP
            + _MIX
            + """\
with torch.no_grad():
    for row in range(rows):
        x = val_tokens[row * SEQ : (row + 1) * SEQ]
        y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
        counts[x, y] += 1  # expect: two-pass-rescore
        total += mixed(x, y)
"""
            + REPORT,
        ),
    )

    def story(self, offence: Offence) -> str:
        update, score = offence.absorbed.update, offence.score
        return (
            f"{named(update.state)} takes validation tokens in by {update.by} at {update.place}, and the "
            f"same tokens are then scored with it at {score.place}"
        )
