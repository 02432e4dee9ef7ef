"""Loops of a trace: which choose the tokens, which repeat them, and in which column of the axis an event stands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from auditor.solver.expressions import Expr, Symbol
from auditor.trace.events import Event, Score, Update
from auditor.trace.region import Region
from auditor.trace.trace import Trace
from auditor.trace.tree import Node

TokenEvent = Score | Update
Key = tuple[int, ...]
WHOLE: Key = ()

CALIBRATION = "calibration"
"""How an update changes a state that only measures the tokens, as a quantiser's statistics do."""

MAX_DEPTH = 3
"""Loops inside each other that make columns of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """The columns from `low` to `high`, each a turn of the outer loop, of the next one, …; () is no bound."""

    low: Key
    high: Key

    def holds(self, column: Key) -> bool:
        return column[: len(self.low)] >= self.low and column[: len(self.high)] <= self.high


class Loops:
    """What the picture asks of the loops around the events that it shows."""

    def __init__(self, trace: Trace, shown: Sequence[TokenEvent]) -> None:
        self._node = {entry: node for node in trace.root.walk() for entry in node.entries}
        self._inside: dict[int, set[type]] = {}
        fed: dict[type, set[int]] = {Score: set(), Update: set()}
        holds: dict[type, set[int]] = {Score: set(), Update: set()}
        for event in shown:
            kind = type(event)
            for node, _ in self.around(event):
                self._inside.setdefault(id(node), set()).add(kind)
                holds[kind].add(id(node))
            for entry in {entry for region in event.regions for entry, _ in _counters(region)}:
                if entry in self._node:
                    fed[kind].add(id(self._node[entry]))
        # a loop is over tokens if it chooses those that are learnt from, or where nothing is learnt, those scored
        self._over_tokens = fed[Update] | (fed[Score] - holds[Update])

    def around(self, event: Event) -> list[tuple[Node, int]]:
        """The loops around an event with the turn it is in, outermost first."""
        found = [(self._node.get(turn.entry), turn.iteration) for turn in event.turns]
        return [(node, iteration) for node, iteration in found if node is not None]

    def is_mixed(self, node: Node) -> bool:
        """Whether scores and updates take turns in the loop."""
        return len(self._inside.get(id(node), ())) > 1

    def is_over_tokens(self, node: Node) -> bool:
        return id(node) in self._over_tokens

    def splits(self, event: TokenEvent) -> list[tuple[Node, int]]:
        """The loops whose turns are rows: those that mix scores and updates, and epochs outside of them.

        A calibration is one row however often it is repeated: it only measures.
        """
        kept, inside = [], isinstance(event, Update) and event.how == CALIBRATION
        for node, iteration in self.around(event):
            mixed = self.is_mixed(node)
            if mixed or not (self.is_over_tokens(node) or inside):
                kept.append((node, iteration))
            inside = inside or (mixed and self.is_over_tokens(node))
        return kept

    def folded(self, event: TokenEvent) -> list[Node]:
        """Repetitions that are drawn as one row, with their count."""
        rows = {id(node) for node, _ in self.splits(event)}
        return [
            node for node, _ in self.around(event) if id(node) not in rows and not self.is_over_tokens(node)
        ]

    def column_loops(self, event: TokenEvent) -> list[Node]:
        """The loops that make the columns for an event: those that mix, else the outermost that chooses tokens."""
        entries = {entry for region in event.regions for entry, _ in _counters(region)}
        around = [self._node[turn.entry] for turn in event.turns if turn.entry in self._node]
        foreign = [self._node[e] for e in sorted(entries) if e in self._node]
        chosen = {id(self._node[e]) for e in entries if e in self._node}
        nodes: dict[int, Node] = {}
        for node in [*around, *foreign]:
            if id(node) in chosen:
                nodes.setdefault(id(node), node)
        found = list(nodes.values())
        mixed = [node for node in found if self.is_mixed(node) and self.is_over_tokens(node)]
        return (mixed or found[:1])[:MAX_DEPTH]

    def reaches(self, event: TokenEvent, depth: int) -> list[Reach]:
        """The columns of an event's tokens, each at most `depth` turns long."""
        loops = self.column_loops(event)[:depth]
        found = []
        for region in event.regions:
            if region.source != "val":
                continue
            if region.start is None or region.stop is None:
                key = self._key(region.turns, loops)
                reach = Reach(low=key, high=key)
            else:
                low, high = (self._key(_turns_of(e), loops) for e in (region.start, region.stop))
                # a bound that depends on no turn is an end of the split
                reach = Reach(low=low, high=high if len(high) >= len(low) else low)
            if reach not in found:
                found.append(reach)
        return found

    def _key(self, counters: Iterable[Symbol], loops: Sequence[Node]) -> Key:
        turns: dict[int, int] = {}
        for symbol in counters:
            entry, turn = symbol.args[0], symbol.args[1]
            if isinstance(entry, int) and isinstance(turn, int) and entry in self._node:
                node = id(self._node[entry])
                turns[node] = max(turn, turns.get(node, 0))
        key = []
        for node_ in loops:
            if id(node_) not in turns:
                break
            key.append(turns[id(node_)])
        return tuple(key)


def _turns_of(bound: Expr) -> frozenset[Symbol]:
    return bound.iterations()


def _counters(region: Region) -> set[tuple[int, int]]:
    found = set()
    for symbol in region.iterations:
        entry, turn = symbol.args[0], symbol.args[1]
        if isinstance(entry, int) and isinstance(turn, int):
            found.add((entry, turn))
    return found
