"""Calls of library functions: torch, numpy, the standard library and builtins, by what their tables say."""

from __future__ import annotations

import ast
from dataclasses import replace

from auditor.static.domain.heap import Env, Func, Obj
from auditor.static.domain.lattice import combine
from auditor.static.domain.provenance import ANY_ORDER, CLEAN, DRAWN, Data
from auditor.static.domain.settings import Resolved
from auditor.static.domain.values import (
    NONE,
    Columns,
    Const,
    Generator,
    LibraryRef,
    Partial,
    TupleValue,
    Value,
)
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.machine import Machine
from auditor.static.names.libraries import KNOWN_ROOTS, NETWORK_ROOTS, PASSES, PURE_ROOTS
from auditor.static.names.python import MAPPINGS
from auditor.static.names.tensors import ELEMENTWISE
from auditor.static.names.torch import DRAWS, OPTIMIZERS, ORDERS, SEEDS, WRAPPERS
from auditor.static.transfer.builtins import BuiltinFunctions
from auditor.static.transfer.callbacks import Callbacks
from auditor.static.transfer.conversions import Conversions
from auditor.static.transfer.default_methods import DefaultMethods
from auditor.static.transfer.dynamic_code import DynamicCode
from auditor.static.transfer.hooks import Hooks
from auditor.static.transfer.library_patches import LibraryPatches
from auditor.static.transfer.life_cycle import LifeCycle
from auditor.static.transfer.list_views import Lists
from auditor.static.transfer.memory import Memory
from auditor.static.transfer.native_calls import ADDRESSES, LIBRARIES, NATIVE, Natives
from auditor.static.transfer.stacked_columns import SideBySide
from auditor.static.transfer.tensor_functions import TensorFunctions
from auditor.static.transfer.token_loading import TokenFunctions
from auditor.static.transfer.tokenizers import Tokenizers
from auditor.trace.events import Access, AccessKind

WRITES_FIRST = frozenset(
    ["copyto", "put", "putmask", "place", "at", "shuffle", "fill_diagonal", "put_along_axis"]
)
"""Functions that write into their first argument."""


