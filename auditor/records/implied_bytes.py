"""The byte denominator behind a printed pair of loss and bits per byte.

`val_tokens * val_loss / (ln 2 * val_bpb)` gives back the bytes that were divided by, to about one byte;
without `val_tokens` the tokens per byte of the tokenizer's family serve instead. A wrong
metric shows from a log alone.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from auditor.records.log_model import MetricLine, Run

CANONICAL_BYTES = 151_080_891
"""Bytes of the 50,000-document validation split, counted over the decoded text."""
PASS = 3e-4
NOTE = 2.5e-3
"""Of 2,548 full-validation logs 95.7 % lie within PASS of their family, 0.7 % up to NOTE; every pull request
known to divide by wrong bytes is beyond 4 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A tokenizer's validation split: its tokens, measured tokens per byte, vocabulary."""

    name: str
    val_tokens: int
    tokens_per_byte: float
    vocab_size: int


FAMILIES = (
    Family(name="sp1024", val_tokens=62_021_632, tokens_per_byte=0.410521, vocab_size=1024),
    Family(name="sp2048", val_tokens=50_905_088, tokens_per_byte=0.337688, vocab_size=2048),
    Family(name="sp4096", val_tokens=45_508_608, tokens_per_byte=0.301236, vocab_size=4096),
    Family(name="sp8192", val_tokens=40_540_160, tokens_per_byte=0.268339, vocab_size=8192),
    Family(name="CaseOps 8192", val_tokens=47_851_520, tokens_per_byte=0.316735, vocab_size=8192),
)
"""Measured over 2,548 real full-validation logs."""

BYTE = Family(name="byte260", val_tokens=151_080_000, tokens_per_byte=1.00015, vocab_size=260)
"""One token a byte and one more a document; 1.0000 to 1.0003 occur."""
LEGACY = Family(
    name="legacy sp1024 export",
    val_tokens=63_779_840,
    tokens_per_byte=63_779_840 / 155_769_746,
    vocab_size=1024,
)
"""The validation export from before the launch, which the first baseline was run on: legitimate."""
_NEAR = 5e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Implied:
    """What a pair implies.

    Attributes:
        family: assumed, by name; "unknown tokenizer" when only the canonical bytes could be used.
        implied_bytes: the denominator, None where tokens are unknown.
        deviation: relative, of the denominator from the family's; positive means too many bytes.
        corrected_bpb: by the family's denominator.
        pass_limit, fail_limit: beyond which the deviation is a remark, a violation.
    """

    family: str
    implied_bytes: int | None
    deviation: float
    corrected_bpb: float
    pass_limit: float
    fail_limit: float


def family_of(run: Run) -> Family | None:
    """The family whose validation split a run read: by its tokens, else by the tokenizer it names."""
    known = (*FAMILIES, LEGACY, BYTE)
    if run.val_tokens is not None:
        tokens = run.val_tokens.value
        close = [family for family in known if abs(tokens / family.val_tokens - 1.0) <= _NEAR]
        return close[0] if close else None
    words = " ".join(w.value for w in (run.tokenizer, run.data_path) if w is not None).lower()
    if "caseops" in words or "lossless_caps" in words:
        return FAMILIES[4]
    vocab = run.vocab_size.value if run.vocab_size is not None else None
    if vocab is None:
        named = re.search(r"(?:fineweb_|sp)(\d{3,5})", words)
        vocab = int(named.group(1)) if named is not None else None
    plain = [family for family in (*FAMILIES[:4], BYTE) if family.vocab_size == vocab]
    return plain[0] if plain and "casefold" not in words else None


def imply(run: Run, line: MetricLine) -> Implied | None:
    """What one metric line implies; None without a pair or without a family or tokens to measure by."""
    if line.val_loss is None or line.val_loss <= 0.0 or line.val_bpb <= 0.0:
        return None
    return imply_pair(run, line.val_loss, line.val_bpb)


def imply_pair(run: Run, val_loss: float, val_bpb: float) -> Implied | None:
    """What a pair implies on the validation split that a run read."""
    tokens = run.val_tokens.value if run.val_tokens is not None else None
    family = family_of(run)
    if family is not None:
        if tokens is None:
            family = closest_family(family, val_loss, val_bpb)
        return imply_ratio(family, val_loss, val_bpb, tokens)
    if not tokens:
        return None
    tokens_per_byte = val_bpb * math.log(2.0) / val_loss
    deviation = tokens / tokens_per_byte / CANONICAL_BYTES - 1.0
    return _implied("unknown tokenizer", tokens, tokens_per_byte, deviation, val_bpb, NOTE)


def closest_family(named: Family, val_loss: float, val_bpb: float) -> Family:
    """The named family, or where the tokens are unknown another one that the ratio fits exactly.

    A path in a log or a script may be a default that the run did not use.
    """
    for family in (named, *FAMILIES, BYTE):
        if abs(imply_ratio(family, val_loss, val_bpb).deviation) <= PASS:
            return family
    return named


def imply_ratio(family: Family, val_loss: float, val_bpb: float, tokens: int | None = None) -> Implied:
    """What a pair implies in a family: by ratio, as a split cut to the sequence length loses both alike."""
    tokens_per_byte = val_bpb * math.log(2.0) / val_loss
    deviation = family.tokens_per_byte / tokens_per_byte - 1.0
    return _implied(family.name, tokens, tokens_per_byte, deviation, val_bpb, PASS)


def _implied(
    family: str, tokens: int | None, tokens_per_byte: float, deviation: float, bpb: float, pass_limit: float
) -> Implied:
    return Implied(
        family=family,
        implied_bytes=round(tokens / tokens_per_byte) if tokens else None,
        deviation=deviation,
        corrected_bpb=bpb * (1.0 + deviation),
        pass_limit=pass_limit,
        fail_limit=NOTE,
    )
