"""The evaluator: all parts of the machine in one class."""

from __future__ import annotations

from auditor.static.boundaries import Boundaries
from auditor.static.byte_counts import ByteCounts
from auditor.static.calls import Calls
from auditor.static.choices import Choices
from auditor.static.columns import SideBySide
from auditor.static.comprehensions import Comprehensions
from auditor.static.expressions import Expressions
from auditor.static.files import Files
from auditor.static.functions import Functions
from auditor.static.generators import Generators
from auditor.static.heap import Env
from auditor.static.lists import Lists
from auditor.static.lookups import Lookups
from auditor.static.loops import Loops
from auditor.static.machine import StepsExhausted
from auditor.static.masks import Masks
from auditor.static.methods import Methods
from auditor.static.modules import Modules
from auditor.static.natives import Natives
from auditor.static.scoring import Scoring
from auditor.static.statements import Statements
from auditor.static.subscripts import Subscripts
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
    Calls,
    Modules,
    Weights,
    Subscripts,
    Lists,
    Methods,
    Functions,
    Expressions,
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
        except StepsExhausted:
            self.complete = False
            self.doubt("the evaluation was cut short", f"after {self.steps} steps", tree.body[0])
        except RecursionError:
            self.complete = False
            self.doubt("the evaluation was cut short", "expressions nest too deeply", tree.body[0])
        self.finish_scores()
