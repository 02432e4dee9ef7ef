"""Formulas followed: what arithmetic, library calls and masks do to scores, to counts and to targets."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import overload

from auditor.static.ast_text import ast_text
from auditor.static.domain.heap import Obj
from auditor.static.domain.provenance import DRAWN, Data
from auditor.static.domain.values import Const, LibraryRef, SymbolicInt, TupleValue, Value
from auditor.static.interpreter.machine import Machine
from auditor.trace.formula import LOST, METRIC, Change, Formula, Kind, Of, Printed, expected
from auditor.trace.region import Region

COUNT = Formula(of=Of.NUMBER, tokens=1)
PENALTY = Formula(of=Of.PENALTY)
BYTES = Formula(of=Of.NUMBER, bytes=1)
BY_SCORE, BY_TOKEN = "by score", "by token"
"""Marks of masks and indices: made by looking at scores, or at the tokens themselves."""
SUMMED = "summed over ranks"
"""Marks a total that holds what all ranks added up."""
BY_CHANCE = "by chance"
"""What chose is a random number."""

LOSS_ARGUMENTS = (
    *("input", "target", "weight", "size_average", "ignore_index", "reduce", "reduction", "label_smoothing"),
)
"""Parameters of `cross_entropy` and `nll_loss`, in their order."""


class Formulas:
    """Gives values their formulas."""

    def __init__(self, machine: Machine) -> None:
        self.frames = machine.frames
        self.recorder = machine.recorder
        self.heap = machine.heap
        self.views = machine.views
        self.score_tests: list[Change] = []

    # what a value is
    def term(self, value: Value | None) -> Formula | None:
        """The value as a part of a formula; None for what is no number."""
        if isinstance(value, Const):
            number = value.value
            return Formula(of=Of.NUMBER, factor=float(number)) if isinstance(number, (int, float)) else None
        if isinstance(value, SymbolicInt):
            expr = value.expr
            return Formula(of=Of.NUMBER, factor=float(expr.constant)) if expr.is_constant else COUNT
        if isinstance(value, Obj) and value.empty and value.touched is None:
            return Formula(of=Of.NUMBER, factor=0.0)
        record = self.views.data(value)
        if record.formula is not None and (record.losses or record.formula.of not in (Of.TOKENS, Of.LOGITS)):
            return record.formula
        if record.losses:
            return LOST
        if record.template is not None:
            return None
        return BYTES if record.origins or record.by_kind is not None else COUNT

    def change(self, node: ast.AST, kind: Kind = Kind.ALTERED, text: str = "") -> Change:
        return Change(place=self.recorder.place(node), text=text or ast_text(node), kind=kind)

    def is_tokens(self, record: Data) -> bool:
        """Whether it holds tokens of the split as they are, or changed."""
        if record.losses or record.origins or record.by_kind is not None or record.marks & {"mask", "file"}:
            return False
        return any(r.source == "val" for r in record.regions) and not any(
            s.kind == "module" for s in record.states
        )

    def chosen_by(self, value: Value | None) -> str:
        """What a mask or an index was made by looking at: scores, tokens, a random number, or none of them."""
        record = self.views.data(value)
        if BY_SCORE in record.marks or ("mask" in record.marks and record.losses):
            return BY_SCORE
        if DRAWN in record.marks and not any(state.kind == "module" for state in record.states):
            return BY_CHANCE
        return BY_TOKEN if BY_TOKEN in record.marks and not record.losses else ""

    def with_choice(self, form: Formula, chooser: Value | None, node: ast.AST) -> Formula:
        """Scores that a mask or an index picks from."""
        by = self.chosen_by(chooser)
        if not by:
            return form
        told = {BY_SCORE: "their own values", BY_CHANCE: "a random number"}.get(by, "the tokens themselves")
        return form.changed(self.change(node, text=f"{ast_text(node)}: scores chosen by {told}"))

    def looked_at(self, left: Value, rights: Sequence[Value], op: ast.cmpop | None = None) -> frozenset[str]:
        """Marks of a comparison: whether it looks at scores or at tokens; a negative number is no token."""
        records = [self.views.data(value) for value in (left, *rights)]
        if any(record.losses for record in records):
            return frozenset((BY_SCORE,))
        if any(map(self.is_tokens, records)):
            constants = [v.value for v in (left, *rights) if isinstance(v, Const)]
            least = 1 if isinstance(op, (ast.GtE, ast.Lt)) else 0
            if not any(isinstance(c, (int, float)) and c < least for c in constants):
                return frozenset((BY_TOKEN,))
        return frozenset()

    @overload
    def with_index(self, index: Value, result: Data, node: ast.AST) -> Data: ...

    @overload
    def with_index(self, index: Value, result: Value, node: ast.AST) -> Value: ...

    def with_index(self, index: Value, result: Value, node: ast.AST) -> Value:
        """What an index selects of scores."""
        if not isinstance(result, Data) or not result.losses:
            return result
        parts = index.items if isinstance(index, TupleValue) else (index,)
        form = result.formula or LOST
        for part in parts:
            if not isinstance(part, (Const, SymbolicInt)):
                form = self.with_choice(form, part, node)
        return result if form is result.formula else replace(result, formula=form)

    def part_of_vocabulary(self, value: Value, node: ast.AST) -> Value:
        """Logits of some tokens alone: what is normalised over them is no distribution over the vocabulary."""
        if not isinstance(value, Data):
            return value
        text = f"{ast_text(node)}: the probabilities of a part of the vocabulary"
        return replace(value, formula=Formula(of=Of.LOGITS).changed(self.change(node, text=text)))

    @contextmanager
    def where_scores_pass(self, test: Value, node: ast.If) -> Iterator[None]:
        """Run a branch that compared scores: what is added up in it, or behind it where it goes on, is chosen."""
        if self.chosen_by(test) != BY_SCORE:
            yield
            return
        text = f"{ast_text(node.test)}: scores added up where their own values pass"
        waiting = len(self.frames.deferred)
        self.score_tests.append(self.change(node, Kind.OPAQUE if node.orelse else Kind.ALTERED, text))
        try:
            yield
        finally:
            left = self.score_tests.pop()
            if any(status == "continue" for status, _, _ in self.frames.deferred[waiting:]):
                self.score_tests.append(left)  # until the turn ends

    def under_tests(self, record: Data) -> Data:
        """Scores that are added up, with the comparisons of scores that led there."""
        if not self.score_tests or not record.losses or self.frames.following:
            return record
        return replace(record, formula=(record.formula or LOST).changed(*self.score_tests))

    def ordered_by_score(self, target: Obj, node: ast.AST) -> None:
        """A list of scores is sorted: what is taken from it by its place is chosen by its value, perhaps."""
        record = self.views.data(target)
        if record.losses:
            told = self.change(node, Kind.OPAQUE, f"{ast_text(node)}: scores in the order of their values")
            self.heap.put(
                target, Obj.content, replace(record.plain(), formula=(record.formula or LOST).changed(told))
            )

    def reduced(self, args: Sequence[Value], keywords: Mapping[str, Value], node: ast.AST) -> None:
        """A total over ranks: a sum or a mean of theirs, or one rank's alone."""
        how = keywords.get("op", args[1] if len(args) > 1 else None)
        name = how.name.rsplit(".", 1)[-1] if isinstance(how, LibraryRef) else "SUM" if how is None else ""
        if name == "SUM":
            for target in self.views.objects(args[0]):
                self.summed_over_ranks(target, node)
            return
        kind = Kind.ALTERED if name in ("MIN", "MAX", "PRODUCT") else Kind.OPAQUE
        for target in self.views.objects(args[0]):
            self.heap.put(target, Obj.touched, True)
            content = target.content
            if isinstance(content, Data) and content.losses:
                form = content.formula or LOST
                if name == "AVG" and form.tokens < 0:
                    continue  # a mean of means
                form = form.changed(self.change(node, kind))
                self.heap.put(target, Obj.content, replace(content, formula=form))

    def summed_over_ranks(self, target: Obj, node: ast.AST) -> None:
        """A total is summed over the ranks once: each time more multiplies it by how many there are."""
        content = target.content
        if not isinstance(content, Data) or not (content.losses or content.origins):
            return
        if SUMMED in content.marks:
            form = (content.formula or (LOST if content.losses else BYTES)).times(None)
            content = replace(content, formula=form)
        self.heap.put(target, Obj.content, replace(content, marks=content.marks | {SUMMED}))

    # lines
    def printed_number(self, before: str, value: Value, source: str) -> tuple[Printed, ...]:
        """A number of a line: named by the text before it, or as the source calls it."""
        record = self.views.data(value)
        name = (before.split() or [""])[-1].strip(" :=,|")
        if expected(name) is None:
            name = source
        if record.printed:
            only = record.printed[0]
            renamed = len(record.printed) == 1 and expected(only.name) is None and expected(name) is not None
            return (replace(only, name=name),) if renamed else record.printed
        if not record.losses and not (is_number(value) and METRIC.fullmatch(name)):
            return ()
        known = self.term(value)
        return () if known is None else (Printed(name=name, formula=known),)

    # losses
    def picked_loss(self, form: Formula, given: Value | None) -> Formula:
        """`nll_loss` of log-probabilities: what was done to these is done to the losses."""
        known = self.views.data(given).formula
        if known is None or known.of is not Of.NLL:
            return form
        return replace(form, factor=known.factor and -known.factor).changed(*known.changes)

    def of_targets(self, form: Formula, target: Data) -> Formula:
        """Scores with what was done to the tokens that are scored."""
        known = target.formula
        if known is None or known.of is not Of.TOKENS:
            return form
        return form.changed(*(replace(change, kind=Kind.TARGET) for change in known.changes))

    def of_places(self, form: Formula, given: Data, target: Data, node: ast.AST) -> Formula:
        """Scores with where the targets lie in the split, as seen from the model's input: one token behind it."""
        shift = None if "moved" in given.marks | target.marks else shift_of(given.regions, target.regions)
        if shift is None or shift == 1:
            return self.made_with_target(form, given, target, node)
        text = "the targets are the input itself" if shift == 0 else ""
        text = text or f"the targets lie {shift} tokens behind the input"
        return form.changed(self.change(node, Kind.TARGET, f"{ast_text(node)}: {text}"))

    def made_with_target(self, form: Formula, given: Data, target: Data, node: ast.AST) -> Formula:
        """Scores of a distribution in which the very tokens are that it is of, beside the input or looked up by."""
        tokens = frozenset(region for region in target.regions if region.source == "val")
        beside = given.regions > tokens and all(exact(region) for region in given.regions)
        looked_up = any(look.regions & tokens and look.form != "spread" for look in given.looks)
        sure = beside or (looked_up and all(map(exact, tokens)) and not tokens & given.regions)
        perhaps = len(intervals(given.regions)) > 1 and intervals(tokens) & intervals(given.regions)
        if not tokens or not (sure or perhaps):
            return form
        text = f"{ast_text(node)}: the distribution of a token is made with that token"
        return form.changed(replace(self.change(node, Kind.AHEAD, text), certain=bool(sure)))

    def loss_formula(self, keywords: Mapping[str, Value], args: Sequence[Value], node: ast.AST) -> Formula:
        """The formula of `cross_entropy` and `nll_loss` by the arguments they are called with."""
        form = Formula()
        keywords = {**dict(zip(LOSS_ARGUMENTS, args, strict=False)), **keywords}
        odd = [name for name in ("**", "size_average", "reduce") if name in keywords]
        if any(not (isinstance(v := keywords[name], Const) and v.value is None) for name in odd):
            form = form.changed(
                self.change(node, Kind.OPAQUE, f"{ast_text(node)}: reduced in a way not told")
            )
        reduction = keywords.get("reduction")
        how = reduction.value if isinstance(reduction, Const) else None if reduction is not None else "mean"
        if how == "mean":
            form = form.per_token()
        elif how not in ("sum", "none"):
            form = form.changed(
                self.change(node, Kind.OPAQUE, f"{ast_text(node)}: reduced in a way not told")
            )
        neutral: dict[str, tuple[object, ...]] = {
            "weight": (None,), "label_smoothing": (0, 0.0), "ignore_index": (-100,),
        }  # fmt: skip
        for name, allowed in neutral.items():
            value = keywords.get(name)
            if value is None or (isinstance(value, Const) and value.value in allowed):
                continue
            if name == "ignore_index" and isinstance(value, Const) and isinstance(value.value, int):
                if value.value < 0:
                    continue  # no token has that number: padding
            kind = Kind.ALTERED if isinstance(value, Const) or name == "weight" else Kind.OPAQUE
            form = form.changed(self.change(node, kind, f"{name}= in {ast_text(node)}"))
        return form


