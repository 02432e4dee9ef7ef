"""The evaluator: all parts of the machine in one class."""

from __future__ import annotations

from auditor.static.arithmetic import Arithmetic
from auditor.static.assignments import Assignments
from auditor.static.attributes import Attributes
from auditor.static.boundaries import Boundaries
from auditor.static.branches import Branches
from auditor.static.builtin_functions import BuiltinFunctions
from auditor.static.byte_counts import ByteCounts
from auditor.static.calls import Calls
from auditor.static.choices import Choices
from auditor.static.columns import SideBySide
from auditor.static.comparisons import Comparisons
from auditor.static.comprehensions import Comprehensions
from auditor.static.constructors import Constructors
from auditor.static.container_methods import ContainerMethods
from auditor.static.elements import Elements
from auditor.static.expressions import Expressions
from auditor.static.files import Files
from auditor.static.functions import Functions
from auditor.static.generators import Generators
from auditor.static.heap import Env
from auditor.static.in_place import InPlace
from auditor.static.ledger import StepsExhausted
from auditor.static.lists import Lists
from auditor.static.lookups import Lookups
from auditor.static.loops import Loops
from auditor.static.masks import Masks
from auditor.static.methods import Methods
from auditor.static.modules import Modules
from auditor.static.narrowing import Narrowing
from auditor.static.natives import Natives
from auditor.static.scoring import Scoring
from auditor.static.statements import Statements
from auditor.static.stores import Stores
from auditor.static.subscripts import Subscripts
from auditor.static.tensor_functions import TensorFunctions
from auditor.static.tensor_methods import TensorMethods
from auditor.static.token_functions import TokenFunctions
from auditor.static.token_tables import TokenTables
from auditor.static.tokenizers import Tokenizers
from auditor.static.values import Const
from auditor.static.weights import Weights


class Evaluator(
    Loops,
    Comprehensions,
    Generators,
    Choices,
    Masks,
    Scoring,
    Lookups,
    Natives,
    SideBySide,
    ByteCounts,
    TokenTables,
    Tokenizers,
    Boundaries,
    Files,
    Statements,
    Branches,
    Assignments,
    Calls,
    Constructors,
    Modules,
    Weights,
    Subscripts,
    Elements,
    Narrowing,
    Stores,
    Lists,
    Methods,
    InPlace,
    ContainerMethods,
    TensorMethods,
    Functions,
    BuiltinFunctions,
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
        tree, _, path = self.main
        self.globals = Env()
        self.globals.d["__name__"] = Const("__main__")
        self.globals.d["__file__"] = Const(path)
        try:
            self.block(tree.body, self.globals)
        except StepsExhausted as stop:
            self.complete = False
            self.doubt("the evaluation was cut short", str(stop), tree.body[0])
        except RecursionError:
            self.complete = False
            self.doubt("the evaluation was cut short", "expressions nest too deeply", tree.body[0])
        self.finish_scores()
