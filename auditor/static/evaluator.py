"""The evaluator: all parts of the machine in one class."""

from __future__ import annotations

from auditor.static.domain.heap import Env
from auditor.static.domain.values import Const
from auditor.static.effects.ambient_state import AmbientState
from auditor.static.effects.byte_counts import ByteCounts
from auditor.static.effects.clocks import Clocks
from auditor.static.effects.document_carry import Boundaries
from auditor.static.effects.events import Scoring
from auditor.static.effects.formula_calls import FormulaCalls
from auditor.static.effects.forward_pass import ForwardPass
from auditor.static.effects.havoc import Havoc
from auditor.static.effects.lookups import Lookups
from auditor.static.effects.masks import Masks
from auditor.static.effects.selection import Choices
from auditor.static.effects.token_tables import TokenTables
from auditor.static.effects.unreached import Unreached
from auditor.static.interpreter.state import StepsExhausted
from auditor.static.syntax.arithmetic import Arithmetic
from auditor.static.syntax.assignments import Assignments
from auditor.static.syntax.attributes import Attributes
from auditor.static.syntax.branches import Branches
from auditor.static.syntax.class_bodies import ClassBodies
from auditor.static.syntax.comparisons import Comparisons
from auditor.static.syntax.comprehensions import Comprehensions
from auditor.static.syntax.elements import Elements
from auditor.static.syntax.exceptions import Exceptions
from auditor.static.syntax.expressions import Expressions
from auditor.static.syntax.generators import Generators
from auditor.static.syntax.loops import Loops
from auditor.static.syntax.managers import Managers
from auditor.static.syntax.special_methods import SpecialMethods
from auditor.static.syntax.statements import Statements
from auditor.static.syntax.subscripts import Subscripts
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
from auditor.static.transfer.library_patches import LibraryPatches
from auditor.static.transfer.life_cycle import LifeCycle
from auditor.static.transfer.list_views import Lists
from auditor.static.transfer.memory import Memory
from auditor.static.transfer.methods import Methods
from auditor.static.transfer.native_calls import Natives
from auditor.static.transfer.nn_modules import Modules
from auditor.static.transfer.slicing import Narrowing
from auditor.static.transfer.stacked_columns import SideBySide
from auditor.static.transfer.state_dicts import Weights
from auditor.static.transfer.tensor_functions import TensorFunctions
from auditor.static.transfer.tensor_methods import TensorMethods
from auditor.static.transfer.token_loading import TokenFunctions
from auditor.static.transfer.tokenizers import Tokenizers


class Evaluator(
    Loops,
    Comprehensions,
    Generators,
    Choices,
    Masks,
    Scoring,
    Havoc,
    AmbientState,
    Unreached,
    FormulaCalls,
    ForwardPass,
    Lookups,
    Natives,
    SideBySide,
    ByteCounts,
    TokenTables,
    Tokenizers,
    Boundaries,
    Clocks,
    Files,
    Statements,
    SpecialMethods,
    ClassBodies,
    Branches,
    Exceptions,
    Managers,
    Assignments,
    Calls,
    Callbacks,
    Conversions,
    DefaultMethods,
    Constructors,
    Modules,
    ForwardHooks,
    LifeCycle,
    Hooks,
    Weights,
    Subscripts,
    Elements,
    Narrowing,
    Stores,
    Aliases,
    Lists,
    Methods,
    InPlace,
    ContainerMethods,
    TensorMethods,
    Functions,
    BuiltinFunctions,
    DynamicCode,
    LibraryPatches,
    Memory,
    TensorFunctions,
    TokenFunctions,
    Expressions,
    Arithmetic,
    Attributes,
    Comparisons,
):
    """Runs a program on abstract values and records its events."""

    def run(self) -> None:
        """Evaluate the script as `__main__`."""
        self.prepare_scoring()
        self.prepare_modules()
        self.prepare_lookups()
        self.prepare_tokenizers()
        self.prepare_counts()
        self.prepare_files()
        self.prepare_boundaries()
        self.prepare_forward_pass()
        tree, _, path = self.main
        self.prepare_hooks()
        self.prepare_life_cycle()
        self.globals = Env()
        self.prepare_dynamic_code()
        self.prepare_patches()
        self.prepare_ambient_state()
        self.globals.d["__name__"] = Const("__main__")
        self.globals.d["__file__"] = Const(path)
        try:
            self.block(tree.body, self.globals)
            self.run_exits(self.everywhere, tree.body[-1])
        except StepsExhausted as stop:
            self.complete = False
            self.doubt("the evaluation was cut short", str(stop), tree.body[0])
        except RecursionError:
            self.complete = False
            self.doubt("the evaluation was cut short", "expressions nest too deeply", tree.body[0])
        self.finish_scores()
        self.note_unreached()
