"""Methods that change what they are called on: `fill_`, `copy_`, `add_` and their like."""

from __future__ import annotations

import ast
from dataclasses import replace

from auditor.static.domain.heap import BOUNDS, TOUCHED, Obj
from auditor.static.domain.provenance import UNKNOWN, Data
from auditor.static.domain.values import Const, Value
from auditor.static.interpreter.decisions import Machine
from auditor.static.transfer.tables import TABLE_WRITES


class InPlace(Machine):
    """What becomes of values that are changed in place."""

    def reset_method(
        self, owner: Value, targets: frozenset[Obj], record: Data, args: list[Value], node: ast.AST, name: str
    ) -> Value:
        for target in sorted(targets, key=lambda o: o.number):
            self.spoil(target)
            if target.kind == "tensor":
                self.reset(target, node, name)
                if self.misgivings(target):
                    self.put(target, "#doubts", frozenset())
                filling = (
                    0 if name == "zero_" else args[0].value if args and isinstance(args[0], Const) else None
                )
                self.put(target, "#content", Data(rank=record.rank))
                if filling == 0 and filling is not None:
                    self.put(target, "#empty", True)
                    self.trail.drop(target, TOUCHED)
                    self.trail.drop(target, BOUNDS)
                else:
                    self.put(target, TOUCHED, True)
        return owner

    def is_of_this_turn(self, target: Obj, given: Data) -> bool:
        """Whether an array is made anew in each turn of the loops that choose the tokens it is filled by.

        Nothing of it is left when the next ones come; what it holds is in what is computed from it in this turn.
        """
        entries = {loop.entry for loop in self.running}
        turns = {atom.args[0] for region in given.regions for atom in region.iterations}
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
        given = self.mix(*args, *keywords.values())
        for target in sorted(targets, key=lambda o: o.number):
            self.spoil(target)
            self.put(target, TOUCHED, True)
            if name in TABLE_WRITES and target.kind == "tensor" and self.is_of_this_turn(target, given):
                self.put(
                    target, "#content", replace(self.taken_in(self.content(target), given.plain()), most=None)
                )
            elif name in TABLE_WRITES and given.regions and target.kind != "module":
                self.put(target, "#table", True)
                self.update(target, given.regions, node, "table", name)
            elif target.kind == "tensor":
                content = target.d.get("#content")
                known = content if isinstance(content, Data) else UNKNOWN
                if name == "copy_":
                    self.put(target, "#content", given)
                    self.put(target, "#history", given.updates)
                else:
                    changed = replace(self.taken_in(known, given), most=None)
                    self.put(target, "#content", self.changed_in_place(name, target, args, changed, node))
                if given.updates - self.own_history(target) and name != "copy_":
                    self.put(target, "#history", self.own_history(target) | given.updates)
            elif target.kind in ("module", "list", "dict"):
                if name == "copy_":
                    if given.regions and not given.losses:
                        self.update(target, given.regions, node, "in place", name)
                    elif self.history(target) or given.updates:
                        self.copy_state(target, given, node)
                elif given.regions:
                    self.update(
                        target, given.regions, node, "gradient" if "grad" in given.marks else "in place", name
                    )
                elif given.updates - self.own_history(target):
                    self.put(target, "#history", self.own_history(target) | given.updates)
        if not targets and isinstance(owner, Data):
            written = given if name == "copy_" else self.mix(owner, given)
            if name not in ("copy_", "add_", "sub_", "mul_", "div_") and given.losses - owner.losses:
                written = self.select(written, node, name)
            return written
        return owner
