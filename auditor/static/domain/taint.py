"""Looks: tokens that a number depends on otherwise than as a model's input or target.

A value read from a table by a key made of tokens depends on these tokens; so does a comparison with them, and
whatever was chosen by either. The tokens of a look lie beside the elements of the value: an index that takes a
part of the value takes the same part of them. Whether the tokens being scored are among them is asked when the
value has gone into a score (`auditor.trace.blending`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from auditor.replacing import replace
from auditor.solver.expressions import Expr, Symbol
from auditor.trace.region import Region

MAX_LOOKS = 24
"""Looks of one value that are kept apart; beyond it those of one lookup become one."""


LookForm = Literal["", "share", "posterior", "spread", "chosen"]


@dataclass(frozen=True, slots=True)
class Look:
    """What a value owes to one lookup.

    Attributes:
        number: of the `Lookup` event.
        regions: the tokens looked up by, beside the value's elements.
        form: how it is in the value: "" (as it was looked up), "share" (a count divided by another),
            "posterior" (a count added to a probability, and the sum divided), "spread" (it divides the
            log-probability of a token), "chosen" (it decides which value this is, and is not in the value itself).
    """

    number: int
    regions: frozenset[Region]
    form: LookForm = ""

    def through(self, change: Callable[[Region], Region]) -> Look:
        """The look of a part of the value, or of the value seen at another place."""
        return replace(self, regions=frozenset(change(region) for region in self.regions))


Looks = frozenset[Look]
NO_LOOKS: Looks = frozenset()


def joined(a: Looks, b: Looks) -> Looks:
    """The looks of a value that depends on two others."""
    if not a or a is b:
        return b
    if not b:
        return a
    both = a | b
    return both if len(both) <= MAX_LOOKS else condensed(both)


def condensed(looks: Iterable[Look]) -> Looks:
    """The same looks with those of one lookup made one."""
    groups: dict[tuple[int, LookForm], frozenset[Region]] = {}
    for look in looks:
        key = (look.number, look.form)
        groups[key] = groups.get(key, frozenset()) | look.regions
    return frozenset(Look(number, regions, form) for (number, form), regions in groups.items())


def choosing(looks: Looks) -> Looks:
    """What looks become for a value that they only choose."""
    return frozenset(replace(look, form="chosen") for look in looks)


def divided(looks: Looks, *, scored: bool) -> Looks:
    """What the looks of a count become when it is divided; `scored` if a probability has been added to it."""
    form: LookForm = "posterior" if scored else "share"
    return frozenset(replace(look, form=form) if look.form == "" else look for look in looks)


def spreading(looks: Looks) -> Looks:
    """What the looks of a number become that divides the log-probability of a token."""
    return frozenset(replace(look, form="spread") if look.form in ("", "share") else look for look in looks)


def blended(looks: Looks) -> Looks:
    """What looks become when a probability that holds them is mixed with another."""
    if not any(look.form == "posterior" for look in looks):
        return looks
    return frozenset(replace(look, form="share") if look.form == "posterior" else look for look in looks)


def substituted(looks: Looks, change: Callable[[Symbol], Expr | None]) -> Looks:
    """The looks with symbols exchanged in the tokens."""
    return frozenset(look.through(lambda region: region.mapped(change)) for look in looks)


def tokens_of(looks: Looks) -> frozenset[Region]:
    """Every token that the looks were made by."""
    return frozenset().union(*(look.regions for look in looks)) if looks else frozenset()
