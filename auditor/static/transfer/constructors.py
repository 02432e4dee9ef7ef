"""Classes that are called: what a new object is made of."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from auditor.program.walk import walk
from auditor.static.ast_text import once_a_node
from auditor.static.domain.heap import Class, Env, Func, Obj, ObjectKind
from auditor.static.domain.values import Const, TupleValue, Value
from auditor.static.interpreter.machine import Machine
from auditor.static.transfer.method_text import MethodTexts

SIZES_OF = frozenset(["getattr", "hasattr", "id", "isinstance", "len", "type"])
"""Functions that mostly ask for a size or a kind of a module; what they give is not taken for a part of it."""

PARTS_OF = frozenset([
    "backbone", "base", "blocks", "body", "core", "decoder", "embed", "encoder", "final_norm", "forward",
    "forward_logits", "h", "head", "layers", "lm_head", "ln_f", "model", "module", "net", "tok_emb", "transformer",
    "trunk", "wpe", "wte",
])  # fmt: skip
"""Attributes by which models call what they consist of; others of a model that is handed on are mostly sizes."""

INTERCEPTS = ("__setattr__", "__getattribute__", "__getattr__")
"""Methods by which an object's attributes are not what its constructor set."""

ANY = "*"
"""An attribute of any name."""

CONTAINERS: dict[str, ObjectKind] = {
    "builtins.list": "list", "builtins.set": "list", "collections.UserList": "list", "collections.deque": "list",
    "builtins.dict": "dict", "collections.UserDict": "dict", "collections.OrderedDict": "dict",
    "collections.defaultdict": "dict", "collections.Counter": "dict",
}  # fmt: skip
"""Classes of Python's library that hold things, and what their objects are here."""


