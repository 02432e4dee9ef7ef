"""Functions that are handed to known libraries are called by them, here and now.

What they are called with is known for some (`sorted(key=…)`, `functools.reduce`, `itertools.starmap`, `re.sub`, a
thread's target); to others everything else that the call was given is handed. A callback without events leaves the
result of the call as the tables have it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from auditor.solver.expressions import Expr
from auditor.static.domain.flow import Body, Status
from auditor.static.domain.heap import Class, Func, Obj
from auditor.static.domain.provenance import CLEAN
from auditor.static.domain.values import (
    Const,
    Consume,
    Generator,
    LibraryRef,
    Method,
    Partial,
    Slice,
    SymbolicBool,
    TupleValue,
    Union,
    Value,
)
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.machine import Machine
from auditor.trace.answer import Answer

ACTS = frozenset(
    ["backward", "step", "load_state_dict", "copy_", "add_", "sub_", "mul_", "lerp_", "zero_grad", "send"]
)
"""Methods of libraries' objects that change something when they are called."""

AT_ONCE = frozenset([
    "timeit.timeit", "timeit.repeat", "timeit.Timer", "torch.utils.benchmark.Timer", "json.loads", "json.load",
    "json.dumps", "json.dump", "re.sub", "re.subn", "torch.utils.checkpoint.checkpoint", "numpy.apply_along_axis",
    "numpy.fromfunction", "numpy.apply_over_axes", "torch.utils._pytree.tree_map", "bisect.bisect",
    "bisect.bisect_left", "bisect.bisect_right", "bisect.insort", "torch.autograd.functional.jacobian",
    "torch.autograd.functional.hessian", "scipy.optimize.minimize", "scipy.optimize.minimize_scalar",
    "torch.autograd.gradcheck", "torch.multiprocessing.spawn",
])  # fmt: skip
"""Functions that call what they are given, in any case and before they return."""


DERIVATIVE = "torch.func.#derivative"
"""What `torch.func.grad(f)` gives, called with `f` first."""


