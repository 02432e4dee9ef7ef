"""Statements."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable, Iterable
from typing import Any

from auditor.static.causality.assignments import bind
from auditor.static.causality.expressions import augmented
from auditor.static.causality.failures import Break, Continue, NotFollowed, Return, ScriptError, TooLarge
from auditor.static.causality.tensor import Tensor
from auditor.static.causality.values import (
    Class,
    Decorated,
    Function,
    FunctionNode,
    Instance,
    Library,
    Native,
    Scope,
)
from auditor.static.causality.walker import Walker

FLOW = (Return, Break, Continue)


def soft_block(it: Walker, body: Iterable[ast.stmt], scope: Scope) -> None:
    """Run statements one by one; names that a statement would have bound and could not are left unknown."""
    for statement in body:
        try:
            it.execute([statement], scope)
        except TooLarge:
            raise
        except (NotFollowed, ScriptError, *FLOW) as failure:
            it.failed_at = None
            for name in bound_names(statement):
                if name not in scope.names:
                    scope.put(name, it.unknown(f"{name} ({failure})"))


def bound_names(statement: ast.stmt) -> list[str]:
    """The names that a statement assigns, wherever in it."""
    names = [n.id for n in ast.walk(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
    for node in ast.walk(statement):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names += [(alias.asname or alias.name).split(".")[0] for alias in node.names]
    return names


def exec_expr(it: Walker, node: ast.Expr, scope: Scope) -> None:
    if not isinstance(node.value, ast.Constant):
        it.evaluate(node.value, scope)


def exec_nothing(it: Walker, node: ast.stmt, scope: Scope) -> None:
    pass


def exec_break(it: Walker, node: ast.Break, scope: Scope) -> None:
    raise Break


def exec_continue(it: Walker, node: ast.Continue, scope: Scope) -> None:
    raise Continue


def exec_return(it: Walker, node: ast.Return, scope: Scope) -> None:
    value = None if node.value is None else it.evaluate(node.value, scope)
    it.notice(value)
    raise Return(value)


def exec_global(it: Walker, node: ast.Global, scope: Scope) -> None:
    scope.global_names.update(node.names)


def exec_nonlocal(it: Walker, node: ast.Nonlocal, scope: Scope) -> None:
    scope.nonlocal_names.update(node.names)


def exec_delete(it: Walker, node: ast.Delete, scope: Scope) -> None:
    for target in node.targets:
        if isinstance(target, ast.Name):
            scope.names.pop(target.id, None)
        elif isinstance(target, ast.Subscript):
            owner = it.evaluate(target.value, scope)
            if not isinstance(owner, dict | list):
                raise NotFollowed("a deletion from what is no container")
            try:
                del owner[it.evaluate(target.slice, scope)]
            except (KeyError, IndexError, TypeError) as error:
                raise ScriptError(type(error).__name__) from None


def exec_raise(it: Walker, node: ast.Raise, scope: Scope) -> None:
    name = "an exception"
    if node.exc is not None:
        name = ast.unparse(node.exc.func if isinstance(node.exc, ast.Call) else node.exc)
    raise ScriptError(name, ast.unparse(node)[:80])


def exec_import(it: Walker, node: ast.Import, scope: Scope) -> None:
    for alias in node.names:
        found = it.texts.module(alias.name)
        if found is not None:
            scope.put(alias.asname or alias.name.split(".")[0], it.load(*found, alias.name))
        elif alias.asname:
            scope.put(alias.asname, it.library_member(alias.name))
        else:
            scope.put(alias.name.split(".")[0], Library(alias.name.split(".")[0]))


def exec_import_from(it: Walker, node: ast.ImportFrom, scope: Scope) -> None:
    if node.module == "__future__":
        return
    found = it.texts.module(node.module) if node.module else None
    if found is not None and node.module:
        module = it.load(*found, node.module)
        for alias in node.names:
            if alias.name == "*":
                scope.names.update({k: v for k, v in module.names.items() if not k.startswith("__")})
            else:
                missing = it.unknown(f"{alias.name} of {node.module}")
                scope.put(alias.asname or alias.name, module.names.get(alias.name, missing))
        return
    for alias in node.names:
        if alias.name != "*":
            scope.put(alias.asname or alias.name, it.library_member(f"{node.module or ''}.{alias.name}"))


def exec_function(it: Walker, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> None:
    value: Any = function_of(it, node, scope)
    for decorator in reversed(node.decorator_list):
        text = ast.unparse(decorator)
        head = text.split("(")[0]
        last = head.rsplit(".", 1)[-1]
        if last in ("property", "cached_property"):
            value = Decorated("property", value)
        elif last in ("staticmethod", "classmethod"):
            value = Decorated(last, value)
        elif "triton" in head or head == "jit":
            value = Library(f"a Triton kernel of the submission ({node.name})")
            it.fingerprints[value.name] = fingerprint(node)
        elif last == "custom_op":
            _register_operation(it, decorator, value, scope)
        elif last in (
            "register_fake",
            "register_autograd",
            "register_kernel",
            "register",
            "impl_abstract",
            "setter",
            "overload",
        ):
            return
        elif last in (
            "compile", "no_grad", "inference_mode", "lru_cache", "cache", "disable", "wraps",
            "contextmanager", "allow_in_graph", "autocast", "enable_grad", "record", "custom_fwd", "custom_bwd",
            "dataclass", "script", "abstractmethod", "override", "assume_constant_result", "script_method", "ignore",
        ):  # fmt: skip
            if last == "contextmanager":
                value = Native(lambda *a, **k: Library("a context"), node.name)
        else:
            applied = it.evaluate(decorator, scope)
            value = it.call(applied, [value], {})
    scope.put(node.name, value)


def fingerprint(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """A kernel's text without its name, blanks and comments, as a short digest."""
    text = ast.unparse(node.args) + "\n" + "\n".join(ast.unparse(statement) for statement in node.body)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _register_operation(it: Walker, decorator: ast.expr, function: Any, scope: Scope) -> None:
    """An operation that the script gives a name below `torch.ops`."""
    if isinstance(decorator, ast.Call) and decorator.args:
        name = it.evaluate(decorator.args[0], scope)
        if isinstance(name, str):
            it.operations["torch.ops." + name.replace("::", ".")] = function