class Constructors:
    """Makes objects of the submission's classes."""

    def __init__(self, machine: Machine, method_texts: MethodTexts) -> None:
        self.machine = machine
        self.heap = machine.heap
        self.views = machine.views
        self.method_texts = method_texts

    def construct(self, cls: Class, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        """`cls(…)`: by the metaclass where it says how, else as Python makes objects."""
        found = (
            self.machine.evaluate.implicit(cls, "__call__", args, node)
            if not keywords
            else self.made_by_meta(cls, args, keywords, node)
        )
        return self.make(cls, args, keywords, node) if found is None else found

    def made_by_meta(
        self, cls: Class, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        method = self.machine.evaluate.special(cls, "__call__")
        return None if method is None else self.machine.apply.call(method, args, keywords, node)

    def make(self, cls: Class, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        """An object by `__new__` and `__init__`."""
        constructor = cls.find("__new__")
        if constructor is not None and not cls.is_module:
            made = self.machine.apply.call(replace(constructor, instance=None), [cls, *args], keywords, node)
            if not (isinstance(made, Obj) and made.cls is cls):
                return made
        elif cls.is_autograd:
            return cls
        else:
            made = self.bare_instance(cls, args, node)
        initialiser = cls.find("__init__")
        if made.kind == "module":
            made.made_with = (tuple(args), dict(keywords), node)
            if initialiser is not None:
                given = bound_arguments(initialiser.node, args, keywords)
                made.wrapped = self.kept_modules(initialiser, given)
                for attribute, parameter in set_plainly(initialiser.node):
                    value = given.get(parameter)
                    if self.is_kept(cls, attribute, value):
                        made.d[attribute] = value
        elif made.kind == "optimizer":
            made.content = self.views.data(TupleValue((*args, *keywords.values())))
            if initialiser is not None and any(
                self.method_texts.trains(method) for method in cls.methods.values()
            ):
                self.machine.apply.call_function(replace(initialiser, instance=made), args, keywords, node)
        elif initialiser is not None:
            self.machine.apply.call_function(replace(initialiser, instance=made), args, keywords, node)
        elif made.kind in ("list", "dict"):
            self.machine.apply.initialise(made, args, keywords, node)
        else:
            self.fill_fields(made, cls, args, keywords, node)
        return made

    def is_kept(self, cls: Class, attribute: str, value: Value | None) -> bool:
        """Whether an attribute that a module's constructor sets is followed: other objects and lasting settings are."""
        if isinstance(value, Const):
            return self.stays(cls, attribute)
        if not isinstance(value, Obj):
            return False
        return value.kind == "module" or (value.kind == "instance" and attribute in set_once(cls.node))

    def stays(self, cls: Class, attribute: str) -> bool:
        """Whether what a module's constructor sets once is set by nothing else in the program, by any object's name."""
        if attribute == "training" or any(cls.find(name) is not None for name in (attribute, *INTERCEPTS)):
            return False
        if attribute not in set_once(cls.node):
            return False
        stored = [stored_attributes(tree) for tree in self.machine.script.trees.values()]
        return sum(found[attribute] for found in stored) == 1 and not any(found[ANY] for found in stored)

    def bare_instance(self, cls: Class, args: list[Value], node: ast.AST) -> Obj:
        """An object of a class, before its constructor has run."""
        if cls.is_module:
            return self.heap.allocate("module", node, "", cls)
        if cls.is_optimizer:
            return self.heap.allocate("optimizer", node, cls.node.name, cls)
        for base in cls.library_bases():
            if base in CONTAINERS:
                return self.heap.allocate(CONTAINERS[base], node, "", cls)
        out = self.heap.allocate("instance", node, "", cls)
        if args and {"builtins.tuple", "builtins.str"} & set(cls.library_bases()):
            out.made_of = args[0]
        return out

    def kept_modules(self, initialiser: Func, given: Mapping[str, Value]) -> tuple[Obj, ...]:
        """The modules that a new module keeps, of what its constructor is handed and of what stands around it."""
        kept = kept_whole(initialiser.node)
        named = {a.arg for a in ast.walk(initialiser.node) if isinstance(a, ast.arg)}
        values = [value for name, value in given.items() if name in kept or name not in named]
        for name in kept - named:
            scope = initialiser.env.find(name)
            value = None if scope is None else scope.d.get(name)
            if isinstance(value, Obj) and value.kind == "module":
                values.append(value)
        return self.views.modules_in(values)

    def fill_fields(
        self, out: Obj, cls: Class, args: Sequence[Value], keywords: dict[str, Value], node: ast.AST
    ) -> None:
        """Dataclass and named-tuple fields: defaults, factories, arguments, `__post_init__`; those of bases first."""
        names: dict[str, None] = {}
        for owner in reversed(cls.order()):
            for statement in owner.node.body:
                if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
                    continue
                name = statement.target.id
                names[name] = None
                given, env = self.described_field(statement.value, owner)
                if given is None:
                    out.d.pop(name, None)
                    if name in owner.d:
                        out.d[name] = owner.d[name]
                    continue
                for keyword in given.keywords:
                    if keyword.arg == "default_factory":
                        out.d[name] = self.machine.apply.call(
                            self.machine.evaluate.evaluate(keyword.value, env), [], {}, node
                        )
                    elif keyword.arg == "default":
                        out.d[name] = self.machine.evaluate.evaluate(keyword.value, env)
        out.d.update(zip(names, args, strict=False))
        out.d.update({k: v for k, v in keywords.items() if k != "**"})
        post = cls.find("__post_init__")
        if post is not None:
            self.machine.apply.call_function(replace(post, instance=out), [], {}, node)

    def described_field(self, value: ast.expr | None, owner: Class) -> tuple[ast.Call | None, Env]:
        """The call of `dataclasses.field` that describes a field, and the scope it stands in.

        A function of the script that does nothing but return such a call stands for it.
        """
        env = owner.env
        if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
            scope = env.find(value.func.id)
            called = None if scope is None else scope.d[value.func.id]
            returned = only_returned(called.node) if isinstance(called, Func) else None
            if isinstance(called, Func) and returned is not None:
                evaluate = self.machine.evaluate.evaluate
                keywords = {k.arg or "**": evaluate(k.value, owner.env) for k in value.keywords}
                env = Env(called.env)
                env.d.update(
                    bound_arguments(
                        called.node, [evaluate(a, owner.env) for a in value.args], keywords, own=0
                    )
                )
                value = returned
        if isinstance(value, ast.Call) and ast.unparse(value.func).split(".")[-1] == "field":
            return value, env
        return None, env


def bound_arguments(
    initialiser: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda,
    args: Sequence[Value],
    keywords: Mapping[str, Value],
    own: int = 1,
) -> dict[str, Value]:
    """What a constructor is handed, by the name of the parameter; what goes into `*args` under a name of its own.

    Args:
        own: parameters that no argument is for, such as `self`.
    """
    names = [a.arg for a in (*initialiser.args.posonlyargs, *initialiser.args.args)][own:]
    surplus = {f"*{number}": value for number, value in enumerate(args[len(names) :])}
    left = {} if "**" in keywords else constant_defaults(initialiser.args)
    return {**left, **dict(zip(names, args, strict=False)), **surplus, **keywords}


@once_a_node
def only_returned(function: ast.AST) -> ast.expr | None:
    """What a function returns that does nothing else, or None."""
    body = getattr(function, "body", None)
    if not isinstance(body, list):
        return None
    statements = [s for s in body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
    (only,) = statements if len(statements) == 1 else (None,)
    return only.value if isinstance(only, ast.Return) else None


def constant_defaults(arguments: ast.arguments) -> dict[str, Value]:
    """What parameters are where a call leaves them out, of those whose default is written down as a constant."""
    places = [*arguments.posonlyargs, *arguments.args]
    pairs = [
        *zip(places[len(places) - len(arguments.defaults) :], arguments.defaults, strict=True),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    return {a.arg: Const(default.value) for a, default in pairs if isinstance(default, ast.Constant)}


@once_a_node
def stored_attributes(tree: ast.AST) -> Counter[str]:
    """How often a text stores to attributes of each name; `ANY` where it does so under names that it computes."""
    found: Counter[str] = Counter()
    for node in walk(tree):
        if isinstance(node, ast.Attribute):
            found[node.attr] += not isinstance(node.ctx, ast.Load)
            found[ANY] += node.attr == "__dict__"
        elif isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in ("setattr", "__setattr__", "delattr", "__delattr__"):
                named = node.args[1] if len(node.args) > 1 else None
                found[str(named.value) if isinstance(named, ast.Constant) else ANY] += 1
            found[ANY] += name == "vars"
    return found


@once_a_node
def kept_whole(initialiser: ast.AST) -> frozenset[str]:
    """The names that a constructor speaks of by themselves or by a part of theirs, not of a size of theirs alone."""
    passing: set[int] = set()
    kept: set[int] = set()
    names: dict[int, str] = {}
    for node in walk(initialiser):
        if isinstance(node, ast.Attribute):
            passing.add(id(node.value))
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            values = node.value.elts if isinstance(node.value, (ast.Tuple, ast.List)) else [node.value]
            kept.update(id(v.value) for v in values if isinstance(v, ast.Attribute) and v.attr in PARTS_OF)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SIZES_OF:
            passing.update(map(id, node.args))
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            names[id(node)] = node.id
    return frozenset(name for node, name in names.items() if node in kept or node not in passing)


@once_a_node
def set_plainly(initialiser: ast.AST) -> tuple[tuple[str, str], ...]:
    """The attributes that a constructor sets to what a name holds, whatever happens: (attribute, name)."""
    body = initialiser.body if isinstance(initialiser, (ast.FunctionDef, ast.AsyncFunctionDef)) else []
    return tuple(
        (statement.targets[0].attr, statement.value.id)
        for statement in body
        if isinstance(statement, ast.Assign)
        and len(statement.targets) == 1
        and isinstance(statement.targets[0], ast.Attribute)
        and isinstance(statement.targets[0].value, ast.Name)
        and isinstance(statement.value, ast.Name)
    )


@once_a_node
def set_once(cls: ast.ClassDef) -> frozenset[str]:
    """The attributes that the text of a class sets at one place, from a name that it binds nowhere else."""
    stores = [node for node in walk(cls) if isinstance(getattr(node, "ctx", None), ast.Store | ast.Del)]
    attributes = Counter(node.attr for node in stores if isinstance(node, ast.Attribute))
    rebound = {node.id for node in stores if isinstance(node, ast.Name)}
    plainly = {
        (statement.targets[0].attr, statement.value.id)
        for statement in walk(cls)
        if isinstance(statement, ast.Assign)
        and isinstance(statement.targets[0], ast.Attribute)
        and isinstance(statement.value, ast.Name)
    }
    return frozenset(name for name, given in plainly if attributes[name] == 1 and given not in rebound)
