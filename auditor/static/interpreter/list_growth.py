"""How many elements each turn of a loop gives a list, on every path of the turn.

A list is aligned with a loop, its element i that of turn i, where each turn adds one whatever way it takes. The counts
stand in the list (`APPENDED`) and are joined as other cells are; what is kept here is what arms that added nothing
left in them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from auditor.solver.expressions import Expr, Symbol
from auditor.solver.operations import operation
from auditor.static.domain.flow import Changes, Status
from auditor.static.domain.heap import APPENDED, MISSING, Holder, Key, Obj, is_count_of_a_turn
from auditor.static.domain.provenance import CLEAN
from auditor.static.domain.values import Const
from auditor.static.interpreter.countdown import Countdown, linear_in
from auditor.static.interpreter.frames import Frames
from auditor.static.interpreter.heap import Heap
from auditor.static.interpreter.recorder import Recorder

NONE_ADDED = Const(0)
"""What a list was given where nothing says that it was given anything."""

ENDS_EARLY = ("continue", "return")
"""How an arm ends that is joined where its turn or its call does: what is added behind it, it never adds."""


@dataclass(frozen=True, slots=True)
class Around:
    """What a turn of a loop stands in.

    Attributes:
        entry: of the loop.
        undecided: how many calls and expressions that may not be evaluated at all.
        trying: how many blocks whose exceptions are caught.
    """

    entry: int
    undecided: int
    trying: int


@dataclass(frozen=True, slots=True)
class End:
    """Where a loop is broken off by a position that went too far.

    Attributes:
        countdown: the loop goes on while it is not negative.
        filled: by their numbers, the lists to which the turn had added one element before.
    """

    countdown: Countdown
    filled: frozenset[int]

    def turns(self, number: int) -> Expr:
        """How many turns added to a list: those that went on, and the one that ended it if it had added before."""
        before = operation("max", self.countdown.turns, Expr(0))
        return before + 1 if number in self.filled else before


class ListGrowth:
    """Counts what turns add to lists, and what arms that end early had added.

    Attributes:
        broken_off: loops that may not have gone through all their turns.
        ends: for such a loop, where a position that went too far ended it.
        ends_unknown: such loops that something else may have ended.
    """

    def __init__(self, recorder: Recorder, frames: Frames, heap: Heap) -> None:
        self.recorder = recorder
        self.frames = frames
        self.heap = heap
        self.around: list[Around] = []
        self.arms = 0
        self.counts: list[tuple[Holder, Key]] = []
        self.before_turn, self.before_call = 0, 0
        self.broken_off: set[int] = set()
        self.ends: dict[int, list[End]] = {}
        self.ends_unknown: set[int] = set()

    @contextmanager
    def in_turn(self, entry: int) -> Iterator[None]:
        """A turn of a loop runs; what arms that broke off left is joined before it ends."""
        before, self.before_turn = self.before_turn, len(self.counts)
        self.around.append(Around(entry, self._undecided, self.frames.trying))
        try:
            yield
        finally:
            self.around.pop()
            self.before_turn = before

    @contextmanager
    def in_call(self) -> Iterator[None]:
        """A function runs; what arms that returned left is joined before it ends."""
        before, self.before_call = self.before_call, len(self.counts)
        try:
            yield
        finally:
            self.before_call = before

    @contextmanager
    def in_arm(self) -> Iterator[None]:
        """An arm of a branch runs, whose counts are joined with the other's."""
        self.arms += 1
        try:
            yield
        finally:
            self.arms -= 1

    def ended(self, entry: int, counter: Symbol, room: Expr) -> bool:
        """Note that a position ends a loop; False where it does not go down turn by turn."""
        factor, start = linear_in(room, counter)
        if factor >= 0:
            return False
        filled = {
            holder.number
            for holder, key in self.counts[self.before_turn :]
            if isinstance(holder, Obj) and isinstance(key, tuple) and key[1] == entry
        }
        self.ends.setdefault(entry, []).append(End(Countdown(start, -factor), frozenset(filled)))
        return True

    def turns_taken(self, entry: int, number: int, count: Expr | None) -> Expr | None:
        """How many elements a loop gave a list that got one in each turn: one of all its turns, or of those it took.

        Args:
            number: of the list.
            count: how many turns the loop takes if nothing ends it.
        """
        if entry not in self.broken_off:
            return count
        if entry in self.ends_unknown or entry not in self.ends:
            some = Expr.of(Symbol("opaque", (("turns", entry),), 0))
            return None if count is None else operation("min", some, count)
        taken = [end.turns(number) for end in self.ends[entry]]
        return operation("min", *taken) if count is None else operation("min", count, *taken)

    def broke_off(self, entry: int) -> None:
        """A loop may not have gone through all its turns, and where it ended is not known."""
        self.broken_off.add(entry)
        self.ends_unknown.add(entry)

    @property
    def _undecided(self) -> int:
        return len(self.recorder.certainty) - self.arms

    def one_more(self, target: Obj, entries: Sequence[int]) -> None:
        """An element was added to a list in the turn that runs; `entries` are the loops younger than the list."""
        if not self.recorder.running:
            return
        loop = self.recorder.running[-1]
        cell = (APPENDED, loop.entry, loop.iteration)
        before = target.d.get(cell, NONE_ADDED)
        sure = entries and not self._may_be_left_out(entries[0])
        count = before.value if sure and isinstance(before, Const) else None
        self.heap.put(target, cell, Const(count + 1) if isinstance(count, int) else CLEAN)
        self.counts.append((target, cell))

    def _may_be_left_out(self, entry: int) -> bool:
        """Whether a turn of this loop may end without what stands here, branches left out: they are joined."""
        around = next((around for around in self.around if around.entry == entry), None)
        return around is None or self._undecided > around.undecided or self.frames.trying > around.trying

    def of_the_other(self, mark: int, dead: Status) -> Changes:
        """The counts at a mark, for the arm that is not the present one and may have added nothing since.

        Of an arm that breaks off: of all lists that its turn or call added to; else of those that the present arm did.
        """
        if dead not in (None, *ENDS_EARLY):
            return {}
        at_mark = self.heap.trail.changed(mark)
        if dead is None:
            cells = [(holder, key) for holder, key, _ in at_mark.values() if is_count_of_a_turn(key)]
        else:
            cells = self._since(dead)
        found: Changes = {}
        for holder, key in cells:
            cell = id(holder), key
            before = at_mark[cell][2] if cell in at_mark else holder.d.get(key, MISSING)
            found[cell] = holder, key, NONE_ADDED if before is MISSING else before
        return found

    def of_none(self, status: Status) -> Changes:
        """What an arm that broke off left in lists that were added to only later: nothing."""
        if status not in ENDS_EARLY:
            return {}
        return {(id(holder), key): (holder, key, NONE_ADDED) for holder, key in self._since(status)}

    def _since(self, status: Status) -> list[tuple[Holder, Key]]:
        """The counts that were written since the turn began that goes on to the next, or the call that returns."""
        return self.counts[self.before_turn if status == "continue" else self.before_call :]


def counts_of(target: Obj) -> dict[tuple[object, ...], object]:
    """What each turn of each loop gave a list, by the cell that holds it; `Const` where it is known."""
    return {
        name: value
        for name, value in target.d.items()
        if isinstance(name, tuple) and is_count_of_a_turn(name)
    }
