"""What arithmetic makes of the formulas of scores, counts and tokens."""

from __future__ import annotations

import ast
import math
from dataclasses import replace

from auditor.static.ast_text import ast_text
from auditor.static.domain.provenance import Data
from auditor.static.domain.values import Const, Value
from auditor.static.effects.formulas import BYTES, COUNT, PENALTY, Formulas
from auditor.static.interpreter.machine import Machine
from auditor.static.names.scores import LARGE_COUNT, SMALL, SMALLEST_VOCABULARY
from auditor.trace import formula as formulas
from auditor.trace.answer import Answer
from auditor.trace.blending import held
from auditor.trace.events import Score
from auditor.trace.formula import Formula, Kind, Of

FLOOR_OF_A_MIXTURE = 1e-4
"""What may be added to a mixture whose shares are not followed: a tenth of it over the smallest vocabulary."""


class FormulaArithmetic:
    """Sums, products and quotients."""

    def __init__(self, machine: Machine, formulas: Formulas) -> None:
        self.recorder = machine.recorder
        self.views = machine.views
        self.formulas = formulas

    # arithmetic
    def with_binary(self, op: ast.operator, left: Value, right: Value, result: Value, node: ast.AST) -> Value:
        """The result of a binary operator with its formula."""
        if not isinstance(result, Data) or result.template is not None:
            return result
        if not result.losses and not result.origins and result.formula is None:
            a, b = self.views.data(left), self.views.data(right)
            if a.formula is None and b.formula is None and not is_share(left) and not is_share(right):
                return self.with_changed_tokens(result, a, b, op, left, right, node)
        if isinstance(op, ast.MatMult) and not result.losses:
            return replace(result, formula=None)
        normalised = self.normalised(op, left, right, result)
        if normalised is not None:
            return normalised
        found = self.combined_terms(op, left, right, node)
        if found is not None and not result.losses and found in (COUNT, BYTES):
            found = None
        return replace(result, formula=found)

    def normalised(self, op: ast.operator, left: Value, right: Value, result: Data) -> Data | None:
        """A normaliser less the logit of the target, or the other way round; its square is a regulariser."""
        for normaliser, other, sign in ((left, right, 1.0), (right, left, -1.0)):
            record = self.views.data(normaliser)
            form = record.formula
            if form is None or form.of is not Of.NORMALISER or not record.losses:
                continue
            if isinstance(op, ast.Pow) and isinstance(other, Const) and other.value in (2, 4) and sign > 0:
                return replace(result, formula=PENALTY, losses=frozenset())
            picked = self.views.data(other)
            if isinstance(op, ast.Sub) and "picked" in picked.marks and not picked.losses:
                loss = Formula(factor=sign).changed(*form.changes)
                return replace(result, formula=self.formulas.of_targets(loss, picked))
        return None

    def with_changed_tokens(
        self, result: Data, a: Data, b: Data, op: ast.operator, left: Value, right: Value, node: ast.AST
    ) -> Data:
        if not result.regions or not (self.formulas.is_tokens(a) or self.formulas.is_tokens(b)):
            return result
        neutral = 1 if isinstance(op, (ast.Mult, ast.Div, ast.FloorDiv)) else 0
        if any(isinstance(v, Const) and v.value in (neutral, 0xFFFF) for v in (left, right)):
            return result
        return replace(result, formula=Formula(of=Of.TOKENS).changed(self.formulas.change(node)))

    def combined_terms(self, op: ast.operator, left: Value, right: Value, node: ast.AST) -> Formula | None:
        a, b = self.formulas.term(left), self.formulas.term(right)
        if a is None or b is None:
            return a or b
        if Of.WEIGHTS in (a.of, b.of) and not (a.of_scores or b.of_scores):
            return Formula(of=Of.WEIGHTS)
        if isinstance(op, (ast.Mult, ast.BitAnd)):
            for score, other, value in ((a, b, right), (b, a, left)):
                if score.of_scores and not other.of_scores and self.is_mask(value):
                    return self.formulas.with_choice(score, value, node)
            return self.product(a, b, left, right, node)
        if isinstance(op, (ast.Div, ast.FloorDiv)):
            return self.quotient(a, b, right, node)
        if isinstance(op, ast.Add):
            for score, other, scored, added in ((a, b, left, right), (b, a, right, left)):
                if score.of is Of.PROBABILITY and not other.of_scores:
                    return self.mixed(score, other, self.views.data(scored), self.views.data(added), node)
        if isinstance(op, (ast.Add, ast.Sub)):
            return self.total(a, b, node, minus=isinstance(op, ast.Sub))
        if not (a.of_scores or b.of_scores):
            distorted = a.of is Of.NUMBER and a.bytes and not (b.is_constant and b.factor == 1.0)
            return replace(a, factor=None) if distorted else None
        score = a if a.of_scores else b
        if isinstance(op, ast.Pow) and b.is_constant and b.factor == 1.0:
            return a
        return score.changed(self.formulas.change(node))

    def is_mask(self, value: Value) -> bool:
        record = self.views.data(value)
        return "mask" in record.marks or bool(record.above or record.below or record.written)

    def product(self, a: Formula, b: Formula, left: Value, right: Value, node: ast.AST) -> Formula | None:
        if a.of_scores and b.of_scores:
            of = Of.NLL if Of.NLL in (a.of, b.of) else Of.PROBABILITY
            kind = Kind.ALTERED if of is Of.NLL else Kind.OPAQUE
            both = replace(a, of=of, changes=formulas.limited(a.changes | b.changes))
            return both.changed(
                self.formulas.change(node, kind, f"{ast_text(node)}: a score weighted by a score")
            )
        for score, other, value in ((a, b, right), (b, a, left)):
            if score.of_scores:
                return self.weighted(score, other, value, node)
        if Of.PENALTY in (a.of, b.of):
            other = b if a.of is Of.PENALTY else a
            kept = other.of is Of.PENALTY or (other.is_constant and (other.factor or 0.0) >= 0)
            return PENALTY if kept else None
        if Of.NUMBER not in (a.of, b.of):
            return None
        return numbers_multiplied(a, b)

    def weighted(self, score: Formula, number: Formula, value: Value, node: ast.AST) -> Formula:
        """Scores times a number: a count of tokens, a constant, or a weight of each."""
        if score.of is Of.PROBABILITY:
            return score.times(number.factor if number.is_constant else None)
        if number.is_constant:
            assert number.factor is not None
            if score.tokens < 0 and number.factor >= 2.0 and number.factor.is_integer():
                return replace(score, tokens=score.tokens + 1)
            return self.scaled(score, number.factor, node)
        record = self.views.data(value)
        if number.of is Of.WEIGHTS:
            return score.changed(self.formulas.change(node, text=f"{ast_text(node)}: a weight of each score"))
        by_model = any(state.kind == "module" for state in record.states)
        if by_model and not record.losses and record.formula is None and not record.origins:
            return score.changed(
                self.formulas.change(node, Kind.OPAQUE, f"{ast_text(node)}: weighted by the model")
            )
        if record.formula is None and self.by_target(record):
            return score.changed(self.formulas.change(node, text=f"{ast_text(node)}: a weight by the token"))
        return self.powers(score, number, 1)

    def by_target(self, record: Data) -> bool:
        """Whether it was looked up by tokens that stand at the place of the score, one number a token."""
        return bool(record.looks) and not record.losses and "total" not in record.marks and not record.origins

    def scaled(self, score: Formula, constant: float, node: ast.AST) -> Formula:
        """Scores times a constant, with the place where that is done."""
        if constant == 1.0:
            return score
        found = score.times(constant)
        if constant == -1.0:
            return found
        return found.changed(self.formulas.change(node, Kind.FACTOR))

    def powers(self, score: Formula, number: Formula, sign: int) -> Formula:
        """Scores times (or, with sign -1, divided by) counts and constants."""
        factor = number.factor
        if sign < 0 and factor is not None:
            factor = 1.0 / factor if factor else None
        found = replace(
            score,
            tokens=score.tokens + sign * number.tokens,
            bytes=score.bytes + sign * number.bytes,
            mixed=score.mixed or number.mixed,
        )
        factors = [c for c in number.changes if c.kind is Kind.FACTOR]
        return found.times(factor).changed(*factors)

    def quotient(self, a: Formula, b: Formula, right: Value, node: ast.AST) -> Formula | None:
        if b.of_scores:
            text = f"{ast_text(node)}: divided by a score"
            return (a if a.of_scores else b).changed(self.formulas.change(node, Kind.OPAQUE, text))
        if not a.of_scores:
            if Of.NUMBER not in (a.of, b.of) or b.factor == 0.0:
                return None
            return numbers_multiplied(a, replace(inverse(b), changes=b.changes))
        if b.is_constant:
            assert b.factor is not None
            if not b.factor or "WORLD_SIZE" in getattr(right, "settings", ()):
                return a  # the ranks' shares of the split are of one size
            if b.factor >= LARGE_COUNT and b.factor.is_integer():
                if getattr(right, "settings", ()) or a.tokens < 0:
                    return a.per_token()
                text = f"{ast_text(node)}: {b.factor:.0f} is taken for the number of tokens"
                return a.per_token().changed(self.formulas.change(node, Kind.OPAQUE, text))
            return self.scaled(a, 1.0 / b.factor, node)
        return self.powers(a, b, -1)

    def total(self, a: Formula, b: Formula, node: ast.AST, *, minus: bool) -> Formula | None:
        of = {a.of, b.of}
        if of == {Of.NORMALISER, Of.NLL}:
            # the normaliser less the logit of the target, which is picked as a score of factor minus one
            return replace(a if a.of is Of.NLL else b, of=Of.NLL, changes=a.changes | b.changes)
        if a.of_scores and b.of_scores:
            if a.of is Of.PROBABILITY and b.of is Of.PROBABILITY:
                known = a.factor is not None and b.factor is not None
                sign = -1.0 if minus else 1.0
                factor = a.factor + sign * b.factor if known else None  # type: ignore[operator]
                return replace(a, factor=factor, changes=formulas.limited(a.changes | b.changes))
            if not minus or (a.prefix and b.prefix):
                return formulas.added(a, replace(b, prefix=a.prefix and b.prefix))
            text = f"{ast_text(node)}: {formulas.DIFFERENCE}"
            return formulas.added(a, b).changed(self.formulas.change(node, Kind.OPAQUE, text))
        if not (a.of_scores or b.of_scores):
            return numbers_added(a, b)
        score, number = (a, b) if a.of_scores else (b, a)
        if minus and score is b:
            if score.of is Of.PROBABILITY:
                return score  # the complement: a weight of something else
            score = score.times(-1.0)
        if number.of is Of.PENALTY and not minus:
            text = f"{ast_text(node)}: what is added is never negative"
            return score.changed(self.formulas.change(node, Kind.HARMLESS, text))
        if score.of is Of.PROBABILITY:
            # another model's share, which is another rule's question
            return replace(score, factor=None)
        if number.of is not Of.NUMBER:
            return score.changed(
                self.formulas.change(node, Kind.OPAQUE, f"{ast_text(node)}: something is added")
            )
        if number.is_constant:
            assert number.factor is not None
            amount = -number.factor if minus and score is a else number.factor
            if abs(amount) <= SMALL:
                return score
            worse = amount * math.copysign(1.0, score.factor or 1.0) > 0 and score.of is Of.NLL
            kind = Kind.HARMLESS if worse else Kind.ALTERED
            return score.changed(self.formulas.change(node, kind, f"{ast_text(node)}: a constant is added"))
        return score.changed(self.formulas.change(node, Kind.OPAQUE, f"{ast_text(node)}: something is added"))

    def mixed(self, score: Formula, number: Formula, scored: Data, added: Data, node: ast.AST) -> Formula:
        """A probability of the scored token and what is added to it: a share that was looked up, or a constant.

        A share that was looked up by earlier tokens alone is added to the probability of whichever token comes; so is
        a constant, which is a uniform distribution where there are as many tokens as it says.
        """
        found = replace(score, factor=None)
        if number.is_constant and number.factor is not None:
            if abs(number.factor) <= SMALL:
                return score
            if score.factor is None and number.factor > FLOOR_OF_A_MIXTURE:
                text = f"{ast_text(node)}: {number.factor:.6g} is added to a mixture"
                return found.changed(self.formulas.change(node, Kind.OPAQUE, text))
            if (
                score.factor is None
                or number.factor * SMALLEST_VOCABULARY <= 1.0 - score.factor + formulas.TOLERANCE
            ):
                return found
            text = (
                f"{ast_text(node)}: {number.factor:.6g} is added to the probability of whichever token comes"
            )
            return found.changed(self.formulas.change(node, Kind.FOREIGN, text))
        shares = [look for look in added.looks if look.form != "chosen"]
        events = [self.recorder.events.get(number) for number in sorted(scored.losses)]
        targets = [region for event in events if isinstance(event, Score) for region in event.regions]
        if not shares or not targets or added.doubts:
            return found
        if any(held(targets, look.regions)[0] is not Answer.NO for look in shares):
            return found
        text = f"{ast_text(node)}: what is added was looked up without the scored token"
        return found.changed(self.formulas.change(node, Kind.FOREIGN, text))

    def with_unary(self, op: ast.unaryop, value: Value, result: Value) -> Value:
        """The result of a unary operator with its formula."""
        if isinstance(result, Data) and isinstance(op, ast.USub) and result.formula is not None:
            if result.formula.of is not Of.TOKENS:
                return replace(result, formula=result.formula.times(-1.0))
        return result


