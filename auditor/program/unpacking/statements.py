"""The unpacking interpreter, statements: just enough control flow to reach the calls that run text.

Conditions that are not known are taken both ways; what the two ways disagree on becomes unknown. Loops run
over known items, once over unknown ones. Functions of the script are entered when they are short or hold a
site (`unpack_sites`), so a plain training program costs next to nothing.
"""

from __future__ import annotations

import ast
from typing import Any

from auditor.program.limits import MAX_CALL_DEPTH
from auditor.program.unpacking.base import Scopes
from auditor.program.unpacking.budget import Budget
from auditor.program.unpacking.expressions import Expressions
from auditor.program.unpacking.files import VirtualFiles
from auditor.program.unpacking.methods import PLAIN, iterable
from auditor.program.unpacking.values import Closure, FilePath, Library, ModuleObject, OpenFile, Unknown
from auditor.program.walk import walk

_SMALL_FUNCTION_NODES = 150
_MAX_LOOP_ROUNDS = 100_000


class _Return(Exception):
    def __init__(self, value: object) -> None:
        super().__init__()
        self.value = value


class _Raised(Exception):
    """A `raise` of the script."""


class _LoopSignal(Exception):
    def __init__(self, *, stop: bool) -> None:
        super().__init__()
        self.stop = stop


