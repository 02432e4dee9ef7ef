"""What code that was not read could have done: everything it could reach is doubted, with the reason and the place.

Code that is not followed is no code without effects. Where values are handed to such code, whatever state it can
reach through them (aliases, containers, attributes, what functions capture) may hold anything of the validation
tokens that it can reach too. A rule that is asked about such a state answers `unknown`. Plain numbers, text, sizes
and settings reach nothing, and where no validation token is within reach none can get anywhere.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from auditor.program.walk import walk
from auditor.static.domain.heap import Class, Func, Obj, SuperView, View, attribute_of
from auditor.static.domain.provenance import Data
from auditor.static.domain.reach import Reach
from auditor.static.domain.values import (
    Columns,
    Const,
    Generator,
    Keyed,
    LibraryRef,
    Method,
    Partial,
    SymbolicBool,
    SymbolicInt,
    TupleValue,
    Union,
    Value,
)
from auditor.static.effects.captures import captured
from auditor.static.interpreter.machine import Machine

ADDRESS = "address"
"""Marks the address of a state's memory, and numbers computed from it."""

UNREAD = "unread"
"""Marks what unread code gave back and that may hold on to what this was handed."""

NONE_DOUBTED: frozenset[int] = frozenset()

ANYTHING = "anything"
"""Marks a value that may be anything the script has a name for."""

MAKES = frozenset(["__init__", "__new__", "__post_init__", "__init_subclass__", "__set_name__"])
"""Methods that run when an object is made, and not when it is used."""

PUTS_AWAY = frozenset(
    [
        "append",
        "appendleft",
        "extend",
        "insert",
        "add",
        "update",
        "setdefault",
        "get",
        "pop",
        "index",
        "count",
    ]
)
"""Methods of containers that keep or compare what they are handed."""

STATES = frozenset(["module", "optimizer", "tensor"])
HOLDERS = frozenset(["list", "dict", "instance", "iterator", "namespace", "tokenizer"])


