"""Methods of values that are not functions of the script: tensors, lists, dictionaries, text, files."""

from __future__ import annotations

import ast
from dataclasses import replace
from functools import partial

from auditor.static.domain.heap import Class, Func, NamesView, Obj, SuperView, View
from auditor.static.domain.lattice import scored
from auditor.static.domain.provenance import CLEAN, FROM_OUTSIDE, MATCHED, Data, matched
from auditor.static.domain.values import (
    Columns,
    Const,
    Generator,
    LibraryRef,
    Method,
    Partial,
    SymbolicInt,
    TupleValue,
    Union,
    Value,
)
from auditor.static.effects.byte_counts import BYTES_SOURCE
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.machine import Machine
from auditor.static.names.tensors import (
    ALLOCATIONS,
    COPIES,
    ELEMENTWISE,
    IN_PLACE,
    PARTS,
    POSITION_FUNCTIONS,
    RESETS,
    RESHAPES,
    SAME,
    SELECTIONS,
    SHARED,
    TOTALS,
)
from auditor.static.names.torch import DISTRIBUTIONS
from auditor.static.transfer.callbacks import Callbacks
from auditor.static.transfer.calls import Calls
from auditor.static.transfer.containers import ContainerMethods
from auditor.static.transfer.default_methods import DefaultMethods
from auditor.static.transfer.dispatch import Functions
from auditor.static.transfer.files import Files, split_of
from auditor.static.transfer.hooks import Hooks
from auditor.static.transfer.in_place import InPlace
from auditor.static.transfer.life_cycle import LifeCycle
from auditor.static.transfer.memory import SAME_MEMORY, Memory
from auditor.static.transfer.nn_modules import Modules
from auditor.static.transfer.splitting import SPLITS, Pieces
from auditor.static.transfer.stacked_columns import SideBySide
from auditor.static.transfer.state_dicts import Weights
from auditor.static.transfer.tensor_methods import TensorMethods
from auditor.static.transfer.token_loading import TokenFunctions, with_axis
from auditor.static.transfer.tokenizers import Tokenizers
from auditor.trace.formula import Printed

TEXT_METHODS = frozenset(
    [
        "split",
        "strip",
        "lower",
        "upper",
        "replace",
        "startswith",
        "endswith",
        "lstrip",
        "rstrip",
        "removeprefix",
        "removesuffix",
        "title",
        "splitlines",
        "isdigit",
        "encode",
        "decode",
        "zfill",
        "count",
        "find",
        "rjust",
        "ljust",
        "partition",
        "rpartition",
        "casefold",
        "capitalize",
    ]
)
COLLECTIVES = frozenset(
    ["all_reduce", "allreduce", "reduce", "gather", "all_gather", "allgather", "gather_for_metrics"]
)
"""Methods of process groups, communicators and accelerators by which ranks put values together."""
VIEWS = frozenset(["detach", "numpy"])
"""Methods that give the same memory under another name."""

KEEPS = frozenset(
    [
        "append",
        "appendleft",
        "extend",
        "insert",
        "put",
        "add",
        "push",
        "setdefault",
        "update",
        "set",
        "register",
    ]
)
"""Methods that keep what they are handed."""
LOGGING = frozenset(["info", "warning", "write", "debug", "error", "critical", "log"])
PATH_SAME = frozenset(["resolve", "absolute", "expanduser", "as_posix", "with_suffix", "with_name"])