class Callbacks:
    """Calls what libraries call."""

    def __init__(self, machine: Machine, effects: EffectsRoom) -> None:
        self.machine = machine
        self.frames = machine.frames
        self.recorder = machine.recorder
        self.heap = machine.heap
        self.views = machine.views
        self.decisions = machine.decisions
        self.effects = effects

    def is_callback(self, value: Value) -> bool:
        """Whether calling a value may have an effect of the script's making."""
        if isinstance(value, Partial):
            return self.is_callback(value.func)
        if isinstance(value, Method):
            return value.name in ACTS
        if isinstance(value, Union):
            return any(self.is_callback(option) for option in value.options)
        if isinstance(value, LibraryRef):
            return value.name.rsplit(".", 1)[-1] in ACTS
        return not isinstance(value, Class) and self.machine.evaluate.is_callable_here(value)

    def has_events(self, act: Callable[[], object]) -> bool:
        """Whether something makes events; whatever it does is undone."""
        mark, last = self.heap.trail.mark(), self.recorder.numbering.last
        before = self.recorder.effects, self.recorder.scores
        act()
        found = before != (self.recorder.effects, self.recorder.scores)
        self.heap.trail.undo(mark)
        self.effects.scoring.retract(last)
        self.recorder.effects, self.recorder.scores = before
        return found

    def required(self, func: Value) -> int:
        """The positional arguments that a callable cannot be called without."""
        if isinstance(func, Partial):
            return max(0, self.required(func.func) - len(func.args))
        if isinstance(func, Obj):
            method = self.machine.evaluate.special(func, "__call__")
            return 0 if method is None else self.required(method)
        if not isinstance(func, Func):
            return 0
        parameters = func.node.args
        count = len(parameters.posonlyargs) + len(parameters.args) - len(func.defaults)
        return max(0, count - (func.instance is not None))

    def called_back(self, func: Value, given: Sequence[Value], node: ast.AST, *, certain: bool) -> Value:
        """A library calls a function, with what it was handed besides, any number of times."""
        record = self.views.mix_references(list(given))
        args: list[Value] = [record] * self.required(func)
        if not self.has_events(lambda: self.machine.apply.call(func, list(args), {}, node)):
            return self.machine.apply.call(func, args, {}, node)
        if not certain:
            self.recorder.certainty.append(Answer.MAYBE)
        try:
            found: list[Value] = [CLEAN]

            def turn() -> Status:
                found[0] = self.machine.apply.call(func, list(args), {}, node)
                return None

            body = Body(node=node, variable="_", detail="callback", run=turn)
            self.machine.evaluate.turns(body, self.recorder.next_entry(), None, lambda counter: None)
            return found[0]
        finally:
            if not certain:
                self.recorder.certainty.pop()

    def called_for_each(self, func: Value, iterable: Value, node: ast.AST) -> None:
        """A library calls a function once for each element of something."""
        source = self.machine.evaluate.iterated(iterable, node)
        if not isinstance(source, Generator):
            sample = self.machine.evaluate.element(self.machine.evaluate.indexable(source), None)
            if not self.has_events(lambda: self.machine.apply.call(func, [sample], {}, node)):
                return
        taken: list[Value] = []

        def turn() -> Status:
            self.machine.apply.call(func, [taken.pop()], {}, node)
            return None

        self.machine.evaluate.each(
            source, taken.append, Body(node=node, variable="_", detail="key", run=turn)
        )

    # lazily
    def filtered(self, func: Value, iterable: Value, node: ast.AST, *, keeps: bool = True) -> Value:
        """`filter(f, xs)` and its like: what `f` is asked about and lets through."""
        source = self.machine.evaluate.iterated(iterable, node)
        if not self.is_callback(func):
            return source
        if not isinstance(source, Generator):
            sample = self.machine.evaluate.element(self.machine.evaluate.indexable(source), None)
            answers: list[Value] = []
            if not self.has_events(
                lambda: answers.append(self.machine.apply.call(func, [sample], {}, node))
            ) and not isinstance(self.machine.evaluate.tested(answers[0], node), SymbolicBool):
                return source

        def ask(value: Value, consume: Consume) -> Status:
            test = self.machine.evaluate.tested(self.machine.apply.call(func, [value], {}, node), node)
            outcome = self.decisions.truth(test)
            if outcome is (not keeps):
                return None
            depth = len(self.frames.conditions)
            if outcome is None:
                self.recorder.certainty.append(Answer.MAYBE)
                if isinstance(test, SymbolicBool) and keeps:
                    self.frames.conditions.append(test.condition)
            try:
                return consume(value)
            finally:
                if outcome is None:
                    self.recorder.certainty.pop()
                del self.frames.conditions[depth:]

        return self.lazily(source, ask, node)

    def lazily(self, source: Value, act: Callable[[Value, Consume], Status], node: ast.AST) -> Generator:
        """A generator that does something with each element of another as its own are taken."""
        taken: list[Value] = []

        def drive(consume: Consume) -> None:
            body = Body(
                node=node, variable="_", detail=ast.unparse(node)[:60], run=lambda: act(taken.pop(), consume)
            )
            self.machine.evaluate.each(source, taken.append, body)

        return Generator(self.machine.evaluate.framed(drive), node)

    def called_until(self, func: Value, node: ast.AST) -> Generator:
        """`iter(f, sentinel)`: one call a turn."""

        def drive(consume: Consume) -> None:
            body = Body(
                node=node,
                variable="_",
                detail="iter",
                run=lambda: consume(self.machine.apply.call(func, [], {}, node)),
            )
            self.machine.evaluate.turns(body, self.recorder.next_entry(), None, lambda counter: None)

        return Generator(self.machine.evaluate.framed(drive), node)

    def spread(self, func: Value, packed: Value, node: ast.AST) -> Value:
        """`f(*packed)`."""
        items = self.machine.evaluate.exact_items(packed)
        if items is None:
            items = [self.machine.evaluate.element(packed, Expr(i)) for i in range(self.required(func))]
        return self.machine.apply.call(func, list(items), {}, node)

    # by name
    def library_callback(
        self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        """Calls of functions that are known to call what they are handed; None if this is none of them."""
        handler = BY_NAME.get(name)
        if handler is not None:
            return handler(self, args, keywords, node)
        if name in AT_ONCE:
            found = None
            for position, value in enumerate(args):
                if self.is_callback(value):
                    rest = [*args[:position], *args[position + 1 :], *keywords.values()]
                    found = self.called_back(value, rest, node, certain=True)
            for value in keywords.values():
                if self.is_callback(value):
                    rest = [*args, *(v for v in keywords.values() if v is not value)]
                    found = self.called_back(value, rest, node, certain=True)
            return found
        return None

    def folded(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        """`functools.reduce(f, xs, start)`."""
        if len(args) < 2:
            return None
        func, source = args[0], self.machine.evaluate.iterated(args[1], node)
        items = self.machine.evaluate.exact_items(source)
        if items is not None:
            given = [*args[2:3], *items]
            total = given[0] if given else CLEAN
            for item in given[1:]:
                total = self.machine.apply.call(func, [total, item], {}, node)
            return total
        results: list[Value] = [args[2] if len(args) > 2 else self.views.data(args[1])]
        taken: list[Value] = []

        def turn() -> Status:
            results[0] = self.decisions.join(
                results[0], self.machine.apply.call(func, [results[0], taken.pop()], {}, node)
            )
            return None

        self.machine.evaluate.each(
            source, taken.append, Body(node=node, variable="_", detail="reduce", run=turn)
        )
        return results[0]

    def starmapped(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        if len(args) < 2:
            return None
        func = args[0]
        return self.lazily(
            self.machine.evaluate.iterated(args[1], node),
            lambda value, take: take(self.spread(func, value, node)),
            node,
        )

    def accumulated(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        func = args[1] if len(args) > 1 else keywords.get("func")
        if func is None or not self.is_callback(func):
            return None
        results: list[Value] = [keywords.get("initial", self.views.data(args[0]))]

        def act(value: Value, take: Consume) -> Status:
            results[0] = self.machine.apply.call(func, [results[0], value], {}, node)
            return take(results[0])

        return self.lazily(self.machine.evaluate.iterated(args[0], node), act, node)

    def kept_while(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        return self.filtered(args[0], args[1], node) if len(args) > 1 else None

    def kept_unless(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        return self.filtered(args[0], args[1], node, keeps=False) if len(args) > 1 else None

    def grouped(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        key = args[1] if len(args) > 1 else keywords.get("key")
        if key is None or not self.is_callback(key):
            return None
        self.called_for_each(key, args[0], node)
        return self.views.mix(args[0])

    def handed_each(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        """`heapq.nlargest(n, xs, key=f)`."""
        key = keywords.get("key")
        iterable = next((a for a in args if isinstance(a, (Obj, TupleValue, Generator))), None)
        if key is None or iterable is None or not self.is_callback(key):
            return None
        self.called_for_each(key, iterable, node)
        return self.views.mix(iterable)

    def threaded(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        """A thread or timer: what it runs is run where it is made."""
        given = [value for value in (*args, *keywords.values()) if self.is_callback(value)]
        for func in given:
            packed = keywords.get("args")
            named = keywords.get("kwargs")
            later = (
                [a for a in args[args.index(func) + 1 :] if isinstance(a, (TupleValue, Obj))]
                if func in args
                else []
            )
            packed = packed if packed is not None else later[0] if later else None
            items = list(self.machine.evaluate.exact_items(packed) or ()) if packed is not None else []
            words = dict(self.machine.apply.entries_of([named], {})) if isinstance(named, Obj) else {}
            self.machine.apply.call(func, items, words, node)
        return CLEAN if given else None

    def cut(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        """`itertools.islice(xs, start, stop, step)`: the slice of a list."""
        if len(args) < 2 or not isinstance(args[0], (Obj, TupleValue, Const)):
            return None
        none = Const(None)
        first, last, step = (none, args[1], none) if len(args) == 2 else (*args[1:4], none)[:3]
        absent = [None if isinstance(v, Const) and v.value is None else v for v in (first, last, step)]
        return self.machine.evaluate.subscript(args[0], Slice(*absent), node)

    def derivative(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        """`torch.func.grad(f)`: a function that gives a gradient of what `f` computes."""
        return Partial(LibraryRef(DERIVATIVE), (args[0],), ()) if args else None

    def derived(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        made = self.views.data(self.machine.apply.call(args[0], args[1:], keywords, node))
        return self.effects.scoring.gradient(made.regions, node)

    def in_executor(self, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value | None:
        func = next((a for a in args if self.is_callback(a)), None)
        return (
            None
            if func is None
            else self.machine.apply.call(func, args[args.index(func) + 1 :], keywords, node)
        )


Handler = Callable[[Callbacks, list[Value], dict[str, Value], ast.AST], Value | None]

BY_NAME: dict[str, Handler] = {
    "functools.reduce": Callbacks.folded,
    "itertools.starmap": Callbacks.starmapped,
    "itertools.accumulate": Callbacks.accumulated,
    "itertools.takewhile": Callbacks.kept_while,
    "itertools.dropwhile": Callbacks.kept_while,
    "itertools.filterfalse": Callbacks.kept_unless,
    "itertools.groupby": Callbacks.grouped,
    "itertools.islice": Callbacks.cut,
    "heapq.nlargest": Callbacks.handed_each,
    "heapq.nsmallest": Callbacks.handed_each,
    "asyncio.to_thread": Callbacks.in_executor,
    DERIVATIVE: Callbacks.derived,
    **{
        f"{root}.{name}": Callbacks.derivative
        for root in ("torch.func", "functorch", "torch._functorch.apis")
        for name in ("grad", "grad_and_value", "jacrev", "jacfwd", "hessian")
    },
    "_thread.start_new_thread": Callbacks.threaded,
}
"""Functions that call what they are handed in a way of their own."""
