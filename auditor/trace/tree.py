"""The tree of a trace: which event happened in which function, loop and branch.

A loop body that the witness ran several times stands once, with the events of all turns merged by their place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from auditor.trace.answer import Answer
from auditor.trace.events import Event, Place


@dataclass(slots=True, kw_only=True)
class Node:
    """A part of the tree.

    Attributes:
        kind: "root", "call", "loop", "branch" or "event".
        text: function name, loop variable, condition, or "" for events.
        place: where it stands.
        detail: for loops what is iterated; for branches the arm ("if", "else").
        taken: for branches whether the arm runs; MAYBE if the configuration does not settle it.
        count: for loops the number of turns, where known.
        settings: environment names that the branch or the loop's domain depends on.
        events: for kind "event" the occurrences, one per abstract turn.
        children: inner nodes in the order of first occurrence.
    """

    kind: str
    text: str
    place: Place
    detail: str = ""
    taken: Answer = Answer.YES
    count: int | None = None
    settings: tuple[str, ...] = ()
    entries: set[int] = field(default_factory=set)
    events: list[Event] = field(default_factory=list)
    children: list[Node] = field(default_factory=list)
    _index: dict[tuple[str, Place, str], Node] = field(default_factory=dict, repr=False)

    def child(self, kind: str, text: str, place: Place, detail: str = "") -> Node:
        """The inner node of that kind and place, made if it is not there yet."""
        key = (kind + detail, place, text)
        node = self._index.get(key)
        if node is None:
            node = Node(kind=kind, text=text, place=place, detail=detail)
            self._index[key] = node
            self.children.append(node)
        return node

    def walk(self) -> Iterator[Node]:
        yield self
        for child in self.children:
            yield from child.walk()

    def has_events(self) -> bool:
        """Whether anything happens here: nodes without events are not shown."""
        return bool(self.events) or any(child.has_events() for child in self.children)
