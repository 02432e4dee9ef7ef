"""What is proved of one call of a model: that no row depends on its target or on anything after it.

The model is run at the evaluation's length and at a shorter one, with the rows of the batch in one order of the
stream and in the other, and twice in a row where the first call leaves something behind. Each run is repeated for
every decision that the source leaves open, and for rows of other sizes where the model asks how many or how long they
are.
"""

from __future__ import annotations

import ast
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from auditor.static.causality.arguments import decide_number, handed, part_of
from auditor.static.causality.building import made
from auditor.static.causality.choices import Choices, all_ways
from auditor.static.causality.entry import Construction, Entry, Open, Part, TokenArgument
from auditor.static.causality.extents import MAX_ROWS_RUN, MAX_RUN, OTHERS, Rows, Sizes
from auditor.static.causality.failures import NotFollowed, ScriptError
from auditor.static.causality.interpreter import Interpreter
from auditor.static.causality.scored import Scored
from auditor.static.causality.settling import Settled, settle
from auditor.static.causality.tensor import BLURRED, DIRECT, NONE, STATISTIC, WAYS, WORK, Tensor
from auditor.static.causality.values import Class, Function, Instance, Scope, Unknown
from auditor.static.causality.walker import Late, Texts, Walker, Watched
from auditor.trace.events import Place
from auditor.trace.forward_pass import Bound, ForwardPass

LENGTHS = (64, 40)
"""Tokens of a row: of the first run, and of the second with the rows of the batch the other way round."""


@dataclass(slots=True)
class _Run:
    """What one run found."""

    kind: Bound
    reason: str
    where: tuple[str, int] | None
    raised: bool = False
    way: int | None = None
    taken: Mapping[Hashable, int] = field(default_factory=dict)
    sizes: Sizes = field(default_factory=lambda: Sizes(Rows(0, 0)))


MAX_BATCH = 128
"""Rows of a batch that an adapter is made for."""


