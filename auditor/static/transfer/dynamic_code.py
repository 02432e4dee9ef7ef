"""`exec`, `eval` and `compile`: text that the evaluator knows is followed, any other could do anything.

Text that is decoded by the unpacker is a layer of the program and runs as such. Text that stands in the source, or
that is put together from what is known, is parsed here and runs where the call stands, with the names that it is
handed. Nothing is executed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from auditor.program.parsing.parse import ParseFailure, parse
from auditor.program.walk import walk
from auditor.static.domain.heap import Env, Func, Obj
from auditor.static.domain.provenance import CLEAN
from auditor.static.domain.values import Const, Method, Partial, Value
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.machine import Machine

RUNNERS = frozenset(
    [
        *(
            "timeit.timeit",
            "timeit.repeat",
            "cProfile.run",
            "cProfile.runctx",
            "profile.run",
            "profile.runctx",
        ),
        *("pdb.run", "pdb.runeval", "pdb.runctx"),
    ]
)
"""Functions of libraries that run a text with the names they are handed."""

RUN_TEXTS = ("doctest.",)
"""Libraries that run what stands in a script's texts, such as the examples in docstrings."""

CALL = re.compile(r"\b([A-Za-z_]\w*)\s*\(")

MAX_TEXT = 200_000
"""Characters of text that is followed; what is longer came out of a decoder and is a layer."""