def function_of(it: Walker, node: FunctionNode, scope: Scope) -> Function:
    """A function with its defaults, which are evaluated where it is defined."""

    def default(expression: ast.expr) -> Any:
        try:
            return it.evaluate(expression, scope)
        except (NotFollowed, ScriptError) as failure:
            return it.unknown(f"a default of {getattr(node, 'name', 'a lambda')} ({failure})")

    return Function(
        node,
        scope,
        it.path,
        [default(d) for d in node.args.defaults],
        [None if d is None else default(d) for d in node.args.kw_defaults],
    )


def exec_class(it: Walker, node: ast.ClassDef, scope: Scope) -> None:
    bases = []
    for base in node.bases:
        try:
            bases.append(it.evaluate(base, scope))
        except (NotFollowed, ScriptError):
            bases.append(it.unknown(f"a base of {node.name}"))
    inside = Scope(scope, is_class=True)
    soft_block(it, node.body, inside)
    cls = Class(node.name, bases, inside.names, node)
    for value in inside.names.values():
        function = value.function if isinstance(value, Decorated) else value
        if isinstance(function, Function) and function.owner is None:
            function.owner = cls
    cls.is_dataclass = any("dataclass" in ast.unparse(d) for d in node.decorator_list)
    own = [s.target.id for s in node.body if isinstance(s, ast.AnnAssign) and isinstance(s.target, ast.Name)]
    inherited = [field for base in cls.lineage()[1:] for field in base.fields]
    cls.fields = [*inherited, *(name for name in own if name not in inherited)]
    scope.put(node.name, cls)


def exec_assign(it: Walker, node: ast.Assign, scope: Scope) -> None:
    value = it.evaluate(node.value, scope)
    it.stand_at(node)
    it.notice(value)
    for target in node.targets:
        bind(it, target, value, scope)


def exec_annotated(it: Walker, node: ast.AnnAssign, scope: Scope) -> None:
    if node.value is not None:
        bind(it, node.target, it.evaluate(node.value, scope), scope)


def exec_augmented(it: Walker, node: ast.AugAssign, scope: Scope) -> None:
    target = node.target
    if isinstance(target, ast.Name):
        old = it.evaluate(ast.copy_location(ast.Name(target.id, ast.Load()), target), scope)
    else:
        old = it.evaluate(target, scope)  # a store context reads the same here
    value = augmented(it, node.op, old, it.evaluate(node.value, scope))
    it.notice(value)
    if not (isinstance(old, Tensor) and value is old and not isinstance(target, ast.Subscript)):
        bind(it, target, value, scope)


def exec_if(it: Walker, node: ast.If, scope: Scope) -> None:
    if is_main_guard(node.test) and not it.following:
        return
    holds = it.truth(it.evaluate(node.test, scope), node.test)
    it.execute(node.body if holds else node.orelse, scope)


def is_main_guard(test: ast.expr) -> bool:
    """Whether this is `__name__ == "__main__"`."""
    return isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__"


def exec_while(it: Walker, node: ast.While, scope: Scope) -> None:
    try:
        while _goes_on(it, node.test, scope):
            it.tick()
            try:
                it.execute(node.body, scope)
            except Continue:
                continue
        it.execute(node.orelse, scope)
    except Break:
        pass


