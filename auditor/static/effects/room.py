"""What becomes an event: the parts of this room, put together."""

from __future__ import annotations

from auditor.static.effects.ambient_state import AmbientState
from auditor.static.effects.byte_counts import ByteCounts
from auditor.static.effects.clocks import Clocks
from auditor.static.effects.document_carry import Boundaries
from auditor.static.effects.events import Scoring
from auditor.static.effects.formula_arithmetic import FormulaArithmetic
from auditor.static.effects.formula_calls import FormulaCalls
from auditor.static.effects.formulas import Formulas
from auditor.static.effects.forward_pass import ForwardPass
from auditor.static.effects.havoc import Havoc
from auditor.static.effects.lookups import Lookups
from auditor.static.effects.masks import Masks
from auditor.static.effects.reported_scores import ReportedScores
from auditor.static.effects.selection import Choices
from auditor.static.effects.self_checks import SelfChecks
from auditor.static.effects.token_tables import TokenTables
from auditor.static.effects.unreached import Unreached
from auditor.static.interpreter.machine import Machine


class EffectsRoom:
    """Every part of the room, the lowest first."""

    def __init__(self, machine: Machine) -> None:
        self.clocks = Clocks(machine)
        self.havoc = Havoc(machine)
        self.formulas = Formulas(machine)
        self.scoring = Scoring(machine, self.formulas)
        self.lookups = Lookups(machine, self.scoring)
        self.document_carry = Boundaries(machine, self.scoring)
        self.selection = Choices(machine, self.scoring)
        self.ambient_state = AmbientState(machine, self.havoc, self.scoring)
        self.unreached = Unreached(machine)
        self.self_checks = SelfChecks(machine)
        self.reported_scores = ReportedScores(machine, self.scoring, self.lookups)
        self.formula_arithmetic = FormulaArithmetic(machine, self.formulas)
        self.forward_pass = ForwardPass(machine, self.formulas, self.scoring, self.ambient_state)
        self.masks = Masks(machine, self.scoring)
        self.formula_calls = FormulaCalls(machine, self.formulas, self.formula_arithmetic)
        self.token_tables = TokenTables(machine)
        self.byte_counts = ByteCounts(machine, self.scoring)