class Prover:
    """Proves entries of one script.

    Args:
        texts: the script's modules.
        main: its tree and path.
        settings: environment variables in force.
    """

    def __init__(
        self, texts: Texts, main: tuple[ast.Module, str], settings: Mapping[str, str | None]
    ) -> None:
        self._texts = texts
        self._main = main
        self._settings = settings
        self.steps = 0
        self._settled: Settled = frozenset()

    def prove(self, entry: Entry) -> ForwardPass:
        """Follow one call of a model; never raises for what a script may contain."""
        foreign: set[str] = set()
        try:
            run = self._every_length(entry, foreign)
        except NotFollowed as failure:
            run = _Run(Bound.UNKNOWN, failure.reason, None)
        except RecursionError:
            run = _Run(Bound.UNKNOWN, "its expressions nest too deeply", None)
        if run.way is not None:
            run.where = self._first_place(entry, run.way) or run.where
        place = entry.place if run.where is None else Place(run.where[0], entry.place.layer, run.where[1])
        return ForwardPass(
            model=entry.name,
            called_at=entry.place,
            bound=run.kind,
            reason=run.reason,
            place=place,
            rests_on=tuple(sorted(foreign)),
        )

    def _first_place(self, entry: Entry, way: int) -> tuple[str, int] | None:
        """Path and line of the first row of features that reaches beyond its own token."""
        for batch in (2, 1):
            _, it = self._run(entry, LENGTHS[0], batch, False, Choices(), {}, set(), way)
            if it.watched is not None and it.watched.found is not None:
                return it.watched.found
        return None

    def _every_length(self, entry: Entry, foreign: set[str]) -> _Run:
        """All that is open at one length, and the first way at the other; batches of one where two are not taken."""
        run = _Run(Bound.UNKNOWN, "nothing was run", None)
        batch = 1
        for batch in (2, 1, *batches_made(entry)):
            run = self._every_way(entry, batch, foreign)
            if run.kind is not Bound.UNKNOWN:
                break
        if run.kind is Bound.CAUSAL:
            other, _ = self._run(entry, LENGTHS[1], batch, True, Choices(run.taken), {}, foreign)
            run = run if other.kind is Bound.CAUSAL else other
        if run.kind is Bound.CAUSAL:
            run = self._other_sizes(entry, batch, run, foreign)
        return run

    def _other_sizes(self, entry: Entry, batch: int, run: _Run, foreign: set[str]) -> _Run:
        """The run, or what keeps it from being a proof for rows of other sizes that the model tells apart.

        What is found there is no accusation: the evaluation may have no rows of such a size. One that the script
        itself refuses is none of its sizes.
        """
        for number in run.sizes.to_run():
            rows = OTHERS[number]
            short = rows.length <= MAX_RUN and rows.batch <= MAX_ROWS_RUN
            length, count = (rows.length, rows.batch) if short else (LENGTHS[0], batch)
            choices = Choices(run.taken)
            other, _ = self._run(
                entry, length, count, False, choices, {}, foreign, pretended=None if short else number
            )
            if other.kind is not Bound.CAUSAL and not other.raised:
                reason = f"it asks for the size of the batch, and for {rows}: {other.reason}"
                return _Run(Bound.UNKNOWN, reason, other.where)
        return run

    def _every_way(self, entry: Entry, batch: int, foreign: set[str]) -> _Run:
        probe, it = self._run(entry, LENGTHS[0], batch, False, Choices(), {}, foreign)
        if probe.kind is Bound.UNKNOWN and not (probe.raised and it.choices.made):
            return probe
        late = self._late_values(it)
        asked = it.number_asked
        if not late and not it.choices.made and not asked:
            return probe
        while True:
            results, later = self._ways(entry, batch, late, asked, foreign)
            if asked or not later:
                return _folded(results)
            asked = True  # a number that another way needed: all ways again, with it

    def _ways(
        self, entry: Entry, batch: int, late: dict[str, list[Late]], asked: bool, foreign: set[str]
    ) -> tuple[list[_Run], bool]:
        """The runs of every way, up to one that is not followed; whether a number was asked for that is not known."""
        results: list[_Run] = []
        later = False
        for choices in all_ways():
            run, it = self._run(entry, LENGTHS[0], batch, False, choices, late, foreign, asked=asked)
            later |= it.number_asked
            if choices.made and run.kind is not Bound.CAUSAL:
                run.reason += f" (with {choices.description})"
            results.append(run)
            if run.kind is Bound.UNKNOWN and not run.raised:
                return [run], later
        return results, later

    def _run(
        self,
        entry: Entry,
        length: int,
        batch: int,
        reverse: bool,
        choices: Choices,
        late: dict[str, list[Late]],
        foreign: set[str],
        watch: int | None = None,
        asked: bool = False,
        pretended: int | None = None,
    ) -> tuple[_Run, Interpreter]:
        WORK.elements = 0
        it = Interpreter(self._texts, self._settings, choices)
        it.late = late
        it.number_asked = asked
        it.sizes = Sizes(Rows(length, batch), pretended)
        try:
            it.load(*self._main, "__main__")
            self._settled = settle(it, entry)
            it.following = True
            it.late = {}
            model = made(it, entry.model)
            it.late = late
            if watch is not None:
                own = tokens(TokenArgument(0), length, batch, reverse, 0).pos[DIRECT]
                it.watched = Watched(own, watch)
            run = _called_twice(it, model, entry, length, batch, reverse)
        except NotFollowed as failure:
            run = _Run(Bound.UNKNOWN, failure.reason, it.failed_at or it.where)
        except ScriptError as error:
            run = _Run(Bound.UNKNOWN, f"the script raises {error}", error.where or it.where, raised=True)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            reason = f"an operation is given what is not followed ({type(error).__name__})"
            run = _Run(Bound.UNKNOWN, reason, it.failed_at or it.where)
        run.taken = it.choices.taken
        run.sizes = it.sizes
        foreign |= it.foreign
        self.steps += it.steps
        return run, it

    def _late_values(self, it: Walker) -> dict[str, list[Late]]:
        """Values that attributes which the model reads are given at places the run did not come by."""
        late: dict[str, list[Late]] = {}
        for statement, ran, cls in _stores([self._main[0]], it.executed):
            if ran or id(statement) in it.executed:
                continue
            for name, value, of_self in _attribute_stores(statement):
                if name not in it.read_attributes or _is_settled(statement, self._settled):
                    continue
                options = late.setdefault(name, [])
                for option in _possible(value):
                    if not isinstance(option, bool) and option in it.observed.get(name, ()):
                        continue  # the run has seen it so
                    new = Late(option, cls if of_self else None)
                    if not any(type(option) is type(other.value) and new == other for other in options):
                        options.append(new)
        return {name: options for name, options in late.items() if options}


def _stores(
    trees: Sequence[ast.AST], executed: set[int]
) -> Iterator[tuple[ast.stmt, bool, ast.ClassDef | None]]:
    """Statements that may store, whether the function around them has run (then it decided not to), and their class."""
    todo: list[tuple[ast.AST, bool, ast.ClassDef | None]] = [(tree, False, None) for tree in trees]
    while todo:
        node, ran, cls = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            ran = any(id(statement) in executed for statement in node.body)
        elif isinstance(node, ast.ClassDef):
            cls = node
        elif isinstance(node, ast.Assign | ast.AnnAssign | ast.Expr):
            yield node, ran, cls
            continue
        todo.extend((child, ran, cls) for child in ast.iter_child_nodes(node))


