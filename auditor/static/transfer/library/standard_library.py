"""The standard library, where a call is more than its arguments put together: copies, threads, containers, paths."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace

from auditor.static.domain.heap import Env, Obj
from auditor.static.domain.provenance import CLEAN, Data
from auditor.static.domain.values import NONE, Const, Generator, Partial, TupleValue, Value
from auditor.static.interpreter.machine import Machine
from auditor.static.names.libraries import PASSES
from auditor.static.names.python import MAPPINGS
from auditor.static.transfer.callbacks import Callbacks
from auditor.static.transfer.list_views import Lists

PATH_FUNCTIONS = frozenset([
    "os.path.join", "pathlib.Path", "pathlib.PurePath", "os.path.abspath", "os.path.expanduser",
    "os.path.realpath", "os.fspath", "os.path.normpath", "os.path.expandvars", "pathlib.PosixPath",
])  # fmt: skip
GIVEN_BACK = frozenset(["dataclasses.dataclass", "functools.total_ordering", "functools.identity", *PASSES])
"""Functions that give back what they are given."""
QUEUES = frozenset(["deque", "Queue", "SimpleQueue"])
THREADS = frozenset(["Thread", "Timer", "Process"])
MAX_TEXT = 80
"""Characters of a text that a message quotes."""

Handler = Callable[[list[Value], dict[str, Value], ast.AST], Value | None]


class StandardLibrary:
    """Calls into the standard library."""

    def __init__(self, machine: Machine, list_views: Lists, callbacks: Callbacks) -> None:
        self.machine = machine
        self.script = machine.script
        self.frames = machine.frames
        self.recorder = machine.recorder
        self.heap = machine.heap
        self.views = machine.views
        self.list_views = list_views
        self.callbacks = callbacks
        self.by_name: dict[str, Handler] = {
            "importlib.import_module": self.imported,
            "functools.partial": self.partial,
            "copy.copy": self.copied,
            "copy.deepcopy": self.copied_deeply,
            "runpy.run": self.ran,
            **dict.fromkeys(PATH_FUNCTIONS, self.path),
            **dict.fromkeys(GIVEN_BACK, self.given_back),
            **{f"collections.{name}": self.mapping for name in MAPPINGS},
            "collections.defaultdict": self.default_mapping,
        }
        self.by_tail: dict[str, Handler] = {
            **dict.fromkeys(THREADS, callbacks.threaded),
            **dict.fromkeys(QUEUES, self.queue),
            "run_path": self.ran,
            "namedtuple": self.record_type,
        }

    def called(self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        """What a function by that dotted name gives; None if this is none of those that are told apart."""
        tail = name.rsplit(".", 1)[-1]
        if tail in QUEUES and name.startswith("torch"):
            return None
        handler = self.by_name.get(name) or self.by_tail.get(tail)
        return handler(args, keywords, node) if handler is not None else None

    def imported(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        known = isinstance(args[0] if args else None, Const)
        return self.machine.evaluate.module_value(self.text_of(args[0]), node) if known else None

    def partial(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        return Partial(args[0], tuple(args[1:]), tuple(keywords.items())) if args else None

    def given_back(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        return args[0] if args else None

    def record_type(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        return CLEAN

    def queue(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        queue = self.heap.allocate("list", node)
        if args:
            first = args[0]
            if isinstance(first, Generator):
                first = self.machine.evaluate.listed(first, at_once=True)
            self.list_views.show(queue, first)
        return queue

    def mapping(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        return self.heap.allocate("dict", node)

    def default_mapping(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        table = self.heap.allocate("dict", node)
        if args and self.callbacks.is_callback(args[0]):
            table.factory = args[0]
        return table

    def ran(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        return self.run_inner(node)

    # copies
    def copied(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        return self.copy(args[0], node, deep=False) if args else None

    def copied_deeply(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        return self.copy(args[0], node, deep=True) if args else None

    def copy(self, value: Value, node: ast.AST, *, deep: bool) -> Value:
        if isinstance(value, Obj):
            return self.copied_object(value, node, {}, deep=deep and value.kind == "module")
        return self.views.data(value).plain() if isinstance(value, Data) else value

    def copied_object(self, value: Obj, node: ast.AST, known: dict[int, Obj], *, deep: bool) -> Obj:
        """A copy; a deep one of a module has copies of its parts."""
        if value.number in known:
            return known[value.number]
        out = known[value.number] = self.heap.allocate(value.kind, node, value.name, value.cls)
        out.d = dict(value.d)
        out.d.pop(Obj.pending, None)
        if deep:
            for name, cell in value.d.items():
                if isinstance(cell, Obj) and cell.kind in ("module", "list", "dict"):
                    out.d[name] = self.copied_object(cell, node, known, deep=cell.kind == "module")
            kept = self.views.wrapped_by(value)
            out.wrapped = tuple(self.copied_object(part, node, known, deep=True) for part in kept)
        return out

    # paths and other text
    def path(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        return self.joined_path(args) if args else None

    def joined_path(self, parts: list[Value]) -> Value:
        """A path put together from text, known or partly known."""
        if len(parts) == 1:
            return parts[0]
        settings = frozenset().union(*(getattr(p, "settings", NONE) for p in parts))
        if all(isinstance(p, Const) for p in parts):
            return Const("/".join(str(p.value) for p in parts if isinstance(p, Const)), settings)
        pieces: list[str | None] = []
        for position, part in enumerate(parts):
            if position:
                pieces.append("/")
            if isinstance(part, Const):
                pieces.append(str(part.value))
            elif isinstance(part, Data) and part.template is not None:
                pieces.extend(part.template)
            else:
                pieces.append(None)
        return replace(self.views.mix(*parts), template=tuple(pieces))

    def text_of(self, value: Value) -> str:
        """The text of a value for a message, "?" where it is not known."""
        if isinstance(value, Const):
            return str(value.value)[:MAX_TEXT]
        if isinstance(value, (TupleValue, Obj)):
            items = value.items if isinstance(value, TupleValue) else value.items or ()
            if isinstance(items, tuple):
                return " ".join(self.text_of(i) for i in items[:6] if isinstance(i, Value))[:MAX_TEXT]
        if isinstance(value, Data) and value.template is not None:
            return "".join(p or "*" for p in value.template)[:MAX_TEXT]
        return "?"

    # code that is run
    def run_inner(self, node: ast.AST, scope: Env | None = None) -> Value:
        """`exec`, `runpy.run_path` and the like: the decoded text runs here, by itself in the globals."""
        if not isinstance(node, ast.Call):
            return CLEAN
        inner = self.script.source.inner(node)
        if inner is None:
            reason = self.script.source.unresolved(node)
            self.recorder.doubt("code that could not be read", reason or ast.unparse(node)[:80], node)
            return CLEAN
        tree, layer, path = inner
        self.script.trees[layer, path] = tree
        with self.recorder.standing_in(layer, path):
            self.machine.evaluate.block(tree.body, self.frames.globals if scope is None else scope)
        return CLEAN
