"""What calls do: the parts of this room, put together."""

from __future__ import annotations

from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.handlers import handlers_of
from auditor.static.interpreter.machine import Machine
from auditor.static.transfer.aliases import Aliases
from auditor.static.transfer.builtins import BuiltinFunctions
from auditor.static.transfer.callbacks import Callbacks
from auditor.static.transfer.calls import Calls
from auditor.static.transfer.constructors import Constructors
from auditor.static.transfer.containers import ContainerMethods
from auditor.static.transfer.conversions import Conversions
from auditor.static.transfer.default_methods import DefaultMethods
from auditor.static.transfer.dispatch import Functions
from auditor.static.transfer.dynamic_code import DynamicCode
from auditor.static.transfer.files import Files
from auditor.static.transfer.forward_hooks import ForwardHooks
from auditor.static.transfer.hooks import Hooks
from auditor.static.transfer.in_place import InPlace
from auditor.static.transfer.item_assignment import Stores
from auditor.static.transfer.library.environment import Environment
from auditor.static.transfer.library.mlx import Mlx
from auditor.static.transfer.library.operators import Operators
from auditor.static.transfer.library.standard_library import StandardLibrary
from auditor.static.transfer.library.torch import Torch
from auditor.static.transfer.library_patches import LibraryPatches
from auditor.static.transfer.life_cycle import LifeCycle
from auditor.static.transfer.list_views import Lists
from auditor.static.transfer.memory import Memory
from auditor.static.transfer.method_text import MethodTexts
from auditor.static.transfer.methods import Methods
from auditor.static.transfer.native_calls import Natives
from auditor.static.transfer.nn_modules import Modules
from auditor.static.transfer.optimizers import Optimizers
from auditor.static.transfer.service_methods import ServiceMethods
from auditor.static.transfer.slicing import Narrowing
from auditor.static.transfer.splitting import Pieces
from auditor.static.transfer.stacked_columns import SideBySide
from auditor.static.transfer.state_dicts import Weights
from auditor.static.transfer.tensor_functions import TensorFunctions
from auditor.static.transfer.tensor_methods import TensorMethods
from auditor.static.transfer.text_methods import TextMethods
from auditor.static.transfer.token_loading import TokenFunctions
from auditor.static.transfer.tokenizers import Tokenizers
from auditor.static.transfer.value_methods import ValueMethods


class TransferRoom:
    """Every part of the room, the lowest first, and what parts below may ask (`Applier`)."""

    def __init__(self, machine: Machine, effects: EffectsRoom) -> None:
        self.library_patches = LibraryPatches(machine, effects)
        self.hooks = Hooks(machine, effects)
        self.tensor_methods = TensorMethods(machine, effects)
        self.pieces = Pieces(machine)
        self.state_dicts = Weights(machine, effects)
        self.files = Files(machine, effects, self.state_dicts)
        self.stacked_columns = SideBySide(machine)
        self.list_views = Lists(machine)
        self.in_place = InPlace(machine, effects, self.state_dicts)
        self.aliases = Aliases(machine, self.in_place)
        self.item_assignment = Stores(
            machine, effects, self.library_patches, self.stacked_columns, self.list_views, self.aliases
        )
        self.slicing = Narrowing(machine, effects)
        self.dynamic_code = DynamicCode(machine, effects)
        self.callbacks = Callbacks(machine, effects)
        self.method_texts = MethodTexts(machine)
        self.optimizers = Optimizers(machine, effects, self.hooks, self.method_texts)
        self.nn_modules = Modules(
            machine, effects, self.hooks, self.state_dicts, self.callbacks, self.method_texts
        )
        self.forward_hooks = ForwardHooks(machine, effects)
        self.memory = Memory(machine, self.in_place)
        self.constructors = Constructors(machine, self.method_texts)
        self.containers = ContainerMethods(
            machine, effects, self.list_views, self.item_assignment, self.callbacks
        )
        self.conversions = Conversions(machine, self.callbacks)
        self.token_loading = TokenFunctions(
            machine, effects, self.state_dicts, self.files, self.forward_hooks
        )
        self.life_cycle = LifeCycle(machine, effects, self.hooks, self.callbacks, self.method_texts)
        self.tokenizers = Tokenizers(machine, effects)
        self.native_calls = Natives(machine, effects)
        self.default_methods = DefaultMethods(
            machine,
            self.item_assignment,
            self.nn_modules,
            self.constructors,
            self.containers,
            self.conversions,
            self.life_cycle,
        )
        self.builtins = BuiltinFunctions(
            machine,
            effects,
            self.library_patches,
            self.tensor_methods,
            self.list_views,
            self.callbacks,
            self.memory,
            self.conversions,
        )
        self.tensor_functions = TensorFunctions(
            machine, effects, self.tensor_methods, self.pieces, self.stacked_columns
        )
        self.environment = Environment(machine, effects)
        self.operators = Operators(machine, self.item_assignment)
        self.standard_library = StandardLibrary(machine, self.list_views, self.callbacks)
        self.torch = Torch(machine, effects)
        self.mlx = Mlx(machine, effects)
        self.dispatch = Functions(
            machine,
            effects,
            self.library_patches,
            self.hooks,
            self.stacked_columns,
            self.dynamic_code,
            self.callbacks,
            self.memory,
            self.conversions,
            self.token_loading,
            self.life_cycle,
            self.tokenizers,
            self.native_calls,
            self.default_methods,
            self.builtins,
            self.tensor_functions,
            self.environment,
            self.operators,
            self.standard_library,
            self.torch,
            self.mlx,
        )
        self.calls = Calls(
            machine,
            effects,
            self.hooks,
            self.aliases,
            self.dynamic_code,
            self.nn_modules,
            self.constructors,
            self.life_cycle,
            self.default_methods,
            self.dispatch,
        )
        self.text_methods = TextMethods(machine, effects, self.files, self.dispatch)
        self.service_methods = ServiceMethods(
            machine,
            effects,
            self.state_dicts,
            self.files,
            self.callbacks,
            self.life_cycle,
            self.dispatch,
            self.calls,
        )
        self.value_methods = ValueMethods(
            machine,
            effects,
            self.tensor_methods,
            self.pieces,
            self.stacked_columns,
            self.in_place,
            self.nn_modules,
            self.optimizers,
            self.memory,
            self.token_loading,
            self.dispatch,
            self.service_methods,
        )
        self.methods = Methods(
            machine,
            effects,
            self.hooks,
            self.tensor_methods,
            self.state_dicts,
            self.in_place,
            self.callbacks,
            self.nn_modules,
            self.optimizers,
            self.containers,
            self.life_cycle,
            self.tokenizers,
            self.default_methods,
            self.calls,
            self.text_methods,
            self.value_methods,
        )
        self.builtins.handlers.update(
            handlers_of("b_", self.files, self.dynamic_code, self.conversions, self.builtins)
        )
        # what parts below ask for, by the Protocol
        self.lingering_doubts = self.library_patches.lingering_doubts
        self.has_restored = self.state_dicts.has_restored
        self.origin = self.files.origin
        self.read_or_scored = self.files.read_or_scored
        self.changes_states = self.method_texts.changes_states
        self.trains = self.method_texts.trains
        self.takes_charge = self.life_cycle.takes_charge
        self.initialise = self.default_methods.initialise
        self.entries_of = self.default_methods.entries_of
        self.call_library = self.dispatch.call_library
        self.run_inner = self.standard_library.run_inner
        self.text_of = self.standard_library.text_of
        self.call = self.calls.call
        self.call_function = self.calls.call_function
        self.call_method = self.methods.call_method
        self.known_parts = self.text_methods.known_parts
