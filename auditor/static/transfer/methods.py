"""Methods of values that are not functions of the script: tensors, lists, dictionaries, text, files."""

from __future__ import annotations

import ast
from dataclasses import replace
from functools import partial

from auditor.static.domain.heap import Class, Func, NamesView, Obj, SuperView, View
from auditor.static.domain.provenance import CLEAN, SOME_PARTS
from auditor.static.domain.values import (
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
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.machine import Machine
from auditor.static.names.mlx import PUT_ARRAYS
from auditor.static.names.tensors import (
    COPIES,
    IN_PLACE,
    PARTS,
    RESETS,
    RESHAPES,
    SAME,
)
from auditor.static.transfer.callbacks import Callbacks
from auditor.static.transfer.calls import Calls
from auditor.static.transfer.containers import ContainerMethods
from auditor.static.transfer.default_methods import DefaultMethods
from auditor.static.transfer.hooks import Hooks
from auditor.static.transfer.in_place import InPlace
from auditor.static.transfer.life_cycle import LifeCycle
from auditor.static.transfer.memory import SAME_MEMORY
from auditor.static.transfer.nn_modules import Modules
from auditor.static.transfer.optimizers import Optimizers
from auditor.static.transfer.state_dicts import Weights
from auditor.static.transfer.tensor_methods import TensorMethods
from auditor.static.transfer.text_methods import TextMethods
from auditor.static.transfer.tokenizers import Tokenizers
from auditor.static.transfer.value_methods import ValueMethods

CONTAINERS = frozenset(["list", "dict", "iterator"])
"""Kinds of objects that hold other values."""
PARTS_OF_MODULES = frozenset(
    ["parameters", "named_parameters", "children", "modules", "items", "values", "keys"]
)

GIVES_ARRAYS = PUT_ARRAYS | {"load_state_dict", "register_buffer", "register_parameter"}
"""Methods of modules that put arrays in the place of weights."""


class Methods:
    """Calls of methods."""

    def __init__(
        self,
        machine: Machine,
        effects: EffectsRoom,
        hooks: Hooks,
        tensor_methods: TensorMethods,
        state_dicts: Weights,
        in_place: InPlace,
        callbacks: Callbacks,
        nn_modules: Modules,
        optimizers: Optimizers,
        containers: ContainerMethods,
        life_cycle: LifeCycle,
        tokenizers: Tokenizers,
        default_methods: DefaultMethods,
        calls: Calls,
        text_methods: TextMethods,
        value_methods: ValueMethods,
    ) -> None:
        self.machine = machine
        self.views = machine.views
        self.effects = effects
        self.hooks = hooks
        self.tensor_methods = tensor_methods
        self.state_dicts = state_dicts
        self.in_place = in_place
        self.callbacks = callbacks
        self.nn_modules = nn_modules
        self.optimizers = optimizers
        self.containers = containers
        self.life_cycle = life_cycle
        self.tokenizers = tokenizers
        self.default_methods = default_methods
        self.calls = calls
        self.text_methods = text_methods
        self.value_methods = value_methods

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
                return self.optimizers.optimizer_method(owner, name, args, keywords, node)
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
            return self.text_methods.constant_method(owner, name, args, keywords, node)
        if (
            isinstance(owner, (Obj, View))
            and (owner.base if isinstance(owner, View) else owner).kind in CONTAINERS
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
        return self.value_methods.value_method(owner, name, args, keywords, node)

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
            if name in GIVES_ARRAYS and (args or keywords):
                self.nn_modules.given_to_part(module, name, [*args, *keywords.values()], node)
                return CLEAN
            if name in PARTS_OF_MODULES:
                found = self.views.data(self.nn_modules.call_module(module, "parameters", [], {}, node))
                return replace(found, marks=found.marks | {SOME_PARTS})
            if name in ("append", "extend", "insert", "remove"):
                return CLEAN
            out = self.views.mix(*args, *keywords.values())
            return replace(
                out,
                updates=out.updates | self.views.history(module),
                states=out.states | self.views.members(module),
            )
        return self.value_methods.value_method(owner.owner, name, args, keywords, node)
