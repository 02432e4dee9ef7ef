"""Python's protocols: methods of the script that an operator, a conversion or a statement calls.

`a + b`, `x[i]`, `f"{x}"`, `if x:`, `x in y`, `len(x)` call what the class of the operand defines. Only classes of
the script are looked at here; what libraries define is in their tables.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from auditor.static.domain.heap import Class, Func, NamesView, Obj, View
from auditor.static.domain.provenance import Data
from auditor.static.domain.values import Const, TupleValue, Union, Value
from auditor.static.interpreter.machine import Machine
from auditor.static.syntax.arithmetic import Arithmetic
from auditor.static.transfer.room import TransferRoom
from auditor.trace.answer import Answer

BINARY: dict[type[ast.operator], str] = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "truediv", ast.FloorDiv: "floordiv",
    ast.Mod: "mod", ast.Pow: "pow", ast.MatMult: "matmul", ast.BitAnd: "and", ast.BitOr: "or",
    ast.BitXor: "xor", ast.LShift: "lshift", ast.RShift: "rshift",
}  # fmt: skip
UNARY: dict[type[ast.unaryop], str] = {
    ast.USub: "__neg__", ast.UAdd: "__pos__", ast.Invert: "__invert__",
}  # fmt: skip
COMPARED: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("__lt__", "__gt__"), ast.LtE: ("__le__", "__ge__"), ast.Gt: ("__gt__", "__lt__"),
    ast.GtE: ("__ge__", "__le__"), ast.Eq: ("__eq__", "__eq__"), ast.NotEq: ("__ne__", "__ne__"),
}  # fmt: skip
"""The methods of the left and of the right operand, in the order in which they are tried."""

ORDERINGS = ("__lt__", "__gt__", "__le__", "__ge__")
"""Any of these stands for all (`functools.total_ordering`)."""

TEXTS = {
    "format": ("__format__", "__str__", "__repr__"),
    "str": ("__str__", "__repr__"),
    "repr": ("__repr__",),
}


class SpecialMethods:
    """Calls methods that the text does not name."""

    def __init__(self, machine: Machine, transfer: TransferRoom, arithmetic: Arithmetic) -> None:
        self.machine = machine
        self.frames = machine.frames
        self.recorder = machine.recorder
        self.heap = machine.heap
        self.views = machine.views
        self.decisions = machine.decisions
        self.transfer = transfer
        self.arithmetic = arithmetic

    def special(self, value: Value, name: str) -> Value | None:
        """The special method of that name of a value's class, bound to the value."""
        target = value.base if isinstance(value, View) else value
        cls = target.meta if isinstance(target, Class) else target.cls if isinstance(target, Obj) else None
        if cls is None:
            return None
        method = cls.find(name)
        if method is not None:
            if isinstance(target, Obj) and target.kind == "module" and not self.makes_events(method):
                return None  # a module's arithmetic is not entered
            return replace(method, instance=value)
        attribute = cls.get(name)
        return (
            attribute if attribute is not None and self.machine.evaluate.is_callable_here(attribute) else None
        )

    def makes_events(self, method: Func) -> bool:
        """Whether the text of a function trains, writes or prints, directly or through functions of the script."""
        body = [method.node.body] if isinstance(method.node, ast.Lambda) else method.node.body
        return self.transfer.calls.following.interesting(body)

    def implicit(self, value: Value, name: str, args: Sequence[Value], node: ast.AST) -> Value | None:
        """Have the script's special method answer; None where its class has none."""
        if isinstance(value, Union):
            ways = [option for option in value.options if self.special(option, name) is not None]
            if not ways:
                return None
            self.recorder.certainty.append(Answer.MAYBE)
            try:
                return self.transfer.calls.either(
                    [partial(self.certainly, way, name, args, node) for way in ways]
                )
            finally:
                self.recorder.certainty.pop()
        method = self.special(value, name)
        return None if method is None else self.transfer.calls.call(method, list(args), {}, node)

    def certainly(self, value: Value, name: str, args: Sequence[Value], node: ast.AST) -> Value:
        found = self.implicit(value, name, args, node)
        assert found is not None
        return found

    def first_implicit(
        self, value: Value, names: Sequence[str], args: Sequence[Value], node: ast.AST
    ) -> Value | None:
        """The answer of the first of several special methods that there is."""
        for name in names:
            found = self.implicit(value, name, args, node)
            if found is not None:
                return found
        return None

    # operators
    def binary_by_method(self, op: ast.operator, left: Value, right: Value, node: ast.AST) -> Value:
        """A binary operation, by the operands' own methods where they have them."""
        name = BINARY[type(op)]
        found = self.implicit(left, f"__{name}__", [right], node)
        if found is None or self.declines(found):
            other = self.implicit(right, f"__r{name}__", [left], node)
            found = other if other is not None else found
        if isinstance(op, ast.Mod) and isinstance(left, Const) and isinstance(left.value, str):
            self.formatted(right, "str", node)
        return self.arithmetic.binary(op, left, right, node) if found is None else found

    def declines(self, answer: Value) -> bool:
        """Whether a method answered `NotImplemented`."""
        return getattr(answer, "name", "") == "builtins.NotImplemented"

    def operated_in_place(self, op: ast.operator, left: Value, right: Value, node: ast.AST) -> Value | None:
        """`left op= right` by methods of the script; None where there are none."""
        name = BINARY[type(op)]
        found = self.first_implicit(left, (f"__i{name}__", f"__{name}__"), [right], node)
        return found if found is not None else self.implicit(right, f"__r{name}__", [left], node)

    def unary_by_method(self, op: ast.unaryop, value: Value, node: ast.AST) -> Value | None:
        return self.implicit(value, UNARY[type(op)], [], node) if type(op) in UNARY else None

    def compared_by_method(self, op: ast.cmpop, left: Value, right: Value, node: ast.AST) -> Value | None:
        """A comparison by methods of the script; None where there are none."""
        if isinstance(op, (ast.In, ast.NotIn)):
            return self.contained(left, right, node)
        if type(op) not in COMPARED:
            return None
        own, reflected = COMPARED[type(op)]
        found = self.implicit(left, own, [right], node)
        if found is None or self.declines(found):
            other = self.implicit(right, reflected, [left], node)
            found = other if other is not None else found
        if found is None and isinstance(op, ast.NotEq):
            found = self.compared_by_method(ast.Eq(), left, right, node)
        if found is None and own in ORDERINGS:
            found = self.first_implicit(left, ORDERINGS, [right], node)
        return found

    def contained(self, item: Value, container: Value, node: ast.AST) -> Value | None:
        """`item in container`: by `__contains__`, by going through it, or by comparing with what it holds."""
        found = self.implicit(container, "__contains__", [item], node)
        if found is not None:
            return self.tested(found, node)
        for name, args in (("__iter__", []), ("__getitem__", [Const(0)])):
            if self.implicit(container, name, args, node) is not None:
                return self.views.mix(container)
        for known in self.machine.evaluate.exact_items(container) or ():
            if self.implicit(item, "__eq__", [known], node) or self.implicit(known, "__eq__", [item], node):
                return self.views.mix(item, container)
        if isinstance(container, Obj) and container.kind == "dict":
            self.hashed(item, node)
        return None

    # conversions
    def tested(self, value: Value, node: ast.AST) -> Value:
        """The value that a test is decided by: of objects, what `__bool__` or `__len__` says."""
        found = self.first_implicit(value, ("__bool__", "__len__"), [], node)
        return value if found is None else found

    def formatted(self, value: Value, way: str, node: ast.AST) -> Value | None:
        """Text of a value by its own methods; of containers, of what they hold."""
        args = [Const("")] if way == "format" else []
        found = self.implicit(value, TEXTS[way][0], args, node)
        if found is None:
            found = self.first_implicit(value, TEXTS[way][1:], [], node)
        if found is None and isinstance(value, (TupleValue, Obj)):
            for item in self.machine.evaluate.exact_items(value) or ():
                self.formatted(item, "repr", node)
        return found

    def hashed(self, value: Value, node: ast.AST) -> None:
        """A value is a key: its hash is taken, and it may be compared."""
        if isinstance(value, TupleValue):
            for item in value.items:
                self.hashed(item, node)
        elif self.implicit(value, "__hash__", [], node) is not None:
            self.recorder.certainty.append(Answer.MAYBE)
            try:
                self.implicit(value, "__eq__", [value], node)
            finally:
                self.recorder.certainty.pop()

    def indexed_by(self, value: Value, node: ast.AST) -> Value:
        """What an index counts as: of objects, what `__index__` says."""
        found = self.implicit(value, "__index__", [], node)
        return value if found is None else found

    # items
    def item_at(self, owner: Value, index: Value, node: ast.AST) -> Value:
        """`owner[index]`."""
        if isinstance(owner, NamesView):
            named = self.transfer.default_methods.name_in(owner, index)
            if named is None and isinstance(owner.owner, Obj) and owner.owner.kind == "module":
                return self.views.data(owner.owner)
            return Data(marks=frozenset(("anything",))) if named is None else named
        if isinstance(owner, Class):
            found = self.implicit(owner, "__getitem__", [index], node)
            hook = owner.find("__class_getitem__")
            if found is None and hook is not None:
                found = self.transfer.calls.call(replace(hook, instance=owner), [index], {}, node)
            return owner if found is None else found
        found = self.implicit(owner, "__getitem__", [index], node)
        if found is not None:
            return found
        index = self.indexed_by(index, node)
        if isinstance(owner, Obj) and owner.kind == "dict":
            self.hashed(index, node)
            made = self.made_where_missing(owner, index, node)
            if made is not None:
                return made
        return self.machine.evaluate.subscript(owner, index, node)

    def made_where_missing(self, owner: Obj, index: Value, node: ast.AST) -> Value | None:
        """The entry that `__missing__` or the factory of a dictionary makes for a key that is not there."""
        known = isinstance(index, Const) and ("key", index.value) in owner.d
        factory = owner.factory
        missing = self.special(owner, "__missing__")
        if known or (missing is None and not isinstance(factory, Value)):
            return None
        if missing is not None:
            made = self.transfer.calls.call(missing, [index], {}, node)
        else:
            assert isinstance(factory, Value)
            made = self.transfer.calls.call(factory, [], {}, node)
            self.transfer.item_assignment.store(
                owner, index, made, node, self.frames.globals, augmented=False
            )
        return (
            self.decisions.join(made, self.machine.evaluate.subscript(owner, index, node))
            if owner.elements
            else made
        )

    def store_item(self, owner: Value, index: Value, value: Value, node: ast.AST) -> bool:
        """`owner[index] = value` by a method of the script; whether there is one."""
        if isinstance(owner, NamesView):
            if isinstance(index, Const):
                self.heap.put(owner.owner, str(index.value), value)
            return True
        if isinstance(owner, Obj) and owner.kind == "dict":
            self.hashed(index, node)
        return self.implicit(owner, "__setitem__", [index, value], node) is not None
