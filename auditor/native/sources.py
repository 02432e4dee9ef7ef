"""The C and C++ of a submission: files that its Python names, and source in its strings."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from auditor.native.dependence import Dependence, dependences
from auditor.native.syntax import NativeUnreadable, parse_native
from auditor.program.model import Program
from auditor.program.walk import walk

ENDINGS = (".c", ".cc", ".cpp", ".cxx", ".cu", ".cuh", ".h", ".hpp")
LOOKS_LIKE_C = "#include"


@dataclass(frozen=True, slots=True, kw_only=True)
class NativeFunction:
    """A function of the submission that is not Python.

    Attributes:
        path: the file, or the Python file that holds its source in a string.
        offset: lines before the source in that file.
        dependence: what it does with its arrays.
    """

    path: str
    offset: int
    dependence: Dependence


class NativeSources:
    """Finds functions by name; sources are read and parsed at the first request."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._functions: dict[str, NativeFunction] | None = None
        self._unreadable: list[str] = []

    def find(self, name: str) -> NativeFunction | str:
        """The function of that name, or why there is none."""
        if self._functions is None:
            self._functions = {}
            for path, offset, text in self._texts():
                self._read(self._functions, path, offset, text)
        found = self._functions.get(name)
        if found is not None:
            return found
        return "; ".join(self._unreadable) or f"no source of `{name}` was found"

    def _read(self, functions: dict[str, NativeFunction], path: str, offset: int, text: str) -> None:
        try:
            found = dependences(parse_native(text))
        except NativeUnreadable as failure:
            self._unreadable.append(f"{path}: {failure}")
            return
        for name, dependence in found.items():
            if name in functions:
                dependence.problems.append(f"it is also defined in {functions[name].path}")
            functions[name] = NativeFunction(path=path, offset=offset, dependence=dependence)

    def _texts(self) -> Iterator[tuple[str, int, str]]:
        """Path, lines before it, and text of every source that is named or held in a string."""
        seen: set[str] = set()
        for layer in tuple(self.program.layers):
            if layer.module is None:
                continue
            for node in walk(layer.module):
                if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
                    continue
                if LOOKS_LIKE_C in node.value:
                    yield layer.path, node.lineno - 1, node.value
                elif node.value.endswith(ENDINGS) and len(node.value) < 200 and node.value not in seen:
                    seen.add(node.value)
                    text = self.program.read_text(node.value)
                    if text is not None:
                        yield node.value, 0, text
