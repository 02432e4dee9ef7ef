"""The library `operator`: each function does what the operator itself does."""

from __future__ import annotations

import ast

from auditor.static.domain.heap import Obj
from auditor.static.domain.values import Const, LibraryRef, Partial, TupleValue, Value
from auditor.static.interpreter.machine import Machine
from auditor.static.transfer.item_assignment import Stores

OPERATORS: dict[str, type[ast.operator]] = {
    "add": ast.Add, "sub": ast.Sub, "mul": ast.Mult, "truediv": ast.Div, "floordiv": ast.FloorDiv, "mod": ast.Mod,
    "pow": ast.Pow, "matmul": ast.MatMult, "and_": ast.BitAnd, "or_": ast.BitOr, "xor": ast.BitXor,
    "lshift": ast.LShift, "rshift": ast.RShift, "concat": ast.Add,
}  # fmt: skip
COMPARISONS: dict[str, type[ast.cmpop]] = {
    "lt": ast.Lt, "le": ast.LtE, "gt": ast.Gt, "ge": ast.GtE, "eq": ast.Eq, "ne": ast.NotEq,
}  # fmt: skip
UNARY: dict[str, type[ast.unaryop]] = {
    "neg": ast.USub, "pos": ast.UAdd, "invert": ast.Invert, "inv": ast.Invert,
}  # fmt: skip


class Operators:
    """Calls of `operator`."""

    def __init__(self, machine: Machine, item_assignment: Stores) -> None:
        self.machine = machine
        self.frames = machine.frames
        self.heap = machine.heap
        self.views = machine.views
        self.item_assignment = item_assignment

    def called(self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        """What a function of `operator` gives; None if it is none of these."""
        if not name.startswith("operator."):
            return None
        name = name.removeprefix("operator.")
        if name == "call" and args:
            return self.machine.apply.call(args[0], args[1:], keywords, node)
        if name in ("methodcaller", "attrgetter", "itemgetter"):
            packed = self.heap.allocate("dict", node)
            packed.d.update({("key", k): v for k, v in keywords.items()})
            return Partial(LibraryRef(f"operator.#{name}"), (TupleValue(tuple(args)), packed), ())
        if name in ("#methodcaller", "#attrgetter", "#itemgetter") and len(args) == 3:
            return self.got_by_operator(name, args, node)
        if name == "getitem" and len(args) == 2:
            return self.machine.evaluate.item_at(args[0], args[1], node)
        if name == "setitem" and len(args) == 3:
            if not self.machine.evaluate.store_item(args[0], args[1], args[2], node):
                self.item_assignment.store(
                    args[0], args[1], args[2], node, self.frames.globals, augmented=False
                )
            return Const(None)
        if name == "delitem" and len(args) == 2:
            self.machine.evaluate.implicit(args[0], "__delitem__", args[1:], node)
            return Const(None)
        if name == "contains" and len(args) == 2:
            return self.machine.evaluate.contained(args[1], args[0], node)
        if name in ("truth", "not_") and args:
            return self.machine.evaluate.tested(args[0], node)
        if name in OPERATORS and len(args) == 2:
            return self.machine.evaluate.binary_by_method(OPERATORS[name](), args[0], args[1], node)
        if name[:1] == "i" and name[1:] in OPERATORS and len(args) == 2:
            found = self.machine.evaluate.operated_in_place(OPERATORS[name[1:]](), args[0], args[1], node)
            if found is None and isinstance(args[0], Obj):
                return self.machine.apply.call_method(args[0], f"{name[1:]}_", args[1:], {}, node)
            return (
                self.machine.evaluate.binary_by_method(OPERATORS[name[1:]](), args[0], args[1], node)
                if found is None
                else found
            )
        if name in COMPARISONS and len(args) == 2:
            return self.machine.evaluate.compared_by_method(COMPARISONS[name](), args[0], args[1], node)
        if name in UNARY and args:
            return self.machine.evaluate.unary_by_method(UNARY[name](), args[0], node)
        return None

    def got_by_operator(self, name: str, args: list[Value], node: ast.AST) -> Value:
        """What `methodcaller(…)`, `attrgetter(…)` and `itemgetter(…)` do with what they are called on."""
        asked, packed, owner = args
        wanted = list(self.machine.evaluate.exact_items(asked) or ())
        if name == "#itemgetter":
            found = [self.machine.evaluate.item_at(owner, key, node) for key in wanted]
            return found[0] if len(found) == 1 else TupleValue(tuple(found))
        if not wanted or not all(isinstance(w, Const) for w in wanted[:1]):
            return self.views.mix(owner)
        path = str(getattr(wanted[0], "value", "")).split(".")
        for part in path:
            owner = self.machine.evaluate.attribute(owner, part, node)
        if name == "#attrgetter":
            return owner
        return self.machine.apply.call(
            owner, wanted[1:], dict(self.machine.apply.entries_of([packed], {})), node
        )
