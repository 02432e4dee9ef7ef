"""Python's builtin functions on abstract values."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable
from dataclasses import replace

from auditor.solver.expressions import Expr, Symbol
from auditor.solver.operations import operation
from auditor.static.domain.by_token_kind import ByKind
from auditor.static.domain.heap import Class, Func, NamesView, Obj, View
from auditor.static.domain.provenance import CLEAN, DRAWN, FROM_OUTSIDE, Data
from auditor.static.domain.values import (
    NONE,
    Const,
    Generator,
    Keyed,
    LibraryRef,
    Method,
    SymbolicBool,
    SymbolicInt,
    TupleValue,
    Union,
    Value,
)
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.machine import Machine
from auditor.static.names.python import ASKS_NO_FUNCTION, FOLLOWED, READS_ALL, TAKES_GENERATORS
from auditor.static.transfer.callbacks import Callbacks
from auditor.static.transfer.conversions import Conversions
from auditor.static.transfer.library_patches import LibraryPatches
from auditor.static.transfer.list_views import Lists
from auditor.static.transfer.memory import Memory
from auditor.static.transfer.tensor_methods import TensorMethods

MAX_BYTES = 64
"""Bytes put together from numbers: the pieces of a vocabulary are short."""
SCALARS = frozenset(["int", "float", "bool", "str", "abs", "round", "max", "min", "sum", "pow", "divmod"])


class BuiltinFunctions:
    """Calls of builtins."""

    def __init__(
        self,
        machine: Machine,
        effects: EffectsRoom,
        library_patches: LibraryPatches,
        tensor_methods: TensorMethods,
        list_views: Lists,
        callbacks: Callbacks,
        memory: Memory,
        conversions: Conversions,
    ) -> None:
        self.machine = machine
        self.recorder = machine.recorder
        self.symbols = machine.symbols
        self.heap = machine.heap
        self.views = machine.views
        self.decisions = machine.decisions
        self.effects = effects
        self.library_patches = library_patches
        self.tensor_methods = tensor_methods
        self.list_views = list_views
        self.callbacks = callbacks
        self.memory = memory
        self.conversions = conversions
        self.handlers: dict[str, Callable[[list[Value], dict[str, Value], ast.AST], object]] = {}

    def b_sum(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        if not args:
            return None
        record = self.views.data(args[0])
        if record.by_kind is None or not record.by_kind.axes or record.losses:
            return None
        return self.effects.byte_counts.counted(record, node)

    def b_chr(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        if args and isinstance(args[0], Const) and isinstance(args[0].value, int):
            if 0 <= args[0].value < 0x110000:
                return Const(chr(args[0].value), args[0].settings)
        return None

    def b_bytes(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        items = self.machine.evaluate.exact_items(args[0]) if args else None
        numbers = [i.value for i in items or () if isinstance(i, Const) and isinstance(i.value, int)]
        if items and len(numbers) == len(items) <= MAX_BYTES and all(0 <= n < 256 for n in numbers):
            return Const(bytes(numbers))
        return None

    def call_builtin(self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        answer = self.conversions.asked_by_builtin(name, args, keywords, node)
        if answer is not None:
            return answer
        args = self.conversions.iterables(name, args, node)
        receiving = name == "next" and args and isinstance(args[0], Generator) and args[0].receives
        if name not in TAKES_GENERATORS and not receiving:
            whole = name in READS_ALL
            args = [
                self.machine.evaluate.listed(a, at_once=whole) if isinstance(a, Generator) else a
                for a in args
            ]
        if name not in ASKS_NO_FUNCTION:
            given = [*args, *keywords.values()]
            if name in FOLLOWED:
                given = [value for value in given if not self.callbacks.is_callback(value)]
            self.effects.havoc.mark(given, "a function is handed to Python", name, node, calls_only=True)
        if name == "memoryview" and args and self.memory.weights_in(args[0]):
            return self.views.data(args[0])
        handler = self.handlers.get(name)
        if handler is not None:
            found = handler(args, keywords, node)
            if isinstance(found, Value):
                return found
        if is_exception(name):
            raised = self.heap.allocate("instance", node, name)
            raised.d["args"] = TupleValue(tuple(args))
            return raised
        if name in SCALARS:
            return self.scalar(name, args, keywords, node)
        if name == "iter" and args:
            return self.machine.evaluate.iterated(args[0], node)
        if name in ("list", "tuple", "sorted", "set", "reversed", "frozenset"):
            return self.sequence(name, args, node)
        if name in ("isinstance", "hasattr", "callable", "any", "all", "issubclass", "id", "hash"):
            asked = self.views.mix(*args)
            drawn = {DRAWN} if name in ("id", "hash") else asked.marks & {DRAWN}
            return Data(turns=asked.turns, marks=frozenset(drawn))
        if name == "vars" and args and isinstance(args[0], (Obj, Class)):
            return NamesView(args[0])
        if name in ("globals", "vars", "locals", "dir"):
            return Data(settings=self.views.data(args[0]).settings) if args else CLEAN
        return self.views.mix(*args, *keywords.values())

    def b_print(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        self.effects.scoring.report(args, keywords, node)
        write = self.machine.evaluate.special(keywords["file"], "write") if "file" in keywords else None
        if write is not None:
            self.machine.apply.call(write, [self.views.mix(*args)], {}, node)
        return Const(None)

    def b_len(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        if not args:
            return CLEAN
        by_kind = self.effects.token_tables.measured(args[0])
        if by_kind is not None:
            return Data(by_kind=by_kind)
        length = self.machine.evaluate.length(args[0])
        if length is None:
            length = self.tensor_methods.data_length(
                args[0], self.views.data(args[0]) if not isinstance(args[0], Data) else args[0]
            )
        if length is not None:
            if length.is_constant:
                return Const(length.constant, getattr(args[0], "settings", NONE))
            return SymbolicInt(length)
        return self.container_length(args[0])

    def container_length(self, value: Value) -> Value:
        """The length of a container as a symbol: the same as long as nothing is added."""
        target = value.base if isinstance(value, View) else value
        if isinstance(target, Obj):
            size = sum(1 for cell in target.d if isinstance(cell, tuple))
            elements = target.elements
            marker = (target.number, size, len(elements) if isinstance(elements, tuple) else 0)
            parts = [
                Expr.of(r.counter) for r in self.recorder.running if r.entry not in target.loops and elements
            ]
            if isinstance(value, View) and value.key is not None:
                parts.append(value.key)
            most = target.most
            high = most if isinstance(most, Expr) else None
            return SymbolicInt(Expr.of(Symbol("size", (marker, *parts), 0, high)))
        record = self.views.data(value)
        return Data(turns=record.turns, looks=record.looks)

    def b_range(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        settings = frozenset().union(*(getattr(a, "settings", NONE) for a in args)) if args else NONE
        bounds = [a.value for a in args if isinstance(a, Const) and isinstance(a.value, int)]
        if args and len(bounds) == len(args):
            try:
                return Const(range(*bounds), settings)
            except (ValueError, TypeError):
                return CLEAN
        numbers = [self.views.number(a) for a in args]
        start = Expr(0) if len(args) == 1 else numbers[0]
        stop = numbers[0] if len(args) == 1 else numbers[1] if len(args) > 1 else None
        step = numbers[2] if len(args) > 2 else Expr(1)
        out = self.heap.allocate("list", node)
        entry = self.recorder.next_entry()
        counter = Expr.of(Symbol("iter", (entry, 1), 0))
        if start is None:
            start = self.symbols.fresh(
                "opaque",
                *(Expr.of(a) for a in sorted(self.views.mix(*args).turns, key=lambda a: str(a.args))),
            )
        if step is None:
            return Data(turns=self.views.mix(*args).turns)
        out.elements = (SymbolicInt(start + operation("mul", counter, step), settings),)
        out.entries = (entry,)
        out.aligned = True
        if stop is None:
            out.length = self.symbols.fresh("opaque", low=0)
        elif step.is_constant and step.constant > 0:
            out.length = operation("floordiv", stop - start + (step.constant - 1), step)
        return out

    def b_enumerate(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        out = self.heap.allocate("iterator", node)
        start = (
            self.views.number(args[1])
            if len(args) > 1
            else self.views.number(keywords.get("start", Const(0)))
        )
        out.parts = tuple(args[:1])
        out.start = start if start is not None else Expr(0)
        length = self.machine.evaluate.length(args[0]) if args else None
        if length is not None:
            out.length = length
        return out

    def b_zip(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        out = self.heap.allocate("iterator", node)
        out.parts = tuple(args)
        return out

    def b_next(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        if not args:
            return CLEAN
        if isinstance(args[0], Generator) and args[0].receives:
            return self.machine.evaluate.resumed(args[0], 1)
        index = (
            self.symbols.fresh("opaque", Expr.of(self.recorder.running[-1].counter))
            if self.recorder.running
            else None
        )
        return self.machine.evaluate.element(args[0], index)

    def b_map(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        if len(args) < 2:
            return CLEAN
        return self.machine.evaluate.mapped(args[0], args[1:], node)

    def b_filter(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        return self.callbacks.filtered(args[0], args[1], node) if len(args) > 1 else CLEAN

    def b_getattr(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        if len(args) < 2 or not isinstance(args[1], Const):
            return self.views.mix(*args)
        owner, name = args[0], str(args[1].value)
        default = args[2] if len(args) > 2 else None
        if isinstance(owner, Obj) and owner.kind in ("instance", "namespace"):
            known = name in owner.d or (
                owner.cls is not None
                and (owner.cls.find(name) is not None or owner.cls.get(name) is not None)
            )
            asked = any(
                self.machine.evaluate.special(owner, hook) for hook in ("__getattribute__", "__getattr__")
            )
            if not known and not asked and not name.startswith("__"):
                return default if default is not None else CLEAN
            return self.machine.evaluate.attribute(owner, name, node)
        if isinstance(owner, Class):
            if owner.get(name) is None and owner.find(name) is None and default is not None:
                return default
            return self.machine.evaluate.attribute(owner, name, node)
        found = self.machine.evaluate.attribute(owner, name, node)
        is_part = isinstance(owner, Obj) and owner.kind == "module"
        if default is not None and isinstance(found, Method) and not is_part:
            return self.decisions.join(found, default)
        return found

    def b_setattr(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        if len(args) == 3 and isinstance(args[1], Const) and isinstance(args[0], LibraryRef):
            self.library_patches.patch(f"{args[0].name}.{args[1].value}", args[2], node)
        elif len(args) == 3 and isinstance(args[1], Const) and isinstance(args[0], (Obj, Class)):
            name = str(args[1].value)
            self.machine.evaluate.set_attribute(args[0], name, args[2], node)
        elif len(args) == 3 and isinstance(args[0], (Data, Method, View, Union)):
            name = str(args[1].value) if isinstance(args[1], Const) else "an attribute"
            self.machine.evaluate.set_attribute(args[0], name, args[2], node)
        elif len(args) == 3 and isinstance(args[0], Obj) and args[0].kind == "module":
            # one of its parts, which one is not known
            self.memory.in_place.in_place(args[0], frozenset((args[0],)), "setattr", [args[2]], {}, node)
        return Const(None)

    def b___import__(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        return (
            self.machine.evaluate.module_value(str(args[0].value), node)
            if args and isinstance(args[0], Const)
            else CLEAN
        )

    def greatest(self, values: Value) -> Expr | None:
        """The greatest of the integers that a loop put into a list: of that symbol each of them is at most as large."""
        if not isinstance(values, Obj) or values.kind != "list" or values.items or values.base is not None:
            return None
        elements = values.elements
        if not isinstance(elements, tuple) or len(elements) != 1:
            return None
        (element,) = elements
        entries = element.entries if isinstance(element, Keyed) else values.entries or ()
        number = self.views.number(element.value if isinstance(element, Keyed) else element)
        count = self.machine.evaluate.length(values)
        if number is None or count is None or not self.machine.evaluate.is_aligned(values, entries):
            return None
        return Expr.of(Symbol("greatest", (entries[0], number, count)))

    def scalar(self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        settings = frozenset().union(*(getattr(a, "settings", NONE) for a in args)) if args else NONE
        if name == "bool" and len(args) == 1:
            outcome = self.decisions.truth(args[0])
            if outcome is not None and not isinstance(args[0], Obj):
                return Const(outcome, settings)
            return args[0]
        if name in ("int", "float") and len(args) == 1 and isinstance(args[0], SymbolicBool):
            return SymbolicInt(operation("ite", args[0].condition, Expr(1), Expr(0)), settings)
        if args and all(isinstance(a, Const) for a in args) and not keywords:
            try:
                return Const(
                    getattr(builtins, name)(*[a.value for a in args if isinstance(a, Const)]), settings
                )
            except (TypeError, ValueError, ArithmeticError):
                return Data(settings=settings)
        if name in ("max", "min") and isinstance(keywords.get("key"), Func) and args:
            one = self.machine.evaluate.element(args[0], None)
            by = self.machine.apply.call(keywords["key"], [one], {}, node)
            if self.views.data(by).losses:
                chosen = self.effects.selection.picked_by_score(args[0], one, node, name)
                if chosen is not one:
                    return chosen
            return self.effects.selection.decided(
                self.decisions.as_record(self.machine.evaluate.element(args[0], None)), by, node
            )
        if name in ("max", "min") and isinstance(getter := keywords.get("key"), Method) and args:
            # `min(losses, key=losses.get)`
            return self.effects.selection.decided(
                self.decisions.as_record(
                    self.machine.evaluate.element(self.machine.evaluate.indexable(args[0]), None)
                ),
                getter.owner,
                node,
            )
        if name in ("max", "min") and len(args) > 1:
            numbers = [self.views.number(a) for a in args]
            if all(n is not None for n in numbers):
                return SymbolicInt(operation(name, *numbers), settings)
            if all(self.views.data(a).losses for a in args[:2]):
                return self.effects.scoring.select(self.views.mix(*args), node, name)
        if name in ("max", "min") and len(args) == 1 and self.views.data(args[0]).losses:
            every = self.views.mix(args[0])
            chosen = self.effects.selection.picked_by_score(args[0], every, node, name)
            if chosen is not every:
                return chosen
        greatest = self.greatest(args[0]) if name == "max" and len(args) == 1 and not keywords else None
        if greatest is not None:
            return SymbolicInt(greatest, settings)
        if name == "abs" and len(args) == 1 and isinstance(args[0], SymbolicInt):
            return SymbolicInt(operation("max", args[0].expr, -args[0].expr), settings)
        if name in ("int", "round") and len(args) == 1 and isinstance(args[0], SymbolicInt):
            return args[0]
        if name == "str" and args and isinstance(args[0], Data):
            return replace(args[0], template=args[0].template or (None,))
        if name == "int" and args and isinstance(args[0], Const):
            return Data(settings=settings)
        out = self.views.mix(*args)
        by_kind = self.effects.token_tables.by_kind_of(args[0]) if len(args) == 1 else None
        if isinstance(by_kind, ByKind) and name in ("int", "float", "bool"):
            out = replace(out, by_kind=by_kind)
        # one number of a file is a setting, no stored text
        return replace(out, marks=out.marks - {FROM_OUTSIDE}) if FROM_OUTSIDE in out.marks else out

    def sequence(self, name: str, args: list[Value], node: ast.AST) -> Value:
        if not args:
            return self.heap.allocate("dict" if name in ("set", "frozenset") else "list", node)
        value = args[0]
        if name in ("sorted", "reversed", "set") and isinstance(value, (Obj, View)):
            items = value.items if isinstance(value, Obj) else None
            if (
                isinstance(items, tuple)
                and isinstance(value, Obj)
                and value.elements is None
                and len(items) < 2
            ):
                return value
            out = self.heap.allocate("list", node)
            self.list_views.show_shuffled(out, value)
            if name == "sorted" and self.views.data(value).losses:
                out.by_score = True
            if name == "sorted":
                self.effects.formulas.ordered_by_score(out, node)
            return out
        if isinstance(value, Obj) and value.kind == "iterator" and name in ("list", "tuple"):
            out = self.heap.allocate("list", node)
            self.list_views.show(out, value)
            return out
        if isinstance(value, TupleValue) and name == "list":
            out = self.heap.allocate("list", node)
            out.items = value.items
            return out
        if isinstance(value, Obj) and value.kind == "list" and name in ("list", "tuple"):
            out = self.heap.allocate("list", node)
            out.d = dict(value.d)
            out.number = value.number
            return out
        return value


def is_exception(name: str) -> bool:
    """Whether it is the name of one of Python's exceptions."""
    found = getattr(builtins, name, None)
    return isinstance(found, type) and issubclass(found, BaseException)
