"""Scripts that count their own scores and end with an error unless each token has just one.

    targets[row, a:b] = tokens[begin:end]
    places[row, a:b] = torch.arange(begin, end)      # where these tokens stand
    ...
    scores[places] = loss_of(targets)
    times[places] += 1
    ...
    if (times[1:] != 1).any():
        raise ...

Whatever way the windows were dealt out, a number that such a script prints is made of one score of each token: an entry
of `scores` is written where one of `times` is counted, at the places of the tokens that were scored. That holds while
the four arrays are changed in no other way, but for the entry 0, which stands for padding and is no target.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

from auditor.static.domain.flow import WHOLE
from auditor.static.domain.heap import STORED, Env, Obj
from auditor.static.domain.values import Const, LibraryRef, Value
from auditor.static.effects.side_by_side import Block, Counted, Pair, read_block
from auditor.static.interpreter.machine import Machine
from auditor.trace.events import SelfCheck


class SelfChecks:
    """Follows the arrays of such a check; whatever else is stored into one of them ends that."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.frames = machine.frames
        self.recorder = machine.recorder
        self.heap = machine.heap
        self.views = machine.views
        self.blocks: dict[int, tuple[ast.stmt, Block]] = {}
        self.pairs: dict[int, Pair] = {}
        self.targets: dict[int, Obj] = {}
        self.spoiled: set[int] = set()

    def enter(self, body: Sequence[ast.stmt]) -> Block:
        """Statements are to be executed: what their texts say of stores side by side and of checks."""
        known = self.blocks.get(id(body[0]))  # kept with its answer, so that its identity is not given away
        if known is None:
            known = self.blocks[id(body[0])] = (body[0], read_block(body))
            for pair in known[1].pairs:
                self.pairs[id(pair.first)] = self.pairs[id(pair.second)] = pair
        return known[1]

    def note_target(self, losses: frozenset[int], target: Value) -> None:
        """Scores are taken of the tokens in an array."""
        if isinstance(target, Obj) and target.kind == "tensor":
            self.targets.update(dict.fromkeys(losses, target))

    def stored(self, owner: Obj, index: Value, value: Value, node: ast.AST, env: Env) -> None:
        """Something is stored into an array."""
        if is_padding(index, value):
            return
        pair = self.pairs.get(id(node))
        if pair is None:
            self.spoiled.add(owner.number)
        elif node is pair.second:
            self.stored_second(owner, pair, env)
        elif pair.content is None and not self.are_of_their_places(index, value):
            self.spoiled.add(owner.number)

    def stored_second(self, owner: Obj, pair: Pair, env: Env) -> None:
        """The second of two stores: positions beside the tokens there, or one more beside a score."""
        first = self.machine.evaluate.evaluate(pair.first.value, env)
        if not isinstance(first, Obj) or first.kind != "tensor":
            self.spoiled.add(owner.number)
        elif pair.content is None:
            self.heap.put(owner, Obj.counts, first)
        elif self.is_library(pair.positions, env) and self.is_split(
            self.machine.evaluate.evaluate(pair.content.value, env)
        ):
            self.heap.put(owner, Obj.places_of, first)
        else:
            self.spoiled.add(owner.number)

    def is_library(self, function: ast.expr | None, env: Env) -> bool:
        """Whether it is a library's function, which does what its name says; the script's own may do anything."""
        return function is not None and isinstance(self.machine.evaluate.evaluate(function, env), LibraryRef)

    def is_split(self, value: Value) -> bool:
        """Whether it is the validation tokens as they lie in the split."""
        record = self.views.data(value)
        return record.regions == {WHOLE} and record.rank == 1 and not record.losses

    def are_of_their_places(self, index: Value, value: Value) -> bool:
        """Whether scores are those of the tokens at the places where they are stored."""
        targets = index.places_of if isinstance(index, Obj) else None
        if targets is None or not isinstance(index, Obj) or not self.is_sound(index, targets):
            return False
        losses = self.views.data(value).losses
        return bool(losses) and all(self.targets.get(number) is targets for number in losses)

    def is_sound(self, *arrays: Obj) -> bool:
        """Whether arrays were made of zeros and changed by nothing but such stores."""
        return all(
            array.empty and array.touched in (None, STORED) and array.number not in self.spoiled
            for array in arrays
        )

    def check(self, counted: Sequence[Counted], env: Env, node: ast.AST) -> None:
        """The script ends with an error unless every entry of an array, the first aside, is 1."""
        for asked in counted if not self.frames.trying else ():
            if not all(self.is_library(text, env) for text in asked.through):
                continue
            times = self.machine.evaluate.evaluate(asked.array, env)
            scores = times.counts if isinstance(times, Obj) else None
            if scores is None or not isinstance(times, Obj) or not self.is_sound(times, scores):
                continue
            if scores.length == WHOLE.stop and times.length == WHOLE.stop:
                numbers = tuple(sorted(self.views.data(scores).losses))
                self.recorder.record(SelfCheck(**self.recorder.common(node), scores=numbers))


def is_padding(index: Value, value: Value) -> bool:
    """Whether a zero is stored at the entry 0, which stands for padding."""
    return isinstance(index, Const) and index.value == 0 and isinstance(value, Const) and value.value == 0
