"""The proof on a program: its models' calls become facts for the rules."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from auditor.program.model import Program
from auditor.static.causality.entry import Entry
from auditor.static.causality.proof import Prover
from auditor.static.domain.settings import Setting
from auditor.trace.forward_pass import ForwardPass

MAX_ENTRIES = 8
"""Calls of models that are proved; the scripts that score most ways call five."""


class _ProgramTexts:
    """A `Program` as the interpreter sees it."""

    def __init__(self, program: Program) -> None:
        self._program = program

    def module(self, name: str) -> tuple[ast.Module, str] | None:
        layer = self._program.module(name)
        return None if layer is None or layer.module is None else (layer.module, layer.path)

    def inner(self, node: ast.Call) -> Sequence[tuple[ast.Module, str]]:
        return [
            (layer.module, layer.path) for layer in self._program.layers_at(node) if layer.module is not None
        ]


def prove_forward_passes(
    program: Program, settings: Mapping[str, Setting], entries: Sequence[Entry]
) -> tuple[ForwardPass, ...]:
    """Follow each way in which the evaluation calls a model."""
    tree = program.main.module
    if tree is None:
        return ()
    values = {name: setting.value for name, setting in settings.items()}
    prover = Prover(_ProgramTexts(program), (tree, program.main.path), values)
    return tuple(prover.prove(entry) for entry in entries[:MAX_ENTRIES])