DECORATORS = frozenset(
    [
        "functools.lru_cache",
        "functools.update_wrapper",
        "functools.cache",
        "torch.no_grad",
        "torch.inference_mode",
        "torch.enable_grad",
        "torch.autocast",
        "torch.set_grad_enabled",
        "contextlib.nullcontext",
        "contextlib.suppress",
    ]
)
GRAPH_CAPTURES = frozenset(["torch.cuda.CUDAGraph", "torch.cuda.graph", "torch.cuda.make_graphed_callables"])
PATH_FUNCTIONS = frozenset(
    [
        "os.path.join",
        "pathlib.Path",
        "pathlib.PurePath",
        "os.path.abspath",
        "os.path.expanduser",
        "os.path.realpath",
        "os.fspath",
        "os.path.normpath",
        "os.path.expandvars",
        "pathlib.PosixPath",
    ]
)


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
        list_views: Lists,
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
    ) -> None:
        self.machine = machine
        self.script = machine.script
        self.frames = machine.frames
        self.recorder = machine.recorder
        self.heap = machine.heap
        self.views = machine.views
        self.effects = effects
        self.library_patches = library_patches
        self.hooks = hooks
        self.stacked_columns = stacked_columns
        self.list_views = list_views
        self.dynamic_code = dynamic_code
        self.callbacks = callbacks
        self.memory = memory
        self.conversions = conversions
        self.token_loading = token_loading
        self.life_cycle = life_cycle
        self.tokenizers = tokenizers
        self.native_calls = native_calls
        self.default_methods = default_methods
        self.builtins = builtins
        self.tensor_functions = tensor_functions

    def call_library(self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        tail = name.rsplit(".", 1)[-1]
        root = name.split(".", 1)[0]
        if root == "builtins" and name.count(".") > 1:
            found = self.default_methods.unbound_call(name, args, keywords, node)
            if found is not None:
                return found
        if root == "builtins":
            return self.builtins.call_builtin(tail, args, keywords, node)
        if args and isinstance(args[0], Columns):
            kept_apart = self.stacked_columns.by_column(tail, args[0], args[1:], keywords)
            if kept_apart is not None:
                return kept_apart
        for target in self.views.objects(
            keywords.get("out") or (args[0] if args and tail in WRITES_FIRST else None)
        ):
            self.heap.put(target, Obj.touched, True)
        written = self.memory.with_output(name, args, keywords, node)
        if written is None:
            written = self.memory.written_into(name, tail, args, keywords, node)
        if written is not None:
            return written
        kept = self.library_patches.kept_for_later(name, [*args, *keywords.values()], node)
        if kept is not None:
            return kept
        if name in ADDRESSES and args:
            return args[-1 if root == "cffi" else 0]
        if root == NATIVE:
            return self.native_calls.native_call(name, args, keywords, node)
        first = args[0] if args else CLEAN
        if name in ("os.environ.get", "os.getenv") and args:
            default = args[1] if len(args) > 1 else keywords.get("default")
            if isinstance(first, Const):
                return self.environment(str(first.value), default, node)
            return default if default is not None else CLEAN
        if name in ("os.environ.setdefault", "os.putenv") and len(args) > 1 and isinstance(first, Const):
            if name == "os.putenv" or str(first.value) not in self.effects.ambient_state.environment_writes:
                self.effects.ambient_state.set_environment(str(first.value), args[1], node)
            return CLEAN
        if name == "os.environ.copy":
            return LibraryRef("os.environ")
        if name == "functools.wraps":
            self.life_cycle.takes_charge(node)
            return LibraryRef("functools.identity")
        if name in DECORATORS:
            return first if isinstance(first, Func) else CLEAN
        for way in (
            self.conversions.asked_by_library,
            self.callbacks.library_callback,
            self.life_cycle.life_cycle,
            self.hooks.library_hook,
        ):
            found = way(name, args, keywords, node)
            if found is not None:
                return found
        if root == "contextlib":
            found = self.machine.evaluate.manager_made(name, args, node)
            if found is not None:
                return found
        if root == "operator":
            found = self.callbacks.by_operator(tail, args, keywords, node)
            if found is not None:
                return found
        found = self.default_methods.unbound_call(name, args, keywords, node)
        if found is not None:
            return found
        found = self.effects.clocks.clock_reading(name) or self.structure(name, tail, args, keywords, node)
        if found is None:
            found = self.token_loading.tokens(name, tail, args, keywords, node)
        if found is None:
            found = self.tensor_functions.tensors(name, tail, args, keywords, node)
        if found is None:
            found = self.any_function(name, root, args, keywords, node)
        return self.with_mark_of_draw(name, found)

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

    # structure: partials, copies, wrappers, threads
    def structure(
        self, name: str, tail: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value | None:
        if tail == "SentencePieceProcessor":
            return self.tokenizers.tokenizer(args, keywords, node)
        if name == "importlib.import_module" and isinstance(args[0] if args else None, Const):
            return self.machine.evaluate.module_value(self.text_of(args[0]), node)
        run = self.dynamic_code.run_by_library(name, args, keywords, node)
        if run is not None:
            return run
        if name in ("dataclasses.dataclass", "functools.total_ordering") and args:
            return args[0]
        if name == "functools.partial" and args:
            return Partial(args[0], tuple(args[1:]), tuple(keywords.items()))
        if name in ("copy.deepcopy", "copy.copy") and args:
            return self.copied(args[0], node, deep=name == "copy.deepcopy")
        if (tail in WRAPPERS or name == "torch.optimize") and args:
            return args[0]
        if tail in WRAPPERS and name.startswith("torch"):
            return LibraryRef("functools.identity")
        if name == "functools.identity" and args:
            return args[0]
        if tail in ("Thread", "Timer", "Process"):
            return self.callbacks.threaded(args, keywords, node)
        if tail == "run_path" or (tail == "run" and name == "runpy.run"):
            return self.run_inner(node)
        if name.startswith("torch.optim.") and tail[:1].isupper() and "lr_scheduler" not in name:
            return self.optimizer(tail, args, keywords, node)
        if tail in OPTIMIZERS:
            return self.optimizer(tail, args, keywords, node)
        if (
            name.startswith("torch.nn.")
            and tail[:1].isupper()
            and "functional" not in name
            and "utils" not in name
        ):
            if tail == "Parameter":
                leaf = self.heap.allocate("tensor", node)
                leaf.content = self.views.data(args[0]).plain() if args else CLEAN
                if args and isinstance(args[0], Obj) and args[0].kind == "tensor":
                    leaf.memory = args[0]
                return leaf
            if tail in ("ModuleList", "Sequential", "ModuleDict", "ParameterList"):
                inner = self.views.mix_references(args)
                if inner.refs:
                    return inner
            return self.heap.allocate("module", node, "")
        if tail in ("namedtuple",):
            return CLEAN
        if tail in ("deque", "Queue", "SimpleQueue") and not name.startswith("torch"):
            queue = self.heap.allocate("list", node)
            if args:
                self.list_views.show(
                    queue,
                    self.machine.evaluate.listed(args[0], at_once=True)
                    if isinstance(args[0], Generator)
                    else args[0],
                )
            return queue
        if name in PASSES and args:
            return args[0]
        if tail in MAPPINGS and name.split(".")[0] == "collections":
            table = self.heap.allocate("dict", node)
            if tail == "defaultdict" and args and self.callbacks.is_callback(args[0]):
                table.factory = args[0]
            return table
        if name.startswith("torch.distributed"):
            return self.distributed(tail, args, keywords, node)
        if name in PATH_FUNCTIONS and args:
            return self.joined_path(args)
        if name == "torch.cuda.is_available":
            return Const(True)
        if name in ("torch.cuda.device_count",):
            return Const(8)
        return None

    def joined_path(self, parts: list[Value]) -> Value:
        """A path put together from text, known or partly known."""
        if len(parts) == 1:
            return parts[0]
        settings = frozenset().union(*(getattr(p, "settings", NONE) for p in parts))
        if all(isinstance(p, Const) for p in parts):
            return Const("/".join(str(p.value) for p in parts if isinstance(p, Const)), settings)
        pieces: list[str | None] = []
        for position, part in enumerate(parts):
            if position:
                pieces.append("/")
            if isinstance(part, Const):
                pieces.append(str(part.value))
            elif isinstance(part, Data) and part.template is not None:
                pieces.extend(part.template)
            else:
                pieces.append(None)
        return replace(self.views.mix(*parts), template=tuple(pieces))

    def optimizer(self, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Obj:
        out = self.heap.allocate("optimizer", node, name)
        out.content = self.views.mix_references([*args, *keywords.values()])
        return out

    def copied(self, value: Value, node: ast.AST, *, deep: bool) -> Value:
        if isinstance(value, Obj):
            return self.copied_object(value, node, {}, deep=deep and value.kind == "module")
        return self.views.data(value).plain() if isinstance(value, Data) else value

    def copied_object(self, value: Obj, node: ast.AST, known: dict[int, Obj], *, deep: bool) -> Obj:
        """A copy; a deep one of a module has copies of its parts."""
        if value.number in known:
            return known[value.number]
        out = known[value.number] = self.heap.allocate(value.kind, node, value.name, value.cls)
        out.d = dict(value.d)
        out.d.pop(Obj.pending, None)
        if deep:
            for name, cell in value.d.items():
                if isinstance(cell, Obj) and cell.kind in ("module", "list", "dict"):
                    out.d[name] = self.copied_object(cell, node, known, deep=cell.kind == "module")
            kept = self.views.wrapped_by(value)
            out.wrapped = tuple(self.copied_object(part, node, known, deep=True) for part in kept)
        return out

    def run_inner(self, node: ast.AST, scope: Env | None = None) -> Value:
        """`exec`, `runpy.run_path` and the like: the decoded text runs here, by itself in the globals."""
        if not isinstance(node, ast.Call):
            return CLEAN
        inner = self.script.source.inner(node)
        if inner is None:
            reason = self.script.source.unresolved(node)
            self.recorder.doubt("code that could not be read", reason or ast.unparse(node)[:80], node)
            return CLEAN
        tree, layer, path = inner
        self.script.trees[layer, path] = tree
        with self.recorder.standing_in(layer, path):
            self.machine.evaluate.block(tree.body, self.frames.globals if scope is None else scope)
        return CLEAN

    def distributed(self, tail: str, args: list[Value], keywords: dict[str, Value], node: ast.AST) -> Value:
        if tail in ("get_rank",):
            return Const(0)
        if tail == "get_world_size":
            given = self.script.settings.get("WORLD_SIZE")
            ranks = given.value if given is not None and (given.value or "").isdigit() else None
            return Const(int(ranks) if ranks else 8, frozenset(("WORLD_SIZE",)))
        if tail in ("is_available", "is_initialized"):
            return Const(True)
        self.effects.scoring.put_together(*args, *keywords.values())
        if tail in ("all_reduce", "reduce") and args:
            self.effects.formulas.reduced(args, keywords, node)
        if tail in ("gather", "gather_object") and len(args) > 1:
            args = [args[1], args[0]]
            tail = "all_gather"
        if tail.startswith("all_gather") and len(args) > 1:
            target, value = args[0], args[1]
            if isinstance(target, Obj) and target.kind in ("list", "tensor"):
                if target.kind == "list":
                    known = target.elements
                    self.heap.put(target, Obj.elements, (*(known if isinstance(known, tuple) else ()), value))
                else:
                    self.heap.put(
                        target,
                        Obj.content,
                        combine(self.views.content(target), self.views.data(value).plain()),
                    )
        return CLEAN

    # anything else
    def any_function(
        self, name: str, root: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        if root in NETWORK_ROOTS or name.startswith("torch.hub"):
            self.access("network", name, node)
        elif root == "subprocess" or name in ("os.system", "os.popen"):
            words = self.text_of(args[0]) if args else ""
            self.access("subprocess", words or name, node)
        elif root == "ctypes" and name.rsplit(".", 1)[-1] in ("CDLL", "cdll", "PyDLL", "LoadLibrary"):
            self.access("native", self.text_of(args[0]) if args else name, node)
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

    def text_of(self, value: Value) -> str:
        if isinstance(value, Const):
            return str(value.value)[:80]
        if isinstance(value, (TupleValue, Obj)):
            items = value.items if isinstance(value, TupleValue) else value.items or ()
            if isinstance(items, tuple):
                return " ".join(self.text_of(i) for i in items[:6] if isinstance(i, Value))[:80]
        if isinstance(value, Data) and value.template is not None:
            return "".join(p or "*" for p in value.template)[:80]
        return "?"

    def access(self, kind: AccessKind, what: str, node: ast.AST) -> None:
        self.recorder.record(Access(**self.recorder.common(node), kind=kind, what=what))

    # environment
    def environment(self, name: str, default: Value | None, node: ast.AST) -> Value:
        fitted = self.effects.ambient_state.from_environment(
            self.effects.ambient_state.environment_writes.get(name, CLEAN)
        )
        if isinstance(fitted, Data) and (fitted.relevant or fitted.doubts):
            return fitted
        setting = self.script.settings.get(name)
        place = self.recorder.place(node)
        unset, setting = setting, setting if setting is not None and setting.value is not None else None
        if setting is not None and (
            setting.origin != "assumed" or default is None or name in ("RANK", "LOCAL_RANK")
        ):
            self.script.resolved[name] = Resolved(
                name, setting.value, setting.origin, setting.path, setting.line
            )
            return Const(setting.value, frozenset((name,)))
        if name in self.effects.ambient_state.environment_writes:
            value = self.effects.ambient_state.environment_writes[name]
            if isinstance(value, Const):
                self.script.resolved[name] = Resolved(
                    name, str(value.value), "source", place.path, place.line
                )
                return Const(value.value, frozenset((name,)))
            if self.views.data(value).relevant:
                written = self.views.data(value).plain()
                return replace(written, settings=written.settings | {name})
        if setting is not None:
            self.script.resolved[name] = Resolved(
                name, setting.value, setting.origin, setting.path, setting.line
            )
            return Const(setting.value, frozenset((name,)))
        text = None if not isinstance(default, Const) or default.value is None else str(default.value)
        if name not in self.script.resolved:
            found = Resolved(name, text, "default", place.path, place.line)
            if unset is not None:
                found = Resolved(name, text, unset.origin, unset.path, unset.line)
            self.script.resolved[name] = found
        if default is None:
            return Const(None, frozenset((name,)))
        if isinstance(default, Const):
            return Const(default.value, default.settings | {name})
        return default
