"""Methods of tensors, arrays and whatever else is known by what it is made of.

The table of `ValueMethods` is the order in which a method is asked about: the first row that knows what it does
decides. A method that no row knows gives what its owner and its arguments are made of.
"""

from __future__ import annotations

import ast
from dataclasses import replace

from auditor.static.domain.heap import Obj, View
from auditor.static.domain.lattice import scored
from auditor.static.domain.provenance import CLEAN, FROM_OUTSIDE, MATCHED, Data, matched
from auditor.static.domain.values import Columns, Const, TupleValue, Value
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
from auditor.static.transfer.dispatch import Functions
from auditor.static.transfer.in_place import InPlace
from auditor.static.transfer.memory import SAME_MEMORY, Memory
from auditor.static.transfer.method_call import MethodCall, Rows, axis_of
from auditor.static.transfer.nn_modules import Modules
from auditor.static.transfer.optimizers import Optimizers
from auditor.static.transfer.service_methods import ServiceMethods
from auditor.static.transfer.splitting import SPLITS, Pieces
from auditor.static.transfer.stacked_columns import SideBySide
from auditor.static.transfer.tensor_methods import TensorMethods
from auditor.static.transfer.token_loading import TokenFunctions, with_axis

COLLECTIVES = frozenset(
    ["all_reduce", "allreduce", "reduce", "gather", "all_gather", "allgather", "gather_for_metrics"]
)
"""Methods of process groups, communicators and accelerators by which ranks put values together."""
VIEWS = frozenset(["detach", "numpy"])
"""Methods that give the same memory under another name."""
ENTRIES = frozenset(["get", "setdefault", "pop", "__getitem__"])
"""Methods that give the entry of a table under a key."""


