"""What library functions, and methods of values, make of the formulas of scores and tokens."""

from __future__ import annotations

import ast
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from auditor.static.ast_text import ast_text
from auditor.static.domain.heap import Class, Func
from auditor.static.domain.lattice import scored
from auditor.static.domain.provenance import FROM_OUTSIDE, OUTSIDE_NUMBER, Data
from auditor.static.domain.values import Const, LibraryRef, Method, Partial, Value
from auditor.static.effects.formula_arithmetic import FormulaArithmetic
from auditor.static.effects.formulas import BY_SCORE, BYTES, PENALTY, Formulas
from auditor.static.interpreter.machine import Machine
from auditor.static.names.scores import (
    CHOICES,
    CLAMPS,
    COMPARISONS,
    DISTORTIONS,
    FLOOR_OF_PROBABILITIES,
    HIGHEST_LOSS,
    KEEPS,
    KEEPS_TOKENS,
    LOGARITHMS,
    MASKS,
    MEANS,
    NEVER_NEGATIVE,
    PARSES,
    ROUNDINGS,
    SETTLED,
    SMALLEST_VOCABULARY,
    WEIGHTS,
)
from auditor.static.names.tensors import TOTALS
from auditor.trace import formula as formulas
from auditor.trace.formula import LOST, Formula, Kind, Of


