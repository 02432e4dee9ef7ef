"""The denominator of bits per byte: where lengths looked up by validation tokens are added up.

A sum over validation tokens is a `Count`. What the tables hold is told by `auditor.static.transfer.tokenizers` and
`auditor.static.effects.token_tables`.
"""

from __future__ import annotations

import ast
from dataclasses import replace

from auditor.program.operators import ELEMENTWISE
from auditor.static.ast_text import ast_text
from auditor.static.domain.by_token_kind import (
    ByKind,
    by_pair,
    elementwise,
)
from auditor.static.domain.provenance import THINNED, Data
from auditor.static.domain.taint import NO_LOOKS
from auditor.static.effects.events import Scoring
from auditor.static.interpreter.machine import Machine
from auditor.trace.events import Count, CountHow, Load
from auditor.trace.region import Region
from auditor.trace.token_bytes import compared

BYTES_SOURCE = "bytes"
"""The source of regions of a byte sidecar: lengths stored by position beside the validation tokens."""

Summed = tuple[object, ...]
NO_ORIGINS: frozenset[int] = frozenset()


class ByteCounts:
    """Records what is counted with tables by token id, and with lengths stored beside the tokens."""

    def __init__(self, machine: Machine, scoring: Scoring) -> None:
        self.machine = machine
        self.recorder = machine.recorder
        self.scoring = scoring
        self.sums: dict[int, tuple[Summed, ByKind]] = {}

    def counted(self, record: Data, node: ast.AST) -> Data:
        """Bytes of tokens are added up."""
        by_kind, numbers = record.by_kind, set(record.origins)
        plain = replace(record, by_kind=None)
        if record.losses:
            return plain
        if by_kind is not None and any(isinstance(axis, frozenset) for axis in by_kind.axes):
            numbers.add(self.count(by_kind, node, record.origins, masked=THINNED in record.marks))
            plain = replace(plain, looks=NO_LOOKS)  # a number of bytes is in no token's probability
        stored = frozenset(region for region in record.regions if region.source == BYTES_SOURCE)
        if stored:
            numbers.add(self.stored_count(stored, node))
            plain = replace(plain, regions=plain.regions - stored)
        return replace(plain, origins=frozenset(numbers))

    def count(
        self,
        by_kind: ByKind,
        node: ast.AST,
        origins: frozenset[int] = NO_ORIGINS,
        turn: tuple[object, ...] | None = None,
        *,
        masked: bool = False,
    ) -> int:
        where = turn if turn is not None else tuple((r.entry, r.iteration) for r in self.recorder.running)
        key = (self.recorder.place(node), by_kind.axes, id(by_kind.values), where)
        number = self.scoring.known_counts.get(key)
        if number is None:
            target = by_pair(by_kind, precedes)
            axes = [axis for axis in by_kind.axes if isinstance(axis, frozenset)]
            how = how_counted(target)
            read = any(isinstance(self.machine.apply.origin(number), Load) for number in origins)
            event = Count(
                **self.recorder.common(node),
                regions=axes[0] if axes else frozenset(),
                how="file" if read and how == "unknown" else how,
                what=ast_text(node) if isinstance(node, ast.expr) else "",
                counts=target,
                masked=masked,
            )
            self.recorder.record(event)
            number = self.scoring.known_counts[key] = event.number
            self.sums[number] = ((frozenset(axes), where), by_kind)
        return number

    def stored_count(self, stored: frozenset[Region], node: ast.AST) -> int:
        key = (self.recorder.place(node), stored)
        number = self.scoring.known_counts.get(key)
        if number is None:
            regions = frozenset(replace(region, source="val") for region in stored)
            what = ast_text(node) if isinstance(node, ast.expr) else ""
            event = Count(**self.recorder.common(node), regions=regions, how="sidecar", what=what)
            self.recorder.record(event)
            number = self.scoring.known_counts[key] = event.number
        return number

    def added(self, old: frozenset[int], new: frozenset[int], node: ast.AST) -> frozenset[int]:
        """Origins of a sum: counts of the same tokens in the same turn are one count."""
        if not old or not new:
            return old | new
        out = set(old | new)
        for first in sorted(old & self.sums.keys()):
            for second in sorted(new & self.sums.keys()):
                (tokens, turn), a = self.sums[first]
                (others, other_turn), b = self.sums[second]
                related = tokens <= others or others <= tokens  # type: ignore[operator]
                if first != second and related and turn == other_turn:
                    total = elementwise(ELEMENTWISE[ast.Add], a, b)
                    if total is not None:
                        out -= {first, second}
                        out.add(self.count(total, node, turn=turn))  # type: ignore[arg-type]
        return frozenset(out)


def how_counted(counts: tuple[float | None, ...]) -> CountHow:
    """ "table" where each kind has its own length, "uniform" where all text tokens count alike, else "unknown"."""
    inside = [c for c in compared(counts) if c.kind.common and not c.before.boundary]
    common = {c.count for c in inside}
    unmarked = {c.count for c in inside if c.kind.size > 1 and not c.kind.leading}
    if not inside or None in common or (unmarked == {0.0} and common != {0.0}):
        return "unknown"  # with nothing for a plain piece the greater part of its length was not followed
    return "uniform" if len(common) == 1 else "table"


def precedes(first: object, second: object) -> bool | None:
    """Whether the first tokens stand one position before the second; None if their places do not tell."""
    if not isinstance(first, frozenset) or not isinstance(second, frozenset):
        return None
    if len(first) != 1 or len(second) != 1:
        return None
    (a,), (b,) = first, second
    if a.start is None or b.start is None:
        return None
    difference = b.start - a.start
    if not difference.is_constant or abs(difference.constant) != 1:
        return None
    return bool(difference.constant == 1)
