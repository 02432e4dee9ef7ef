"""The formula of a number: scores, counts and constants in a normal form.

A number that is made of scores is `factor · Σ nll · tokensᵗ · bytesᵇ`, with what was done to the scores beside.
Sums over loops, batches and ranks are the same sum, so equal numbers have equal formulas however they were added up,
and the challenge's own is recognised in all its spellings: `(L / N / ln 2) · (N / Bytes)` and `L / (ln 2 · Bytes)`
are one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

from auditor.trace.place import Place

BITS = 1.0 / math.log(2.0)
"""Bits in a nat."""
TOLERANCE = 1e-5
"""Relative difference of a constant that is rounding: `0.6931` for ln 2 is not, `0.693147` is."""
MAX_CHANGES = 12
"""Changes of one number that are kept apart; what comes after stands under the last."""

BPB = re.compile(r"bpb|bits.{0,5}per.{0,5}byte|\bbbp\b", re.IGNORECASE)
METRIC = re.compile(r"(?:final_|val_)+(?:bpb|loss|nll)|bpb", re.IGNORECASE)
"""Names that are a metric's alone, not those of an aim or of another entry's number."""
LOSS = re.compile(r"loss|nll|nats|cross.?entropy", re.IGNORECASE)


DIFFERENCE = "the difference of two scores"
"""What the change of a number says in which one score was taken from another."""


class Of(Enum):
    """What a number is made of."""

    NLL = "nll"
    """Negative log-probabilities of tokens; log-probabilities with a factor of minus one."""
    PROBABILITY = "probability"
    NORMALISER = "normaliser"
    """The logarithm of a sum over the vocabulary."""
    PENALTY = "penalty"
    """A number that is never negative, and no score."""
    NUMBER = "number"
    """Counts of tokens and of bytes, and constants."""
    WEIGHTS = "weights"
    """Numbers that are no counts: what is multiplied by them is weighted."""
    LOGITS = "logits"
    """Numbers of a part of the vocabulary."""
    TOKENS = "tokens"
    """The tokens themselves."""


class Kind(Enum):
    """What a change of a number is to the reader."""

    ALTERED = "altered"
    """The number is another one than the challenge's."""
    OPAQUE = "opaque"
    """What it does to the number is not known."""
    HARMLESS = "harmless"
    """It can only make the number worse for who claims it, or is too small to matter."""
    TARGET = "target"
    """Other tokens are scored than those that follow."""
    FOREIGN = "foreign"
    """What is mixed into the probability of a token says nothing of that token: the mixture sums to more than one."""
    AHEAD = "ahead"
    """The distribution of a token was made with that token, or with later ones, outside of the model."""
    FACTOR = "factor"
    """A constant was multiplied in; whether the product is right is seen at the end."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something that was done to scores or to targets: what, as the source has it, and where.

    Attributes:
        certain: whether every way to the number leads through it.
    """

    place: Place
    text: str
    kind: Kind = Kind.ALTERED
    certain: bool = True

    def __lt__(self, other: Change) -> bool:
        return self.key < other.key

    @property
    def key(self) -> tuple[Place, str, str]:
        return self.place, self.text, self.kind.value


@dataclass(frozen=True, slots=True)
class Formula:
    """A number in normal form.

    Attributes:
        of: what is summed.
        tokens: power of the count of tokens.
        bytes: power of the count of bytes.
        factor: the product of all constants; None if it is not known.
        changes: what was done to the scores.
        mixed: whether numbers of different formulas were put together.
        prefix: whether it is a running sum, the difference of two of which is a sum again.
        instead: what the number is on some other way that is no score, in words.
    """

    of: Of = Of.NLL
    tokens: int = 0
    bytes: int = 0
    factor: float | None = 1.0
    changes: frozenset[Change] = frozenset()
    mixed: bool = False
    prefix: bool = False
    instead: str = ""

    @property
    def of_scores(self) -> bool:
        return self.of in (Of.NLL, Of.PROBABILITY)

    @property
    def is_difference(self) -> bool:
        """Whether one score was taken from another: a gain or a loss, and no score."""
        return any(change.text.endswith(DIFFERENCE) for change in self.changes)

    @property
    def is_constant(self) -> bool:
        return self.of is Of.NUMBER and not self.tokens and not self.bytes and self.factor is not None

    @property
    def is_count(self) -> bool:
        """Whether it is a number of things, each of which counts once."""
        return self.of is Of.NUMBER and self.tokens == 1 and not self.bytes and self.factor == 1.0

    def changed(self, *changes: Change) -> Formula:
        """The same with further changes."""
        if set(changes) <= self.changes:
            return self
        return replace(self, changes=limited(self.changes | set(changes)))

    def times(self, constant: float | None) -> Formula:
        if constant == 1.0:
            return self
        return replace(
            self, factor=None if None in (constant, self.factor) else rounded(self.factor, constant)
        )

    def as_scores(self) -> Formula:
        """What picking the token's own entry makes of log-probabilities, of a normaliser, of a mixture of either."""
        return replace(self, of=Of.NLL, factor=-1.0) if self.of is Of.NORMALISER else self

    def per_token(self) -> Formula:
        """The mean; a mean of means of equal size is their mean."""
        return self if self.tokens < 0 else replace(self, tokens=self.tokens - 1)

    def text(self) -> str:
        """The formula as a reader writes it: `Σ nll(val) / ln 2 / Σ bytes`."""
        if self.of is Of.NUMBER:
            head, told = "", []
        else:
            told = sorted({c.text for c in self.changes if c.kind in (Kind.ALTERED, Kind.OPAQUE)})
            name = self.of.value
            head = f"Σ {name}(val)" if not told else f"Σ {name}(val) [{'; '.join(told)}]"
        over: list[str] = []
        if self.factor is None:
            head = f"? · {head}" if head else "?"
        elif close(self.factor, BITS):
            over.append("ln 2")
        elif self.factor != 1.0 or not head:
            head = f"{self.factor:.6g} · {head}" if head else f"{self.factor:.6g}"
        for name, power in (("Σ tokens", self.tokens), ("Σ bytes", self.bytes)):
            for _ in range(abs(power)):
                if power > 0:
                    head = f"{head} · {name}"
                else:
                    over.append(name)
        text = " / ".join([head, *over])
        return f"{text} or another number" if self.mixed else text


