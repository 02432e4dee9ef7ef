"""Classes that are called: what a new object is made of."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import replace

from auditor.program.walk import walk
from auditor.static.heap import WRAPPED, Obj
from auditor.static.machine import Machine
from auditor.static.text import once_a_node
from auditor.static.values import Class, Const, Tup, Value

SIZES_OF = frozenset(["getattr", "hasattr", "id", "isinstance", "len", "type"])
"""Functions that tell something of a module and do not keep it."""

PARTS_OF = frozenset(
    ["blocks", "body", "decoder", "encoder", "h", "layers", "model", "module", "transformer"]
)
"""Attributes by which models call what they consist of."""


class Constructors(Machine):
    """Makes objects of the submission's classes."""

    def construct(self, cls: Class, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        name = cls.node.name
        if cls.is_module:
            out = self.allocate("module", node, "", cls)
            out.d["#class"] = Const(name)
            out.d[WRAPPED] = self.kept_modules(cls, args, keywords)
            return out
        if cls.is_optimizer:
            out = self.allocate("optimizer", node, name)
            out.d["#content"] = self.data(Tup((*args, *keywords.values())))
            return out
        if cls.is_autograd:
            return cls
        out = self.allocate("instance", node, "", cls)
        initialiser = cls.find("__init__")
        if initialiser is not None:
            self.call_function(replace(initialiser, instance=out), args, keywords, node)
        else:
            self.fill_fields(out, cls, args, keywords, node)
        return out

    def kept_modules(
        self, cls: Class, args: Sequence[Value], keywords: Mapping[str, Value]
    ) -> tuple[Obj, ...]:
        """The modules that a new module keeps of what its constructor is handed."""
        initialiser = cls.find("__init__")
        if initialiser is None or not (args or keywords):
            return ()
        names = [a.arg for a in (*initialiser.node.args.posonlyargs, *initialiser.node.args.args)][1:]
        given = {**dict(zip(names, args, strict=False)), **keywords}
        kept = kept_whole(initialiser.node)
        found: set[Obj] = set()
        for name, value in given.items():
            if name in kept or name not in names:
                record = self.data(value)
                found |= {owner for owner in record.states | record.refs if owner.kind == "module"}
        return tuple(sorted(found, key=lambda o: o.number))

    def fill_fields(
        self, out: Obj, cls: Class, args: Sequence[Value], keywords: dict[str, Value], node: ast.AST
    ) -> None:
        """Dataclass and named-tuple fields: defaults, factories, arguments, `__post_init__`."""
        names: list[str] = []
        for statement in cls.node.body:
            if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
                continue
            name = statement.target.id
            names.append(name)
            value = statement.value
            if isinstance(value, ast.Call) and ast.unparse(value.func).split(".")[-1] == "field":
                for keyword in value.keywords:
                    if keyword.arg == "default_factory":
                        out.d[name] = self.call(self.evaluate(keyword.value, cls.env), [], {}, node)
                    elif keyword.arg == "default":
                        out.d[name] = self.evaluate(keyword.value, cls.env)
            elif name in cls.d:
                out.d[name] = cls.d[name]
        out.d.update(zip(names, args, strict=False))
        out.d.update({k: v for k, v in keywords.items() if k != "**"})
        post = cls.find("__post_init__")
        if post is not None:
            self.call_function(replace(post, instance=out), [], {}, node)


@once_a_node
def kept_whole(initialiser: ast.AST) -> frozenset[str]:
    """The names whose values a constructor keeps: it speaks of them, not of an attribute or of a size of theirs."""
    passing: set[int] = set()
    kept: set[int] = set()
    names: dict[int, str] = {}
    for node in walk(initialiser):
        if isinstance(node, ast.Attribute):
            passing.add(id(node.value))
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            if isinstance(node.value, ast.Attribute) and node.value.attr in PARTS_OF:
                kept.add(id(node.value.value))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SIZES_OF:
            passing.update(map(id, node.args))
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            names[id(node)] = node.id
    return frozenset(name for node, name in names.items() if node in kept or node not in passing)
