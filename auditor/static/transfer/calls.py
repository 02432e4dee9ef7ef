"""Calls: functions of the script are followed, classes are built, everything else goes to the tables."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from auditor.program.walk import walk
from auditor.solver.expressions import Expr, Symbol
from auditor.static.ast_text import once_a_node
from auditor.static.domain.flow import Changes
from auditor.static.domain.heap import MISSING, Class, Env, Func, NamesView, Obj, SuperView, View
from auditor.static.domain.provenance import CLEAN, Data
from auditor.static.domain.values import (
    Const,
    LibraryRef,
    Method,
    Partial,
    SymbolicInt,
    TupleValue,
    Union,
    Value,
)
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.frames import MAX_DEPTH
from auditor.static.interpreter.machine import Machine
from auditor.static.names.scores import INTERESTING
from auditor.static.transfer.aliases import Aliases
from auditor.static.transfer.builtins import ASKS_NO_FUNCTION
from auditor.static.transfer.constructors import Constructors
from auditor.static.transfer.default_methods import DefaultMethods
from auditor.static.transfer.dispatch import WRITES_FIRST, Functions
from auditor.static.transfer.dynamic_code import DynamicCode
from auditor.static.transfer.hooks import Hooks
from auditor.static.transfer.life_cycle import LifeCycle
from auditor.static.transfer.nn_modules import Modules

LOGGING = frozenset(["info", "warning", "write", "debug", "error", "critical", "log", "exception"])
MAX_DULL_STATEMENTS = 25
MAX_LOGGER_STATEMENTS = 14
PRINTING = frozenset(
    [
        *(
            "print",
            "write",
            "info",
            "debug",
            "warning",
            "error",
            "log",
            "flush",
            "open",
            "close",
            "put",
            "append",
        ),
        *("str", "repr", "format", "join", "dumps", "encode", "rstrip", "strip", "ljust", "rjust", "len"),
        *(
            "isinstance",
            "hasattr",
            "getattr",
            "map",
            "dict",
            "list",
            "tuple",
            "items",
            "get",
            "update",
            "strftime",
        ),
        *("exists", "makedirs", "mkdir", "fsync", "fileno", "pop", "setdefault"),
    ]
)
"""Functions and methods that a logger calls to print what it is handed as it is."""
OF_SCOPE = frozenset(["builtins.super", "builtins.globals", "builtins.locals", "builtins.vars"])


class Calls:
    """Follows calls."""

    def __init__(
        self,
        machine: Machine,
        effects: EffectsRoom,
        hooks: Hooks,
        aliases: Aliases,
        dynamic_code: DynamicCode,
        nn_modules: Modules,
        constructors: Constructors,
        life_cycle: LifeCycle,
        default_methods: DefaultMethods,
        dispatch: Functions,
    ) -> None:
        self.machine = machine
        self.frames = machine.frames
        self.recorder = machine.recorder
        self.heap = machine.heap
        self.growth = machine.growth
        self.views = machine.views
        self.decisions = machine.decisions
        self.effects = effects
        self.hooks = hooks
        self.aliases = aliases
        self.dynamic_code = dynamic_code
        self.nn_modules = nn_modules
        self.constructors = constructors
        self.life_cycle = life_cycle
        self.default_methods = default_methods
        self.dispatch = dispatch
        self.counter_functions: dict[int, bool] = {}
        self.interest: dict[int, bool] = {}

    def eval_Call(self, node: ast.Call, env: Env) -> Value:
        func = self.machine.evaluate.evaluate(node.func, env)
        args: list[Value] = []
        for arg in node.args:
            value = self.machine.evaluate.evaluate(arg, env)
            if isinstance(arg, ast.Starred):
                items = self.machine.evaluate.exact_items(value)
                args.extend(items if items is not None else [self.machine.evaluate.element(value, None)])
            else:
                args.append(value)
        keywords: dict[str, Value] = {}
        for keyword in node.keywords:
            value = self.machine.evaluate.evaluate(keyword.value, env)
            if keyword.arg is not None:
                keywords[keyword.arg] = value
            elif isinstance(value, Obj) and value.kind == "dict":
                for key, item in value.d.items():
                    if isinstance(key, tuple) and key[0] == "key" and isinstance(item, Value):
                        keywords[str(key[1])] = item
                if value.elements or value.content is not None:
                    keywords["**"] = value
            else:
                keywords["**"] = value
        self.recorder.line = node.lineno
        if isinstance(func, LibraryRef) and func.name in OF_SCOPE:
            found = self.of_scope(func.name, args, env)
            if found is not None:
                return found
        self.frames.caller = env
        before = self.recorder.effects, self.recorder.scores
        out = keywords.pop("out", None) if isinstance(func, LibraryRef) else None
        result = self.call(func, args, keywords, node)
        if (self.recorder.effects, self.recorder.scores) == before and isinstance(
            func, (LibraryRef, Method, Data)
        ):
            if not (isinstance(func, LibraryRef) and func.name.removeprefix("builtins.") in ASKS_NO_FUNCTION):
                self.effects.havoc.unseen_lesson(func, (*args, *keywords.values()), result, node)
                if not isinstance(func, Method) or func.name not in LOGGING:
                    self.dynamic_code.unseen_text(args, node)
        if isinstance(func, (LibraryRef, Method)):
            result = self.effects.formula_calls.with_call(func, args, keywords, result, node)
        if isinstance(func, Method):
            result = self.effects.scoring.rewritten(func.name, (func.owner, *args), result, node)
            self.aliases.share_memory(func.owner, func.name, result)
        elif isinstance(func, LibraryRef):
            result = self.effects.scoring.rewritten(func.name.rsplit(".", 1)[-1], args, result, node)
            if func.name.rsplit(".", 1)[-1] in WRITES_FIRST and args and isinstance(args[0], Data):
                if not args[0].refs:
                    self.aliases.write_through(args[0], self.views.mix(*args))
        if out is not None:
            self.aliases.write_out(out, result, node)
        return result

    def of_scope(self, name: str, args: list[Value], env: Env) -> Value | None:
        """Builtins whose answer depends on where they are called."""
        if name == "builtins.super":
            return self.super_of(args, env)
        if name == "builtins.globals":
            return NamesView(self.frames.globals)
        if args:
            return None
        return NamesView(env) if env is self.frames.globals else self.default_methods.visible_names(env)

    def super_of(self, args: list[Value], env: Env) -> Value:
        """`super()` in a method, or `super(C, x)`: what is left of the classes of the instance."""
        scope: Env | None = env
        while scope is not None and scope.owner is None:
            scope = scope.up
        owner = args[0] if args else None if scope is None else scope.owner
        instance = args[1] if len(args) > 1 else None if scope is None else scope.first
        if not isinstance(owner, Class) or instance is None:
            return LibraryRef("builtins.object")
        target = instance.base if isinstance(instance, View) else instance
        if isinstance(target, Class):
            # of a class method, or of a metaclass
            order = target.order() if owner in target.order() else owner.order()
        else:
            cls = target.cls if isinstance(target, Obj) else None
            order = cls.order() if cls is not None and owner in cls.order() else owner.order()
        return SuperView(order[order.index(owner) + 1 :], instance)

    def either(self, ways: Sequence[Callable[[], Value]]) -> Value:
        """One of several calls takes place: each from the same heap, and what they leave is joined."""
        if len(ways) == 1:
            return ways[0]()
        out: Value | None = None
        left: list[Changes] = []
        for way in ways:
            mark = self.heap.trail.mark()
            out = self.decisions.join(out, way())
            left.append(self.heap.trail.undo(mark) if way is not ways[-1] else {})
        for changes in left:
            self.machine.evaluate.merge(
                {cell: entry for cell, entry in changes.items() if entry[2] is not MISSING}
            )
        return out if out is not None else CLEAN

    def call(self, func: Value, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        if isinstance(func, Union):
            options = [option for option in func.options if not isinstance(option, Const)]
            removed = [option.owner for option in options if isinstance(option, Method)]
            if len(removed) == len(options) and all(getattr(o, "name", "") == "remove" for o in options):
                found = self.hooks.hook_method(Union(tuple(removed)), "remove", args, keywords, node)
                if found is not None:
                    return found  # a loop over handles removes them all
            return self.either([partial(self.call, option, args, keywords, node) for option in options])
        if isinstance(func, Func):
            return self.call_function(func, args, keywords, node)
        if isinstance(func, Class):
            return self.constructors.construct(func, args, keywords, node)
        if isinstance(func, Partial):
            return self.call(func.func, [*func.args, *args], {**dict(func.keywords), **keywords}, node)
        if isinstance(func, LibraryRef):
            return self.dispatch.call_library(func.name, args, keywords, node)
        if isinstance(func, Method):
            return self.machine.apply.call_method(func.owner, func.name, args, keywords, node)
        if isinstance(func, SuperView):
            return CLEAN
        if isinstance(func, Obj):
            if func.kind == "module":
                return self.nn_modules.call_module(func, "forward", args, keywords, node)
            method = self.machine.evaluate.special(func, "__call__")
            if method is not None:
                return self.call(method, args, keywords, node)
            ways = self.life_cycle.cell_values(func, Obj.ways)
            if ways:
                return self.either([partial(self.call, way, args, keywords, node) for way in ways])
        if isinstance(func, View):
            method = self.machine.evaluate.special(func, "__call__")
            return self.call(func.base if method is None else method, args, keywords, node)
        modules = [o for o in self.views.objects(func) if o.kind == "module"]
        if modules:
            joined: Value | None = None
            for module in sorted(modules, key=lambda o: o.number):
                joined = self.decisions.join(
                    joined, self.nn_modules.call_module(module, "forward", args, keywords, node)
                )
            assert joined is not None
            return joined
        return self.unknown_call(func, args, keywords, node)

    def unknown_call(
        self, func: Value, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        """A call of something that was not followed: it may do anything with what it is given."""
        given = (func, *args, *keywords.values())
        for value in given:
            for target in self.views.objects(value):
                self.heap.put(target, Obj.touched, True)
        self.effects.havoc.mark(given, "call of an unknown function", call_text(node), node)
        out = self.views.mix(*given)
        if out.regions or out.losses or out.states:
            number = self.recorder.doubt("call of an unknown function", call_text(node), node)
            out = replace(out, doubts=out.doubts | {number}, span=None, array=None, template=None)
        return self.effects.havoc.unread_result(out, given)

    def call_function(
        self, func: Func, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        target = func.node
        if func.instance is not None:
            args = [func.instance, *args]
        if not isinstance(target, ast.Lambda):
            if self.is_logger(func) and self.carries_text(args, keywords):
                self.effects.scoring.report(args, keywords, node)
                return Const(None)
            if self.machine.evaluate.yields(func):
                return self.machine.evaluate.generator_call(func, self.bind(func, args, keywords), node)
            if not self.worth_following(target, args, keywords):
                given = (func, *args, *keywords.values())
                self.effects.havoc.mark(
                    given, "a function that is not followed", target.name, node, calls_only=True
                )
                return self.views.mix(*args, *keywords.values())
        if self.frames.active.count(id(target)) >= 2 or len(self.frames.active) >= MAX_DEPTH:
            out = self.views.mix(*args, *keywords.values())
            name = getattr(target, "name", "lambda")
            self.effects.havoc.mark(
                (func, *args, *keywords.values()), "recursion or depth", name, node, calls_only=True
            )
            if out.relevant:
                number = self.recorder.doubt("recursion or depth", name, node)
                out = replace(out, doubts=out.doubts | {number})
            return out
        scope = self.bind(func, args, keywords)
        if isinstance(target, ast.Lambda):
            self.frames.active.append(id(target))
            self.frames.stack.append(scope)
            try:
                with self.recorder.standing_in(func.layer, func.path):
                    return self.machine.evaluate.evaluate(target.body, scope)
            finally:
                self.frames.active.pop()
                self.frames.stack.pop()
        return self.run_function(func, target, scope, node)

    def run_function(
        self, func: Func, target: ast.FunctionDef | ast.AsyncFunctionDef, scope: Env, node: ast.AST
    ) -> Value:
        outer = self.recorder.node
        self.frames.entered.add(id(target))
        self.recorder.node = outer.child("call", target.name, self.recorder.place(node))
        self.frames.active.append(id(target))
        self.frames.stack.append(scope)
        self.recorder.functions.append(target.name)
        self.frames.returns.append(None)
        depth = len(self.frames.conditions)
        waiting, self.frames.deferred = self.frames.deferred, []
        made, mark = self.heap.last, self.heap.trail.mark()
        with self.growth.in_call():
            try:
                with self.recorder.standing_in(func.layer, func.path):
                    self.machine.evaluate.block(target.body, scope)
                    self.life_cycle.left_behind(scope, made, self.frames.returns[-1], mark, node)
            finally:
                self.frames.active.pop()
                self.frames.stack.pop()
                self.recorder.functions.pop()
                result = self.frames.returns.pop()
                del self.frames.conditions[depth:]
                self.recorder.node = outer
                left, self.frames.deferred = self.frames.deferred, waiting
                for status, changes, choice in left:
                    self.machine.evaluate.merge({**self.growth.of_none(status), **changes}, choice=choice)
        if isinstance(result, Data) and result.turns and not result.relevant and self.recorder.running:
            if self.advances_counter(target):
                # a shared counter that each call reads and moves on: ascending with the calls
                turn = Expr.of(self.recorder.running[-1].counter)
                return SymbolicInt(Expr.of(Symbol("at", (("counter", target.lineno), turn), 0)))
        return result if result is not None else Const(None)

    def advances_counter(self, target: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
        """Whether a function reads a number from a file and writes back that number plus one."""
        known = self.counter_functions.get(id(target))
        if known is None:
            text = [n for n in walk(target) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute)]
            names = {n.func.attr for n in text if isinstance(n.func, ast.Attribute)}
            plus_one = any(
                isinstance(n, ast.BinOp)
                and isinstance(n.op, ast.Add)
                and isinstance(n.right, ast.Constant)
                and n.right.value == 1
                for n in walk(target)
            )
            known = bool(names & {"read", "from_bytes", "unpack"}) and "write" in names and plus_one
            self.counter_functions[id(target)] = known
        return known

    def bind(self, func: Func, args: Sequence[Value], keywords: dict[str, Value]) -> Env:
        """The scope of a call: parameters, defaults, `*args`, `**kwargs`."""
        scope = Env(func.env, func.owner)
        scope.first = args[0] if args and func.owner is not None else None
        parameters = func.node.args
        names = [a.arg for a in (*parameters.posonlyargs, *parameters.args)]
        first_default = len(names) - len(func.defaults)
        spread = keywords.get("**")
        for position, name in enumerate(names):
            if position < len(args):
                scope.d[name] = args[position]
            elif name in keywords:
                scope.d[name] = keywords[name]
            elif position >= first_default:
                given = func.defaults[position - first_default]
                scope.d[name] = self.decisions.join(given, spread) if isinstance(spread, Data) else given
            else:
                scope.d[name] = spread if spread is not None else CLEAN
        if parameters.vararg is not None:
            scope.d[parameters.vararg.arg] = TupleValue(tuple(args[len(names) :]))
        for name_node, default in zip(parameters.kwonlyargs, func.keyword_defaults, strict=True):
            scope.d[name_node.arg] = keywords.get(name_node.arg, default if default is not None else CLEAN)
        if parameters.kwarg is not None:
            known = {*names, *(a.arg for a in parameters.kwonlyargs)}
            table = self.heap.allocate("dict", func.node, parameters.kwarg.arg)
            rest = {k: v for k, v in keywords.items() if k not in known}
            for key, value in rest.items():
                table.d["key", key] = value
            table.elements = tuple(rest.values())
            scope.d[parameters.kwarg.arg] = table
        return scope

    # what to follow
    def worth_following(
        self,
        target: ast.FunctionDef | ast.AsyncFunctionDef,
        args: Sequence[Value],
        keywords: dict[str, Value],
    ) -> bool:
        if self.interesting(target.body) or len(target.body) < 12:
            return True
        long = len(target.body) > MAX_DULL_STATEMENTS
        for value in (*args, *keywords.values()):
            if isinstance(value, (Func, Partial, Obj, View)) and not long:
                return True
            record = self.views.data(value)
            if record.losses or any(region.source == "val" for region in record.regions):
                return True
            if (record.regions or record.turns or record.array) and not long:
                return True
        return False

    def interesting(self, nodes: Sequence[ast.AST]) -> bool:
        """Whether the text mentions anything that makes or moves events."""
        for node in nodes:
            known = self.interest.get(id(node))
            if known is None:
                certainly, called = mentions(node)
                known = certainly or any(self.calls_interesting(name) for name in called)
                self.interest[id(node)] = known
            if known:
                return True
        return False

    def calls_interesting(self, name: str) -> bool:
        """Whether a function of the script of that name has an interesting text."""
        func = self.frames.globals.d.get(name)
        if not isinstance(func, Func) or isinstance(func.node, ast.Lambda):
            return False
        key = id(func.node)
        if key not in self.interest:
            self.interest[key] = False
            self.interest[key] = self.interesting(func.node.body)
        return self.interest[key]

    def is_logger(self, func: Func) -> bool:
        """Whether a function prints or writes one of its own parameters and does little else."""
        return not isinstance(func.node, ast.Lambda) and looks_like_logger(func.node)

    def carries_text(self, args: Sequence[Value], keywords: dict[str, Value]) -> bool:
        for value in (*args, *keywords.values()):
            if isinstance(value, Const) and isinstance(value.value, str):
                return True
            if isinstance(value, Data) and value.template is not None:
                return True
        return False


@once_a_node
def mentions(node: ast.AST) -> tuple[bool, tuple[str, ...]]:
    """Whether a text mentions anything that makes or moves events, and the names that it calls."""
    called: dict[str, None] = {}
    certainly = False
    for n in walk(node):
        if isinstance(n, ast.Attribute):
            certainly = certainly or n.attr in INTERESTING
        elif isinstance(n, ast.Name):
            certainly = certainly or n.id in ("print", "open", "exec", "eval")
        elif isinstance(n, ast.Call):
            if isinstance(n.func, ast.Name):
                called[n.func.id] = None
        elif isinstance(n, (ast.Nonlocal, ast.Global)):
            certainly = True
    return certainly, tuple(called)


@once_a_node
def looks_like_logger(target: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    parameters = {a.arg for a in (*target.args.posonlyargs, *target.args.args, *target.args.kwonlyargs)}
    if target.args.vararg is not None:
        parameters.add(target.args.vararg.arg)
    nodes = list(walk(target))
    if sum(isinstance(n, ast.stmt) for n in nodes) > MAX_LOGGER_STATEMENTS:
        return False
    busy = (ast.For, ast.While, ast.AsyncFor, ast.Yield)
    if any(isinstance(n, busy) or (isinstance(n, ast.Return) and n.value is not None) for n in nodes):
        return False
    if any(rewrites(node, parameters) for node in nodes):
        return False
    for node in nodes:
        if isinstance(node, ast.Call) and (
            (isinstance(node.func, ast.Name) and node.func.id == "print")
            or (isinstance(node.func, ast.Attribute) and node.func.attr in ("write", "info", "debug", "log"))
        ):
            mentioned = {n.id for a in node.args for n in walk(a) if isinstance(n, ast.Name)}
            if mentioned & parameters:
                return True
    return False


def rewrites(node: ast.AST, parameters: set[str]) -> bool:
    """Whether a part of a text does more with what it is handed than to print it: computes, cuts or replaces."""
    if isinstance(node, ast.Name):
        return node.id in parameters and not isinstance(node.ctx, ast.Load)
    if isinstance(node, ast.BinOp) and not isinstance(node.op, (ast.Add, ast.Mod)):
        return mentions_any(node, parameters)
    if not isinstance(node, ast.Call):
        return False
    func = node.func
    name = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
    given = [*node.args, *(keyword.value for keyword in node.keywords)]
    if isinstance(func, ast.Attribute):
        given.append(func.value)
    return name not in PRINTING and any(mentions_any(part, parameters) for part in given)


def mentions_any(node: ast.AST, names: set[str]) -> bool:
    return any(isinstance(n, ast.Name) and n.id in names for n in walk(node))


def call_text(node: ast.AST) -> str:
    return ast.unparse(node.func) if isinstance(node, ast.Call) else type(node).__name__