class DynamicCode:
    """Runs text."""

    def __init__(self, machine: Machine, effects: EffectsRoom) -> None:
        self.machine = machine
        self.budget = machine.budget
        self.script = machine.script
        self.frames = machine.frames
        self.recorder = machine.recorder
        self.heap = machine.heap
        self.views = machine.views
        self.effects = effects
        self.parsed: dict[tuple[str, int], ast.Module | str] = {}

    def b_compile(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        text = args[0] if args else keywords.get("source")
        return text if isinstance(text, Const) else CLEAN

    def b_exec(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        if isinstance(node, ast.Call) and self.script.source.inner(node) is not None:
            return self.run_layer(args, node)
        tree = self.text_at(args, node)
        if tree is None:
            return self.unread_text("code that could not be read", args, node)
        spaces = self.namespaces(args, keywords)
        scope = self.scope_of_text(spaces)
        self.machine.evaluate.block(tree.body, scope)
        self.handed_back(scope, spaces)
        return Const(None)

    def b_eval(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        tree = self.text_at(args, node)
        if tree is None or len(tree.body) != 1 or not isinstance(tree.body[0], ast.Expr):
            return self.unread_text("eval of text", args, node)
        spaces = self.namespaces(args, keywords)
        scope = self.frames.caller if not spaces else self.scope_of_text(spaces)
        return self.machine.evaluate.evaluate(tree.body[0].value, scope)

    def run_layer(self, args: list[Value], node: ast.Call) -> Value:
        """A decoded layer runs among the names of the script, with those it is handed."""
        spaces = self.namespaces(args, {})
        if not spaces and self.frames.caller.up is not None:
            return self.machine.apply.run_inner(node, Env(self.frames.caller))
        for space in spaces:
            for name, value in named_cells(space).items():
                self.heap.put(self.frames.globals, name, value)
        before = dict(self.frames.globals.d)
        found = self.machine.apply.run_inner(node)
        for space in spaces[-1:]:
            for name, cell in list(self.frames.globals.d.items()):
                if isinstance(cell, Value) and before.get(name) is not cell:
                    self.heap.put(space, ("key", name), cell)
        return found

    def unread_text(self, reason: str, args: list[Value], node: ast.AST) -> Value:
        """Text that is not known may name anything that stands around it."""
        if isinstance(node, ast.Call):
            reason = self.script.source.unresolved(node) or reason
        visible: list[Value] = list(args)
        scope: Env | None = self.frames.caller
        while scope is not None:
            visible += [cell for cell in scope.d.values() if isinstance(cell, Value)]
            scope = scope.up
        what = ast.unparse(node)[:80]
        numbers = self.effects.havoc.mark(visible, reason, what, node)
        if not numbers:
            self.recorder.doubt(reason, what, node)
        return self.effects.havoc.doubted_value(self.views.mix(*args), numbers)

    def run_by_library(
        self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        """A function of a library runs a text; None where it is none of these, or is handed no text."""
        if name == "types.MethodType" and len(args) == 2:
            return Partial(args[0], (args[1],), ())
        if name == "types.FunctionType" and args and isinstance(args[0], Method):
            return args[0].owner  # its `__code__`
        if name.startswith(RUN_TEXTS):
            return self.unread_text("texts of the script are run", [*args, *keywords.values()], node)
        given = args[0] if args else keywords.get("stmt")
        if name not in RUNNERS or not isinstance(given, Const):
            return None
        tree = self.text_at([given], node)
        if tree is None:
            return self.unread_text("code that could not be read", args, node)
        spaces = self.namespaces([given, *args[1:]], keywords)
        self.machine.evaluate.block(
            tree.body, self.scope_of_text(spaces) if spaces else Env(self.frames.caller)
        )
        return Const(None)

    def unseen_text(self, args: Sequence[Value], node: ast.AST) -> None:
        """A call that was not followed was handed text that calls a function of the script: it may run it."""
        for arg in args:
            text = arg.value if isinstance(arg, Const) and isinstance(arg.value, str) else ""
            for called in CALL.findall(text):
                scope = self.frames.caller.find(called)
                found = scope.d[called] if scope is not None else None
                if isinstance(found, Func) and self.effects.havoc.reach((found,), calls_only=True).trains:
                    visible = [cell for cell in self.frames.caller.d.values() if isinstance(cell, Value)]
                    reason = "text that calls a function of the script"
                    self.effects.havoc.mark([found, *visible], reason, text[:80], node, trains_only=True)

    # text and its names
    def text_at(self, args: list[Value], node: ast.AST) -> ast.Module | None:
        """The tree of a text that is known; every node of it stands where the call does."""
        given = args[0] if args else None
        if not isinstance(given, Const) or not isinstance(given.value, (str, bytes)):
            return None
        text = given.value.decode("utf-8", "replace") if isinstance(given.value, bytes) else given.value
        if len(text) > MAX_TEXT:
            return None
        key = (text, id(node))
        found = self.parsed.get(key)
        if found is None:
            try:
                found = parse(text.strip(" \t"), self.recorder.path)
            except ParseFailure as failure:
                found = failure.reason
            else:
                self.budget.tick(len(text) // 20)
                for inner in walk(found):
                    if hasattr(inner, "lineno"):
                        ast.copy_location(inner, node)
            self.parsed[key] = found
        return found if isinstance(found, ast.Module) else None

    def namespaces(self, args: list[Value], keywords: dict[str, Value]) -> list[Obj]:
        """The dictionaries that a text is handed for its names, globals before locals."""
        given = [*args[1:3], *(keywords[name] for name in ("globals", "locals") if name in keywords)]
        return [space for space in given if isinstance(space, Obj)]

    def scope_of_text(self, spaces: list[Obj]) -> Env:
        """The scope that a text runs in: that of the call, or one made of what it is handed."""
        if not spaces:
            return self.frames.caller if self.frames.caller.up is None else Env(self.frames.caller)
        scope = self.frames.caller  # what a dictionary holds is not always known by name
        for space in spaces:
            scope = Env(scope)
            if space.kind == "namespace":
                scope.d = space.d
            else:
                scope.d.update(named_cells(space))
        return scope

    def handed_back(self, scope: Env, spaces: list[Obj]) -> None:
        """What a text has assigned stands in the dictionary that it was handed."""
        for space in spaces[-1:]:
            if space.kind == "namespace":
                continue
            known = named_cells(space)
            made = [(name, cell) for name, cell in scope.d.items() if known.get(name) is not cell]
            for name, cell in made:
                self.heap.put(space, ("key", name), cell)
            elements = space.elements
            before = elements if isinstance(elements, tuple) else ()
            self.heap.put(
                space, Obj.elements, (*before, *(cell for _, cell in made if isinstance(cell, Value)))
            )


def named_cells(space: Obj) -> dict[str, Value]:
    """What a dictionary or namespace holds by name."""
    if space.kind == "namespace":
        found = space.d.items()
    else:
        found = {
            cell[1]: value for cell, value in space.d.items() if isinstance(cell, tuple) and cell[0] == "key"
        }.items()
    return {name: value for name, value in found if isinstance(name, str) and isinstance(value, Value)}
