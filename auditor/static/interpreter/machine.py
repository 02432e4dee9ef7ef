"""The machine of one evaluation: what every part of the evaluator works with.

It owns the script, the budget, frames, events and the heap, and what is asked of values. Parts hold what
stands below them by its class; what stands above, they reach through `evaluate` and `apply`, which
are known here by their Protocols only and are set once all rooms stand.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from auditor.static.domain.settings import Setting
from auditor.static.interpreter.budget import Budget
from auditor.static.interpreter.decisions import Decisions
from auditor.static.interpreter.frames import Frames
from auditor.static.interpreter.heap import Heap
from auditor.static.interpreter.list_growth import ListGrowth
from auditor.static.interpreter.protocols import Applier, Evaluator
from auditor.static.interpreter.provenance_of import Views
from auditor.static.interpreter.recorder import Recorder
from auditor.static.interpreter.script import Script, Source
from auditor.static.interpreter.symbols import Symbols


class Machine:
    """State and services of one evaluation.

    Attributes:
        evaluate: what the room of syntax does for parts below it.
        apply: what the room of calls does for parts below it.
    """

    evaluate: Evaluator
    apply: Applier

    def __init__(
        self,
        source: Source,
        settings: Mapping[str, Setting],
        main: tuple[ast.Module, int, str],
        *,
        both_ways: bool = False,
    ) -> None:
        self.script = Script(source, settings, main, both_ways=both_ways)
        self.budget = Budget()
        self.frames = Frames()
        self.recorder = Recorder(main)
        self.symbols = Symbols(self.recorder)
        self.heap = Heap(self.recorder)
        self.growth = ListGrowth(self.recorder, self.frames, self.heap)
        self.views = Views(self, self.budget, self.recorder)
        self.decisions = Decisions(self, self.script, self.frames, self.symbols, self.views)
