"""A table looked up by a key that holds the token being scored.

## What it checks

Whether a number that went into a reported score was looked up by a key that mixes the scored token with the
tokens before it: a hash of context and target, a tuple of both, one count table for pairs. Where the tokens of
the key lie is compared with where the scored ones lie, whatever the table is called and however the key is made.

## Why it breaks the rules

The distribution of a token must be fixed before the token is looked at, and sum to one over the vocabulary.
A table that is asked about the realised token alone gives a number for this token and for no other. In a hashed
table the number also grows with every collision: fewer buckets give a better score, which no distribution does.

## How to fix it

Look the table up by the context alone, for all tokens of the vocabulary (a row of counts, or one lookup for each
token), mix that row with the model's distribution, see that the result sums to one, and only then pick the target.

## Known limits

A count that is added to the model's probability as to a prior, and the sum divided by the context's count, is a
distribution where counts are exact and none where they are hashed: `review` under the rulings. Keys whose place
cannot be compared with that of the scored tokens are `review` too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from auditor.trace.events import Blend
from rules.core.mixture_rule import CARRIED, Blended, BlendRule, named_lookup
from rules.core.rule import Bad, Good, Policy, Source
from rules.examples.evaluation_loop import REPORT, SETUP


class TargetKeyedCache(BlendRule):
    """Fails when a reported score holds the answer of a table to a key made of the target and other tokens."""

    slug = "target-keyed-cache"
    title = "A table looked up by a key that holds the target"
    condition = "C1 C2"
    clean = "no reported score holds what a table says to a key made of its own token"
    policies: ClassVar[Mapping[Policy, str]] = {
        Policy.RULINGS: "a key proved to hold the target fails; a count added to a prior is for a person to judge",
        Policy.STRICT: "both fail: what is known of the target alone is no distribution",
    }
    sources = (
        Source(
            url="https://github.com/openai/parameter-golf/pull/779#issuecomment-4145781641",
            date="2026-03-27",
            who="valerio-oai",
            ruling="hashed n-gram caches that are asked for the target alone and mixed in without renormalising are "
            "disallowed: the scored number is no probability, and it looks at the token it predicts",
        ),
        Source(
            url="https://github.com/openai/parameter-golf/issues/1017",
            date="2026-03-29",
            who="community guide",
            ruling="C2: a full distribution over the vocabulary is defined before the true token is looked at",
        ),
    )
    examples = (
        Good(
            "counts of the context for every token, mixed and normalised before the target is picked",
            SETUP
            + """\
counts = torch.zeros(1024, 1024)
with torch.no_grad():
    for row in range(rows):
        x = val_tokens[row * SEQ : (row + 1) * SEQ]
        y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
        seen = counts[x]
        cached = (seen + 0.1) / (seen + 0.1).sum(-1, keepdim=True)
        probs = 0.7 * F.softmax(model(x), dim=-1) + 0.3 * cached
        total += -probs.gather(1, y[:, None]).squeeze(1).log().sum()
        counts.index_put_((x, y), torch.ones(SEQ), accumulate=True)
"""
            + REPORT,
        ),
        Good(
            "a hash of the two last tokens picks an input embedding",
            SETUP
            + """\
pairs = nn.Embedding(4096, 1024)
with torch.no_grad():
    for row in range(rows):
        window = val_tokens[row * SEQ : (row + 1) * SEQ + 1]
        x, y = window[1:-1], window[2:]
        bucket = (window[:-2] * 31 + x) % 4096
        total += F.cross_entropy(model(x) + pairs(bucket), y, reduction="sum")
"""
            + REPORT,
        ),
        Bad(
            "hashed counts of context and target, mixed in at the target",
            SETUP
            + """\
context_counts = np.zeros(1 << 20)
pair_counts = np.zeros(1 << 20)
for row in range(rows):
    x = val_tokens[row * SEQ : (row + 1) * SEQ]
    y = val_tokens[row * SEQ + 1 : (row + 1) * SEQ + 1]
    with torch.no_grad():
        nll = F.cross_entropy(model(x), y, reduction="none")
    p = np.exp(-nll.numpy())
    context = (x.numpy() * 36313) & ((1 << 20) - 1)
    pair = (context ^ (y.numpy() * 27191)) & ((1 << 20) - 1)
    share = pair_counts[pair] / np.maximum(context_counts[context], 1)  # expect: target-keyed-cache
    total += -np.log(0.7 * p + 0.3 * share).sum()
    np.add.at(context_counts, context, 1)
    np.add.at(pair_counts, pair, 1)
"""
            + REPORT,
        ),
        Bad(
            "a dictionary of pairs, asked token by token",
            SETUP
            + """\
pairs, singles = {}, {}
tokens = val_tokens.tolist()
for row in range(rows):
    x = val_tokens[row * SEQ : (row + 1) * SEQ]
    with torch.no_grad():
        logp = F.log_softmax(model(x), dim=-1)
    for i in range(SEQ):
        previous, target = tokens[row * SEQ + i], tokens[row * SEQ + i + 1]
        p = logp[i, target].exp()
        seen = singles.get(previous, 0)
        if seen > 2:
            p = 0.6 * p + 0.4 * pairs.get((previous, target), 0) / seen  # expect: target-keyed-cache
        total += -torch.log(p)
        pairs[previous, target] = pairs.get((previous, target), 0) + 1
        singles[previous] = seen + 1
"""
            + REPORT,
        ),
    )

    def concerns(self, blend: Blend) -> bool:
        if blend.lookup.how == CARRIED:
            return True
        return blend.combined and blend.lookup.how in ("entry", "row", "column")

    def story(self, entry: Blended) -> str:
        lookup = entry.blend.lookup
        return (
            f"{named_lookup(lookup)} is looked up at {lookup.place} by a key that mixes the scored token with those "
            f"before it, and the answer goes into that token's probability at {entry.score.place}"
        )
