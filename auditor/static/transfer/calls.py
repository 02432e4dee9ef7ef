"""Calls: functions of the script are followed, classes are built, everything else goes to the tables."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from auditor.solver.expressions import Expr, Symbol
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
from auditor.static.names.python import ASKS_NO_FUNCTION
from auditor.static.transfer.aliases import Aliases
from auditor.static.transfer.constructors import Constructors
from auditor.static.transfer.default_methods import DefaultMethods
from auditor.static.transfer.dispatch import WRITES_FIRST, Functions
from auditor.static.transfer.dynamic_code import DynamicCode
from auditor.static.transfer.following import Following
from auditor.static.transfer.hooks import Hooks
from auditor.static.transfer.life_cycle import LifeCycle
from auditor.static.transfer.loggers import carry_text, is_logger
from auditor.static.transfer.method_text import advances_counter
from auditor.static.transfer.nn_modules import Modules

LOGGING = frozenset(["info", "warning", "write", "debug", "error", "critical", "log", "exception"])

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
        self.following = Following(machine)

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
            if is_logger(func) and carry_text((*args, *keywords.values())):
                self.effects.scoring.report(args, keywords, node)
                return Const(None)
            if self.machine.evaluate.yields(func):
                return self.machine.evaluate.generator_call(func, self.bind(func, args, keywords), node)
            if not self.following.worth_following(target, (*args, *keywords.values())):
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
            if advances_counter(target):
                # a shared counter that each call reads and moves on: ascending with the calls
                turn = Expr.of(self.recorder.running[-1].counter)
                return SymbolicInt(Expr.of(Symbol("at", (("counter", target.lineno), turn), 0)))
        return result if result is not None else Const(None)

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


def call_text(node: ast.AST) -> str:
    return ast.unparse(node.func) if isinstance(node, ast.Call) else type(node).__name__
