"""Values that share memory: what is written through one name shows under the others.

An array that the machine keeps as a value has no identity of its own. It is known by being the very same value under
several names (an argument and what the caller passed, two names of one tensor), and views remember what they look at.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace

from auditor.static.domain.heap import Env, Holder, Obj
from auditor.static.domain.provenance import Data
from auditor.static.domain.values import Value
from auditor.static.interpreter.machine import Machine
from auditor.static.names.tensors import RESHAPES, SAME, SHARED
from auditor.static.transfer.in_place import InPlace

HOLDERS = frozenset(["dict", "list", "instance"])
"""Kinds of objects in whose cells a value may stand."""


class Aliases:
    """Writes into values without identity."""

    def __init__(self, machine: Machine, in_place: InPlace) -> None:
        self.frames = machine.frames
        self.heap = machine.heap
        self.views = machine.views
        self.in_place = in_place
        self.known_views: dict[int, tuple[Data, Data]] = {}

    def looks_at(self, view: Value, base: Value) -> Value:
        """Note that a value shares the memory of another, and return it."""
        if isinstance(view, Data) and isinstance(base, Data) and view is not base and base.relevant:
            self.known_views[id(view)] = view, base
        return view

    def write_through(self, owner: Data, written: Data) -> None:
        """Show a write into a value under every name that holds it, in what it is a view of, and in views of it."""
        waiting = [(owner, written)]
        done: set[int] = set()
        while waiting:
            old, new = waiting.pop()
            if id(old) in done or old is new or not old.relevant:
                continue
            done.add(id(old))
            for holder in self.holders():
                for key, value in list(holder.d.items()):
                    if value is old:
                        self.heap.trail.put(holder, key, new)
                    elif isinstance(value, tuple) and any(item is old for item in value):
                        self.heap.trail.put(
                            holder, key, tuple(new if item is old else item for item in value)
                        )
            for view, base in list(self.known_views.values()):
                if view is old:
                    whole = self.views.mix(base, new)
                    waiting.append((base, whole))
                    self.looks_at(new, whole)
                elif base is old:
                    part = self.views.mix(view, new)
                    waiting.append((view, part))
                    self.looks_at(part, new)

    def share_memory(self, owner: Value, name: str, result: Value) -> None:
        """What a method of a value does to its memory: a view of it, or a change in place."""
        if not isinstance(owner, Data) or not isinstance(result, Data):
            return
        if name in RESHAPES | SHARED:
            self.looks_at(result, owner)
        elif name.endswith("_") and not name.endswith("__") and name not in SAME:
            if owner.losses:
                self.write_through(owner, result)
            elif result.formula != owner.formula or not result.regions <= owner.regions:
                regions = owner.regions | result.regions
                self.write_through(owner, replace(owner, formula=result.formula, regions=regions))

    def write_out(self, out: Value, result: Value, node: ast.AST) -> None:
        """The result of a function is written into an array that was handed to it."""
        for target in self.views.objects(out):
            self.heap.put(target, Obj.touched, True)
        self.in_place.in_place(out, self.views.objects(out), "copy_", [result], {}, node)
        if isinstance(out, Data):
            self.write_through(out, self.views.data(result))

    def holders(self) -> Iterator[Holder]:
        """The scopes of the functions that run, those around them, and the objects that they name."""
        seen: set[int] = set()
        for frame in (self.frames.globals, *self.frames.stack):
            scope: Env | None = frame
            while scope is not None and id(scope) not in seen:
                seen.add(id(scope))
                yield scope
                for value in list(scope.d.values()):
                    if isinstance(value, Obj) and value.kind in HOLDERS and id(value) not in seen:
                        seen.add(id(value))
                        yield value
                scope = scope.up