class Statements(Expressions):
    """Executes statements over inert values."""

    def __init__(self, files: VirtualFiles, budget: Budget) -> None:
        super().__init__(files, budget)
        self._depth = 0
        self._interesting: set[int] = set()
        self._sizes: dict[int, int] = {}
        self.unresolved_count = 0

    def import_module(self, name: str) -> object:
        """Return what `import name` binds: a library by name, or a module of the submission."""
        return Library(name)

    def body(self, statements: list[ast.stmt], scopes: Scopes) -> None:
        """Execute statements in order."""
        for statement in statements:
            self.budget.step()
            self._statement(statement, scopes)

    def top_level(self, statements: list[ast.stmt], scopes: Scopes) -> None:
        """Execute a module's statements; a `raise` or `return` of the script ends them quietly."""
        try:
            self.body(statements, scopes)
        except (_Return, _Raised, _LoopSignal):
            return

    def explore(self, function: ast.FunctionDef, scopes: Scopes) -> None:
        """Execute a function's body with unknown arguments, to see what it would run."""
        names = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
        frame: dict[str, object] = {
            name.arg: Unknown(f"the parameter {name.arg} of {function.name}()") for name in names
        }
        for extra in (function.args.vararg, function.args.kwarg):
            if extra is not None:
                frame[extra.arg] = Unknown(f"the parameter {extra.arg} of {function.name}()")
        self.top_level(function.body, [*scopes, frame])

    def _statement(self, node: ast.stmt, scopes: Scopes) -> None:
        if isinstance(node, ast.Expr):
            self.evaluate(node.value, scopes)
        elif isinstance(node, ast.Assign):
            value = self.evaluate(node.value, scopes)
            for target in node.targets:
                self.assign(target, value, scopes)
        elif isinstance(node, ast.AnnAssign):
            if node.value is not None:
                self.assign(node.target, self.evaluate(node.value, scopes), scopes)
        elif isinstance(node, ast.AugAssign):
            operation = ast.BinOp(left=node.target, op=node.op, right=node.value)
            self.assign(node.target, self.evaluate(operation, scopes), scopes)
        elif isinstance(node, ast.Import):
            self._import(node, scopes)
        elif isinstance(node, ast.ImportFrom):
            self._import_from(node, scopes)
        elif isinstance(node, ast.FunctionDef):
            scopes[-1][node.name] = self.closure(node, scopes)
        elif isinstance(node, (ast.ClassDef, ast.AsyncFunctionDef)):
            scopes[-1][node.name] = Unknown(f"{node.name} is a class or coroutine")
        elif isinstance(node, ast.If):
            self._if(node, scopes)
        elif isinstance(node, ast.For):
            self._for(node, scopes)
        elif isinstance(node, ast.While):
            self._while(node, scopes)
        elif isinstance(node, ast.With):
            self._with(node, scopes)
        elif isinstance(node, (ast.Try, ast.TryStar)):
            self._try(node, scopes)
        elif isinstance(node, ast.Return):
            raise _Return(self.evaluate(node.value, scopes))
        elif isinstance(node, ast.Raise):
            self.evaluate(node.exc, scopes)
            raise _Raised
        elif isinstance(node, (ast.Break, ast.Continue)):
            raise _LoopSignal(stop=isinstance(node, ast.Break))
        elif isinstance(node, ast.Delete):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    scopes[-1].pop(target.id, None)

    # -- binding

    def assign(self, target: ast.expr, value: object, scopes: Scopes) -> None:
        """Bind a target to a value; targets that are not followed are left alone."""
        if isinstance(target, ast.Name):
            scopes[-1][target.id] = value
        elif isinstance(target, (ast.Tuple, ast.List)):
            items = iterable(value)
            starred = any(isinstance(element, ast.Starred) for element in target.elts)
            if items is None or starred or len(items) != len(target.elts):
                reason = (
                    value if isinstance(value, Unknown) else Unknown("a value unpacked from an unknown one")
                )
                items = [reason] * len(target.elts)
            for element, item in zip(target.elts, items, strict=True):
                inner = element.value if isinstance(element, ast.Starred) else element
                self.assign(inner, self.derived(item, [value]), scopes)
        elif isinstance(target, ast.Attribute):
            owner = self.evaluate(target.value, scopes)
            if isinstance(owner, ModuleObject):
                owner.namespace[target.attr] = value
        elif isinstance(target, ast.Subscript):
            owner, key = self.evaluate(target.value, scopes), self.evaluate(target.slice, scopes)
            if isinstance(owner, Library) and owner.name == "os.environ":
                self.library.environment[str(key)] = value
            elif isinstance(owner, (dict, list, bytearray)) and not isinstance(key, Unknown):
                try:
                    owner[key] = value  # type: ignore[call-overload]
                except (TypeError, ValueError, LookupError):
                    return

    def _import(self, node: ast.Import, scopes: Scopes) -> None:
        for alias in node.names:
            if alias.asname is not None:
                scopes[-1][alias.asname] = self.import_module(alias.name)
            else:
                top = alias.name.split(".")[0]
                module = self.import_module(alias.name)
                scopes[-1][top] = module if top == alias.name else Library(top)

    def _import_from(self, node: ast.ImportFrom, scopes: Scopes) -> None:
        module = self.import_module(node.module or "")
        for alias in node.names:
            if alias.name == "*":
                if isinstance(module, ModuleObject):
                    scopes[-1].update({k: v for k, v in module.namespace.items() if not k.startswith("_")})
                continue
            value = self.attribute(module, alias.name)
            if isinstance(value, Unknown):
                inner = self.import_module(f"{node.module}.{alias.name}")
                value = inner if isinstance(inner, ModuleObject) else value
            scopes[-1][alias.asname or alias.name] = value

    # -- control flow

    def _if(self, node: ast.If, scopes: Scopes) -> None:
        truth = self.truth(self.evaluate(node.test, scopes))
        if truth is not None:
            self.body(node.body if truth else node.orelse, scopes)
            return
        before = dict(scopes[-1])
        self._optional(node.body, scopes)
        after_body = dict(scopes[-1])
        scopes[-1].clear()
        scopes[-1].update(before)
        self._optional(node.orelse, scopes)
        for name, value in after_body.items():
            if name not in scopes[-1]:
                scopes[-1][name] = value
            elif not _same(scopes[-1][name], value):
                scopes[-1][name] = Unknown(f"{name} depends on a condition that is not known")

    def _optional(self, statements: list[ast.stmt], scopes: Scopes) -> None:
        """Execute statements that may or may not run; their jumps are not taken."""
        try:
            self.body(statements, scopes)
        except (_Return, _Raised, _LoopSignal):
            return

    def _for(self, node: ast.For, scopes: Scopes) -> None:
        source = self.evaluate(node.iter, scopes)
        items = iterable(source)
        if items is None:
            self.assign(node.target, Unknown("an item of an unknown loop"), scopes)
            self._optional(node.body, scopes)
            return
        for item in items:
            self.budget.step()
            self.assign(node.target, self.derived(item, [source]), scopes)
            if not self._round(node.body, scopes):
                return
        self.body(node.orelse, scopes)

    def _while(self, node: ast.While, scopes: Scopes) -> None:
        for _ in range(_MAX_LOOP_ROUNDS):
            self.budget.step()
            truth = self.truth(self.evaluate(node.test, scopes))
            if truth is None:
                self._optional(node.body, scopes)
                return
            if not truth or not self._round(node.body, scopes):
                return

    def _round(self, statements: list[ast.stmt], scopes: Scopes) -> bool:
        """Execute one round of a loop; false after `break`."""
        try:
            self.body(statements, scopes)
        except _LoopSignal as signal:
            return not signal.stop
        return True

    def _with(self, node: ast.With, scopes: Scopes) -> None:
        for item in node.items:
            value = self.evaluate(item.context_expr, scopes)
            if item.optional_vars is not None:
                entered = value.text if isinstance(value, FilePath) else value
                self.assign(item.optional_vars, entered, scopes)
            if isinstance(value, OpenFile):
                value.position = 0 if not value.writable else value.position
        self.body(node.body, scopes)

    def _try(self, node: ast.Try | ast.TryStar, scopes: Scopes) -> None:
        unresolved = self.unresolved_count
        try:
            self.body(node.body, scopes)
        except _Raised:
            self._handlers(node, scopes)
        else:
            if self.unresolved_count > unresolved:
                self._handlers(node, scopes)
            self.body(node.orelse, scopes)
        self.body(node.finalbody, scopes)

    def _handlers(self, node: ast.Try | ast.TryStar, scopes: Scopes) -> None:
        for handler in node.handlers:
            self._optional(handler.body, scopes)

    # -- functions of the script

    def mark_interesting(self, functions: set[int]) -> None:
        """Name the functions (by id of their node) that must be entered whatever their size."""
        self._interesting |= functions

    def call_closure(self, closure: Closure, arguments: list[Any], keywords: dict[str, Any]) -> object:
        """Call a function of the script, if it is short or marked; its value is unknown otherwise."""
        node = closure.node
        name = node.name if isinstance(node, ast.FunctionDef) else "lambda"
        if self._depth >= MAX_CALL_DEPTH:
            return Unknown(f"calls nested deeper than {MAX_CALL_DEPTH}")
        if id(node) not in self._interesting and self._size(node) > _SMALL_FUNCTION_NODES:
            return Unknown(f"the value of {name}() is not followed")
        frame = _bind(closure, arguments, keywords)
        if frame is None:
            return Unknown(f"{name}() called with arguments that do not fit")
        scopes = [*closure.scopes, frame]
        self._depth += 1
        caller, self.current = self.current, closure.layer
        try:
            if isinstance(node, ast.Lambda):
                return self.evaluate(node.body, scopes)
            self.body(node.body, scopes)
        except _Return as returned:
            return returned.value
        except _LoopSignal:
            return None
        finally:
            self._depth -= 1
            self.current = caller
        return None

    def _size(self, node: ast.AST) -> int:
        if id(node) not in self._sizes:
            count = 0
            for _ in walk(node):
                count += 1
                if count > _SMALL_FUNCTION_NODES:
                    break
            self._sizes[id(node)] = count
        return self._sizes[id(node)]


