"""Functions that run when something ends or happens: objects that go, threads, signals, log records, the exit.

`__del__` and `weakref.finalize` run where the last name of an object goes; `atexit` at the end of the script; a
signal's handler where the signal is raised; the handlers of a logger with each record.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from auditor.static.domain.cells import Cell
from auditor.static.domain.heap import Class, Env, Obj, View, given_by_name
from auditor.static.domain.values import Const, Method, Partial, TupleValue, Value
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.machine import Machine
from auditor.static.transfer.callbacks import Callbacks
from auditor.static.transfer.hooks import Hooks
from auditor.static.transfer.method_text import MethodTexts

RAISES = frozenset(["signal.raise_signal", "os.kill", "signal.alarm", "signal.setitimer", "os.abort"])
REGISTERS = frozenset(
    [
        "atexit.register",
        "weakref.finalize",
        "weakref.ref",
        "weakref.proxy",
        "signal.signal",
        "functools.wraps",
    ]
)
LOG_CALLS = frozenset(["debug", "info", "warning", "error", "critical", "exception", "log"])
THREADS = ("Thread", "Process", "Timer")


ValuesCell = Cell[tuple[Value, ...] | None]


class LifeCycle:
    """Runs what is registered for later."""

    def __init__(
        self,
        machine: Machine,
        effects: EffectsRoom,
        hooks: Hooks,
        callbacks: Callbacks,
        method_texts: MethodTexts,
    ) -> None:
        self.machine = machine
        self.recorder = machine.recorder
        self.heap = machine.heap
        self.views = machine.views
        self.effects = effects
        self.hooks = hooks
        self.callbacks = callbacks
        self.method_texts = method_texts
        self.mortal: list[Obj] = []

    def life_cycle(
        self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        """Functions of libraries that register or trigger such functions; None for any other."""
        if name in REGISTERS:
            self.takes_charge(node)
        if name == "atexit.register" and args:
            self.add_to(
                self.hooks.everywhere, Obj.exits, Partial(args[0], tuple(args[1:]), tuple(keywords.items()))
            )
            return args[0]
        if name in ("weakref.finalize", "weakref.ref", "weakref.proxy") and len(args) > 1:
            rest = tuple(args[2:]) if name == "weakref.finalize" else (Const(None),)
            for target in self.views.objects(args[0]):
                self.add_to(target, Obj.finalizers, Partial(args[1], rest, tuple(keywords.items())))
                self.mortal.append(target)
            return args[0] if name == "weakref.proxy" else Partial(args[1], rest, ())
        if name == "signal.signal" and len(args) > 1:
            self.add_to(self.hooks.everywhere, Obj.signals, args[1])
            return Const(None)
        if name in RAISES:
            for handler in self.cell_values(self.hooks.everywhere, Obj.signals):
                if self.callbacks.is_callback(handler):
                    self.machine.apply.call(handler, [*args[:1], Const(None)], {}, node)
            return Const(None)
        if name == "gc.collect":
            for target in list(self.mortal):
                self.ended(target, node)
            return Const(0)
        if name.startswith("logging.") and name.rsplit(".", 1)[-1] in LOG_CALLS:
            self.logged(args, node)
        return None

    def takes_charge(self, node: ast.AST) -> None:
        """Note that what a call was handed is called where its time has come."""
        self.effects.havoc.taken_over.add(id(node))

    def add_to(self, target: Obj, cell: ValuesCell, value: Value) -> None:
        self.heap.put(target, cell, (*self.cell_values(target, cell), value))

    def cell_values(self, target: Obj, cell: ValuesCell) -> tuple[Value, ...]:
        return cell.__get__(target, Obj) or ()

    def run_exits(self, target: Obj, node: ast.AST) -> None:
        """Run what was registered for the end, the latest first."""
        while self.cell_values(target, Obj.exits):
            waiting = self.cell_values(target, Obj.exits)
            self.heap.put(target, Obj.exits, waiting[:-1])
            self.machine.apply.call(waiting[-1], [], {}, node)

    # objects that go
    def is_mortal(self, value: object) -> bool:
        """Whether something of the script runs when the value goes."""
        if not isinstance(value, Obj) or value.ended:
            return False
        return value.finalizers is not None or (
            value.cls is not None and value.cls.find("__del__") is not None
        )

    def ended(self, value: object, node: ast.AST) -> None:
        """The last name of an object went."""
        if not self.is_mortal(value):
            return
        assert isinstance(value, Obj)
        self.heap.put(value, Obj.ended, True)
        self.machine.evaluate.implicit(value, "__del__", [], node)
        for finalizer in self.cell_values(value, Obj.finalizers):
            self.machine.apply.call(finalizer, [], {}, node)

    def unnamed(self, value: object, env: Env, node: ast.AST) -> None:
        """A name or an element no longer is this value: it goes, unless another name still is."""
        if not self.is_mortal(value):
            return
        scope: Env | None = env
        while scope is not None:
            if any(cell is value for cell in scope.d.values()):
                return
            scope = scope.up
        self.ended(value, node)

    def left_behind(
        self, scope: Env, made_since: int, result: Value | None, mark: int, node: ast.AST
    ) -> None:
        """The locals of a function that returned go, those that were kept nowhere else."""
        if not any(self.is_mortal(value) for value in scope.d.values()):
            return
        kept = [
            id(holder.d.get(key)) for holder, key, _ in self.heap.trail.entries[mark:] if holder is not scope
        ]
        for value in list(scope.d.values()):
            if isinstance(value, Obj) and value.number > made_since and value is not result:
                if id(value) not in kept:
                    self.ended(value, node)

    def dropped(self, value: Value, made_since: int, node: ast.AST) -> None:
        """The value of an expression that nothing took goes if it was made there."""
        if isinstance(value, Obj) and value.number > made_since:
            self.ended(value, node)

    def ended_with(self, container: Value, node: ast.AST) -> None:
        """What a container held goes with it."""
        if isinstance(container, Obj):
            for cell in (*self.exact_or_known(container), *container.d.values()):
                self.ended(cell, node)

    def exact_or_known(self, container: Obj) -> Iterable[object]:
        return container.elements or () if container.items is None else container.items

    # threads and log records
    def service_method(
        self, owner: Value, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        """Methods that objects of the script's classes have from a library, where these call the script's own."""
        registered = self.single_dispatch(owner, name, args, node)
        if registered is not None:
            return registered
        target = owner.base if isinstance(owner, View) else owner
        if name in ("addHandler", "addFilter") and args and isinstance(args[0], Obj):
            self.takes_charge(node)
            self.add_to(self.hooks.everywhere, Obj.handlers, args[0])
            return Const(None)
        if (
            not isinstance(target, Obj)
            or target.cls is None
            or target.kind not in ("instance", "list", "dict")
        ):
            return None
        bases = [base.rsplit(".", 1)[-1] for base in target.cls.library_bases()]
        if name in ("start", "run") and any(base in THREADS for base in bases):
            return self.thread_method(owner, name, node)
        if not bases or name.startswith("__") or target.kind != "instance":
            return None
        for method in [
            m for cls in target.cls.order() for n, m in cls.methods.items() if not n.startswith("_")
        ]:
            if self.method_texts.changes_states(method):  # the library's method may call it
                bound = self.machine.evaluate.method_of(method, owner, node)
                self.callbacks.called_back(bound, [*args, *keywords.values()], node, certain=False)
        return None

    def thread_method(self, owner: Value, name: str, node: ast.AST) -> Value:
        """`start` of a thread runs its `run`, which by default calls its target."""
        target = owner.base if isinstance(owner, View) else owner
        run = self.machine.evaluate.special(owner, "run") if name == "start" else None
        if run is not None:
            self.machine.apply.call(run, [], {}, node)
        elif isinstance(target, Obj):
            func = target.d.get(given_by_name("target"))
            packed = target.d.get(given_by_name("args"))
            items = self.machine.evaluate.exact_items(packed) if isinstance(packed, Value) else None
            if isinstance(func, Value):
                self.machine.apply.call(func, list(items or ()), {}, node)
        return Const(None)

    def logged(self, args: list[Value], node: ast.AST) -> None:
        """A record goes to the handlers and filters that the script has added."""
        handlers = self.cell_values(self.hooks.everywhere, Obj.handlers)
        if not handlers:
            return
        record = self.heap.allocate("instance", node, "record")
        record.d["msg"] = args[0] if args else Const("")
        record.d["args"] = given = TupleValue(tuple(args[1:]))
        for handler in handlers:
            for method in ("filter", "handle", "emit", "format"):
                self.machine.evaluate.implicit(handler, method, [record], node)
        if record.d["args"] is not given or record.d["msg"] is not (args[0] if args else record.d["msg"]):
            reason = "what is printed goes through code of the script"
            self.recorder.standing.add(self.recorder.doubt(reason, "a logging handler or filter", node))
        for arg in args[1:]:
            self.machine.evaluate.formatted(arg, "str", node)

    # one function for several types
    def single_dispatch(self, owner: Value, name: str, args: list[Value], node: ast.AST) -> Value | None:
        """`f.register(T)` and `f.register(T, g)` of a function made by `functools.singledispatch`."""
        if not isinstance(owner, Obj) or owner.ways is None or name != "register":
            return None
        functions = [arg for arg in args if self.callbacks.is_callback(arg)]
        if not functions:
            return Partial(Method(owner, "register"), (), ())
        self.add_to(owner, Obj.ways, functions[-1])
        return functions[-1]

    def dispatcher(self, func: Value, node: ast.AST) -> Obj:
        out = self.heap.allocate("instance", node, "dispatcher")
        out.ways = (func,)
        return out

    def decorated_by_library(self, name: str, value: Value, node: ast.AST) -> Value | None:
        """What a decorator of a library makes of a function, where that is not the function itself."""
        if name in ("functools.singledispatch", "functools.singledispatchmethod"):
            return self.dispatcher(value, node)
        if name == "atexit.register":
            self.life_cycle(name, [value], {}, node)
        elif self.hooks.library_hook(name, [value], {}, node) is None and isinstance(value, Class):
            return None
        return None