class FormulaCalls:
    """Calls by name."""

    def __init__(self, machine: Machine, formulas: Formulas, formula_arithmetic: FormulaArithmetic) -> None:
        self.views = machine.views
        self.formulas = formulas
        self.formula_arithmetic = formula_arithmetic

    # calls
    def with_call(
        self, func: Value, args: Sequence[Value], keywords: Mapping[str, Value], result: Value, node: ast.AST
    ) -> Value:
        """The result of a call into a library, or of a method of a value, with its formula."""
        if isinstance(func, LibraryRef):
            name, owner, rest = func.name.rsplit(".", 1)[-1], args[0] if args else None, list(args[1:])
            if func.name in ("builtins.min", "builtins.max"):
                name = f"builtin {name}" if rest else "kthvalue"
        elif isinstance(func, Method) and not isinstance(func.owner, LibraryRef):
            name, owner, rest = func.name, func.owner, list(args)
            if self.views.objects(owner) and any(o.kind != "tensor" for o in self.views.objects(owner)):
                return result
        else:
            return result
        if isinstance(owner, (Func, Class, LibraryRef, Partial, Method)) or not isinstance(result, Data):
            return result
        if name == "where" and rest and isinstance(func, LibraryRef):
            owner, rest = (rest[0], [owner, *rest[1:]]) if owner is not None else (owner, rest)
        values = [v for v in (owner, *rest, *keywords.values()) if v is not None]
        records = [self.views.data(v) for v in values]
        if name in MASKS and "mask" in result.marks and "mask" not in self.views.data(owner).marks:
            result = replace(result, marks=result.marks - {"mask"})  # what is filled is no mask
        if name in COMPARISONS and values:
            return replace(result, marks=result.marks | self.formulas.looked_at(values[0], values[1:]))
        if result.origins and not result.losses and result.by_kind is None:
            return self.bytes_called(name, rest, keywords, result)
        if result.losses and any(r.losses for r in records):
            if name in SETTLED and scored(self.views.data(owner)) < 2:
                return result
            if name in NEVER_NEGATIVE and result.formula is not None and result.formula.of is Of.NORMALISER:
                return replace(result, formula=PENALTY, losses=frozenset())
            form = self.called(name, owner, rest, keywords, node)
            return replace(result, formula=form, marks=self.marked(name, result))
        if name in PARSES and not result.losses and any(FROM_OUTSIDE in r.marks for r in records):
            return replace(result, marks=result.marks | {OUTSIDE_NUMBER})
        if any(r.losses for r in records):
            return replace(result, marks=result.marks | {BY_SCORE}) if name in CHOICES else result
        if (
            not result.losses
            and self.formulas.is_tokens(result)
            and any(map(self.formulas.is_tokens, records))
        ):
            return self.tokens_called(name, owner, rest, keywords, result, node)
        if not result.losses and not result.origins and result.template is None:
            distribution = self.distribution_formula(name, result, node)
            if distribution is not None:
                return replace(result, formula=distribution)
            if name in CHOICES and result.states and result.regions:
                return self.formulas.part_of_vocabulary(result, node)
            if name in WEIGHTS and not result.states:
                return replace(result, formula=Formula(of=Of.WEIGHTS))
            if name in NEVER_NEGATIVE and result.states:
                return replace(result, formula=PENALTY)
            if result.formula is not None and name not in KEEPS and name not in MEANS:
                return replace(result, formula=None)
        return result

    def bytes_called(
        self, name: str, rest: Sequence[Value], keywords: Mapping[str, Value], result: Data
    ) -> Data:
        """A number of bytes that a function was given: no count any more where it was bent, or kept above a limit."""
        form = result.formula or BYTES
        if name.rstrip("_") in ROUNDINGS and form.factor == 1.0:
            return result
        low = limits(name, rest, keywords)[0] if name in CLAMPS and (rest or keywords) else None
        raised = low is not None and not ((least := self.constant(low)) is not None and least <= 1.0)
        bent = name in DISTORTIONS or name.rstrip("_") in ROUNDINGS or raised
        return replace(result, formula=form.times(None)) if bent else result

    def distribution_formula(self, name: str, result: Data, node: ast.AST) -> Formula | None:
        """Probabilities of the whole vocabulary, and their logarithms, before any token is picked from them."""
        if name in ("softmax", "softmax_"):
            return Formula(of=Of.PROBABILITY) if result.states else None
        if name in LOGARITHMS and result.formula is not None and result.formula.of is Of.PROBABILITY:
            return self.logarithm(name, result.formula, node)
        return None

    def changed_in_place(
        self,
        name: str,
        target: Value,
        args: Sequence[Value],
        keywords: Mapping[str, Value],
        result: Data,
        node: ast.AST,
    ) -> Data:
        """The content of an array after a method that ends with an underscore, with its formula."""
        if not result.losses and not result.origins:
            return result
        if name not in ("scatter_add_", "index_add_", "index_put_", "scatter_", "index_copy_", "put_"):
            operator = ARITHMETIC.get(name.rstrip("_"))
            if operator is not None and args:
                return self.views.data(
                    self.formula_arithmetic.with_binary(
                        operator, target, self.scaled(args[0], keywords.get("alpha"), node), result, node
                    )
                )
            if result.losses:
                return replace(result, formula=self.called(name, target, list(args), {}, node))
        return result

    def marked(self, name: str, result: Data) -> frozenset[str]:
        return result.marks | {"stacked scores"} if name in ("stack", "vstack") else result.marks

    def tokens_called(
        self,
        name: str,
        owner: Value | None,
        rest: Sequence[Value],
        keywords: Mapping[str, Value],
        result: Data,
        node: ast.AST,
    ) -> Data:
        """Tokens that a function was given: changed, unless it only moves or copies them."""
        if name in MASKS:
            mask = keywords.get("mask", keywords.get("condition", rest[0] if rest else None))
            if not self.formulas.chosen_by(mask):
                return result
        elif name == "roll":
            shift = self.views.number(keywords.get("shifts", rest[0] if rest else None))
            if shift is not None and shift.is_constant and shift.constant == -1:
                return result  # the next token, but for the last
        elif name in KEEPS_TOKENS:
            return result
        changed = self.formulas.change(node)
        if name in CLAMPS and rest:
            low, high = (self.constant(limit) for limit in limits(name, rest, keywords))
            if high is None or high >= SMALLEST_VOCABULARY - 1:
                # it may be the vocabulary's own last token
                changed = replace(changed, certain=False)
            if low is not None and low <= 0 and limits(name, rest, keywords)[1] is None:
                return result
        known = result.formula or Formula(of=Of.TOKENS)
        return replace(result, formula=known.changed(changed))

    def called(
        self,
        name: str,
        owner: Value | None,
        rest: Sequence[Value],
        keywords: Mapping[str, Value],
        node: ast.AST,
    ) -> Formula:
        """The formula of what a function or method makes of scores."""
        form = self.formulas.term(owner)
        others = [self.views.data(v) for v in (*rest, *keywords.values())]
        if form is None or (not form.of_scores and form.of is not Of.NORMALISER):
            form = next(
                (self.formulas.term(v) for v in (*rest, *keywords.values()) if self.views.data(v).losses),
                None,
            )
        if form is None:
            form = LOST
        if (
            form.of is Of.PROBABILITY
            and name in TOTALS
            and not rest
            and not {"dim", "axis"} & keywords.keys()
        ):
            text = f"{ast_text(node)}: probabilities of several tokens added up"
            return form.changed(self.formulas.change(node, text=text))
        if form.of is Of.PROBABILITY and name in MEANS:
            return form  # a mixture of equal shares
        if name in ("logsumexp", "logaddexp", "logcumsumexp") and form.factor != -1.0:
            return form.changed(self.formulas.change(node, Kind.OPAQUE))
        if name in KEEPS and "alpha" not in keywords:
            for record in others:
                if record.losses and record.formula is not None:
                    form = formulas.added(form, record.formula)
            return form
        if name in MEANS and (keywords.get("weights") is not None or (name == "average" and len(rest) > 1)):
            return form.changed(self.formulas.change(node, text=f"{ast_text(node)}: a weight of each score"))
        if name in MEANS:
            stacked = "stacked scores" in self.views.data(owner).marks and (rest or "dim" in keywords)
            if stacked:
                return form.changed(
                    self.formulas.change(node, text=f"{ast_text(node)}: the mean of several scores")
                )
            return form.per_token()
        if name in ("cumsum", "accumulate"):
            return replace(form, prefix=True)
        if name in ("neg", "negative", "neg_"):
            return form.times(-1.0)
        if name in CLAMPS and any(record.losses for record in others):
            return form.changed(self.formulas.change(node, text=f"{ast_text(node)}: one of several scores"))
        if name in ("min", "max"):
            return form.changed(self.formulas.change(node))
        if name in CLAMPS:
            return self.clamped(name, form, owner, rest, keywords, node)
        if name in MASKS:
            return self.masked_scores(name, form, owner, rest, keywords, node)
        arithmetic = ARITHMETIC.get(name.rstrip("_"))
        if arithmetic is not None and rest and owner is not None:
            found = self.formula_arithmetic.combined_terms(
                arithmetic, owner, self.scaled(rest[0], keywords.get("alpha"), node), node
            )
            return found if found is not None else form
        if name in ("exp", "exp_"):
            return self.exponential(form, node)
        if name in LOGARITHMS:
            return self.logarithm(name, form, node)
        if name in DISTORTIONS or name in CHOICES:
            return form.changed(self.formulas.change(node))
        return form.changed(self.formulas.change(node, Kind.OPAQUE))

    def scaled(self, value: Value, factor: Value | None, node: ast.AST) -> Value:
        """What is added, `alpha` times."""
        if factor is None:
            return value
        return self.formula_arithmetic.with_binary(
            ast.Mult(), value, factor, self.views.mix(value, factor), node
        )

    def exponential(self, form: Formula, node: ast.AST) -> Formula:
        """`exp` of log-probabilities is a probability; of a loss, a perplexity."""
        if form.of is Of.NLL and form.factor == -1.0 and not (form.tokens or form.bytes):
            return replace(form, of=Of.PROBABILITY, factor=1.0)
        return form.changed(
            self.formulas.change(node, Kind.OPAQUE, f"{ast_text(node)}: the exponential of a loss")
        )

    def logarithm(self, name: str, form: Formula, node: ast.AST) -> Formula:
        if form.of is not Of.PROBABILITY:
            return form.changed(self.formulas.change(node))
        known = form.factor
        found = replace(form, of=Of.NLL, factor=rounded_base(name))
        if known is not None and known > 1.0 + formulas.TOLERANCE:
            text = f"{ast_text(node)}: probabilities times {known:.6g}"
            return found.changed(self.formulas.change(node, text=text))
        return found

    def clamped(
        self,
        name: str,
        form: Formula,
        owner: Value | None,
        rest: Sequence[Value],
        keywords: Mapping[str, Value],
        node: ast.AST,
    ) -> Formula:
        """Scores kept within limits: a limit that no score comes near changes nothing."""
        low, high = limits(name, rest, keywords)
        if form.of is Of.PROBABILITY:
            floor = self.constant(low)
            harmless = low is None or (floor is not None and floor <= FLOOR_OF_PROBABILITIES)
        elif form.factor is not None and form.factor < 0:
            floor = self.constant(low)
            harmless = low is None or (floor is not None and floor <= -HIGHEST_LOSS)
        else:
            ceiling = self.constant(high)
            harmless = high is None or (ceiling is not None and ceiling >= HIGHEST_LOSS)
        return form if harmless else form.changed(self.formulas.change(node))

    def constant(self, value: Value | None) -> float | None:
        number = value.value if isinstance(value, Const) else None
        return float(number) if isinstance(number, (int, float)) else None

    def masked_scores(
        self,
        name: str,
        form: Formula,
        owner: Value | None,
        rest: Sequence[Value],
        keywords: Mapping[str, Value],
        node: ast.AST,
    ) -> Formula:
        """`where(mask, scores, other)`, `masked_fill(mask, value)`, `masked_select(mask)`."""
        mask = keywords.get("mask", keywords.get("condition", rest[0] if rest else None))
        for value in (*rest[1:], *keywords.values()):
            record = self.views.data(value)
            if record.losses and record.formula is not None and value is not mask:
                form = formulas.joined(form, record.formula) or form
        return self.formulas.with_choice(form, mask, node)