LOST = Formula(factor=None, mixed=True)
"""A number that is made of scores in a way that could not be followed."""


def rounded(*factors: float | None) -> float | None:
    """The product of constants, to twelve digits: orders of multiplication are alike."""
    product = math.prod(f for f in factors if f is not None)
    return float(f"{product:.12g}") if math.isfinite(product) else None


def close(a: float, b: float) -> bool:
    return abs(a - b) <= TOLERANCE * abs(b)


def limited(changes: Iterable[Change]) -> frozenset[Change]:
    """Changes once each, the certain before the possible, and no more than `MAX_CHANGES`."""
    found: dict[tuple[Place, str, str], Change] = {}
    for change in changes:
        known = found.get(change.key)
        if known is None or (change.certain and not known.certain):
            found[change.key] = change
    order = sorted(found.values(), key=lambda c: (c.kind.value, not c.certain, c.key))
    return frozenset(order[:MAX_CHANGES])


def joined(a: Formula | None, b: Formula | None) -> Formula | None:
    """A number that is one of two: what was done to one of them alone was perhaps done."""
    if a is None or b is None or a == b:
        return a if b is None else b
    if a.of is not b.of and Of.NUMBER in (a.of, b.of):
        return a if b.of is Of.NUMBER else b
    keys_a, keys_b = {c.key for c in a.changes if c.certain}, {c.key for c in b.changes if c.certain}
    sure = keys_a & keys_b
    changes = limited(replace(c, certain=c.key in sure) for c in a.changes | b.changes)
    return _together(a, b, changes)


def added(a: Formula, b: Formula) -> Formula:
    """A sum of two numbers: what was done to either is in it."""
    return a if a == b else _together(a, b, limited(a.changes | b.changes))


def _together(a: Formula, b: Formula, changes: frozenset[Change]) -> Formula:
    alike = (a.of, a.tokens, a.bytes) == (b.of, b.tokens, b.bytes)
    same = a.factor is not None and b.factor is not None and close(a.factor, b.factor)
    return replace(
        a,
        changes=changes,
        factor=a.factor if same else None,
        mixed=a.mixed or b.mixed or not alike,
        prefix=a.prefix and b.prefix,
        instead=a.instead or b.instead,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """A number of a reported line: what it is called there, and what it is made of."""

    name: str
    formula: Formula


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """How a printed number differs from the challenge's: in words, where, and how it is to be taken."""

    text: str
    place: Place | None
    kind: Kind
    certain: bool = True


def expected(name: str) -> Formula | None:
    """The challenge's formula of a number of that name; None for a name that is not one of its metrics."""
    if BPB.search(name):
        return Formula(bytes=-1, factor=BITS)
    if LOSS.search(name):
        return Formula(tokens=-1)
    return None


def deviations(printed: Printed) -> list[Deviation]:
    """How a printed number differs from the challenge's formula."""
    formula, right = printed.formula, expected(printed.name)
    if right is None:
        return []
    if formula.is_constant and METRIC.fullmatch(printed.name):
        text = f"`{printed.name}` is printed as {formula.factor:.8g}, a constant of the source"
        return [Deviation(text=text, place=None, kind=Kind.ALTERED)]
    if not formula.of_scores:
        text = f"`{printed.name}` could not be followed back to scores"
        lost = METRIC.fullmatch(printed.name) is not None
        return [Deviation(text=text, place=None, kind=Kind.OPAQUE)] if lost else []
    found = [
        Deviation(text=c.text, place=c.place, kind=c.kind, certain=c.certain)
        for c in sorted(formula.changes)
        if c.kind is not Kind.FACTOR
    ]
    factors = sorted(c for c in formula.changes if c.kind is Kind.FACTOR)
    where = factors[-1].place if factors else None
    if formula.instead:
        text = f"`{printed.name}` may be {formula.instead}"
        found.append(Deviation(text=text, place=None, kind=Kind.OPAQUE))
    if formula.of is not Of.NLL:
        return [*found, Deviation(text="it is made of probabilities", place=where, kind=Kind.OPAQUE)]
    if right.bytes and not formula.bytes:
        return found  # what it is divided by instead of bytes is the byte count's question
    if formula.mixed or (formula.tokens, formula.bytes) != (right.tokens, right.bytes):
        text = f"`{printed.name}` is {formula.text()}, where the challenge has {right.text()}"
        return [*found, Deviation(text=text, place=where, kind=Kind.OPAQUE)]
    if formula.factor is None:
        text = f"`{printed.name}` is multiplied by what could not be told"
        return [*found, Deviation(text=text, place=where, kind=Kind.OPAQUE)]
    assert right.factor is not None
    if not close(formula.factor, right.factor):
        share = formula.factor / right.factor
        kind = Kind.ALTERED if share < 1.0 else Kind.HARMLESS
        certain = not factors or any(c.certain for c in factors)
        text = f"`{printed.name}` is {share:.6g} times what the challenge's formula gives"
        found.append(Deviation(text=text, place=where, kind=kind, certain=certain))
    return found
