"""What hooks take out of a forward pass: statistics of the tokens that are saved with the weights."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import replace

from auditor.static.domain.heap import Obj, View
from auditor.static.domain.provenance import Data
from auditor.static.domain.values import TupleValue, Value
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.machine import Machine
from auditor.trace.region import Region

MAX_DEPTH = 4
"""Containers in one another that are looked into for what is saved."""


class ForwardHooks:
    """Follows statistics into the artifact."""

    def __init__(self, machine: Machine, effects: EffectsRoom) -> None:
        self.views = machine.views
        self.effects = effects

    def statistics_saved(self, args: Sequence[Value], node: ast.AST) -> None:
        """Weights are written together with what validation tokens gave other than by training: a calibration."""
        record = self.views.mix(*args)
        if not record.states:
            return
        leaves = [leaf for value in args for leaf in self.parts_saved(value, MAX_DEPTH)]
        found: set[Region] = set()
        for leaf in leaves:
            if leaf.states and not leaf.losses:
                found.update(region for region in leaf.regions if region.source == "val")
        for module in sorted(record.states, key=lambda o: o.number):
            if found and module.kind == "module":
                self.effects.scoring.update(
                    module, found, node, "calibration", "statistics that are saved with the weights"
                )
                ambient = self.effects.ambient_state
                ambient.disk = replace(
                    ambient.disk,
                    updates=ambient.disk.updates | self.views.own_history(module),
                )
                return

    def parts_saved(self, value: Value, depth: int) -> Iterator[Data]:
        """The values of a container and of those in it."""
        held = value.base if isinstance(value, View) else value
        if isinstance(held, Obj) and held.kind in ("dict", "list") and depth:
            for cell in list(held.d.values()):
                for item in cell if isinstance(cell, tuple) else (cell,):
                    if isinstance(item, Value):
                        yield from self.parts_saved(item, depth - 1)
        elif isinstance(value, TupleValue) and depth:
            for item in value.items:
                yield from self.parts_saved(item, depth - 1)
        else:
            yield self.views.data(value)
