"""The script that is evaluated: its files, the settings it reads, and which of them it has read."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Protocol

from auditor.native.sources import NativeFunction
from auditor.static.domain.settings import Resolved, Setting


class Source(Protocol):
    """What the evaluator needs of a program (`auditor.program.model.Program`)."""

    def inner(self, node: ast.Call) -> tuple[ast.Module, int, str] | None:
        """The decoded program that this `exec` runs: its tree, layer number and path."""

    def unresolved(self, node: ast.Call) -> str | None:
        """Why the text of this `exec` could not be had."""

    def sibling(self, name: str) -> tuple[ast.Module, int, str] | None:
        """A helper module of the submission by dotted name."""

    def native(self, name: str) -> NativeFunction | str:
        """A function of the submission that is not Python, or why there is none of that name."""


class Script:
    """The program under evaluation.

    Attributes:
        settings: values of environment names from outside the source.
        main: tree, layer number and path of what runs as `__main__`.
        both_ways: follow both sides of branches that nothing but a default in the source decides.
        resolved: the environment names that were read, with the value each had.
        trees: the files that were run or imported so far, by layer and path.
    """

    def __init__(
        self,
        source: Source,
        settings: Mapping[str, Setting],
        main: tuple[ast.Module, int, str],
        *,
        both_ways: bool = False,
    ) -> None:
        self.source = source
        self.settings = dict(settings)
        self.main = main
        self.both_ways = both_ways
        self.resolved: dict[str, Resolved] = {}
        self.trees: dict[tuple[int, str], ast.AST] = {(main[1], main[2]): main[0]}