def _attribute_stores(statement: ast.stmt) -> Iterator[tuple[str, ast.expr, bool]]:
    """Names of attributes that a statement sets, to what, and whether it sets them on `self`."""
    if isinstance(statement, ast.Assign):
        for target in statement.targets:
            if isinstance(target, ast.Attribute):
                yield target.attr, statement.value, _is_self(target.value)
    elif isinstance(statement, ast.AnnAssign):
        if isinstance(statement.target, ast.Attribute) and statement.value is not None:
            yield statement.target.attr, statement.value, _is_self(statement.target.value)
    elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        call = statement.value
        if isinstance(call.func, ast.Name) and call.func.id == "setattr" and len(call.args) == 3:
            if isinstance(call.args[1], ast.Constant) and isinstance(call.args[1].value, str):
                yield call.args[1].value, call.args[2], False


def _is_settled(statement: ast.stmt, settled: Settled) -> bool:
    """Whether all that a statement sets are attributes of classes whose values at the call are known."""
    return isinstance(statement, ast.Assign) and all(
        isinstance(target, ast.Attribute)
        and isinstance(target.value, ast.Name)
        and (target.value.id, target.attr) in settled
        for target in statement.targets
    )


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "self"


def _possible(value: ast.expr) -> list[Any]:
    """The plain values that a stored expression may have; none where it is no plain value."""
    if isinstance(value, ast.Constant):
        return [value.value] if isinstance(value.value, bool | int | type(None)) else []
    if isinstance(value, ast.Compare | ast.BoolOp) or (
        isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.Not)
    ):
        return [False, True]
    return []


def batches_made(entry: Entry) -> list[int]:
    """Sizes of batches that other arguments of the call are made for: adapters of so many documents."""
    return [
        size
        for value in (*entry.args, *entry.keywords.values())
        if isinstance(value, Construction)
        for size in value.args[:1]
        if isinstance(size, int) and not isinstance(size, bool) and 2 < size <= MAX_BATCH
    ]


def _folded(runs: list[_Run]) -> _Run:
    """One answer of all runs: certain only where every way that can be taken says so."""
    taken = [run for run in runs if not run.raised] or runs
    kinds = {run.kind for run in taken}
    if not taken:
        return _Run(Bound.UNKNOWN, "nothing was run", None)
    if kinds == {Bound.CAUSAL}:
        return taken[0]
    if kinds == {Bound.ACAUSAL} or kinds == {Bound.STATISTIC}:
        return taken[0]
    worst = next(
        run for kind in (Bound.UNKNOWN, Bound.ACAUSAL, Bound.STATISTIC) for run in taken if run.kind is kind
    )
    if Bound.UNKNOWN not in kinds and Bound.ACAUSAL in kinds and Bound.CAUSAL not in kinds:
        return next(run for run in taken if run.kind is Bound.ACAUSAL)
    if worst.kind is Bound.UNKNOWN:
        return worst
    return _Run(Bound.UNKNOWN, f"it depends on what is left open: {worst.reason}", worst.where)


def tokens(
    argument: TokenArgument, length: int, batch: int, reverse: bool, start: int, skipped: int = 0
) -> Tensor:
    """Tokens of consecutive windows, without the first `skipped` of each; an element depends on its own place."""
    rows = np.arange(batch)[::-1] if reverse else np.arange(batch)
    places = start + rows[:, None] * (length + 1) + np.arange(skipped, length)[None] + argument.offset
    length -= skipped
    pos = np.full((WAYS, batch, length), NONE, np.int32)
    pos[DIRECT] = places
    if argument.rank == 1:
        pos = pos[:, 0]
        out = Tensor((length,), pos, kind="i")
    else:
        out = Tensor((batch, length), pos, kind="i")
    out.role = "targets" if argument.offset else "tokens"
    return out


def _called_twice(it: Walker, model: Any, entry: Entry, length: int, batch: int, reverse: bool) -> _Run:
    """The model called on one batch and then on the next, with what the first call left behind."""
    span = batch * (length + 1)
    before = _state(it, model)
    run = _judged(it, model, entry, length, batch, reverse, 0)
    if run.kind is not Bound.CAUSAL or _state(it, model) == before:
        return run
    return _judged(it, model, entry, length, batch, reverse, span)


def _state(it: Walker, model: Any) -> tuple[Any, ...]:
    """What a call may leave behind: in the model, the modules' names, classes, closures and defaults."""
    seen: set[int] = set()
    return (_attributes(model, 0, seen), *(_attributes(scope, 0, seen) for scope in it.modules.values()))