def shift_of(seen: frozenset[Region], scored: frozenset[Region]) -> int | None:
    """How many tokens behind the input the targets lie, the same in each row; None if that is not known."""
    rows = {region.row: region for region in seen}
    if not seen or len(rows) != len(seen) or len(scored) != len(seen):
        return None
    shifts: set[int] = set()
    for region in scored:
        before = rows.get(region.row)
        if before is None or not (exact(region) and exact(before)) or before.source != region.source:
            return None
        assert region.start is not None and region.stop is not None
        assert before.start is not None and before.stop is not None
        shift = region.start - before.start
        if not shift.is_constant or region.stop - before.stop != shift:
            return None
        shifts.add(shift.constant)
    return shifts.pop() if len(shifts) == 1 else None


def intervals(regions: Iterable[Region]) -> set[tuple[object, object]]:
    """Where regions lie, as far as that is known."""
    return {(r.start, r.stop) for r in regions if r.start is not None and r.stop is not None}


def exact(region: Region) -> bool:
    """Whether just these tokens are meant, and where they lie is known."""
    return not region.partial and region.start is not None and region.stop is not None


def is_number(value: Value) -> bool:
    """Whether it may be a number that a script computed or that stands in it."""
    if isinstance(value, Const):
        return isinstance(value.value, float)
    return isinstance(value, SymbolicInt) or (isinstance(value, Data) and value.template is None)
