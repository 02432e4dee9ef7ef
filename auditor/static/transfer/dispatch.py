"""Calls of library functions by dotted name: each library is asked in turn, then the tables."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import replace

from auditor.static.domain.heap import Func, Obj
from auditor.static.domain.provenance import ANY_ORDER, CLEAN, DRAWN, Data
from auditor.static.domain.values import Columns, LibraryRef, Value
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.machine import Machine
from auditor.static.names.libraries import KNOWN_ROOTS, NETWORK_ROOTS, PURE_ROOTS
from auditor.static.names.tensors import ELEMENTWISE
from auditor.static.names.torch import DRAWS, ORDERS, SEEDS
from auditor.static.transfer.builtins import BuiltinFunctions
from auditor.static.transfer.callbacks import Callbacks
from auditor.static.transfer.conversions import Conversions
from auditor.static.transfer.default_methods import DefaultMethods
from auditor.static.transfer.dynamic_code import DynamicCode
from auditor.static.transfer.hooks import Hooks
from auditor.static.transfer.library.environment import Environment
from auditor.static.transfer.library.mlx import Mlx
from auditor.static.transfer.library.operators import Operators
from auditor.static.transfer.library.standard_library import StandardLibrary
from auditor.static.transfer.library.torch import Torch
from auditor.static.transfer.library_patches import LibraryPatches
from auditor.static.transfer.life_cycle import LifeCycle
from auditor.static.transfer.memory import Memory
from auditor.static.transfer.native_calls import LIBRARIES, NATIVE, Natives
from auditor.static.transfer.stacked_columns import SideBySide
from auditor.static.transfer.tensor_functions import TensorFunctions
from auditor.static.transfer.token_loading import TokenFunctions
from auditor.static.transfer.tokenizers import Tokenizers
from auditor.trace.events import Access, AccessKind

WRITES_FIRST = frozenset(
    ["copyto", "put", "putmask", "place", "at", "shuffle", "fill_diagonal", "put_along_axis"]
)
"""Functions that write into their first argument."""
DECORATORS = frozenset([
    "functools.lru_cache", "functools.update_wrapper", "functools.cache", "torch.no_grad", "torch.inference_mode",
    "torch.enable_grad", "torch.autocast", "torch.set_grad_enabled", "contextlib.nullcontext",
    "contextlib.suppress",
])  # fmt: skip
"""Decorators and context managers that leave what a function does as it is."""
GRAPH_CAPTURES = frozenset(["torch.cuda.CUDAGraph", "torch.cuda.graph", "torch.cuda.make_graphed_callables"])

Way = Callable[[str, list[Value], dict[str, Value], ast.AST], Value | None]
"""What a call by dotted name gives; None where this way does not know the name."""


def draws(name: str) -> str | None:
    """The mark of what a function gives that draws random numbers, None for any other."""
    root, tail = name.split(".", 1)[0], name.rsplit(".", 1)[-1]
    if tail in ORDERS and root in ("torch", "numpy"):
        return ANY_ORDER
    if root in ("random", "secrets") or name.startswith("numpy.random.") or name == "os.urandom":
        return None if tail in SEEDS else DRAWN
    return DRAWN if root == "torch" and tail in DRAWS else None


class Functions:
    """Calls by dotted name."""

    def __init__(
        self,
        machine: Machine,
        effects: EffectsRoom,
        library_patches: LibraryPatches,
        hooks: Hooks,
        stacked_columns: SideBySide,
        dynamic_code: DynamicCode,
        callbacks: Callbacks,
        memory: Memory,
        conversions: Conversions,
        token_loading: TokenFunctions,
        life_cycle: LifeCycle,
        tokenizers: Tokenizers,
        native_calls: Natives,
        default_methods: DefaultMethods,
        builtins: BuiltinFunctions,
        tensor_functions: TensorFunctions,
        environment: Environment,
        operators: Operators,
        standard_library: StandardLibrary,
        torch: Torch,
        mlx: Mlx,
    ) -> None:
        self.machine = machine
        self.recorder = machine.recorder
        self.heap = machine.heap
        self.views = machine.views
        self.effects = effects
        self.stacked_columns = stacked_columns
        self.callbacks = callbacks
        self.life_cycle = life_cycle
        self.default_methods = default_methods
        self.builtins = builtins
        self.standard_library = standard_library
        self.ways: tuple[Way, ...] = (
            memory.with_output,
            memory.written_into,
            library_patches.kept_for_later,
            native_calls.called,
            environment.called,
            self.decorated,
            conversions.asked_by_library,
            callbacks.library_callback,
            life_cycle.life_cycle,
            hooks.library_hook,
            self.managed,
            operators.called,
            default_methods.unbound_call,
            effects.clocks.clock_reading,
            tokenizers.called,
            dynamic_code.run_by_library,
            standard_library.called,
            torch.called,
            mlx.called,
            token_loading.tokens,
            tensor_functions.tensors,
        )
        """The first that knows a name decides: what writes and what is kept comes before what is computed."""

    def call_library(self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        tail = name.rsplit(".", 1)[-1]
        if name.startswith("builtins."):
            return self.builtin(name, tail, args, keywords, node)
        if args and isinstance(args[0], Columns):
            kept_apart = self.stacked_columns.by_column(tail, args[0], args[1:], keywords)
            if kept_apart is not None:
                return kept_apart
        for target in self.views.objects(
            keywords.get("out") or (args[0] if args and tail in WRITES_FIRST else None)
        ):
            self.heap.put(target, Obj.touched, True)
        for way in self.ways:
            found = way(name, args, keywords, node)
            if found is not None:
                return self.with_mark_of_draw(name, found)
        return self.with_mark_of_draw(name, self.any_function(name, args, keywords, node))

    def builtin(
        self, name: str, tail: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        """A builtin function, or a method of a builtin class by its name: `dict.update(table, …)`."""
        if name.count(".") > 1:
            found = self.default_methods.unbound_call(name, args, keywords, node)
            if found is not None:
                return found
        return self.builtins.call_builtin(tail, args, keywords, node)

    def decorated(
        self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        """What a decorator of a library makes of a function."""
        if name == "functools.wraps":
            self.life_cycle.takes_charge(node)
            return LibraryRef("functools.identity")
        if name not in DECORATORS:
            return None
        return args[0] if args and isinstance(args[0], Func) else CLEAN

    def managed(
        self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        """What `contextlib` makes a context manager of."""
        return (
            self.machine.evaluate.manager_made(name, args, node) if name.startswith("contextlib.") else None
        )

    def with_mark_of_draw(self, name: str, value: Value) -> Value:
        """What a function gives, marked where a random number decides it."""
        mark = draws(name)
        if mark is None:
            return value
        if isinstance(value, Data):
            if name.endswith("_like"):
                value = Data(rank=value.rank, turns=value.turns)  # of its argument it has the shape alone
            return replace(value, marks=value.marks | {mark})
        if isinstance(value, Obj) and value.kind == "tensor":
            content = self.views.content(value)
            value.content = replace(content, marks=content.marks | {mark})
        return value

    # anything else
    def any_function(self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        """A function that nothing above knows: made of its arguments, and ⊤ for what it is handed unless pure."""
        root = name.split(".", 1)[0]
        if root in NETWORK_ROOTS or name.startswith("torch.hub"):
            self.access("network", name, node)
        elif root == "subprocess" or name in ("os.system", "os.popen"):
            words = self.standard_library.text_of(args[0]) if args else ""
            self.access("subprocess", words or name, node)
        elif root == "ctypes" and name.rsplit(".", 1)[-1] in ("CDLL", "cdll", "PyDLL", "LoadLibrary"):
            self.access("native", self.standard_library.text_of(args[0]) if args else name, node)
        if name in LIBRARIES:
            return LibraryRef(NATIVE)
        if name == "cffi.FFI":
            return LibraryRef(name)
        if name in GRAPH_CAPTURES:
            # What is recorded runs again wherever the graph is replayed, on whatever its tensors then hold.
            self.recorder.standing |= {self.recorder.doubt("kernels that are replayed unseen", name, node)}
        given = (*args, *keywords.values())
        for value in given:
            if self.callbacks.is_callback(value):
                self.callbacks.called_back(value, [v for v in given if v is not value], node, certain=False)
        if root not in PURE_ROOTS:
            self.effects.havoc.mark(given, "call into code that was not read", name, node)
        else:
            rest = [value for value in given if not self.callbacks.is_callback(value)]
            self.effects.havoc.mark(rest, "a function is handed to a library", name, node, calls_only=True)
        out = self.views.mix(*given)
        if root not in KNOWN_ROOTS and (out.regions or out.losses or out.states):
            number = self.recorder.doubt("call into code that was not read", name, node)
            out = replace(out, doubts=out.doubts | {number})
        marks = out.marks - {"softmax"}
        if out.regions and name.rsplit(".", 1)[-1] not in ELEMENTWISE:
            marks |= {"moved"}
        out = replace(
            out, rank=None, span=None, array=None, template=None, within=frozenset(), marks=marks, most=None
        )
        return out if root in PURE_ROOTS else self.effects.havoc.unread_result(out, given)

    def access(self, kind: AccessKind, what: str, node: ast.AST) -> None:
        self.recorder.record(Access(**self.recorder.common(node), kind=kind, what=what))
