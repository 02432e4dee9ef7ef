"""What the program stage hands on: layers of text and tree, what runs where, and what could not be had.

A packed script is a stack of layers: the file itself, the text it decodes and runs, and so on. An evaluator
walks the outermost layer (`Program.main`) in order and, at a call that runs code, goes on into
`Program.layer_at(call)`; where there is none, `Program.unresolved_at(call)` says why.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field

from auditor.program.walk import walk


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One text of the program.

    Attributes:
        index: position in `Program.layers`; 0 is the script file.
        path: the file, or for decoded text the file it came from.
        text: decoded, without a byte order mark, `\\n` line ends.
        module: the tree, or None where the text is not Python (a `Problem` says why).
        how: "script", "lzma+base85", "sibling file x.py", "module x": how the text came to be.
        parent: index of the layer that runs it, None for the script and for siblings.
        site: (line, column) of the call in the parent.
        name: the module name it runs under: "__main__", or that of a sibling or bundled module.
    """

    index: int
    path: str
    text: str
    module: ast.Module | None
    how: str
    parent: int | None
    site: tuple[int, int] | None
    name: str = "__main__"

    def line(self, number: int) -> str:
        """Return line `number` (from 1) without its end, or "" outside the text."""
        lines = self.text.split("\n")
        return lines[number - 1] if 0 < number <= len(lines) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something of the program that could not be read or decoded.

    Attributes:
        kind: "unreadable" (bytes are no text), "syntax" (text is no Python), "opaque" (code that runs and
            cannot be had), "unreached" (the same, in a call that unpacking did not reach), "process" (a
            Python file run in a child process cannot be had), "outside" (a file outside the folder), "cap" (a
            bound of `limits` was reached), "bytecode" and "native" (a module that is no source), "shadow" (a
            module that is read may not be the one that is imported).
        reason: one clause, with the offending value.
        path, layer, line, column: where; lines from 1, columns from 0.
    """

    kind: str
    reason: str
    path: str
    layer: int
    line: int
    column: int = 0


@dataclass(slots=True, kw_only=True)
class Program:
    """A script with everything it decodes, runs and imports from its own folder.

    Attributes:
        layers: all texts, the script first; grows when `module` reads a sibling.
        problems: what could not be had, in order of discovery.
        sources: text of every file by path as the program sees it: read siblings and files it writes itself.
    """

    layers: list[Layer] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)
    _runs: dict[int, list[Layer]] = field(default_factory=dict)
    _unresolved: dict[int, str] = field(default_factory=dict)
    _modules: dict[str, Layer | None] = field(default_factory=dict)
    _import: Callable[[str], Layer | None] | None = None
    _read: Callable[[str], bytes | None] | None = None
    _kept: list[ast.Call] = field(default_factory=list)

    @property
    def main(self) -> Layer:
        """The script file itself, the outermost layer."""
        return self.layers[0]

    @property
    def innermost(self) -> tuple[Layer, ...]:
        """The layers that hold the program proper: without those that only wrap another one.

        For a plain script the script, for a packed one the decoded text; siblings and bundled modules last. A
        layer that runs another as the main program wraps it if it has less than a third of its statements.
        """
        wrappers = {
            layer.parent
            for layer in self.layers
            if layer.parent is not None
            and layer.name == "__main__"
            and 3 * _statement_count(self.layers[layer.parent]) < _statement_count(layer)
        }
        kept = [layer for layer in self.layers if layer.index not in wrappers]
        return tuple(sorted(kept, key=lambda layer: (layer.name != "__main__", layer.index)))

    def layers_at(self, node: ast.Call) -> tuple[Layer, ...]:
        """Return all layers this call runs, in order; a helper that installs modules runs several."""
        return tuple(self._runs.get(id(node), ()))

    def layer_at(self, node: ast.Call) -> Layer | None:
        """Return the layer this call runs (the first, where it runs several), or None."""
        layers = self._runs.get(id(node))
        return layers[0] if layers else None

    def unresolved_at(self, node: ast.Call) -> str | None:
        """Return why the text that this call runs could not be had, or None."""
        return self._unresolved.get(id(node))

    def module(self, name: str) -> Layer | None:
        """Return the module `name` of the submission: bundled in the script, written by it, or a sibling
        file.

        Reads and parses `name.py` or `name/__init__.py` beside the script at the first request. None where
        the submission has no such module (a library); problems are recorded in `problems`.
        """
        if name not in self._modules:
            self._modules[name] = self._import(name) if self._import is not None else None
        return self._modules[name]

    def read_text(self, path: str) -> str | None:
        """Return the text of a file of the submission's folder, by its path from the script's; None if it has none."""
        data = self._read(path) if self._read is not None else None
        return None if data is None else data.decode("utf-8", "replace")

    # -- filled while loading

    def add_run(self, node: ast.Call, layer: Layer) -> None:
        """Record that `node` runs `layer`."""
        self._kept.append(node)
        runs = self._runs.setdefault(id(node), [])
        if layer not in runs:
            runs.append(layer)
        self._unresolved.pop(id(node), None)

    def add_unresolved(self, node: ast.Call, reason: str) -> None:
        """Record that the code `node` runs is not known; a resolved run of the same call stands."""
        self._kept.append(node)
        if id(node) not in self._runs:
            self._unresolved.setdefault(id(node), reason)

    def is_decided(self, node: ast.Call) -> bool:
        """Whether anything was recorded for `node`."""
        return id(node) in self._runs or id(node) in self._unresolved

    def add_module(self, name: str, layer: Layer | None) -> None:
        """Make `layer` the answer of `module(name)`."""
        self._modules[name] = layer

    def set_importer(self, importer: Callable[[str], Layer | None]) -> None:
        """Give the function that reads a sibling module."""
        self._import = importer

    def set_reader(self, read: Callable[[str], bytes | None]) -> None:
        """Give the function that reads a file of the folder."""
        self._read = read


def _statement_count(layer: Layer) -> int:
    if layer.module is None:
        return 0
    return sum(isinstance(node, ast.stmt) for node in walk(layer.module))