def _goes_on(it: Walker, test: ast.expr, scope: Scope) -> bool:
    outer, it.sizes.in_loop = it.sizes.in_loop, True
    try:
        return it.truth(it.evaluate(test, scope), test)
    finally:
        it.sizes.in_loop = outer


def exec_for(it: Walker, node: ast.For, scope: Scope) -> None:
    try:
        for value in it.iterate(it.evaluate(node.iter, scope)):
            it.tick()
            bind(it, node.target, value, scope)
            try:
                it.execute(node.body, scope)
            except Continue:
                continue
        it.execute(node.orelse, scope)
    except Break:
        pass


CONTEXTS = ("torch.", "contextlib.", "warnings.", "a context", "nullcontext", "record_function")


def exec_with(it: Walker, node: ast.With, scope: Scope) -> None:
    entered_objects: list[Instance] = []
    for item in node.items:
        value = it.evaluate(item.context_expr, scope)
        if isinstance(value, Instance):
            entered_objects.append(value)
        entered = it.call(it.attribute(value, "__enter__"), [], {}) if isinstance(value, Instance) else value
        if item.optional_vars is not None:
            bind(it, item.optional_vars, entered, scope)
    try:
        it.execute(node.body, scope)
    finally:
        for entered_object in reversed(entered_objects):
            it.call(it.attribute(entered_object, "__exit__"), [None, None, None], {})


def exec_try(it: Walker, node: ast.Try, scope: Scope) -> None:
    """A `try`; an import that may fail is tried both ways, one run each, where the model uses what it gives."""
    optional = optional_import(node) if node.handlers else None
    if optional:
        for name in bound_names(node):
            it.optional.setdefault(name, optional)
        if it.choices.told(("import", optional)):
            it.execute(node.handlers[0].body, scope)
            it.execute(node.finalbody, scope)
            return
    try:
        it.execute(node.body, scope)
    except ScriptError as error:
        caught = next((h for h in node.handlers if catches(h, error)), None)
        if caught is None:
            it.execute(node.finalbody, scope)
            raise
        if caught.name:
            scope.put(caught.name, it.unknown("an exception"))
        it.execute(caught.body, scope)
    else:
        it.execute(node.orelse, scope)
    it.execute(node.finalbody, scope)


ALWAYS_THERE = frozenset(
    "torch numpy math os sys json re time glob io random pathlib collections functools itertools typing zlib lzma "
    "sentencepiece __future__ dataclasses copy warnings".split()
)


def optional_import(node: ast.Try) -> str | None:
    """The library that a `try` imports and catches the absence of, or None."""
    for statement in node.body:
        names: list[str] = []
        if isinstance(statement, ast.Import):
            names = [alias.name for alias in statement.names]
        elif isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
            names = [statement.module]
        for name in names:
            if name.split(".")[0] not in ALWAYS_THERE:
                return name
    return None


def catches(handler: ast.ExceptHandler, error: ScriptError) -> bool:
    """Whether a handler takes an exception, by the names; those of the exceptions here are few."""
    if handler.type is None:
        return True
    names = {
        ast.unparse(e).rsplit(".", 1)[-1]
        for e in (handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type])
    }
    raised = error.name.rsplit(".", 1)[-1]
    return bool(names & {raised, "Exception", "BaseException"}) or (
        "LookupError" in names and raised in ("KeyError", "IndexError")
    )


def exec_assert(it: Walker, node: ast.Assert, scope: Scope) -> None:
    """An assertion that is certainly wrong ends the run; others are taken to hold."""
    try:
        value = it.evaluate(node.test, scope)
    except NotFollowed:
        return
    if isinstance(value, bool) and not value:
        raise ScriptError("AssertionError", ast.unparse(node.test)[:60])


STATEMENTS: dict[type[ast.stmt], Callable[[Any, Any, Scope], None]] = {
    ast.Expr: exec_expr,
    ast.Pass: exec_nothing,
    ast.Break: exec_break,
    ast.Continue: exec_continue,
    ast.Return: exec_return,
    ast.Global: exec_global,
    ast.Nonlocal: exec_nonlocal,
    ast.Assert: exec_assert,
    ast.Delete: exec_delete,
    ast.Raise: exec_raise,
    ast.Import: exec_import,
    ast.ImportFrom: exec_import_from,
    ast.FunctionDef: exec_function,
    ast.AsyncFunctionDef: exec_function,
    ast.ClassDef: exec_class,
    ast.Assign: exec_assign,
    ast.AnnAssign: exec_annotated,
    ast.AugAssign: exec_augmented,
    ast.If: exec_if,
    ast.While: exec_while,
    ast.For: exec_for,
    ast.With: exec_with,
    ast.Try: exec_try,
}
