"""Definitions: functions and classes with their decorators, and what Python calls while a class is made.

`__init_subclass__` of a base, `__set_name__` of an attribute and the methods of a metaclass are functions of the
script like others: they run where the class is defined.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import replace

from auditor.static.domain.flow import Status
from auditor.static.domain.heap import Class, Env, Func, Obj
from auditor.static.domain.values import Const, LibraryRef, Method, Partial, TupleValue, Union, Value
from auditor.static.interpreter.machine import Machine
from auditor.static.syntax.expressions import Expressions
from auditor.static.syntax.managers import Managers
from auditor.static.syntax.special_methods import SpecialMethods
from auditor.static.syntax.statements import Statements
from auditor.static.transfer.room import TransferRoom

ACCESSORS = frozenset(["setter", "deleter", "getter"])


class ClassBodies:
    """Defines functions and classes."""

    def __init__(
        self,
        machine: Machine,
        transfer: TransferRoom,
        special_methods: SpecialMethods,
        statements: Statements,
        expressions: Expressions,
        managers: Managers,
    ) -> None:
        self.frames = machine.frames
        self.recorder = machine.recorder
        self.heap = machine.heap
        self.transfer = transfer
        self.special_methods = special_methods
        self.statements = statements
        self.expressions = expressions
        self.managers = managers

    def exec_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef, env: Env) -> Status:
        value: Value = self.function(node, env)
        for decorator in reversed(node.decorator_list):
            value = self.decorated(decorator, value, env)
        self.heap.put(env, node.name, value)
        return None

    exec_AsyncFunctionDef = exec_FunctionDef

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, env: Env) -> Func:
        defaults = tuple(self.expressions.evaluate(d, env) for d in node.args.defaults)
        keyword_defaults = tuple(
            None if d is None else self.expressions.evaluate(d, env) for d in node.args.kw_defaults
        )
        return Func(
            node, env, self.recorder.layer, self.recorder.path, None, None, defaults, keyword_defaults
        )

    def decorated(self, decorator: ast.expr, value: Value, env: Env) -> Value:
        """What a decorator of the script makes of a definition; those of libraries leave it as it is."""
        found = self.expressions.evaluate(decorator, env)
        self.transfer.library_patches.registered_operator(decorator, value, env)
        if isinstance(found, LibraryRef):
            replaced = self.transfer.life_cycle.decorated_by_library(found.name, value, decorator)
            return value if replaced is None else replaced
        around = self.managers.decorating(found, value)
        if around is not None:
            return around
        if self.is_callable_here(found):
            return self.transfer.calls.call(found, [value], {}, decorator)
        if isinstance(found, Method) or (isinstance(found, Partial) and isinstance(found.func, Method)):
            answer = self.transfer.calls.call(found, [value], {}, decorator)  # registered with an object
            return answer if isinstance(answer, Func) else value
        return value

    def is_callable_here(self, value: Value) -> bool:
        """Whether calling a value runs code of the script."""
        if isinstance(value, Union):
            return any(self.is_callable_here(option) for option in value.options)
        if isinstance(value, Partial):
            return self.is_callable_here(value.func)
        if isinstance(value, Obj):
            method = None if value.cls is None or value.kind == "module" else value.cls.find("__call__")
            return method is not None or value.ways is not None
        return isinstance(value, (Func, Class))

    # classes
    def exec_ClassDef(self, node: ast.ClassDef, env: Env) -> Status:
        bases = tuple(self.expressions.evaluate(base, env) for base in node.bases)
        keywords = {
            k.arg: self.expressions.evaluate(k.value, env) for k in node.keywords if k.arg is not None
        }
        cls = Class(node, env, bases, self.recorder.layer, self.recorder.path)
        scope = Env(env)
        for statement in node.body:
            if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self.define_method(cls, statement, scope, env)
            else:
                self.statements.block([statement], scope)
        cls.d = {k: v for k, v in scope.d.items() if cls.methods.get(str(k)) is not v}
        self.complete_class(cls, keywords, node)
        self.transfer.library_patches.class_made(cls)
        value: Value = cls
        for decorator in reversed(node.decorator_list):
            value = self.decorated(decorator, value, env)
        self.heap.put(env, node.name, value)
        return None

    def define_method(
        self, cls: Class, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Env, env: Env
    ) -> None:
        for decorator in node.decorator_list:
            if isinstance(decorator, ast.Attribute) and decorator.attr in ACCESSORS:
                accessor = replace(self.function(node, env), owner=cls)
                if decorator.attr != "getter":
                    cls.accessors[decorator.attr, node.name] = accessor
                    return
        method = replace(self.function(node, env), owner=cls)
        value: Value = method
        for decorator in reversed(node.decorator_list):
            if self.is_of_script(decorator, scope):
                value = self.decorated(decorator, value, scope)
        scope.d[node.name] = value
        if value is method:
            cls.methods[node.name] = method

    def is_of_script(self, decorator: ast.expr, scope: Env) -> bool:
        """Whether a decorator is, or is made by, a function or class of the script."""
        root = decorator
        while isinstance(root, (ast.Call, ast.Attribute)):
            root = root.func if isinstance(root, ast.Call) else root.value
        holder = scope.find(root.id) if isinstance(root, ast.Name) else None
        value = None if holder is None or not isinstance(root, ast.Name) else holder.d.get(root.id)
        return isinstance(value, (Func, Class, Partial, Obj, Union))

    def complete_class(self, cls: Class, keywords: Mapping[str, Value], node: ast.AST) -> None:
        """Run what Python runs when a class has been made."""
        given = {k: v for k, v in keywords.items() if k != "metaclass"}
        meta = keywords.get("metaclass")
        inherited = next((base.meta for base in cls.order()[1:] if base.meta is not None), None)
        cls.meta = meta if isinstance(meta, Class) else inherited
        if isinstance(meta, Func):  # a metaclass may be any callable
            self.transfer.calls.call(
                meta, [Const(cls.node.name), TupleValue(cls.bases), self.namespace_of(cls, node)], given, node
            )
        if cls.meta is not None:
            arguments = [Const(cls.node.name), TupleValue(cls.bases), self.namespace_of(cls, node)]
            for name, first in (("__prepare__", cls.meta), ("__new__", cls.meta), ("__init__", cls)):
                method = cls.meta.find(name)
                if method is not None:
                    count = 2 if name == "__prepare__" else 3
                    self.transfer.calls.call(replace(method, instance=first), arguments[:count], given, node)
        for key, attribute in list(cls.d.items()):
            if isinstance(attribute, Obj):
                self.special_methods.implicit(attribute, "__set_name__", [cls, Const(key)], node)
        for base in cls.order()[1:]:
            hook = base.methods.get("__init_subclass__")
            if hook is not None:
                self.transfer.calls.call(replace(hook, instance=cls), [], given, node)
                break  # further ones are for it to call

    def namespace_of(self, cls: Class, node: ast.AST) -> Obj:
        """The names of a class body as a dictionary."""
        table = self.heap.allocate("dict", node)
        cells: dict[object, object] = {**cls.d}
        cells.update(cls.methods)
        table.d.update({("key", name): value for name, value in cells.items()})
        table.elements = tuple(v for v in cells.values() if isinstance(v, Value))
        return table

    def made_class(self, args: Sequence[Value], node: ast.AST) -> Class | None:
        """`type(name, bases, namespace)`."""
        name, bases, namespace = args
        listed = self.expressions.exact_items(bases)
        if not isinstance(name, Const) or listed is None or not isinstance(namespace, Obj):
            return None
        text = ast.copy_location(ast.ClassDef(str(name.value), [], [], [], []), node)
        cls = Class(text, self.frames.globals, tuple(listed), self.recorder.layer, self.recorder.path)
        for key, value in namespace.d.items():
            if isinstance(key, tuple) and key[0] == "key" and isinstance(value, Value):
                cls.d[key[1]] = value
        self.complete_class(cls, {}, node)
        return cls