def is_share(value: Value) -> bool:
    """Whether it is a constant that is no whole number."""
    return isinstance(value, Const) and isinstance(value.value, float) and not value.value.is_integer()


def inverse(number: Formula) -> Formula:
    factor = 1.0 / number.factor if number.factor else None
    return replace(number, tokens=-number.tokens, bytes=-number.bytes, factor=factor)


def numbers_multiplied(a: Formula, b: Formula) -> Formula:
    """Counts times counts: things of things are things, and whole numbers of them as well."""
    for count, other in ((a, b), (b, a)):
        if count.is_count and (
            other.is_count
            or (
                other.is_constant
                and other.factor is not None
                and (other.factor.is_integer() or is_unit_share(other.factor))
            )
        ):
            if other.factor == 0.0:
                return other
            return count
    tokens, size = a.tokens + b.tokens, a.bytes + b.bytes
    factor = None if None in (a.factor, b.factor) else formulas.rounded(a.factor, b.factor)
    if not tokens and not size and not (a.is_constant and b.is_constant):
        factor = None  # a share of the tokens, or of the bytes
    return Formula(
        of=Of.NUMBER,
        tokens=tokens,
        bytes=size,
        factor=factor,
        changes=formulas.limited(a.changes | b.changes),
        mixed=a.mixed or b.mixed,
    )


def is_unit_share(factor: float) -> bool:
    """Whether it is one divided by a whole number."""
    return factor > 0 and abs(1.0 / factor - round(1.0 / factor)) < SMALL and factor < 1.0 and factor <= 0.5


def numbers_added(a: Formula, b: Formula) -> Formula:
    """Sums of counts are counts."""
    if a.is_constant and b.is_constant:
        return replace(a, factor=(a.factor or 0.0) + (b.factor or 0.0))
    if a.is_constant or b.is_constant:
        constant, count = (a, b) if a.is_constant else (b, a)
        # a byte more keeps a division from failing; more is no count of what was scored
        extra = bool(count.bytes) and abs(constant.factor or 0.0) > 1.0
        return replace(count, factor=None) if extra else count
    return formulas.added(a, b)
