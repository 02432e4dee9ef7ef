"""The evaluator: the machine and the rooms, put together from the lowest up."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from auditor.static.domain.settings import Setting
from auditor.static.domain.values import Const
from auditor.static.effects.room import EffectsRoom
from auditor.static.interpreter.budget import StepsExhausted
from auditor.static.interpreter.machine import Machine
from auditor.static.interpreter.script import Source
from auditor.static.syntax.room import SyntaxRoom
from auditor.static.transfer.room import TransferRoom


class Evaluator:
    """Runs a program on abstract values and records its events."""

    def __init__(
        self,
        source: Source,
        settings: Mapping[str, Setting],
        main: tuple[ast.Module, int, str],
        *,
        both_ways: bool = False,
    ) -> None:
        self.machine = Machine(source, settings, main, both_ways=both_ways)
        self.effects = EffectsRoom(self.machine)
        self.transfer = TransferRoom(self.machine, self.effects)
        self.syntax = SyntaxRoom(self.machine, self.effects, self.transfer)
        self.machine.apply = self.transfer
        self.machine.evaluate = self.syntax

    def run(self, *, compare: bool = True) -> None:
        """Evaluate the script as `__main__`; `compare` as in `ReportedScores.finish_scores`."""
        tree, _, path = self.machine.script.main
        names = self.machine.frames.globals.d
        names["__name__"] = Const("__main__")
        names["__file__"] = Const(path)
        recorder = self.machine.recorder
        try:
            self.syntax.statements.block(tree.body, self.machine.frames.globals)
            self.transfer.life_cycle.run_exits(self.transfer.hooks.everywhere, tree.body[-1])
        except StepsExhausted as stop:
            recorder.complete = False
            recorder.doubt("the evaluation was cut short", str(stop), tree.body[0])
        except RecursionError:
            recorder.complete = False
            recorder.doubt("the evaluation was cut short", "expressions nest too deeply", tree.body[0])
        self.effects.reported_scores.finish_scores(compare=compare)
        self.effects.unreached.note_unreached()