def _attributes(model: Any, depth: int = 0, seen: set[int] | None = None) -> tuple[Any, ...]:
    """What a model holds that depends on tokens, for comparing before and after a call."""
    seen = set() if seen is None else seen
    if id(model) in seen or depth > 16:
        return ()
    seen.add(id(model))
    out: list[Any] = []
    if isinstance(model, Instance):
        for name, value in model.attributes.items():
            out.append((name, *_attributes(value, depth + 1, seen)))
        out.append(_attributes(model.cls, depth + 1, seen))
    elif isinstance(model, Scope | Class):
        for name, value in model.names.items():
            out.append((name, *_attributes(value, depth + 1, seen)))
    elif isinstance(model, Function):
        scope = model.scope
        while scope is not None and scope.outer is not None:
            out.append(_attributes(scope, depth + 1, seen))
            scope = scope.outer
        out.append(_attributes([*model.defaults, *model.keyword_defaults], depth + 1, seen))
    elif isinstance(model, list | tuple | set | frozenset):
        out.extend(_attributes(part, depth + 1, seen) for part in model)
    elif isinstance(model, dict):
        out.append(len(model))
        out.extend(_attributes(part, depth + 1, seen) for part in model.values())
    elif isinstance(model, Tensor):
        out.append((model.depends, model.version if model.depends else 0))
    elif isinstance(model, Unknown):
        out.append(model.number)
    elif isinstance(model, bool | int | float | str):
        out.append(model)
    return tuple(out)


def _judged(it: Walker, model: Any, entry: Entry, length: int, batch: int, reverse: bool, start: int) -> _Run:
    it.scored.clear()
    behind = decide_number(it) if it.number_asked else 0

    def given(value: Any) -> Any:
        if isinstance(value, TokenArgument):
            return tokens(value, length, batch, reverse, start, behind if value.offset else 0)
        if isinstance(value, Open):
            return handed(it, value)
        return part_of(it, value, batch) if isinstance(value, Part) else made(it, value)

    args = [given(value) for value in entry.args]
    keywords = {name: given(value) for name, value in entry.keywords.items()}
    first = next((a for a in (*args, *keywords.values()) if isinstance(a, Tensor) and a.depends), None)
    if first is None:
        raise NotFollowed("no argument of the call is made of tokens")
    method = it.attribute(model, entry.method)
    result = it.call(model if entry.method == "forward" else method, args, keywords)
    events = [event for event in it.scored if event.rows]
    if not events:
        events = [_rows_of_output(it, result, first)]
    return _worst(events, batch * (length + 1))


def _rows_of_output(it: Walker, result: Any, given: Tensor) -> Scored:
    """The logits (or hidden states) that a call gives, row by row against the tokens that it was given."""
    if isinstance(result, tuple | list) and result:
        result = result[0]
    if isinstance(result, dict):
        result = result.get("logits", next(iter(result.values()), None))
    if not isinstance(result, Tensor) or result.rank < 2:
        raise NotFollowed("no loss of tokens, and no logits, were found in what the call gives")
    own = given.pos.max(axis=0)
    rows = result.pos.max(axis=-1)
    shape = result.shape[:-1]
    if shape == (given.size,):
        own = own.reshape(-1)
    elif shape == (given.shape[-1], given.shape[0]) and given.rank == 2:
        own = own.T
    elif shape != given.shape:
        raise NotFollowed(
            f"what the call gives has shape {result.shape}, which are no rows of the tokens given"
        )
    excess = np.full(WAYS, np.iinfo(np.int32).min // 2, np.int64)
    at = np.zeros(WAYS, np.int64)
    for way in range(WAYS):
        reach = np.where(
            np.broadcast_to(rows[way], shape) >= 0, rows[way] - own - 1, np.iinfo(np.int32).min // 2
        )
        place = np.unravel_index(int(reach.argmax()), reach.shape)
        excess[way], at[way] = reach[place], own[place] + 1
    return Scored(by="the logits", where=it.where, excess=excess, row=at, rows=int(own.size))


def _worst(events: Sequence[Scored], span: int) -> _Run:
    for way, kind in ((DIRECT, Bound.ACAUSAL), (STATISTIC, Bound.STATISTIC), (BLURRED, Bound.UNKNOWN)):
        reaching = [event for event in events if event.excess[way] >= 0]
        if reaching:
            event = max(reaching, key=lambda e: int(e.excess[way]))
            return _Run(kind, _reach(int(event.excess[way]), way), event.where, way=way)
    return _Run(Bound.CAUSAL, f"{sum(e.rows for e in events)} rows", events[0].where)


def _reach(excess: int, way: int) -> str:
    if way == BLURRED:
        return "it could not be told which positions are read"
    what = "the target itself" if excess == 0 else f"tokens up to {excess} after the target"
    if way == STATISTIC:
        return f"a row depends, by a statistic over the whole tensor, on {what}"
    return f"a row depends on {what}"