class ValueMethods:
    """What methods do of which nothing but what their owner is made of is known."""

    def __init__(
        self,
        machine: Machine,
        effects: EffectsRoom,
        tensor_methods: TensorMethods,
        pieces: Pieces,
        stacked_columns: SideBySide,
        in_place: InPlace,
        nn_modules: Modules,
        optimizers: Optimizers,
        memory: Memory,
        token_loading: TokenFunctions,
        dispatch: Functions,
        services: ServiceMethods,
    ) -> None:
        self.machine = machine
        self.heap = machine.heap
        self.views = machine.views
        self.decisions = machine.decisions
        self.effects = effects
        self.tensor_methods = tensor_methods
        self.pieces = pieces
        self.stacked_columns = stacked_columns
        self.in_place = in_place
        self.nn_modules = nn_modules
        self.optimizers = optimizers
        self.memory = memory
        self.token_loading = token_loading
        self.dispatch = dispatch
        rows: Rows = (
            # learning
            (frozenset(["backward"]), self.backward),
            (frozenset(["step"]), self.step_of_scaler),
            (SAME_MEMORY, self.weights),
            (None, self.unread),
            (frozenset(["step", "zero_grad"]), self.step),
            (frozenset(["load_state_dict"]), self.loaded),
            # tables and buffers
            (ENTRIES, self.entry),
            (frozenset(["append", "extend", "insert"]), self.appended),
            (frozenset(["clamp", "clamp_", "clip", "clip_"]), self.clamped_positions),
            (RESETS, self.reset),
            (IN_PLACE, self.written),
            # sizes, and numbers that are told apart by token
            (None, self.size),
            (None, self.by_token_kind),
            # scores
            (SAME, self.same),
            (frozenset(["softmax"]), self.softmax),
            (DISTRIBUTIONS, self.distribution),
            (SELECTIONS | {"clamp", "clip"}, self.chosen_score),
            (TOTALS, self.total),
            # where things stand
            (POSITION_FUNCTIONS, self.positions),
            (VIEWS, self.view),
            (None, self.cells),
            (COPIES, self.copied),
            (RESHAPES, self.reshaped),
            (frozenset(["chunk"]), self.chunks),
            (SPLITS, self.cut),
            (PARTS, self.part),
            (frozenset(["replace", "with_name", "with_stem"]), services.other_split),
            (frozenset(["eq", "ne"]), self.equal),
            (frozenset(["gather", "index_select", "take_along_dim", "take_along_axis"]), self.gathered),
            (frozenset(["where"]), self.chosen),
            (frozenset(["where", "masked_fill"]), self.masked),
            *services.rows,
            (frozenset(["state_dict", "items", "values"]), self.own_parts),
            (ALLOCATIONS, self.allocated),
        )
        self.always = [way for names, way in rows if names is None]
        named = {name for names, _ in rows for name in names or ()}
        self.ways = {name: [way for names, way in rows if names is None or name in names] for name in named}

    def value_method(
        self, owner: Value, name: str, args: list[Value], keywords: dict[str, Value], node: ast.AST
    ) -> Value:
        """What a method gives, and does to what it is called on."""
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
        call = MethodCall(owner, name, args, keywords, node, record, self.views.objects(owner))
        for way in self.ways.get(name, self.always):
            found = way(call)
            if found is not None:
                return found
        return self.any_method(call)

    # learning
    def backward(self, call: MethodCall) -> Value:
        # an accelerator's or an engine's is handed the loss
        loss = self.views.data(call.args[0]) if call.args and not call.record.relevant else call.record
        self.optimizers.backward(loss, call.node)
        return CLEAN

    def step_of_scaler(self, call: MethodCall) -> Value | None:
        """`scaler.step(optimizer)`."""
        first = call.args[0] if call.args else None
        if not isinstance(first, Obj) or first.kind != "optimizer":
            return None
        return self.optimizers.optimizer_method(first, call.name, [], {}, call.node)

    def weights(self, call: MethodCall) -> Value | None:
        for value in (*call.args[:1], call.owner):
            if self.memory.weights_in(value):
                return self.views.data(value)
        return None

    def unread(self, call: MethodCall) -> None:
        self.effects.havoc.unread_method(call.owner, call.name, call.given, call.node)

    def step(self, call: MethodCall) -> Value | None:
        if not call.targets:
            return None
        optimizers = [target for target in call.targets if target.kind == "optimizer"]
        for target in sorted(optimizers, key=lambda o: o.number):
            self.optimizers.optimizer_method(target, call.name, call.args, call.keywords, call.node)
        if call.name == "step" and not optimizers:
            self.optimizers.stepped(call.targets, call.node, "an unread optimizer")
        return CLEAN

    def loaded(self, call: MethodCall) -> Value:
        for target in call.targets:
            if target.kind == "module":
                self.nn_modules.call_module(target, call.name, call.args, call.keywords, call.node)
        return CLEAN

    # tables and buffers
    def entry(self, call: MethodCall) -> Value | None:
        if not call.args or not self.effects.lookups.key_tokens(self.views.data(call.args[0])):
            return None
        found = self.machine.evaluate.subscript(call.owner, call.args[0], call.node)
        return self.decisions.join(found, call.args[1]) if len(call.args) > 1 else found

    def appended(self, call: MethodCall) -> Value | None:
        if not call.targets or not call.args:
            return None
        for target in call.targets:
            if target.kind == "tensor":  # a bytearray
                value = self.effects.lookups.taken_in(
                    self.views.content(target), self.views.data(call.args[-1]).plain()
                )
                self.heap.put(target, Obj.content, replace(value, marks=value.marks | {"moved"}))
        return Const(None)

    def clamped_positions(self, call: MethodCall) -> Value | None:
        record = call.record
        if call.targets or not (record.intervals or record.windows):
            return None
        if record.regions or record.losses or record.by_kind:
            return None
        # positions kept inside an array: those beyond its ends change, and no others
        return replace(record, span=None, within=record.intervals)

    def reset(self, call: MethodCall) -> Value:
        return self.in_place.reset_method(
            call.owner, call.targets, call.record, call.args, call.node, call.name
        )

    def written(self, call: MethodCall) -> Value:
        return self.in_place.in_place(
            call.owner, call.targets, call.name, call.args, call.keywords, call.node
        )

    # sizes, and numbers that are told apart by token
    def size(self, call: MethodCall) -> Value | None:
        return self.tensor_methods.size_method(call.owner, call.record, call.name, call.args)

    def by_token_kind(self, call: MethodCall) -> Value | None:
        record = call.record
        counted = record.by_kind is not None and not self.effects.lookups.in_vocabulary(record)
        if not counted and not any(region.source == BYTES_SOURCE for region in record.regions):
            return None
        return self.tensor_methods.method_by_kind(
            call.owner, record, call.name, call.args, call.keywords, call.node
        )

    # scores
    def same(self, call: MethodCall) -> Value:
        if call.name == "requires_grad_" and not call.targets:
            leaf = self.heap.allocate("tensor", call.node)
            leaf.content = call.record.plain()
            return leaf
        return call.owner

    def softmax(self, call: MethodCall) -> Value:
        out = with_axis(self.views.mix(call.owner, *call.given), axis_of(call))
        return replace(
            out,
            marks=out.marks | {"softmax"},
            rank=call.record.rank,
            span=None,
            array=None,
            template=None,
        )

    def distribution(self, call: MethodCall) -> Value | None:
        record = call.record
        if not record.regions or not record.states or scored(record) >= 2:
            return None
        mixed = self.views.mix(call.owner, *call.args)
        return with_axis(self.token_loading.distribution(mixed, call.node, call.name), axis_of(call))

    def chosen_score(self, call: MethodCall) -> Value | None:
        losses = call.record.losses
        if not losses:
            return None
        others = any(self.views.data(value).losses - losses for value in call.given)
        if not others and not (len(losses) > 1 and "stacked" in call.record.marks):
            return None
        return self.effects.scoring.select(self.views.mix(call.owner, *call.given), call.node, call.name)

    def total(self, call: MethodCall) -> Value | None:
        if not call.record.losses or call.given:
            return None
        return self.effects.lookups.added_up(call.record, None, call.node)

    # where things stand
    def positions(self, call: MethodCall) -> Value:
        return self.dispatch.call_library(
            f"torch.{call.name}", [call.owner, *call.args], call.keywords, call.node
        )

    def view(self, call: MethodCall) -> Value | None:
        return call.owner if isinstance(call.owner, (Data, Obj)) and call.record.refs else None

    def cells(self, call: MethodCall) -> Value | None:
        if call.name not in ("tolist", "unbind", "clone", "detach", "numpy"):
            return None
        cells = self.views.cells(call.owner)
        if cells is None:
            return None
        return TupleValue(cells) if call.name in ("tolist", "unbind") else call.owner

    def copied(self, call: MethodCall) -> Value:
        owner, record = call.owner, call.record
        if call.name in SHARED and isinstance(owner, Obj) and owner.kind == "tensor":
            return owner
        return replace(record, refs=frozenset()) if isinstance(owner, (Data, Obj, View)) else record

    def reshaped(self, call: MethodCall) -> Value:
        return self.tensor_methods.reshaped(call.record, call.name, call.args)

    def chunks(self, call: MethodCall) -> Value | None:
        if not call.record.regions or call.record.losses:
            return None
        return self.tensor_methods.chunks(call.owner, call.record, call.args, call.node)

    def cut(self, call: MethodCall) -> Value | None:
        if not isinstance(call.owner, (Data, Obj)):
            return None
        return self.pieces.cut(call.owner, call.record, call.name, call.args, call.keywords, call.node)

    def part(self, call: MethodCall) -> Value | None:
        if not call.args or call.record.losses:
            return None
        return self.tensor_methods.part(
            call.owner, call.record, call.name, call.args, call.keywords, call.node
        )

    def equal(self, call: MethodCall) -> Value | None:
        if not call.args:
            return None
        found = self.views.mix(call.owner, call.args[0])
        same = FROM_OUTSIDE in found.marks and matched(call.record, self.views.data(call.args[0]))
        return replace(found, marks=found.marks | {"mask"} | ({MATCHED} if same else set()), span=None)

    def gathered(self, call: MethodCall) -> Value:
        return self.tensor_methods.gathered(call.record, call.args, call.keywords, call.node)

    def chosen(self, call: MethodCall) -> Value | None:
        args = call.args
        if len(args) != 2 or not self.effects.selection.chooses_score(args[0], call.owner, args[1]):
            return None
        return self.effects.scoring.select(self.views.mix(call.owner, *args), call.node, call.name)

    def masked(self, call: MethodCall) -> Value | None:
        if not call.args:
            return None
        mask = self.views.data(call.args[0])
        if not (mask.above or mask.below or mask.written or MATCHED in mask.marks):
            return None
        return self.effects.selection.decided(
            self.effects.masks.masked(call.record, mask, call.node), mask, call.node
        )

    def own_parts(self, call: MethodCall) -> Value | None:
        return call.record if call.name == "state_dict" or call.record.refs else None

    def allocated(self, call: MethodCall) -> Value:
        return self.heap.allocate("tensor", call.node)

    def any_method(self, call: MethodCall) -> Value:
        """A method that no row knows: made of its owner and its arguments, no longer where it stood."""
        out = self.views.mix(call.owner, *call.given)
        if not call.record.relevant:
            self.effects.havoc.unknown_method(call.owner, call.name, call.given, call.node)
        in_order = call.name in ELEMENTWISE or (call.name == "read" and "file" in call.record.marks)
        marks = out.marks | {"moved"} if out.regions and not in_order else out.marks
        return replace(
            out, rank=None, span=None, array=None, template=None, within=frozenset(), marks=marks, most=None
        )