def _same(left: object, right: object) -> bool:
    if left is right:
        return True
    return (
        isinstance(left, PLAIN) and isinstance(right, PLAIN) and type(left) is type(right) and left == right
    )


def _bind(closure: Closure, arguments: list[Any], keywords: dict[str, Any]) -> dict[str, object] | None:
    """Return the frame of a call, or None where the arguments do not fit."""
    parameters = closure.node.args
    positional = [*parameters.posonlyargs, *parameters.args]
    frame: dict[str, object] = {}
    for parameter, default in zip(
        positional[len(positional) - len(closure.defaults) :], closure.defaults, strict=True
    ):
        frame[parameter.arg] = default
    for parameter, default in zip(parameters.kwonlyargs, closure.keyword_defaults, strict=True):
        frame[parameter.arg] = default
    for parameter, value in zip(positional, arguments, strict=False):
        frame[parameter.arg] = value
    extra = arguments[len(positional) :]
    if parameters.vararg is not None:
        frame[parameters.vararg.arg] = tuple(extra)
    elif extra:
        return None
    names = {parameter.arg for parameter in (*positional, *parameters.kwonlyargs)}
    rest = {key: value for key, value in keywords.items() if key not in names}
    frame.update({key: value for key, value in keywords.items() if key in names})
    if parameters.kwarg is not None:
        frame[parameters.kwarg.arg] = rest
    elif rest:
        return None
    return frame if all(parameter.arg in frame for parameter in positional) else None
