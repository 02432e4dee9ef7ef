"""The entry of the static witness: a program and its settings become a trace."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass

from auditor.native.sources import NativeFunction, NativeSources
from auditor.program.model import Layer, Program
from auditor.solver.solver import reset_budget, spent
from auditor.static.causality.entry import Entry
from auditor.static.causality.handover import entries_of
from auditor.static.domain.settings import Resolved, Setting
from auditor.static.evaluator import Evaluator
from auditor.trace.trace import Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnessed:
    """What the static witness says: the trace, and the environment values that the script read.

    Attributes:
        steps: of the evaluator.
        work: what the prover spent, in its own measure.
        entries: the calls of models that score validation tokens, for the proof of the forward pass.
    """

    trace: Trace
    configuration: tuple[Resolved, ...]
    steps: int
    work: int
    entries: tuple[Entry, ...] = ()


class _Source:
    """A `Program` as the evaluator sees it."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.natives = NativeSources(program)

    def inner(self, node: ast.Call) -> tuple[ast.Module, int, str] | None:
        return _tree(self.program.layer_at(node))

    def unresolved(self, node: ast.Call) -> str | None:
        return self.program.unresolved_at(node)

    def sibling(self, name: str) -> tuple[ast.Module, int, str] | None:
        return _tree(self.program.module(name))

    def native(self, name: str) -> NativeFunction | str:
        return self.natives.find(name)


def _tree(layer: Layer | None) -> tuple[ast.Module, int, str] | None:
    if layer is None or layer.module is None:
        return None
    return layer.module, layer.index, layer.path


def trace_program(
    program: Program,
    settings: Mapping[str, Setting],
    *,
    forced: Mapping[str, str] | None = None,
    both_ways: bool = False,
    compare: bool = True,
    work: int | None = None,
) -> Witnessed:
    """Predict the trace of a program's evaluation.

    Args:
        program: as unpacked and parsed; its outermost layer must have a tree.
        settings: values of environment names from outside the source.
        forced: environment names to set to a value whatever else says, for asking "what if".
        both_ways: follow both sides of branches that nothing but a default in the source decides, as if they
            were not decided: what happens with any of these switches turned happens here, and more.
        compare: whether the updates that scores had absorbed are compared with their tokens: half of the work and more,
            of which a count of the scored tokens needs nothing.
        work: what the prover may spend on it, if not all that it may spend on one trace.

    Raises:
        ValueError: if the program's outermost layer has no tree.
    """
    main = _tree(program.main)
    if main is None:
        raise ValueError("the program has no readable main layer")
    reset_budget(work)
    values = dict(settings)
    for name, value in (forced or {}).items():
        values[name] = Setting(value, "forced")
    evaluator = Evaluator(_Source(program), values, main, both_ways=both_ways)
    evaluator.run(compare=compare)
    recorder, script = evaluator.machine.recorder, evaluator.machine.script
    trace = Trace(
        witness="static",
        root=recorder.root,
        events=recorder.events,
        switches=recorder.switches,
        complete=recorder.complete,
    )
    configuration = tuple(sorted(script.resolved.values(), key=lambda r: r.name))
    return Witnessed(
        trace=trace,
        configuration=configuration,
        steps=evaluator.machine.budget.steps,
        work=spent(work),
        entries=entries_of(tuple(evaluator.transfer.nn_modules.model_calls.values())),
    )
