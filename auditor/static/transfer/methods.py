"""Methods of values that are not functions of the script: tensors, lists, dictionaries, text, files."""

from __future__ import annotations

import ast
from dataclasses import replace
from functools import partial

from auditor.static.domain.heap import Class, Func, NamesView, Obj, SuperView, View
from auditor.static.domain.lattice import scored
from auditor.static.domain.provenance import UNKNOWN, Data
from auditor.static.domain.values import Alt, Columns, Const, Generator, Lib, Method, Num, Partial, Tup, Value
from auditor.static.effects.byte_counts import BYTES_SOURCE
from auditor.static.interpreter.decisions import Machine
from auditor.static.transfer.files import FROM_OUTSIDE, MATCHED, matched
from auditor.static.transfer.memory import SAME_MEMORY
from auditor.static.transfer.tables import (
    ALLOCATIONS,
    COPIES,
    DISTRIBUTIONS,
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


class Methods(Machine):
    """Calls of methods."""

    def call_method(
        self, owner: Value, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        for way in (self.hook_method, self.service_method, self.stack_method):
            answered = way(owner, name, args, keywords, node)
            if answered is not None:
                return answered
        if name in ("sub", "subn") and args and self.is_callback(args[0]):
            self.called_back(args[0], args[1:], node, certain=True)
            return self.mix(*args[1:])
        if isinstance(owner, Alt):
            options = [o for o in owner.options if not (isinstance(o, Const) and o.value is None)]
            return self.either(
                [partial(self.call, self.attribute(o, name, node), args, keywords, node) for o in options]
            )
        if isinstance(owner, Generator) and name in ("send", "asend"):
            return self.sent(owner, args[0] if args else UNKNOWN)
        if isinstance(owner, Obj):
            if owner.kind == "module":
                return self.call_module(owner, name, args, keywords, node)
            if owner.kind == "optimizer":
                return self.optimizer_method(owner, name, args, keywords, node)
            if owner.kind == "tokenizer":
                answer = self.tokenizer_method(owner, name, args, keywords, node)
                return UNKNOWN if answer is None else answer
        if isinstance(owner, SuperView):
            return self.default_method(owner.instance, name, args, keywords, node)
        if isinstance(owner, NamesView):
            return self.names_method(owner, name, args, keywords, node)
        if isinstance(owner, Method):
            return self.nested_method(owner, name, args, keywords, node)
        if isinstance(owner, Const):
            return self.constant_method(owner, name, args, keywords, node)
        if isinstance(owner, (Obj, View)) and (owner.base if isinstance(owner, View) else owner).kind in (
            "list",
            "dict",
            "iterator",
        ):
            answer = self.container_method(owner, name, args, keywords, node)
            if answer is not None:
                return answer
        if isinstance(owner, Tup) and name in ("index", "count"):
            return UNKNOWN
        if isinstance(owner, Class) and owner.is_autograd and name == "apply":
            return self.autograd_apply(owner, args, node)
        if isinstance(owner, (Func, Class, Lib, Partial)):
            if name == "__call__":
                return self.call(owner, args, keywords, node)
            given = (owner, *args, *keywords.values())
            self.havoc(given, "a method that is not followed", name, node, calls_only=True)
            return self.mix(*args, *keywords.values())
        bits = self.cast_bits(name, args, keywords)
        if bits is not None:
            owner = self.wrapped(owner, bits)
        if isinstance(owner, Num) and (name in COPIES | SAME or bits is not None):
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
            if name in SAME | COPIES and not args:
                return self.call_module(module, "parameters", [], {}, node)
            if name in RESETS:
                return UNKNOWN
            if name in IN_PLACE:
                record = self.mix(*args, *keywords.values())
                if record.regions:
                    self.update(module, record.regions, node, "in place", name)
                elif name == "copy_":
                    self.copy_part(module, record, node)
                return UNKNOWN
            if name in ("parameters", "named_parameters", "children", "modules", "items", "values", "keys"):
                return self.call_module(module, "parameters", [], {}, node)
            if name in ("append", "extend", "insert", "remove"):
                return UNKNOWN
            out = self.mix(*args, *keywords.values())
            return replace(
                out, updates=out.updates | self.history(module), states=out.states | self.members(module)
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
                    self.formatted(filled, "format", node)
                parts: list[str | None] = []
                for position, part in enumerate(value.split("{")):
                    parts.append(part if position == 0 else part.split("}", 1)[-1])
                    parts.append(None)
                numbers: list[Printed] = []
                for place, item in enumerate(args):
                    before = parts[2 * place] if 2 * place < len(parts) else ""
                    numbers.extend(self.printed_number(before or "", item, ""))
                for key, item in keywords.items():
                    numbers.extend(self.printed_number("", item, key))
                record = replace(self.mix(*args, *keywords.values()), formula=None, printed=tuple(numbers))
                return replace(record, template=tuple(parts[:-1]))
            if name == "join":
                return self.joined_text(value, args)
            if name in ("glob", "rglob", "iterdir"):
                return self.call_library("glob.glob", [owner, *args], {}, node)
            if name in PATH_SAME:
                return owner
            if name == "joinpath":
                tail = "/".join(str(a.value) if isinstance(a, Const) else "?" for a in args)
                return Const(f"{value}/{tail}", owner.settings)
            if name in ("read_bytes", "read_text", "open"):
                given = args if name == "open" else []
                return self.call_library("builtins.open", [owner, *given], keywords, node)
            if name in ("write_text", "write_bytes"):
                self.wrote(owner)
                return self.call_library("pickle.dump", args, {}, node)
        return replace(self.mix(*args, *keywords.values()), rank=None, template=None)

    def joined_text(self, separator: str, args: list[Value]) -> Value:
        items = self.known_parts(args[0]) if args else None
        if items is None:
            return replace(self.mix(*args), template=None)
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
        return replace(self.mix(*items), template=tuple(parts))

    def known_parts(self, value: Value) -> list[Value] | None:
        if isinstance(value, Tup):
            return list(value.items)
        if isinstance(value, Obj) and "#elements" not in value.d:
            items = value.d.get("#items")
            return list(items) if isinstance(items, tuple) else None
        return None

    def is_submitted(self, value: Value) -> bool:
        """Whether an executor is given something to call."""
        return isinstance(value, (Partial, Method)) or self.is_callback(value)

    # tensors and everything else
    def data_method(
        self, owner: Value, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        if isinstance(owner, Columns):
            kept_apart = self.by_column(name, owner, args, keywords)
            if kept_apart is not None:
                return kept_apart
        record = self.data(owner)
        if isinstance(owner, Data):
            record = replace(
                record, rank=owner.rank, span=owner.span, array=owner.array, template=owner.template
            )
        targets = self.objects(owner)
        if name == "backward":
            engine = args and not record.relevant  # an accelerator's or an engine's: it is handed the loss
            self.backward(self.data(args[0]) if engine else record, node)
            return UNKNOWN
        if name == "step" and args and isinstance(args[0], Obj) and args[0].kind == "optimizer":
            return self.optimizer_method(args[0], name, [], {}, node)  # of a gradient scaler
        if name in SAME_MEMORY and args and self.weights_in(args[0]):
            return self.data(args[0])
        if name in SAME_MEMORY and not args and self.weights_in(owner):
            return self.data(owner)
        self.unread_method(owner, name, (*args, *keywords.values()), node)
        if name in ("step", "zero_grad") and targets:
            optimizers = [target for target in targets if target.kind == "optimizer"]
            for target in sorted(optimizers, key=lambda o: o.number):
                self.optimizer_method(target, name, args, keywords, node)
            if name == "step" and not optimizers:
                self.stepped(targets, node, "an unread optimizer")
            return UNKNOWN
        if name == "load_state_dict":
            for target in targets:
                if target.kind == "module":
                    self.call_module(target, name, args, keywords, node)
            return UNKNOWN
        if (
            name in ("get", "setdefault", "pop", "__getitem__")
            and args
            and self.key_tokens(self.data(args[0]))
        ):
            entry = self.subscript(owner, args[0], node)
            return self.join(entry, args[1]) if len(args) > 1 else entry
        if name in ("append", "extend", "insert") and targets and args:
            for target in targets:
                if target.kind == "tensor":  # a bytearray
                    value = self.taken_in(self.content(target), self.data(args[-1]).plain())
                    self.put(target, "#content", replace(value, marks=value.marks | {"moved"}))
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
            return self.reset_method(owner, targets, record, args, node, name)
        if name in IN_PLACE:
            return self.in_place(owner, targets, name, args, keywords, node)
        sized = self.size_method(owner, record, name, args)
        if sized is not None:
            return sized
        if record.by_kind is not None or any(region.source == BYTES_SOURCE for region in record.regions):
            found = self.method_by_kind(owner, record, name, args, keywords, node)
            if found is not None:
                return found
        if name in SAME:
            if name == "requires_grad_" and not targets:
                leaf = self.allocate("tensor", node)
                leaf.d["#content"] = record.plain()
                return leaf
            return owner
        if name == "softmax":
            out = self.mix(owner, *args, *keywords.values())
            return replace(
                out, marks=out.marks | {"softmax"}, rank=record.rank, span=None, array=None, template=None
            )
        if name in DISTRIBUTIONS and record.regions and record.states and scored(record) < 2:
            return self.distribution(self.mix(owner, *args), node, name)
        if name in SELECTIONS | {"clamp", "clip"} and record.losses:
            others = any(self.data(v).losses - record.losses for v in (*args, *keywords.values()))
            if others or (len(record.losses) > 1 and "stacked" in record.marks):
                return self.select(self.mix(owner, *args, *keywords.values()), node, name)
        if name in TOTALS and record.losses and not args and not keywords:
            return self.added_up(record, None, node)
        if name in POSITION_FUNCTIONS:
            return self.call_library(f"torch.{name}", [owner, *args], keywords, node)
        if name in VIEWS and isinstance(owner, (Data, Obj)) and record.refs:
            return owner
        if name in COPIES:
            if name in SHARED and isinstance(owner, Obj) and owner.kind == "tensor":
                return owner
            return replace(record, refs=frozenset()) if isinstance(owner, (Data, Obj, View)) else record
        if name in RESHAPES:
            return self.reshaped(record, name, args)
        if name in PARTS and args and not record.losses:
            return self.part(owner, record, name, args, keywords, node)
        if name in ("eq", "ne") and args:
            found = self.mix(owner, args[0])
            same = FROM_OUTSIDE in found.marks and matched(record, self.data(args[0]))
            return replace(found, marks=found.marks | {"mask"} | ({MATCHED} if same else set()), span=None)
        if name == "gather" or name in ("index_select", "take_along_dim", "take_along_axis"):
            return self.gathered(record, args, keywords, node)
        if name == "where" and len(args) == 2 and self.chooses_score(args[0], owner, args[1]):
            return self.select(self.mix(owner, *args), node, name)
        if name in ("where", "masked_fill") and args:
            mask = self.data(args[0])
            if mask.above or mask.below or mask.written or MATCHED in mask.marks:
                return self.decided(self.masked(record, mask, node), mask, node)
        if name in ("submit", "apply_async") and args and self.is_submitted(args[0]):
            packed = args[1] if name == "apply_async" and len(args) > 1 else None
            return self.call(
                args[0], list(packed.items) if isinstance(packed, Tup) else args[1:], keywords, node
            )
        if name in ("map", "imap", "imap_unordered") and len(args) > 1:
            if self.is_submitted(args[0]):
                # a pool does not wait until its results are taken
                return self.listed(self.mapped(args[0], args[1:], node), at_once=True)
        if name in ("starmap", "starmap_async") and len(args) > 1 and self.is_callback(args[0]):
            mapped = self.starmapped(args, {}, node)
            return self.listed(mapped, at_once=True) if isinstance(mapped, Generator) else UNKNOWN
        if name in ("run_in_executor", "call_soon", "apply", "call_soon_threadsafe"):
            run = self.in_executor(args, keywords, node)
            if run is not None:
                return run
        for given in (*args, *keywords.values()) if name not in KEEPS else ():
            if self.is_callback(given):
                self.called_back(given, [owner, *(a for a in args if a is not given)], node, certain=False)
        if name in LOGGING and (args or keywords):
            self.logged(args, node)
            self.report(args, keywords, node)
            written = self.mix(*args, *keywords.values())
            if name == "write" and written.template is None and not written.losses:
                self.saved(written, node)
            return UNKNOWN
        if name in ("tofile", "writelines"):
            self.saved(self.mix(owner, *args), node)
            return UNKNOWN
        if name == "state_dict" or (name in ("items", "values") and record.refs):
            return record
        if name in ("read_bytes", "read_text", "open") and record.template is not None:
            return self.call_library(
                "builtins.open", [owner, *(args if name == "open" else [])], keywords, node
            )
        if name in ALLOCATIONS:
            return self.allocate("tensor", node)
        out = self.mix(owner, *args, *keywords.values())
        if not record.relevant:
            self.unknown_method(owner, name, (*args, *keywords.values()), node)
        marks = out.marks | {"moved"} if out.regions and name not in ELEMENTWISE else out.marks
        return replace(
            out, rank=None, span=None, array=None, template=None, within=frozenset(), marks=marks, most=None
        )