class Havoc:
    """Doubts what unread code could reach."""

    def __init__(self, machine: Machine) -> None:
        self.budget = machine.budget
        self.script = machine.script
        self.frames = machine.frames
        self.recorder = machine.recorder
        self.heap = machine.heap
        self.views = machine.views
        self.method_names: set[str] | None = None
        self.taken_over: set[int] = set()

    def mark(
        self,
        values: Iterable[Value],
        reason: str,
        what: str,
        node: ast.AST,
        *,
        calls_only: bool = False,
        lasting: bool = False,
        trains_only: bool = False,
    ) -> frozenset[int]:
        """Values are handed to code that was not read; gives the number of the doubt, if there was cause for one.

        Args:
            values: what the code is handed, and the code itself as far as it is the script's.
            calls_only: the code calls the functions it is handed, and does nothing else with what they reach.
            trains_only: it is of interest only where it trains.
            lasting: it may run at any later time: no reset of a state ends the doubt.
        """
        values = tuple(values)
        if calls_only and not self.hands_code(values):
            return NONE_DOUBTED
        reach = self.reach(values, calls_only=calls_only)
        if (
            (calls_only and not reach.changes)
            or (trains_only and not reach.trains)
            or not (reach.validation or reach.reads)
        ):
            return NONE_DOUBTED
        targets = [target for target in reach.objects if self.matters(target)]
        if not targets and not reach.names:
            return NONE_DOUBTED
        numbers = frozenset((self.recorder.doubt(reason, what, node),))
        for target in targets:
            self.heap.put(target, Obj.doubts, target.doubts | numbers)
            self.heap.put(target, Obj.touched, True)
        for env, name in reach.names:
            found = env.d.get(name)
            if isinstance(found, Value):
                self.heap.put(env, name, self.doubted_value(found, numbers))
        if lasting:
            self.recorder.standing |= numbers
        self.recorder.effects += 1
        return numbers

    def hands_code(self, values: Iterable[Value]) -> bool:
        """Whether code of the script is among some values, or in a tuple, list or dictionary of them."""
        for value in values:
            if isinstance(value, (Func, Class, Partial, Method, Generator)):
                return True
            if isinstance(value, TupleValue) and self.hands_code(value.items):
                return True
            if isinstance(value, Obj) and (
                value.cls is not None or value.kind in ("list", "dict", "iterator")
            ):
                held = [
                    part
                    for cell in value.d.values()
                    for part in (cell if isinstance(cell, tuple) else (cell,))
                ]
                parts = (part.value if isinstance(part, Keyed) else part for part in held)
                if (value.cls is not None and value.kind != "module") or any(
                    isinstance(part, (Func, Class, Partial, Method)) for part in parts
                ):
                    return True
        return False

    def unseen_lesson(self, func: Value, given: Sequence[Value], result: Value, node: ast.AST) -> None:
        """A call outside of the script was handed code that trains, and no update came of it: it may run all the same.

        Code that the call gives back, or that it puts into a container, runs where that is called.
        """
        if id(node) in self.taken_over:
            return
        kept = isinstance(func, Method) and isinstance(func.owner, Obj) and func.owner.kind in HOLDERS
        decorates = isinstance(
            result, LibraryRef
        )  # a decorator of a library, to be called with another function
        if kept or decorates or self.hands_code((result,)) or not self.hands_code(given):
            return
        reach = self.reach(given, calls_only=True)
        if reach.trains and any(target.kind in STATES for target in reach.objects):
            self.mark(given, "code that trains is handed to a call that was not followed", called(func), node)

    def matters(self, target: Obj) -> bool:
        """Whether an object is a state, or holds one, or anything made of tokens."""
        if target.kind in STATES:
            return True
        if target.kind not in HOLDERS:
            return False
        record = self.views.data(target)
        return record.relevant or bool(record.origins)

    def doubted_value(self, value: Value, numbers: frozenset[int]) -> Value:
        """A value with doubts about it."""
        if not numbers:
            return value
        if isinstance(value, TupleValue):
            return TupleValue(tuple(self.doubted_value(item, numbers) for item in value.items))
        if isinstance(value, Data):
            return replace(value, doubts=value.doubts | numbers)
        if isinstance(value, (Const, SymbolicInt, SymbolicBool)):
            return replace(self.views.data(value), doubts=numbers)
        return value

    def unread_result(self, out: Data, given: Iterable[Value]) -> Data:
        """What unread code gives back: it may hold on to the models and optimisers that it was handed."""
        held = {
            o for value in given for o in self.views.data(value).refs if o.kind in ("module", "optimizer")
        }
        return replace(out, refs=out.refs | held, marks=out.marks | {UNREAD}) if held else out

    def unread_method(self, owner: Value, name: str, given: Iterable[Value], node: ast.AST) -> None:
        """A method is called of what unread code gave back."""
        if isinstance(owner, Data) and UNREAD in owner.marks and owner.refs:
            self.mark((owner, *given), "a method of what unread code gave back", name, node)

    def unknown_method(self, owner: Value, name: str, given: Sequence[Value], node: ast.AST) -> None:
        """A method of a value of which nothing is known is handed a model, or code.

        Where no class of the script has a method of that name, one of a container's keeps what it is handed: names and
        tensors of a model that are put away are not changed by it.
        """
        parts = [
            part for value in given for part in (value.items if isinstance(value, TupleValue) else (value,))
        ]
        whole = any(isinstance(part, Obj) and part.kind not in ("tensor", "list", "dict") for part in parts)
        if name in PUTS_AWAY and not whole and not self.hands_code(given):
            if not self.names_a_method(name):
                return
        if any(isinstance(value, Obj) or self.views.data(value).refs for value in given) or self.hands_code(
            given
        ):
            self.mark((owner, *given), "a method of an unknown value", name, node)

    def names_a_method(self, name: str) -> bool:
        """Whether the script has a function, an attribute that it sets, or a text of that name."""
        if self.method_names is None:
            found: set[str] = set()
            for tree in self.script.trees.values():
                for node in walk(tree):
                    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                        found.add(node.name)
                    elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                        found.add(node.attr)
                    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                        found.add(node.value)
            self.method_names = found
        return name in self.method_names

    def doubted_part(self, owner: Value, part: Value) -> Value:
        """A part of a container or an attribute of an object: the doubts about the whole are doubts about it."""
        target = owner.base if isinstance(owner, View) else owner
        return self.doubted_value(part, target.doubts) if isinstance(target, Obj) else part

    # reaching
    def reach(self, values: Iterable[Value], *, calls_only: bool) -> Reach:
        """Everything that code could get at, starting from some values.

        With `calls_only` methods count only where a reached function asks for an attribute of their name.
        """
        found = Reach()
        seen: set[int] = set()
        waiting = list(values)
        while waiting:
            value = waiting.pop()
            if isinstance(value, Data):
                waiting.extend(self.reached_by_data(value, found))
            elif (
                not isinstance(value, (Const, SymbolicInt, SymbolicBool, LibraryRef))
                and id(value) not in seen
            ):
                seen.add(id(value))
                self.budget.tick()
                if isinstance(value, Obj):
                    waiting.extend(self.reached_by_object(value, found))
                elif isinstance(value, Func):
                    waiting.extend(self.reached_by_function(value, found))
                elif isinstance(value, Class):
                    found.made[value] = None
                    waiting.extend(reached_by_class(value))
                else:
                    waiting.extend(parts_of(value))
            if not waiting:
                waiting.extend(m for m in methods_of(found, calls_only=calls_only) if id(m) not in seen)
        return found

    def reached_by_data(self, value: Data, found: Reach) -> Iterator[Value]:
        made_of_tokens = value.updates or value.losses or value.looks
        if made_of_tokens or any(region.source == "val" for region in value.regions):
            found.validation = True
        if made_of_tokens or value.doubts or any(region.source == "val" for region in value.regions):
            found.fitted.append(value)
        yield from value.refs
        if ADDRESS in value.marks:
            yield from value.states
        if ANYTHING in value.marks:
            found.changes = True
            yield from (cell for cell in self.frames.globals.d.values() if isinstance(cell, Value))

    def reached_by_object(self, value: Obj, found: Reach) -> Iterator[Value]:
        found.objects[value] = None
        if self.views.own_history(value) or value.pending:
            found.validation = True
        for cell in list(value.d.values()):
            if isinstance(cell, Value):
                yield cell
            elif isinstance(cell, tuple):
                yield from (part for part in cell if isinstance(part, Value))
        if value.cls is not None:
            found.classes[value.cls] = None
            yield from reached_by_class(value.cls)

    def reached_by_function(self, value: Func, found: Reach) -> Iterator[Value]:
        found.code.append(value)
        text = captured(value.node)
        found.asked |= text.attributes
        found.changes = found.changes or text.changes
        found.trains = found.trains or text.trains
        found.learns = found.learns or text.learns
        found.reads = found.reads or text.reads
        yield from value.defaults
        for cell_name, kept in value.env.d.items():
            if isinstance(cell_name, tuple) and cell_name[:2] == attribute_of(value, "")[:2]:
                if isinstance(kept, Value):
                    yield kept
        yield from (default for default in value.keyword_defaults if default is not None)
        if value.instance is not None:
            yield value.instance
        for name in text.names:
            scope = value.env.find(name)
            cell = scope.d[name] if scope is not None else None
            if isinstance(cell, Value):
                yield cell
        for name in text.rebound:
            scope = value.env.find(name)
            if scope is not None:
                found.names[scope, name] = None