ARITHMETIC: dict[str, ast.operator] = {
    "add": ast.Add(), "sub": ast.Sub(), "subtract": ast.Sub(), "mul": ast.Mult(), "multiply": ast.Mult(),
    "div": ast.Div(), "divide": ast.Div(), "true_divide": ast.Div(), "pow": ast.Pow(), "square": ast.Pow(),
}  # fmt: skip


def limits(
    name: str, rest: Sequence[Value], keywords: Mapping[str, Value]
) -> tuple[Value | None, Value | None]:
    """The lower and the upper limit of a clamp; None where there is none."""
    name = name.rstrip("_").removeprefix("builtin ")
    first = rest[0] if rest else keywords.get("other")
    if name in ("clamp_max", "minimum", "fmin", "min"):
        return None, keywords.get("max", first)
    if name in ("clamp_min", "maximum", "fmax", "max"):
        return keywords.get("min", first), None
    low = keywords.get("min", keywords.get("a_min", first))
    high = keywords.get("max", keywords.get("a_max", rest[1] if len(rest) > 1 else None))
    return (
        None if isinstance(low, Const) and low.value is None else low,
        None if isinstance(high, Const) and high.value is None else high,
    )


def rounded_base(name: str) -> float:
    """What the logarithm of a probability is as a multiple of its natural loss."""
    return {"log2": -1.0 / math.log(2.0), "log10": -1.0 / math.log(10.0)}.get(name, -1.0)
