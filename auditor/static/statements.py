"""Statements: assignment, branches, `try`, `with`, definitions, imports."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import replace

from auditor.static.by_kind import ByKind
from auditor.static.choices import Choice
from auditor.static.heap import MISSING, TOUCHED, Env, Obj
from auditor.static.machine import Changes, Machine
from auditor.static.text import once_a_node
from auditor.static.values import (
    UNKNOWN,
    Alt,
    Class,
    Const,
    Data,
    Func,
    Keyed,
    Lib,
    Num,
    Truth,
    Tup,
    Value,
    View,
)
from auditor.trace.answer import Answer
from auditor.trace.events import Place
from auditor.trace.linear import Condition
from auditor.trace.trace import Switch

REQUIRED = frozenset(["torch", "numpy", "sentencepiece"])
"""Packages that the challenge itself requires: no entry runs without them."""

Status = str | None
"""How a block ended: None (fell through), "return", "break", "continue" or "raise"."""


class Statements(Machine):
    """Executes statements on abstract values."""

    def block(self, body: Sequence[ast.stmt], env: Env) -> Status:
        for statement in body:
            status = self.execute(statement, env)
            if status is not None:
                return status
        return None

    def execute(self, node: ast.stmt, env: Env) -> Status:
        self.tick()
        self.line = node.lineno
        handler: Callable[[ast.stmt, Env], Status] | None = getattr(self, "x_" + type(node).__name__, None)
        if handler is None:
            self.doubt("statement not followed", type(node).__name__, node)
            return None
        status = handler(node, env)
        if self.stopped:
            self.stopped = False
            return "return"  # whoever takes what this generator yields takes no more
        return status

    # simple statements
    def x_Pass(self, node: ast.Pass, env: Env) -> Status:
        return None

    x_Delete = x_Pass
    x_TypeAlias = x_Pass

    def x_Expr(self, node: ast.Expr, env: Env) -> Status:
        self.evaluate(node.value, env)
        return None

    def x_Assert(self, node: ast.Assert, env: Env) -> Status:
        self.evaluate(node.test, env)
        return None

    def x_Return(self, node: ast.Return, env: Env) -> Status:
        value = self.evaluate(node.value, env) if node.value is not None else Const(None)
        if self.returns:
            known = self.returns[-1]
            self.returns[-1] = value if known is None else self.join(known, value)
        return "return"

    def x_Break(self, node: ast.Break, env: Env) -> Status:
        return "break"

    def x_Continue(self, node: ast.Continue, env: Env) -> Status:
        return "continue"

    def x_Raise(self, node: ast.Raise, env: Env) -> Status:
        return "raise"

    def x_Global(self, node: ast.Global, env: Env) -> Status:
        env.globals_.update(node.names)
        return None

    def x_Nonlocal(self, node: ast.Nonlocal, env: Env) -> Status:
        env.nonlocals.update(node.names)
        return None

    def x_Import(self, node: ast.Import, env: Env) -> Status:
        for alias in node.names:
            name = alias.name if alias.asname else alias.name.split(".")[0]
            self.put(env, alias.asname or name, self.module_value(name, node))
        return None

    def x_ImportFrom(self, node: ast.ImportFrom, env: Env) -> Status:
        module = self.module_value(node.module or "", node)
        for alias in node.names:
            if alias.name == "*":
                if isinstance(module, Obj):
                    for key, value in list(module.d.items()):
                        if isinstance(key, str) and not key.startswith(("_", "#")):
                            self.put(env, key, value)
                continue
            self.put(env, alias.asname or alias.name, self.attribute(module, alias.name, node))
        return None

    def module_value(self, name: str, node: ast.AST) -> Value:
        """A library by name, or the evaluated sibling file of that name."""
        if name in self.sibling_modules:
            return self.sibling_modules[name]
        found = self.source.sibling(name) if name else None
        if found is None:
            return Lib(name)
        namespace = self.allocate("namespace", node, name)
        self.sibling_modules[name] = namespace
        tree, layer, path = found
        self.trees[layer, path] = tree
        scope = Env()
        scope.d["__name__"] = Const(name)
        scope.d["__file__"] = Const(path)
        namespace.d = scope.d
        with self.standing_in(layer, path):
            self.block(tree.body, scope)
        return namespace

    # definitions
    def x_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef, env: Env) -> Status:
        value: Value = self.function(node, env)
        for decorator in reversed(node.decorator_list):
            value = self.decorated(decorator, value, env)
        self.put(env, node.name, value)
        return None

    x_AsyncFunctionDef = x_FunctionDef

    def function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, env: Env) -> Func:
        defaults = tuple(self.evaluate(d, env) for d in node.args.defaults)
        keyword_defaults = tuple(None if d is None else self.evaluate(d, env) for d in node.args.kw_defaults)
        return Func(node, env, self.layer, self.path, None, None, defaults, keyword_defaults)

    def decorated(self, decorator: ast.expr, value: Value, env: Env) -> Value:
        found = self.evaluate(decorator, env)
        if isinstance(found, Func):
            return self.call(found, [value], {}, decorator)
        return value

    def x_ClassDef(self, node: ast.ClassDef, env: Env) -> Status:
        bases = tuple(self.evaluate(base, env) for base in node.bases)
        cls = Class(node, env, bases, self.layer, self.path)
        scope = Env(env)
        for statement in node.body:
            if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
                func = self.function(statement, env)
                cls.methods[statement.name] = Func(
                    func.node, env, func.layer, func.path, None, cls, func.defaults, func.keyword_defaults
                )
                scope.d[statement.name] = cls.methods[statement.name]
            else:
                self.execute(statement, scope)
        cls.d = {k: v for k, v in scope.d.items() if k not in cls.methods}
        self.put(env, node.name, cls)
        return None

    # assignment
    def x_Assign(self, node: ast.Assign, env: Env) -> Status:
        value = self.evaluate(node.value, env)
        if len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            self.baptise(value, node.targets[0].id)
        for target in node.targets:
            self.assign(target, value, env)
        return None

    def baptise(self, value: Value, name: str) -> None:
        """Name an allocation after the first variable that holds it."""
        if isinstance(value, Obj) and not value.name:
            value.name = name
            for cell in ("#items", "#elements"):
                for element in value.d.get(cell, ()):  # type: ignore[attr-defined]
                    element = element.value if isinstance(element, Keyed) else element
                    if isinstance(element, Obj):
                        self.baptise(element, name)
        elif isinstance(value, Data) and len(value.refs) == 1:
            (target,) = value.refs
            if not target.name:
                target.name = name

    def x_AnnAssign(self, node: ast.AnnAssign, env: Env) -> Status:
        if node.value is not None:
            value = self.evaluate(node.value, env)
            if isinstance(node.target, ast.Name):
                self.baptise(value, node.target.id)
            self.assign(node.target, value, env)
        return None

    def x_AugAssign(self, node: ast.AugAssign, env: Env) -> Status:
        value = self.evaluate(node.value, env)
        target = node.target
        if isinstance(target, ast.Subscript):
            owner = self.evaluate(target.value, env)
            index = self.evaluate(target.slice, env)
            self.store(owner, index, value, target, env, augmented=True)
            return None
        old = self.evaluate(target, env)
        record = self.data(value)
        if record.losses:
            value = record = self.added_up(record, old, node)
        if isinstance(node.op, ast.Add) and self.accumulates(old, record):
            value = record = self.counted(record, node)
        for option in old.options if isinstance(old, Alt) else (old,):
            if isinstance(option, View):
                option = option.base
            if isinstance(option, Data) and option.refs and not record.losses:
                self.call_method(option, "add_", [value], {}, node)
                return None
            if isinstance(option, Obj) and option.kind in ("tensor", "dict"):
                self.accumulate(option, node.op, value, node)
                return None
            if isinstance(option, Obj) and option.kind == "list":
                self.call_method(option, "extend", [value], {}, node)
                return None
        self.assign(target, self.binary(node.op, old, value, node), env)
        return None

    def accumulates(self, old: Value, record: Data) -> bool:
        """Whether byte lengths are added to a total: a number, or an array that holds nothing but such totals."""
        if record.by_kind is None or not record.by_kind.axes or record.by_kind.is_table:
            return False
        return all(self.is_total(option) for option in (old.options if isinstance(old, Alt) else (old,)))

    def is_total(self, value: Value) -> bool:
        if isinstance(value, (Const, Num)):
            return True
        if isinstance(self.by_kind_of(value), ByKind):
            return False
        if isinstance(value, Obj):
            return value.kind == "tensor" and not self.content(value).relevant
        return isinstance(value, Data) and bool(value.origins) and not value.losses

    def accumulate(self, target: Obj, operator: ast.operator, value: Value, node: ast.AST) -> None:
        """`total += value` for an array: in place."""
        by_kind = self.combined(operator, target, value)
        content, record = self.content(target), self.data(value).plain()
        merged = replace(
            self.taken_in(content, record),
            origins=self.added(content.origins, record.origins, node),
            by_kind=None,
            most=None,
        )
        self.spoil(target)
        self.put(target, TOUCHED, True)
        self.put(target, "#content", merged)
        if by_kind is not None:
            self.put(target, "#kinds", Data(by_kind=by_kind))

    def assign(self, target: ast.expr, value: Value, env: Env) -> None:
        if isinstance(target, ast.Name):
            self.put(self.scope_of(target.id, env), target.id, value)
        elif isinstance(target, (ast.Tuple, ast.List)):
            self.unpack(target.elts, value, env)
        elif isinstance(target, ast.Starred):
            self.assign(target.value, value, env)
        elif isinstance(target, ast.Attribute):
            self.assign_attribute(target, value, env)
        elif isinstance(target, ast.Subscript):
            owner = self.evaluate(target.value, env)
            index = self.evaluate(target.slice, env)
            self.store(owner, index, value, target, env, augmented=False)

    def scope_of(self, name: str, env: Env) -> Env:
        if name in env.globals_:
            root = env
            while root.up is not None:
                root = root.up
            return root
        if name in env.nonlocals and env.up is not None:
            return env.up.find(name) or env
        return env

    def unpack(self, targets: Sequence[ast.expr], value: Value, env: Env) -> None:
        count = len(targets)
        starred = any(isinstance(t, ast.Starred) for t in targets)
        items: Sequence[Value] | None = None
        if isinstance(value, Tup):
            items = value.items
        elif isinstance(value, Const) and isinstance(value.value, (tuple, list)):
            items = [Const(item, value.settings) for item in value.value]
        elif (
            isinstance(value, Obj) and isinstance(value.d.get("#items"), tuple) and "#elements" not in value.d
        ):
            exact = value.d["#items"]
            assert isinstance(exact, tuple)
            items = exact
        elif isinstance(value, Alt):
            tuples = [o for o in value.options if isinstance(o, Tup) and len(o.items) == count]
            if tuples and all(
                isinstance(o, Tup) or (isinstance(o, Const) and o.value is None) for o in value.options
            ):
                joined: Value = tuples[0]
                for other in tuples[1:]:
                    joined = self.join(joined, other)
                items = joined.items if isinstance(joined, Tup) else None
        if items is not None and len(items) == count and not starred:
            for target, item in zip(targets, items, strict=True):
                self.assign(target, item, env)
            return
        whole = value if isinstance(value, Data) else self.data(value)
        for position, target in enumerate(targets):
            if isinstance(target, ast.Starred) or not isinstance(value, (Obj, View)):
                self.assign(target, whole, env)
            else:
                self.assign(target, self.subscript(value, Const(position), target), env)

    def assign_attribute(self, target: ast.Attribute, value: Value, env: Env) -> None:
        owner = self.evaluate(target.value, env)
        for option in owner.options if isinstance(owner, Alt) else (owner,):
            if isinstance(option, (Obj, Class)):
                record = self.data(value)
                if isinstance(option, Obj) and option.kind in ("module", "tensor") and target.attr == "data":
                    if record.regions:
                        self.update(option, record.regions, target, "in place", ".data =")
                    else:
                        self.put(option, "#history", record.updates)
                    continue
                self.baptise(value, target.attr)
                self.put(option, target.attr, value)
            elif isinstance(option, View):
                self.put(option.base, target.attr, value)
            elif isinstance(option, Data) and target.attr == "data":
                record = self.data(value)
                for state in option.refs:
                    if record.regions:
                        self.update(state, record.regions, target, "in place", ".data =")

    # control
    def x_If(self, node: ast.If, env: Env) -> Status:
        test = self.evaluate(node.test, env)
        outcome = self.truth(test)
        settings = self.settings_of(test)
        place = self.place(node)
        if outcome is not None:
            body = node.body if outcome else node.orelse
            if body and isinstance(body[-1], ast.Raise) and not self.trying:
                # the run went on: what is known of its settings is not what it ran with
                outcome = not outcome
                body = node.body if outcome else node.orelse
            if settings:
                self.switch(settings, node, outcome, place)
            if not self.is_open(test):
                return self.block(body, env) if body else None
        condition = test.condition if isinstance(test, Truth) and outcome is None else None
        with self.where_matched(test):
            return self.fork(
                [(node.body, condition), (node.orelse, _negated(condition))],
                env,
                node,
                ast_text(node.test),
                self.choice(test, node),
            )

    def settings_of(self, value: Value) -> frozenset[str]:
        settings = getattr(value, "settings", None)
        return settings if isinstance(settings, frozenset) else frozenset()

    def switch(self, settings: frozenset[str], node: ast.If | ast.IfExp, taken: bool, place: Place) -> None:
        """Record which settings decided a branch, and whether events hang on it."""
        arms: list[ast.AST] = []
        if isinstance(node, ast.If):
            arms = [*node.body, *node.orelse]
        guards = self.interesting(arms)
        for name in sorted(settings):
            resolved = self.resolved.get(name)
            if resolved is None:
                continue
            new = Switch(
                name=name,
                value=resolved.value or "",
                origin=resolved.origin,
                place=place,
                taken=taken,
                guards=guards,
            )
            if new not in self.switches:
                self.switches.append(new)

    def fork(
        self,
        arms: Sequence[tuple[Sequence[ast.stmt], Condition | None]],
        env: Env,
        node: ast.stmt,
        text: str,
        choice: Choice | None = None,
    ) -> Status:
        """Run the two arms of an undecided branch from the same heap and join what they leave."""
        (first, first_condition), (second, second_condition) = arms
        mark = self.trail.mark()
        status_first = self.arm(first, first_condition, env, node, text, "if")
        left = self.trail.undo(mark)
        status_second = self.arm(second, second_condition, env, node, text, "else") if second else None
        if status_second is not None and status_first is None:
            right = self.trail.undo(mark)
            for holder, key, value in left.values():
                if value is not MISSING:
                    self.put(holder, key, value)
            dead: Status = status_second
            other, status = right, None
        else:
            dead, other = status_first, left
            status = status_second if status_first is not None else None
        changes = {
            cell: entry
            for cell, entry in other.items()
            if entry[2] is not MISSING
            and not (dead == "raise" or (dead == "return" and isinstance(entry[0], Env)))
        }
        if dead is not None:
            surviving = second_condition if dead is status_first else first_condition
            if status is None and surviving is not None:
                self.conditions.append(surviving)
            if dead != "raise":
                self.deferred.append((dead, changes, choice))
            return status
        self.merge(changes, first_condition, flipped=other is not left, choice=choice)
        return status

    def merge(
        self,
        changes: Changes,
        condition: Condition | None = None,
        *,
        flipped: bool = True,
        choice: Choice | None = None,
    ) -> None:
        """Join what another path left into the present state."""
        for holder, key, value in changes.values():
            present = holder.d.get(key, MISSING)
            joined = self.joined_cell(value, present, condition, flipped=flipped)
            self.put(holder, key, joined if choice is None else self.kept(value, present, joined, choice))

    def joined_cell(
        self, value: object, present: object, condition: Condition | None, *, flipped: bool
    ) -> object:
        if present is MISSING:
            return value
        if isinstance(value, frozenset) and isinstance(present, frozenset):
            return value | present
        if isinstance(value, tuple) and isinstance(present, tuple):
            return (
                value
                if len(value) >= len(present) and value[: len(present)] == present
                else _union(present, value)
            )
        if isinstance(value, Value) and isinstance(present, Value):
            return self.join(present, value, condition) if flipped else self.join(value, present, condition)
        return value

    def arm(
        self,
        body: Sequence[ast.stmt],
        condition: Condition | None,
        env: Env,
        node: ast.stmt,
        text: str,
        name: str,
    ) -> Status:
        outer = self.node
        self.node = outer.child("branch", text, self.place(node), name)
        self.node.taken = Answer.MAYBE
        self.certainty.append(Answer.MAYBE)
        depth = len(self.conditions)
        if condition is not None:
            self.conditions.append(condition)
        try:
            return self.block(body, env)
        finally:
            self.certainty.pop()
            self.node = outer
            del self.conditions[depth:]

    def x_With(self, node: ast.With | ast.AsyncWith, env: Env) -> Status:
        return self.inside(node, node.items, env)

    def inside(self, node: ast.With | ast.AsyncWith, items: Sequence[ast.withitem], env: Env) -> Status:
        """The body within the managers left: those of the script run before and behind it."""
        if not items:
            return self.block(node.body, env)
        first, rest = items[0], items[1:]
        manager = self.evaluate(first.context_expr, env)

        def enter(value: Value) -> Status:
            if first.optional_vars is not None:
                self.assign(first.optional_vars, value, env)
            return self.inside(node, rest, env)

        generator = self.as_generator(manager)
        if generator is not None:
            return self.once(generator, enter)
        cls = manager.cls if isinstance(manager, Obj) and manager.kind == "instance" else None
        if cls is None or cls.find("__enter__") is None:
            return enter(manager)
        status = enter(self.call(self.attribute(manager, "__enter__", node), [], {}, node))
        if cls.find("__exit__") is not None:
            self.call(self.attribute(manager, "__exit__", node), [Const(None)] * 3, {}, node)
        return status

    x_AsyncWith = x_With

    def x_Try(self, node: ast.Try, env: Env) -> Status:
        self.trying += 1
        try:
            status = self.block(node.body, env)
        finally:
            self.trying -= 1
        if status in (None, "raise") and not imports_required(node.body):
            for handler in node.handlers:
                mark = self.trail.mark()
                if handler.name:
                    self.put(env, handler.name, UNKNOWN)
                ended = self.arm(handler.body, None, env, handler_statement(handler), "except", "if")
                changed = self.trail.undo(mark)
                if ended is None:
                    self.merge({cell: entry for cell, entry in changed.items() if entry[2] is not MISSING})
            if status == "raise":
                status = None
        if node.orelse and status is None:
            status = self.block(node.orelse, env)
        if node.finalbody:
            last = self.block(node.finalbody, env)
            status = last if last is not None else status
        return status

    x_TryStar = x_Try

    def x_Match(self, node: ast.Match, env: Env) -> Status:
        subject = self.evaluate(node.subject, env)
        for case in node.cases:
            for name in pattern_names(case.pattern):
                self.put(env, name, self.data(subject))
            pattern = case.pattern
            if (
                isinstance(pattern, ast.MatchValue)
                and isinstance(subject, Const)
                and not self.is_open(subject)
            ):
                expected = self.evaluate(pattern.value, env)
                if isinstance(expected, Const):
                    if expected.value == subject.value:
                        return self.block(case.body, env)
                    continue
            if isinstance(pattern, ast.MatchAs) and pattern.pattern is None and case.guard is None:
                return self.block(case.body, env)
            self.fork([(case.body, None), ([], None)], env, node, "case")
        return None


def _negated(condition: Condition | None) -> Condition | None:
    if condition is not None and condition.operator == ">=":
        return Condition(">=", -condition.difference - 1)
    return None


def _union(a: tuple[object, ...], b: tuple[object, ...]) -> tuple[object, ...]:
    return (*a, *(item for item in b if item not in a))


@once_a_node
def ast_text(node: ast.AST) -> str:
    """The source text of an expression, shortened."""
    text = ast.unparse(node)
    return text if len(text) <= 60 else text[:57] + "..."


def handler_statement(handler: ast.ExceptHandler) -> ast.stmt:
    """A statement at the handler's place (handlers are no statements themselves)."""
    return ast.copy_location(ast.Pass(), handler)


def pattern_names(pattern: ast.pattern) -> list[str]:
    """Names that a pattern binds."""
    return [n.name for n in ast.walk(pattern) if isinstance(n, (ast.MatchAs, ast.MatchStar)) and n.name]


def imports_required(body: Sequence[ast.stmt]) -> bool:
    """Whether nothing is tried but to import what every run has: a stand-in for it is never reached."""
    names: list[str] = []
    for statement in body:
        if isinstance(statement, ast.Import):
            names += [alias.name for alias in statement.names]
        elif isinstance(statement, ast.ImportFrom):
            names.append(statement.module or "")
        elif not (isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant)):
            return False
    return bool(names) and all(name.split(".")[0] in REQUIRED for name in names)