def reached_by_class(value: Class) -> Iterator[Value]:
    yield from (cell for cell in value.d.values() if isinstance(cell, Value))
    yield from value.bases


def called(func: Value) -> str:
    """What a call calls, as far as its name is known."""
    return func.name if isinstance(func, (LibraryRef, Method)) else "an unknown function"


def methods_of(found: Reach, *, calls_only: bool) -> Iterator[Func]:
    """The methods that may be called: of what is called, those asked for by name or by what Python does itself."""
    for cls in (*found.classes, *(made for made in found.made if made not in found.classes)):
        for name, method in cls.methods.items():
            makes = name in MAKES
            by_itself = name.startswith("__") or (name == "forward" and bool(found.code))
            if not calls_only or name in found.asked or (cls in found.made if makes else by_itself):
                yield method


def parts_of(value: Value) -> Iterator[Value]:
    """The values that another one consists of."""
    if isinstance(value, (TupleValue, Columns)):
        yield from value.items
    elif isinstance(value, Union):
        yield from value.options
    elif isinstance(value, Keyed):
        yield value.value
    elif isinstance(value, View):
        yield value.base
    elif isinstance(value, Partial):
        yield value.func
        yield from value.args
        yield from (item for _, item in value.keywords)
    elif isinstance(value, Method):
        yield value.owner
    elif isinstance(value, SuperView):
        yield from value.rest
        yield value.instance
    elif isinstance(value, Generator):
        if value.listed is not None:
            yield value.listed
