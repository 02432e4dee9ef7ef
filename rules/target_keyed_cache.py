"""A table looked up by a key that holds the token being scored.

## What it checks

Whether a number that went into a reported score was looked up by a key that mixes the scored token with the
tokens before it.

## Why it breaks the rules

x y z a b c d e

## How to fix it

x y z a b c d e

## Known limits

x y z a b c d e
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from auditor.trace.events import Blend
from rules.base import Policy, Source
from rules.blending import Blended, BlendRule, named_lookup


class TargetKeyedCache(BlendRule):
    """Fails when a reported score holds the answer of a table to a key made of the target and other tokens."""

    slug = "target-keyed-cache"
    title = "A table looked up by a key that holds the target"
    condition = "C1 C2"
    clean = "no reported score holds what a table says to a key made of its own token"
    policies: ClassVar[Mapping[Policy, str]] = {
        Policy.RULINGS: "x",
        Policy.STRICT: "x",
    }
    sources = (
        Source(
            url="https://github.com/openai/parameter-golf/pull/779",
            date="2026-03-27",
            who="valerio-oai",
            ruling="x",
        ),
    )
    examples = ()

    def concerns(self, blend: Blend) -> bool:
        return blend.combined and blend.lookup.how in ("entry", "row", "column")

    def story(self, entry: Blended) -> str:
        lookup = entry.blend.lookup
        return (
            f"{named_lookup(lookup)} is looked up at {lookup.place} by a key that mixes the scored token with those "
            f"before it, and the answer goes into that token's probability at {entry.score.place}"
        )
