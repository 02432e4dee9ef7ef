"""Methods that change what they are called on: `fill_`, `copy_`, `add_` and their like."""

from __future__ import annotations

import ast
from dataclasses import replace

from auditor.static.domain.heap import Obj
from auditor.static.domain.provenance import CLEAN, SOME_PARTS, Data
from auditor.static.domain.values import Const, Value
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.machine import Machine
from auditor.static.names.tensors import TABLE_WRITES
from auditor.static.transfer.state_dicts import Weights


class InPlace:
    """What becomes of values that are changed in place."""

    def __init__(self, machine: Machine, effects: EffectsRoom, state_dicts: Weights) -> None:
        self.recorder = machine.recorder
        self.heap = machine.heap
        self.views = machine.views
        self.effects = effects
        self.state_dicts = state_dicts

    def reset_method(
        self, owner: Value, targets: frozenset[Obj], record: Data, args: list[Value], node: ast.AST, name: str
    ) -> Value:
        for target in sorted(targets, key=lambda o: o.number):
            self.effects.token_tables.forget_kinds(target)
            if target.kind == "tensor":
                self.effects.scoring.reset(target, node, name)
                if target.doubts:
                    self.heap.put(target, Obj.doubts, frozenset())
                filling = (
                    0 if name == "zero_" else args[0].value if args and isinstance(args[0], Const) else None
                )
                self.heap.put(target, Obj.content, Data(rank=record.rank))
                if filling == 0 and filling is not None:
                    self.heap.put(target, Obj.empty, True)
                    self.heap.trail.drop(target, Obj.touched)
                    self.heap.trail.drop(target, Obj.bounds)
                else:
                    self.heap.put(target, Obj.touched, True)
        return owner

    def is_of_this_turn(self, target: Obj, given: Data) -> bool:
        """Whether an array is made anew in each turn of the loops that choose the tokens it is filled by.

        Nothing of it is left when the next ones come; what it holds is in what is computed from it in this turn.
        """
        entries = {loop.entry for loop in self.recorder.running}
        turns = {symbol.args[0] for region in given.regions for symbol in region.iterations}
        return bool(turns) and turns <= entries <= set(target.loops)

    def in_place(
        self,
        owner: Value,
        targets: frozenset[Obj],
        name: str,
        args: list[Value],
        keywords: dict[str, Value],
        node: ast.AST,
    ) -> Value:
        given = self.views.mix(*args, *keywords.values())
        for target in sorted(targets, key=lambda o: o.number):
            self.effects.token_tables.forget_kinds(target)
            before: Value = Const(0.0) if target.empty and target.touched is None else target
            self.heap.put(target, Obj.touched, True)
            if name in TABLE_WRITES and target.kind == "tensor" and self.is_of_this_turn(target, given):
                written = self.effects.lookups.taken_in(self.views.content(target), given.plain())
                written = self.effects.lookups.placed_by(written, owner, args, node)
                self.heap.put(target, Obj.content, replace(written, most=None))
            elif name in TABLE_WRITES and given.regions and target.kind != "module":
                self.heap.put(target, Obj.table, True)
                self.effects.scoring.update(target, given.regions, node, "table", name)
            elif target.kind == "tensor":
                content = target.content
                known = content if isinstance(content, Data) else CLEAN
                if name == "copy_":
                    self.heap.put(target, Obj.content, given)
                    self.heap.put(target, Obj.history, given.updates)
                else:
                    changed = replace(self.effects.lookups.taken_in(known, given), most=None)
                    self.heap.put(
                        target,
                        Obj.content,
                        self.effects.formula_calls.changed_in_place(
                            name, before, args, keywords, changed, node
                        ),
                    )
                if given.updates - self.views.own_history(target) and name != "copy_":
                    self.heap.put(target, Obj.history, self.views.own_history(target) | given.updates)
            elif target.kind in ("module", "list", "dict"):
                if name == "copy_":
                    if given.regions and not given.losses:
                        self.effects.scoring.update(target, given.regions, node, "in place", name)
                    elif isinstance(owner, Data) and SOME_PARTS in owner.marks:
                        self.state_dicts.copy_part(target, given, node)
                    elif self.views.history(target) or given.updates:
                        self.state_dicts.copy_state(target, given, node)
                elif given.regions:
                    self.effects.scoring.update(
                        target, given.regions, node, "gradient" if "grad" in given.marks else "in place", name
                    )
                elif given.updates - self.views.own_history(target):
                    self.heap.put(target, Obj.history, self.views.own_history(target) | given.updates)
        if not targets and isinstance(owner, Data):
            written = given if name == "copy_" else self.views.mix(owner, given)
            if name not in ("copy_", "add_", "sub_", "mul_", "div_") and given.losses - owner.losses:
                written = self.effects.scoring.select(written, node, name)
            return written
        return owner