class Methods:
    """Calls of methods."""

    def __init__(
        self,
        machine: Machine,
        effects: EffectsRoom,
        hooks: Hooks,
        tensor_methods: TensorMethods,
        pieces: Pieces,
        state_dicts: Weights,
        files: Files,
        stacked_columns: SideBySide,
        in_place: InPlace,
        callbacks: Callbacks,
        nn_modules: Modules,
        memory: Memory,
        containers: ContainerMethods,
        token_loading: TokenFunctions,
        life_cycle: LifeCycle,
        tokenizers: Tokenizers,
        default_methods: DefaultMethods,
        dispatch: Functions,
        calls: Calls,
    ) -> None:
        self.machine = machine
        self.heap = machine.heap
        self.views = machine.views
        self.decisions = machine.decisions
        self.effects = effects
        self.hooks = hooks
        self.tensor_methods = tensor_methods
        self.pieces = pieces
        self.state_dicts = state_dicts
        self.files = files
        self.stacked_columns = stacked_columns
        self.in_place = in_place
        self.callbacks = callbacks
        self.nn_modules = nn_modules
        self.memory = memory
        self.containers = containers
        self.token_loading = token_loading
        self.life_cycle = life_cycle
        self.tokenizers = tokenizers
        self.default_methods = default_methods
        self.dispatch = dispatch
        self.calls = calls

    def call_method(
        self, owner: Value, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        for way in (
            self.hooks.hook_method,
            self.life_cycle.service_method,
            self.machine.evaluate.stack_method,
        ):
            answered = way(owner, name, args, keywords, node)
            if answered is not None:
                return answered
        if name in ("sub", "subn") and args and self.callbacks.is_callback(args[0]):
            self.callbacks.called_back(args[0], args[1:], node, certain=True)
            return self.views.mix(*args[1:])
        if isinstance(owner, Union):
            options = [o for o in owner.options if not (isinstance(o, Const) and o.value is None)]
            return self.calls.either(
                [
                    partial(
                        self.calls.call, self.machine.evaluate.attribute(o, name, node), args, keywords, node
                    )
                    for o in options
                ]
            )
        if isinstance(owner, Generator) and name in ("send", "asend"):
            return self.machine.evaluate.sent(owner, args[0] if args else CLEAN)
        if isinstance(owner, Obj):
            if owner.kind == "module":
                return self.nn_modules.call_module(owner, name, args, keywords, node)
            if owner.kind == "optimizer":
                return self.nn_modules.optimizer_method(owner, name, args, keywords, node)
            if owner.kind == "tokenizer":
                answer = self.tokenizers.tokenizer_method(owner, name, args, keywords, node)
                return CLEAN if answer is None else answer
        if isinstance(owner, SuperView):
            return self.default_methods.default_method(owner.instance, name, args, keywords, node)
        if isinstance(owner, NamesView):
            return self.default_methods.names_method(owner, name, args, keywords, node)
        if isinstance(owner, Method):
            return self.nested_method(owner, name, args, keywords, node)
        if isinstance(owner, Const):
            return self.constant_method(owner, name, args, keywords, node)
        if isinstance(owner, (Obj, View)) and (owner.base if isinstance(owner, View) else owner).kind in (
            "list",
            "dict",
            "iterator",
        ):
            answer = self.containers.container_method(owner, name, args, keywords, node)
            if answer is not None:
                return answer
        if isinstance(owner, TupleValue) and name in ("index", "count"):
            return CLEAN
        if isinstance(owner, Class) and owner.is_autograd and name == "apply":
            return self.hooks.autograd_apply(owner, args, node)
        if isinstance(owner, (Func, Class, LibraryRef, Partial)):
            if name == "__call__":
                return self.calls.call(owner, args, keywords, node)
            given = (owner, *args, *keywords.values())
            self.effects.havoc.mark(given, "a method that is not followed", name, node, calls_only=True)
            return self.views.mix(*args, *keywords.values())
        bits = self.tensor_methods.cast_bits(name, args, keywords)
        if bits is not None:
            owner = self.tensor_methods.wrapped(owner, bits)
        if isinstance(owner, SymbolicInt) and (name in COPIES | SAME or bits is not None):
            return owner
        return self.data_method(owner, name, args, keywords, node)

    def nested_method(
        self, owner: Method, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        """`model.blocks.parameters()`, `model.head.weight.copy_(…)`: a part of a module is the module."""
        module = owner.owner
        while isinstance(module, Method):
            module = module.owner
        if isinstance(module, Obj) and module.kind == "module":
            if (name in SAME | COPIES and not args) or name in SAME_MEMORY | RESHAPES | PARTS:
                return self.nn_modules.call_module(module, "parameters", [], {}, node)
            if name in RESETS:
                return CLEAN
            if name in IN_PLACE:
                record = self.views.mix(*args, *keywords.values())
                if name == "copy_" and not record.regions:
                    self.state_dicts.copy_part(module, record, node)
                else:
                    self.in_place.in_place(module, frozenset((module,)), name, args, keywords, node)
                return CLEAN
            if name in ("parameters", "named_parameters", "children", "modules", "items", "values", "keys"):
                return self.nn_modules.call_module(module, "parameters", [], {}, node)
            if name in ("append", "extend", "insert", "remove"):
                return CLEAN
            out = self.views.mix(*args, *keywords.values())
            return replace(
                out,
                updates=out.updates | self.views.history(module),
                states=out.states | self.views.members(module),
            )
        return self.data_method(owner.owner, name, args, keywords, node)

    # constants
    def constant_method(
        self, owner: Const, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        value = owner.value
        if (
            isinstance(value, (str, bytes))
            and name in TEXT_METHODS
            and all(isinstance(a, Const) for a in args)
        ):
            try:
                result = getattr(value, name)(*[a.value for a in args if isinstance(a, Const)])
            except (TypeError, ValueError, LookupError):
                return Data(settings=owner.settings)
            return Const(tuple(result) if isinstance(result, list) else result, owner.settings)
        if isinstance(value, bytes) and name == "join":
            return self.joined_text("", args)
        if isinstance(value, str):
            if name == "format":
                for filled in (*args, *keywords.values()):
                    self.machine.evaluate.formatted(filled, "format", node)
                parts: list[str | None] = []
                for position, part in enumerate(value.split("{")):
                    parts.append(part if position == 0 else part.split("}", 1)[-1])
                    parts.append(None)
                numbers: list[Printed] = []
                for place, item in enumerate(args):
                    before = parts[2 * place] if 2 * place < len(parts) else ""
                    numbers.extend(self.effects.formulas.printed_number(before or "", item, ""))
                for key, item in keywords.items():
                    numbers.extend(self.effects.formulas.printed_number("", item, key))
                record = replace(
                    self.views.mix(*args, *keywords.values()), formula=None, printed=tuple(numbers)
                )
                return replace(record, template=tuple(parts[:-1]))
            if name == "join":
                return self.joined_text(value, args)
            if name in ("glob", "rglob", "iterdir"):
                return self.dispatch.call_library("glob.glob", [owner, *args], {}, node)
            if name in PATH_SAME:
                return owner
            if name == "joinpath":
                tail = "/".join(str(a.value) if isinstance(a, Const) else "?" for a in args)
                return Const(f"{value}/{tail}", owner.settings)
            if name in ("read_bytes", "read_text", "open"):
                given = args if name == "open" else []
                return self.dispatch.call_library("builtins.open", [owner, *given], keywords, node)
            if name in ("write_text", "write_bytes"):
                self.files.wrote(owner)
                return self.dispatch.call_library("pickle.dump", args, {}, node)
        return replace(self.views.mix(*args, *keywords.values()), rank=None, template=None)

    def joined_text(self, separator: str, args: list[Value]) -> Value:
        items = self.known_parts(args[0]) if args else None
        if items is None:
            return replace(self.views.mix(*args), template=None)
        parts: list[str | None] = []
        for position, item in enumerate(items):
            if position:
                parts.append(separator)
            if isinstance(item, Const):
                parts.append(str(item.value))
            elif isinstance(item, Data) and item.template is not None:
                parts.extend(item.template)
            else:
                parts.append(None)
        return replace(self.views.mix(*items), template=tuple(parts))

    def known_parts(self, value: Value) -> list[Value] | None:
        if isinstance(value, TupleValue):
            return list(value.items)
        if isinstance(value, Obj) and value.elements is None:
            items = value.items
            return list(items) if isinstance(items, tuple) else None
        return None

    def is_submitted(self, value: Value) -> bool:
        """Whether an executor is given something to call."""
        return isinstance(value, (Partial, Method)) or self.callbacks.is_callback(value)

    # tensors and everything else
    def data_method(
        self, owner: Value, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        if isinstance(owner, Columns):
            kept_apart = self.stacked_columns.by_column(name, owner, args, keywords)
            if kept_apart is not None:
                return kept_apart
        if name in COLLECTIVES:
            self.effects.scoring.put_together(*args, *keywords.values())
        record = self.views.data(owner)
        if isinstance(owner, Data):
            record = replace(
                record, rank=owner.rank, span=owner.span, array=owner.array, template=owner.template
            )
        targets = self.views.objects(owner)
        if name == "backward":
            engine = args and not record.relevant  # an accelerator's or an engine's: it is handed the loss
            self.nn_modules.backward(self.views.data(args[0]) if engine else record, node)
            return CLEAN
        if name == "step" and args and isinstance(args[0], Obj) and args[0].kind == "optimizer":
            return self.nn_modules.optimizer_method(args[0], name, [], {}, node)  # of a gradient scaler
        if name in SAME_MEMORY and args and self.memory.weights_in(args[0]):
            return self.views.data(args[0])
        if name in SAME_MEMORY and self.memory.weights_in(owner):
            return self.views.data(owner)
        self.effects.havoc.unread_method(owner, name, (*args, *keywords.values()), node)
        if name in ("step", "zero_grad") and targets:
            optimizers = [target for target in targets if target.kind == "optimizer"]
            for target in sorted(optimizers, key=lambda o: o.number):
                self.nn_modules.optimizer_method(target, name, args, keywords, node)
            if name == "step" and not optimizers:
                self.nn_modules.stepped(targets, node, "an unread optimizer")
            return CLEAN
        if name == "load_state_dict":
            for target in targets:
                if target.kind == "module":
                    self.nn_modules.call_module(target, name, args, keywords, node)
            return CLEAN
        if (
            name in ("get", "setdefault", "pop", "__getitem__")
            and args
            and self.effects.lookups.key_tokens(self.views.data(args[0]))
        ):
            entry = self.machine.evaluate.subscript(owner, args[0], node)
            return self.decisions.join(entry, args[1]) if len(args) > 1 else entry
        if name in ("append", "extend", "insert") and targets and args:
            for target in targets:
                if target.kind == "tensor":  # a bytearray
                    value = self.effects.lookups.taken_in(
                        self.views.content(target), self.views.data(args[-1]).plain()
                    )
                    self.heap.put(target, Obj.content, replace(value, marks=value.marks | {"moved"}))
            return Const(None)
        if (
            name in ("clamp", "clamp_", "clip", "clip_")
            and not targets
            and (record.intervals or record.windows)
        ):
            if not (record.regions or record.losses or record.by_kind):
                # positions kept inside an array: those beyond its ends change, and no others
                return replace(record, span=None, within=record.intervals)
        if name in RESETS:
            return self.in_place.reset_method(owner, targets, record, args, node, name)
        if name in IN_PLACE:
            return self.in_place.in_place(owner, targets, name, args, keywords, node)
        sized = self.tensor_methods.size_method(owner, record, name, args)
        if sized is not None:
            return sized
        of_vocabulary = self.effects.lookups.in_vocabulary(record)
        if (record.by_kind is not None and not of_vocabulary) or any(
            region.source == BYTES_SOURCE for region in record.regions
        ):
            found = self.tensor_methods.method_by_kind(owner, record, name, args, keywords, node)
            if found is not None:
                return found
        if name in SAME:
            if name == "requires_grad_" and not targets:
                leaf = self.heap.allocate("tensor", node)
                leaf.content = record.plain()
                return leaf
            return owner
        if name == "softmax":
            mixed = self.views.mix(owner, *args, *keywords.values())
            out = with_axis(mixed, keywords.get("dim", args[0] if args else None))
            return replace(
                out,
                marks=out.marks | {"softmax"},
                rank=record.rank,
                span=None,
                array=None,
                template=None,
            )
        if name in DISTRIBUTIONS and record.regions and record.states and scored(record) < 2:
            found = self.token_loading.distribution(self.views.mix(owner, *args), node, name)
            return with_axis(found, keywords.get("dim", args[0] if args else None))
        if name in SELECTIONS | {"clamp", "clip"} and record.losses:
            others = any(self.views.data(v).losses - record.losses for v in (*args, *keywords.values()))
            if others or (len(record.losses) > 1 and "stacked" in record.marks):
                return self.effects.scoring.select(
                    self.views.mix(owner, *args, *keywords.values()), node, name
                )
        if name in TOTALS and record.losses and not args and not keywords:
            return self.effects.lookups.added_up(record, None, node)
        if name in POSITION_FUNCTIONS:
            return self.dispatch.call_library(f"torch.{name}", [owner, *args], keywords, node)
        if name in VIEWS and isinstance(owner, (Data, Obj)) and record.refs:
            return owner
        cells = self.views.cells(owner)
        if cells is not None and name in ("tolist", "unbind", "clone", "detach", "numpy"):
            return TupleValue(cells) if name in ("tolist", "unbind") else owner
        if name in COPIES:
            if name in SHARED and isinstance(owner, Obj) and owner.kind == "tensor":
                return owner
            return replace(record, refs=frozenset()) if isinstance(owner, (Data, Obj, View)) else record
        if name in RESHAPES:
            return self.tensor_methods.reshaped(record, name, args)
        if name == "chunk" and record.regions and not record.losses:
            parts = self.tensor_methods.chunks(owner, record, args, node)
            if parts is not None:
                return parts
        if name in SPLITS and isinstance(owner, (Data, Obj)):
            parts = self.pieces.cut(owner, record, name, args, keywords, node)
            if parts is not None:
                return parts
        if name in PARTS and args and not record.losses:
            return self.tensor_methods.part(owner, record, name, args, keywords, node)
        if name in ("replace", "with_name", "with_stem") and "train" in record.marks and not record.states:
            texts = [str(a.value) for a in args if isinstance(a, Const)]
            if texts and split_of(texts[-1]) == "val":  # another split's file beside the training shards
                return self.files.file_named(texts[-1], node)
        if name in ("eq", "ne") and args:
            found = self.views.mix(owner, args[0])
            same = FROM_OUTSIDE in found.marks and matched(record, self.views.data(args[0]))
            return replace(found, marks=found.marks | {"mask"} | ({MATCHED} if same else set()), span=None)
        if name == "gather" or name in ("index_select", "take_along_dim", "take_along_axis"):
            return self.tensor_methods.gathered(record, args, keywords, node)
        if (
            name == "where"
            and len(args) == 2
            and self.effects.selection.chooses_score(args[0], owner, args[1])
        ):
            return self.effects.scoring.select(self.views.mix(owner, *args), node, name)
        if name in ("where", "masked_fill") and args:
            mask = self.views.data(args[0])
            if mask.above or mask.below or mask.written or MATCHED in mask.marks:
                return self.effects.selection.decided(
                    self.effects.masks.masked(record, mask, node), mask, node
                )
        if name in ("submit", "apply_async") and args and self.is_submitted(args[0]):
            packed = args[1] if name == "apply_async" and len(args) > 1 else None
            return self.calls.call(
                args[0], list(packed.items) if isinstance(packed, TupleValue) else args[1:], keywords, node
            )
        if name in ("map", "imap", "imap_unordered") and len(args) > 1:
            if self.is_submitted(args[0]):
                # a pool does not wait until its results are taken
                return self.machine.evaluate.listed(
                    self.machine.evaluate.mapped(args[0], args[1:], node), at_once=True
                )
        if name in ("starmap", "starmap_async") and len(args) > 1 and self.callbacks.is_callback(args[0]):
            mapped = self.callbacks.starmapped(args, {}, node)
            return (
                self.machine.evaluate.listed(mapped, at_once=True) if isinstance(mapped, Generator) else CLEAN
            )
        if name in ("run_in_executor", "call_soon", "apply", "call_soon_threadsafe"):
            run = self.callbacks.in_executor(args, keywords, node)
            if run is not None:
                return run
        for given in (*args, *keywords.values()) if name not in KEEPS else ():
            if self.callbacks.is_callback(given):
                self.callbacks.called_back(
                    given, [owner, *(a for a in args if a is not given)], node, certain=False
                )
        if name in LOGGING and (args or keywords):
            self.life_cycle.logged(args, node)
            self.effects.scoring.report(args, keywords, node)
            written = self.views.mix(*args, *keywords.values())
            if name == "write" and written.template is None and not written.losses:
                self.state_dicts.saved(written, node)
            return CLEAN
        if name in ("tofile", "writelines"):
            self.state_dicts.saved(self.views.mix(owner, *args), node)
            return CLEAN
        if name == "state_dict" or (name in ("items", "values") and record.refs):
            return record
        if name in ("read_bytes", "read_text", "open") and record.template is not None:
            return self.dispatch.call_library(
                "builtins.open", [owner, *(args if name == "open" else [])], keywords, node
            )
        if name in ALLOCATIONS:
            return self.heap.allocate("tensor", node)
        out = self.views.mix(owner, *args, *keywords.values())
        if not record.relevant:
            self.effects.havoc.unknown_method(owner, name, (*args, *keywords.values()), node)
        in_order = name in ELEMENTWISE or (name == "read" and "file" in record.marks)
        marks = out.marks | {"moved"} if out.regions and not in_order else out.marks
        return replace(
            out, rank=None, span=None, array=None, template=None, within=frozenset(), marks=marks, most=None
        )
