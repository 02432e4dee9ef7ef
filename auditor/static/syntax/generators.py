"""Generators: functions that yield, `map`, and objects that are iterated by methods of their own.

A generator runs as it is consumed: each value that it yields is handed to the consumer, which runs there and
then, inside the generator's loops. So what a loop over a generator trains on and scores happens in the order in
which it would. One that is consumed in another way (`list(...)`, `next(...)`) is read into a list first.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass

from auditor.solver.expressions import Expr
from auditor.static.domain.flow import Body, Deferral, Status
from auditor.static.domain.heap import Env, Func, Obj
from auditor.static.domain.provenance import CLEAN
from auditor.static.domain.values import Const, Consume, Drive, Generator, SymbolicInt, TupleValue, Value
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.frames import MAX_DEPTH
from auditor.static.interpreter.machine import Machine
from auditor.static.syntax.attributes import Attributes
from auditor.static.syntax.branches import Branches
from auditor.static.syntax.special_methods import SpecialMethods
from auditor.static.syntax.statements import Statements
from auditor.static.transfer.room import TransferRoom


@dataclass(slots=True, kw_only=True)
class Frame:
    """What belongs to the function that is running."""

    active: list[int]
    functions: list[str]
    returns: list[Value | None]
    deferred: list[Deferral]
    consumers: list[Consume]
    layer: int
    path: str


class Generators:
    """Runs generators in step with what consumes them."""

    def __init__(
        self,
        machine: Machine,
        effects: EffectsRoom,
        transfer: TransferRoom,
        special_methods: SpecialMethods,
        attributes: Attributes,
        statements: Statements,
        branches: Branches,
    ) -> None:
        self.machine = machine
        self.frames = machine.frames
        self.recorder = machine.recorder
        self.symbols = machine.symbols
        self.heap = machine.heap
        self.views = machine.views
        self.effects = effects
        self.transfer = transfer
        self.special_methods = special_methods
        self.attributes = attributes
        self.statements = statements
        self.branches = branches
        self.consumers: list[Consume] = []
        self.yielding: dict[int, bool] = {}
        self.sending: list[Value] = []

    # frames
    def frame(self) -> Frame:
        return Frame(
            active=self.frames.active,
            functions=self.recorder.functions,
            returns=self.frames.returns,
            deferred=self.frames.deferred,
            consumers=self.consumers,
            layer=self.recorder.layer,
            path=self.recorder.path,
        )

    def enter(self, frame: Frame) -> Frame:
        """Make another frame the running one; gives the one before."""
        before = self.frame()
        self.frames.active, self.recorder.functions, self.frames.returns = (
            frame.active,
            frame.functions,
            frame.returns,
        )
        self.frames.deferred, self.consumers = frame.deferred, frame.consumers
        self.recorder.layer, self.recorder.path = frame.layer, frame.path
        return before

    def framed(self, drive: Drive) -> Drive:
        """A drive that runs in the present frame whoever consumes it, and its consumer in its own."""
        home = self.frame()

        def run(consume: Consume) -> None:
            outer = self.enter(home)
            try:
                drive(lambda value: self.in_frame(outer, consume, value))
            finally:
                self.enter(outer)

        return run

    def in_frame(self, frame: Frame, consume: Consume, value: Value) -> Status:
        """Hand a value to a consumer of another frame."""
        inside = self.enter(frame)
        try:
            return consume(value)
        finally:
            self.enter(inside)

    # generator functions
    def generator_call(self, func: Func, scope: Env, node: ast.AST) -> Generator:
        """What a call of a function that yields gives: nothing has run yet."""
        target = func.node
        assert not isinstance(target, ast.Lambda)

        def drive(consume: Consume) -> None:
            if self.frames.active.count(id(target)) >= 2 or len(self.frames.active) >= MAX_DEPTH:
                given = [func, *(cell for cell in scope.d.values() if isinstance(cell, Value))]
                self.effects.havoc.mark(given, "recursion or depth", target.name, node, calls_only=True)
                return
            self.frames.entered.add(id(target))
            outer = self.frame()
            inner = Frame(
                active=[*outer.active, id(target)],
                functions=[*outer.functions, target.name],
                returns=[*outer.returns, None],
                deferred=[],
                consumers=[*outer.consumers, lambda value: self.in_frame(outer, consume, value)],
                layer=func.layer,
                path=func.path,
            )
            above, depth = self.recorder.node, len(self.frames.conditions)
            self.recorder.node = above.child("call", target.name, self.recorder.place(node))
            self.enter(inner)
            try:
                self.statements.block(target.body, scope)
            finally:
                left = self.frames.deferred
                self.enter(outer)
                self.recorder.node = above
                del self.frames.conditions[depth:]
                for _, changes, choice in left:
                    self.branches.merge(changes, choice=choice)

        return Generator(drive, node, receives=self.receives(target))

    def receives(self, target: ast.AST) -> bool:
        """Whether the value of a yield is used: all but those that are statements of their own."""
        nodes = own_nodes(target)
        alone = {id(n.value) for n in nodes if isinstance(n, ast.Expr)}
        return any(isinstance(n, ast.Yield) and id(n) not in alone for n in nodes)

    def yields(self, func: Func) -> bool:
        """Whether calling the function makes a generator."""
        known = self.yielding.get(id(func.node))
        if known is None:
            known = not isinstance(func.node, ast.Lambda) and any(
                isinstance(n, (ast.Yield, ast.YieldFrom)) for n in own_nodes(func.node)
            )
            self.yielding[id(func.node)] = known
        return known

    def eval_Yield(self, node: ast.Yield, env: Env) -> Value:
        value = self.machine.evaluate.evaluate(node.value, env) if node.value is not None else Const(None)
        self.hand_over(value)
        return self.sending[-1] if self.sending else CLEAN

    def eval_YieldFrom(self, node: ast.YieldFrom, env: Env) -> Value:
        iterable = self.iterated(self.machine.evaluate.evaluate(node.value, env), node)
        taken: list[Value] = []

        def turn() -> Status:
            self.hand_over(taken.pop())
            return None

        body = Body(node=node, variable="_", detail=ast.unparse(node.value)[:60], run=turn)
        self.machine.evaluate.each(iterable, taken.append, body)
        return CLEAN

    def hand_over(self, value: Value) -> None:
        """Give a yielded value to the consumer; if that stops for good, so does the generator."""
        if not self.consumers:
            return
        status = self.consumers[-1](value)
        if status in ("break", "return", "raise"):
            self.frames.stopped = True

    # consumers
    def driven(self, generator: Generator, take: Callable[[Value], None], body: Body) -> Status:
        """A loop over a generator: its body runs where the generator yields."""

        def consume(value: Value) -> Status:
            outer, self.recorder.node = (
                self.recorder.node,
                self.recorder.node.child("call", f"for {body.variable}", self.recorder.place(body.node)),
            )
            self.recorder.node.detail = body.detail
            depth = len(self.frames.conditions)
            waiting, self.frames.deferred = self.frames.deferred, []
            try:
                take(value)
                return body.run()
            finally:
                self.recorder.node = outer
                del self.frames.conditions[depth:]
                left, self.frames.deferred = self.frames.deferred, waiting
                self.machine.evaluate.settle_deferred(left)

        generator.drive(consume)
        return None

    def once(self, generator: Generator, take: Consume) -> Status:
        """Run a generator that yields once, as a context manager does, around what takes its value."""
        ended: list[Status] = []

        def consume(value: Value) -> Status:
            ended.append(take(value))
            return None  # what stands behind the yield runs in any case

        generator.drive(consume)
        return ended[0] if len(ended) == 1 else None

    def sent(self, generator: Generator, value: Value) -> Value:
        """`send`: the generator runs from the yield where it waits to the next one, and its yield gives the value.

        It is taken to wait at its first yield: what runs before that runs once more, and what it keeps of earlier
        values in names of its own is met again. Gives what the next yield hands out.
        """
        self.sending.append(value)
        try:
            return self.resumed(generator, 2)
        finally:
            self.sending.pop()

    def resumed(self, generator: Generator, count: int) -> Value:
        """Run a generator to its first yields, so many, and no further; gives what the last of them hands out."""
        taken: list[Value] = []

        def consume(found: Value) -> Status:
            taken.append(found)
            return "break" if len(taken) >= count else None

        stopped, self.frames.stopped = self.frames.stopped, False
        try:
            generator.drive(consume)
        finally:
            self.frames.stopped = stopped
        return taken[-1] if len(taken) >= count else CLEAN

    def listed(self, generator: Generator, *, at_once: bool = False) -> Value:
        """The generator read into a list, once; `at_once` if that is what the script does here."""
        if generator.listed is None:
            out = self.heap.allocate("list", generator.node)
            generator.listed = out
            effects, scores = self.recorder.effects, self.recorder.scores

            def keep(value: Value) -> Status:
                self.machine.evaluate.append(out, value)
                return None

            generator.drive(keep)
            if not at_once and (self.recorder.effects, self.recorder.scores) != (effects, scores):
                # in truth its events may come between those of whoever takes its values
                text = ast.unparse(generator.node)[:80]
                self.recorder.standing.add(
                    self.recorder.doubt("a generator with events is read ahead", text, generator.node)
                )
        return generator.listed

    # what is iterated
    def iterated(self, value: Value, node: ast.AST) -> Value:
        """What a loop goes through: objects with `__iter__` or `__next__` by these methods."""
        if not (
            isinstance(value, Obj) and value.kind in ("instance", "list", "dict") and value.cls is not None
        ):
            return value
        if value.cls.find("__iter__") is not None:
            inner = self.transfer.calls.call(self.attributes.attribute(value, "__iter__", node), [], {}, node)
            if inner is not value:
                return self.iterated(inner, node)
        if value.cls.find("__next__") is None:
            return self.by_items(value, node)

        def drive(consume: Consume) -> None:
            following = self.attributes.attribute(value, "__next__", node)
            body = Body(
                node=node,
                variable="next",
                detail="__next__",
                run=lambda: consume(self.transfer.calls.call(following, [], {}, node)),
            )
            self.machine.evaluate.turns(body, self.recorder.next_entry(), None, lambda counter: None)

        return Generator(self.framed(drive), node)

    def by_items(self, value: Obj, node: ast.AST) -> Value:
        """An object that is gone through by asking for its items, from 0 on."""
        method = self.special_methods.special(value, "__getitem__")
        if method is None or value.kind == "dict":
            return value
        length = self.special_methods.implicit(value, "__len__", [], node)
        count = None if length is None else self.views.number(length)

        def drive(consume: Consume) -> None:
            taken: list[Value] = []
            body = Body(
                node=node,
                variable="item",
                detail="__getitem__",
                run=lambda: consume(self.transfer.calls.call(method, [taken.pop()], {}, node)),
            )
            self.machine.evaluate.turns(
                body,
                self.recorder.next_entry(),
                count,
                lambda counter: taken.append(SymbolicInt(Expr.of(counter))),
            )

        return Generator(self.framed(drive), node)

    def as_generator(self, value: Value) -> Generator | None:
        """The generator that is iterated, also through `enumerate`."""
        if isinstance(value, Generator):
            return value if value.listed is None else None
        if not isinstance(value, Obj) or value.kind != "iterator":
            return None
        parts, start = value.parts, value.start
        if not isinstance(parts, tuple) or len(parts) != 1 or not isinstance(start, Expr):
            return None
        inner = self.as_generator(parts[0])
        if inner is None:
            return None

        def drive(consume: Consume) -> None:
            def count(item: Value) -> Status:
                number = self.symbols.fresh(
                    "opaque", *(Expr.of(loop.counter) for loop in self.recorder.running)
                )
                return consume(TupleValue((SymbolicInt(number), item)))

            inner.drive(count)

        return Generator(drive, inner.node)

    def mapped(self, func: Value, iterables: list[Value], node: ast.AST) -> Generator:
        """`map(f, xs)`: the calls happen as the results are taken."""
        sources = [self.iterated(value, node) for value in iterables]
        taken: list[Value] = []

        def drive(consume: Consume) -> None:
            body = Body(
                node=node,
                variable="_",
                detail=ast.unparse(node)[:60],
                run=lambda: consume(
                    self.transfer.calls.call(func, arguments(taken.pop(), len(sources)), {}, node)
                ),
            )
            self.machine.evaluate.each(
                sources[0] if len(sources) == 1 else self.zipped(sources, node), taken.append, body
            )

        return Generator(self.framed(drive), node)

    def zipped(self, parts: list[Value], node: ast.AST) -> Obj:
        out = self.heap.allocate("iterator", node)
        out.parts = tuple(parts)
        return out


def arguments(value: Value, count: int) -> list[Value]:
    """The arguments of one call of a mapped function."""
    return list(value.items) if count > 1 and isinstance(value, TupleValue) else [value]


def own_nodes(function: ast.AST) -> list[ast.AST]:
    """The nodes of a function without those of functions defined in it."""
    found: list[ast.AST] = []
    waiting = list(ast.iter_child_nodes(function))
    while waiting:
        node = waiting.pop()
        found.append(node)
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            waiting.extend(ast.iter_child_nodes(node))
    return found
