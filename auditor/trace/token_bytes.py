"""How many bytes of text a token stands for: the measure that the denominator of bits per byte is held against.

A tokenizer has thousands of pieces and a handful of kinds of them. A table of byte lengths treats all pieces
of a kind alike, so one model piece of each kind tells what the table does. The count is that of the upstream
trainer, equal to the bytes of `sp.decode` over each document: nothing for control, unknown and unused
pieces; one for a byte piece; else the UTF-8 length without one leading U+2581, and one more for that mark
where a token stands before it that is not control, unknown or unused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

DOCUMENTS = 50_000
"""Documents of the validation split; each has one BOS, and no other control, unknown or unused token."""
TOTAL_BYTES = 151_080_891
"""Bytes of the split, counted over the decoded text."""
TOLERATED = 2.5e-3
"""Deviations of the total up to here are remarks, as in logs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenKind:
    """A kind of tokens and the model piece that stands for it.

    Attributes:
        name: for display.
        number: the model piece's id: small for specials, then bytes, then pieces, as SentencePiece orders them.
        piece: as the vocabulary spells it.
        text: what it decodes to at the beginning of a text.
        size: bytes without a leading space.
        leading: whether a space mark leads.
        boundary: control, unknown or unused: no text of its own, and no space after it.
        common: whether the validation text is full of such tokens; others occur once a document at most.
    """

    name: str
    number: int
    piece: str
    text: str
    size: int
    leading: bool = False
    boundary: bool = False
    common: bool = True


KINDS = (
    TokenKind(name="control", number=1, piece="<s>", text="", size=0, boundary=True, common=False),
    TokenKind(name="unknown", number=3, piece="<unk>", text=" ⁇ ", size=0, boundary=True, common=False),
    TokenKind(name="byte", number=230, piece="<0xE2>", text="�", size=1),
    TokenKind(name="plain", number=300, piece="ing", text="ing", size=3),
    TokenKind(name="space", number=301, piece="▁the", text="the", size=3, leading=True),
    TokenKind(name="lone space", number=302, piece="▁", text="", size=0, leading=True),
    TokenKind(name="accented", number=303, piece="née", text="née", size=4),
    TokenKind(name="accented space", number=304, piece="▁été", text="été", size=5, leading=True),
    TokenKind(name="unused", number=305, piece="<unused>", text="", size=0, boundary=True, common=False),
)


def canonical(before: TokenKind, kind: TokenKind) -> int:
    """The bytes of a token after another one."""
    if kind.boundary:
        return 0
    return kind.size + (1 if kind.leading and not before.boundary else 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What a script counts for one kind of token.

    Attributes:
        kind: the token's kind.
        before: the kind of the token before it.
        count: what the script adds; None where it could not be followed.
        right: what it should add.
    """

    kind: TokenKind
    before: TokenKind
    count: float | None
    right: int


def compared(counts: tuple[float | None, ...]) -> Iterator[Counted]:
    """Each pair of kinds with what is counted for it.

    Args:
        counts: row by row, one row for each kind of the token before, in the order of `KINDS`; or nothing.
    """
    pairs = [(before, kind) for before in KINDS for kind in KINDS]
    for (before, kind), count in zip(pairs, counts, strict=False):
        yield Counted(kind=kind, before=before, count=count, right=canonical(before, kind))


def faults(counts: tuple[float | None, ...]) -> list[Counted]:
    """Kinds of token that are counted otherwise than they decode so that the total is wrong, each once."""
    found = {c.kind.name: c for c in compared(counts) if _is_fault(c) and _matters(c)}
    return list(found.values())


def rare_faults(counts: tuple[float | None, ...]) -> list[Counted]:
    """What is counted otherwise than it decodes, but too rarely for the total; each kind once."""
    found = {c.kind.name: c for c in compared(counts) if _is_fault(c) and not _matters(c)}
    return list(found.values())


def _is_fault(counted: Counted) -> bool:
    return counted.count is not None and counted.count != counted.right


def _matters(counted: Counted) -> bool:
    """Whether a wrong count of the kind moves the total: text inside documents does, a BOS by its size."""
    if counted.kind.common:
        return not counted.before.boundary
    once = counted.kind.name == "control"
    return once and (counted.count or 0.0) * DOCUMENTS > TOLERATED * TOTAL_BYTES
