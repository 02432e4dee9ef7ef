"""What syntax does: the parts of this room, put together."""

from __future__ import annotations

from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.handlers import handlers_of
from auditor.static.interpreter.machine import Machine
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
from auditor.static.transfer.room import TransferRoom


class SyntaxRoom:
    """Every part of the room, the lowest first, and what parts below may ask (`Evaluator`)."""

    def __init__(self, machine: Machine, effects: EffectsRoom, transfer: TransferRoom) -> None:
        self.arithmetic = Arithmetic(machine, effects, transfer)
        self.special_methods = SpecialMethods(machine, transfer, self.arithmetic)
        self.attributes = Attributes(machine, effects, transfer, self.special_methods)
        self.statements = Statements(machine, effects, transfer, self.special_methods, self.attributes)
        self.branches = Branches(machine, effects, transfer, self.special_methods, self.statements)
        self.generators = Generators(
            machine, effects, transfer, self.special_methods, self.attributes, self.statements, self.branches
        )
        self.assignments = Assignments(
            machine, effects, transfer, self.arithmetic, self.special_methods, self.branches, self.generators
        )
        self.loops = Loops(
            machine,
            effects,
            transfer,
            self.special_methods,
            self.statements,
            self.branches,
            self.generators,
            self.assignments,
        )
        self.elements = Elements(machine, effects, transfer, self.branches, self.loops)
        self.comprehensions = Comprehensions(
            machine,
            effects,
            transfer,
            self.special_methods,
            self.branches,
            self.generators,
            self.assignments,
            self.loops,
            self.elements,
        )
        self.expressions = Expressions(
            machine,
            effects,
            transfer,
            self.special_methods,
            self.assignments,
            self.elements,
            self.comprehensions,
        )
        self.managers = Managers(
            machine,
            transfer,
            self.special_methods,
            self.attributes,
            self.statements,
            self.generators,
            self.assignments,
            self.expressions,
        )
        self.comparisons = Comparisons(
            machine, effects, transfer, self.arithmetic, self.special_methods, self.expressions
        )
        self.class_bodies = ClassBodies(
            machine, transfer, self.special_methods, self.statements, self.expressions, self.managers
        )
        self.subscripts = Subscripts(machine, effects, transfer, self.statements, self.elements)
        self.exceptions = Exceptions(machine, transfer, self.statements, self.branches, self.expressions)
        self.statements.handlers.update(
            handlers_of(
                "exec_",
                self.statements,
                self.branches,
                self.assignments,
                self.loops,
                self.managers,
                self.class_bodies,
                self.exceptions,
            )
        )
        self.expressions.handlers.update(
            handlers_of(
                "eval_",
                transfer.calls,
                self.arithmetic,
                self.attributes,
                self.generators,
                self.expressions,
                self.comparisons,
            )
        )
        # what parts below ask for, by the Protocol
        self.binary = self.arithmetic.binary
        self.special = self.special_methods.special
        self.implicit = self.special_methods.implicit
        self.first_implicit = self.special_methods.first_implicit
        self.binary_by_method = self.special_methods.binary_by_method
        self.operated_in_place = self.special_methods.operated_in_place
        self.unary_by_method = self.special_methods.unary_by_method
        self.compared_by_method = self.special_methods.compared_by_method
        self.contained = self.special_methods.contained
        self.tested = self.special_methods.tested
        self.formatted = self.special_methods.formatted
        self.hashed = self.special_methods.hashed
        self.item_at = self.special_methods.item_at
        self.store_item = self.special_methods.store_item
        self.attribute = self.attributes.attribute
        self.class_of = self.attributes.class_of
        self.method_of = self.attributes.method_of
        self.plain_attribute = self.attributes.plain_attribute
        self.block = self.statements.block
        self.module_value = self.statements.module_value
        self.merge = self.branches.merge
        self.framed = self.generators.framed
        self.generator_call = self.generators.generator_call
        self.yields = self.generators.yields
        self.sent = self.generators.sent
        self.resumed = self.generators.resumed
        self.listed = self.generators.listed
        self.iterated = self.generators.iterated
        self.mapped = self.generators.mapped
        self.assign = self.assignments.assign
        self.set_attribute = self.assignments.set_attribute
        self.put_attribute = self.assignments.put_attribute
        self.each = self.loops.each
        self.turns = self.loops.turns
        self.settle_deferred = self.loops.settle_deferred
        self.length = self.loops.length
        self.indexable = self.loops.indexable
        self.append = self.elements.append
        self.element = self.elements.element
        self.in_any_turn = self.elements.in_any_turn
        self.is_aligned = self.elements.is_aligned
        self.holds_all_turns = self.elements.holds_all_turns
        self.evaluate = self.expressions.evaluate
        self.exact_items = self.expressions.exact_items
        self.manager_made = self.managers.manager_made
        self.stack_method = self.managers.stack_method
        self.is_callable_here = self.class_bodies.is_callable_here
        self.made_class = self.class_bodies.made_class
        self.subscript = self.subscripts.subscript
