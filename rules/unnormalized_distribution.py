"""A score that is not taken from one distribution over the vocabulary.

## What it checks

x y z a b c d e

## Why it breaks the rules

x y z a b c d e

## How to fix it

x y z a b c d e

## Known limits

x y z a b c d e
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from auditor.trace.events import Blend
from rules.base import Outcome, Policy, Source
from rules.blending import Blended, BlendRule, named_lookup

SPREAD = "spread"


class UnnormalizedDistribution(BlendRule):
    """Fails when something known of the target alone is mixed into its probability."""

    slug = "unnormalized-distribution"
    title = "A score that is not taken from one distribution over the vocabulary"
    condition = "C2"
    clean = "every reported score was read from a distribution over the vocabulary"
    policies: ClassVar[Mapping[Policy, str]] = {
        Policy.RULINGS: "x",
        Policy.STRICT: "x",
    }
    sources = (
        Source(
            url="https://github.com/openai/parameter-golf/pull/1185",
            date="2026-04-01",
            who="valerio-oai",
            ruling="x",
        ),
    )
    examples = ()

    def concerns(self, blend: Blend) -> bool:
        if blend.form == SPREAD:
            return True
        return (blend.lookup.memory or blend.combined) and blend.lookup.how in ("entry", "row", "column")

    def outcome(self, entry: Blended, found: Iterable[Blended], policy: Policy) -> Outcome:
        """A token's probability spread over its bytes is no distribution over bytes, whatever it is mixed with."""
        if entry.blend.form == SPREAD:
            mixed = any(other.blend.form != SPREAD for other in found)
            return Outcome.FAIL if mixed else Outcome.REVIEW
        return super().outcome(entry, found, policy)

    def story(self, entry: Blended) -> str:
        lookup = entry.blend.lookup
        if entry.blend.form == SPREAD:
            return (
                f"the log-probability of a token is divided by what {named_lookup(lookup)} holds for it "
                f"({lookup.place}), such as its number of bytes, and the parts are mixed with a table at "
                f"{entry.score.place}: a part of a token's probability is no distribution over bytes"
            )
        return (
            f"what {named_lookup(lookup)} holds for the scored token is looked up at {lookup.place} and mixed into "
            f"the probability of that token alone at {entry.score.place}: the other tokens of the vocabulary are "
            "not asked for, and nothing makes the mixture sum to one"
        )
