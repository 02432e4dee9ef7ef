"""Layers of a program while it is unpacked: parsing them, following what they run, sibling modules."""

from __future__ import annotations

import ast
import posixpath
import sys
from collections.abc import Iterator

from auditor.program.limits import MAX_ATTEMPT_STEPS, MAX_LAYERS
from auditor.program.model import Layer, Problem, Program
from auditor.program.parsing.parse import ParseFailure, decode_source, parse
from auditor.program.unpacking.base import Scopes
from auditor.program.unpacking.budget import Budget, BudgetSpent, PhaseSpent
from auditor.program.unpacking.files import VirtualFiles
from auditor.program.unpacking.sites import (
    STRONG,
    find_sites,
    functions_with,
    is_site,
    may_run_text,
    passes_on_builtins,
)
from auditor.program.unpacking.statements import Statements
from auditor.program.unpacking.values import Library, ModuleObject, Unknown
from auditor.program.walk import called_name, walk

NATIVE_SUFFIXES = (
    *(
        f".cpython-3{minor}-{machine}-linux-gnu.so"
        for minor in range(10, 16)
        for machine in ("x86_64", "aarch64")
    ),
    ".abi3.so",
    ".so",
)
"""Ends of the names of extension modules (`importlib.machinery.EXTENSION_SUFFIXES`), of any Python that may run it."""


def module_files(stem: str) -> Iterator[str]:
    """The files that an import of a module may find in a folder, in the order in which it looks for them.

    That is the order of `importlib.machinery.FileFinder`: a package before a module, an extension module before a
    source file, and that before bytecode.
    """
    for base in (f"{stem}/__init__", stem):
        yield from (f"{base}{suffix}" for suffix in (*NATIVE_SUFFIXES, ".py", ".pyc"))


def problem_of(kind: str, failure: ParseFailure, path: str, layer: int) -> Problem:
    """Return a failed parse as a problem of a layer."""
    return Problem(
        kind=kind, reason=failure.reason, path=path, layer=layer, line=failure.line, column=failure.column
    )


class Layers(Statements):
    """Adds layers to a program and interprets them as far as they run text."""

    def __init__(self, program: Program, files: VirtualFiles, script_path: str) -> None:
        super().__init__(files, Budget())
        self.program = program
        self.script_path = script_path
        self._module_objects: dict[str, ModuleObject] = {}
        self._spent: str | None = None
        self._exploring = False
        self._deferred: dict[int, str] = {}
        program.set_importer(self._load_module)

    def add_layer(
        self,
        path: str,
        text: str,
        how: str,
        parent: int | None,
        site: tuple[int, int] | None,
        name: str = "__main__",
    ) -> Layer:
        index = len(self.program.layers)
        module: ast.Module | None = None
        try:
            module = parse(text, path)
        except ParseFailure as failure:
            kind = "cap" if failure.undecided else "syntax"
            self.program.problems.append(problem_of(kind, failure, path, index))
        layer = Layer(
            index=index, path=path, text=text, module=module, how=how, parent=parent, site=site, name=name
        )
        self.program.layers.append(layer)
        return layer

    def depth_of(self, index: int | None) -> int:
        depth = 0
        while index is not None:
            depth += 1
            index = self.program.layers[index].parent
        return depth

    def follow(self, layer: Layer, scopes: Scopes) -> None:
        """Interpret a layer as far as it runs text."""
        if layer.module is None or not may_run_text(layer.text):
            return
        sites = [site for site in find_sites(layer.module) if not self._is_library_import(site)]
        if not sites and not passes_on_builtins(layer.module):
            return
        caller, self.current = self.current, layer.index
        try:
            if self._spent is None:
                self._attempts(layer.module, sites, scopes)
        except BudgetSpent as spent:
            self._cap(str(spent), layer)
        except RecursionError:
            self._cap("expressions or calls nested too deeply", layer)
        finally:
            self.current = caller
        for site in sites:
            if not self.program.is_decided(site) and called_name(site) in STRONG:
                reason = self._deferred.get(id(site), "the call is not reached while unpacking")
                self.unresolved(site, self._spent or reason, layer.index, "unreached")

    def _attempts(self, module: ast.Module, sites: list[ast.Call], scopes: Scopes) -> None:
        """Run the module's statements; then the functions around calls not reached, inner ones first."""
        holders = list(functions_with(sites, module))
        inside = {id(node) for function in holders for node in walk(function)}
        callers = _callers(holders, module)
        self.mark_interesting({id(function) for function in callers})
        try:
            if sites and all(id(site) in inside for site in sites):
                with self.budget.share(MAX_ATTEMPT_STEPS):
                    self.top_level(module.body, scopes)
            else:
                self.top_level(module.body, scopes)
        except PhaseSpent:
            pass
        self._exploring = True
        try:
            for function in (*reversed(holders), *callers[len(holders) :]):
                if all(self.program.is_decided(site) for site in sites):
                    return
                try:
                    with self.budget.share(MAX_ATTEMPT_STEPS):
                        self.explore(function, scopes)
                except PhaseSpent:
                    continue
        finally:
            self._exploring = False

    def _is_library_import(self, site: ast.Call) -> bool:
        """Whether this imports, by a name that stands there, what is no module of the submission."""
        if called_name(site) not in ("__import__", "import_module") or not site.args:
            return False
        name = site.args[0]
        if not isinstance(name, ast.Constant) or not isinstance(name.value, str):
            return False
        if name.value.split(".")[0] in sys.stdlib_module_names:
            return True
        return self.program.module(name.value) is None

    def _cap(self, reason: str, layer: Layer) -> None:
        if self._spent is None:
            self._spent = reason
            self.program.problems.append(
                Problem(kind="cap", reason=reason, path=layer.path, layer=layer.index, line=1)
            )

    def unresolved(self, node: ast.Call, reason: str, index: int, kind: str = "opaque") -> Unknown:
        """Note why the text of a call cannot be had; what was only explored may still be reached."""
        layer = self.program.layers[index]
        self.unresolved_count += 1
        if self._exploring:
            self._deferred[id(node)] = reason
        elif not self.program.is_decided(node):
            self.program.add_unresolved(node, reason)
            if called_name(node) not in STRONG and is_site(node):
                kind = "process"
            elif "outside the submission" in reason:
                kind = "outside"
            self.program.problems.append(
                Problem(
                    kind=kind,
                    reason=f"{called_name(node) or 'call'}: {reason}",
                    path=layer.path,
                    layer=index,
                    line=node.lineno,
                    column=node.col_offset,
                )
            )
        return Unknown(reason)

    # -- modules of the submission

    def import_module(self, name: str) -> object:
        """Return a module the script bundles, writes or has beside it; else a library by name."""
        known = self.library.modules.get(name)
        if isinstance(known, ModuleObject):
            return known
        if name in self._module_objects:
            return self._module_objects[name]
        if not name or name.split(".")[0] in sys.stdlib_module_names or self._spent is not None:
            return Library(name)
        layer = self.program.module(name)
        return self._module_objects.get(name, Library(name)) if layer is not None else Library(name)

    def _load_module(self, name: str) -> Layer | None:
        """Read, parse and follow a sibling module; called by `Program.module` once per name."""
        if not all(part.isidentifier() for part in name.split(".")):
            return None
        stem = name.replace(".", "/")
        for candidate in module_files(stem):
            path, data = self._find_module_file(candidate)
            if data is None and path not in self.files.unreadable:
                continue
            relative = self.files.relative(path) or posixpath.basename(path)
            shown = posixpath.join(posixpath.dirname(self.script_path), relative)
            if not candidate.endswith(".py"):
                kind = "bytecode" if candidate.endswith(".pyc") else "native"
                self._module_problem(kind, f"`import {name}` finds {posixpath.basename(shown)}", shown)
                return None
            if data is None:
                self._module_problem("unreadable", self.files.unreadable[path], shown)
                return None
            if name.partition(".")[0] in sys.stdlib_module_names:
                reason = (
                    f"Python has a {name} of its own, and which of them is imported hangs on how it was built"
                )
                self._module_problem("shadow", reason, shown)
            if len(self.program.layers) >= MAX_LAYERS:
                self._module_problem("cap", f"module {name} not read: more than {MAX_LAYERS} layers", shown)
                return None
            try:
                text = decode_source(data, shown)
            except ParseFailure as failure:
                if data.strip():
                    self.program.problems.append(
                        problem_of("unreadable", failure, shown, len(self.program.layers))
                    )
                text = ""
            self.program.sources[shown] = text
            layer = self.add_layer(shown, text, f"module {name}", None, None, name)
            module = ModuleObject(name, {"__name__": name, "__file__": path})
            self._module_objects[name] = module
            self.program.add_module(name, layer)
            self.follow(layer, [module.namespace])
            return layer
        return None

    def _module_problem(self, kind: str, reason: str, path: str) -> None:
        self.program.problems.append(Problem(kind=kind, reason=reason, path=path, layer=0, line=1))

    def _find_module_file(self, candidate: str) -> tuple[str, bytes | None]:
        for path, data in self.files.written.items():
            if path.endswith(f"/{candidate}"):
                return path, data
        path = self.files.absolute(candidate)
        return path, self.files.read(path)


def _callers(holders: list[ast.FunctionDef], module: ast.Module) -> list[ast.FunctionDef]:
    """Return `holders` and the functions that call them by name, directly or through others."""
    names = {function.name for function in holders}
    found = list(holders)
    functions = [node for node in walk(module) if isinstance(node, ast.FunctionDef)]
    called = {id(function): _called_names(function) for function in functions}
    changed = True
    while changed:
        changed = False
        for function in functions:
            if function not in found and called[id(function)] & names:
                found.append(function)
                names.add(function.name)
                changed = True
    return found


def _called_names(function: ast.FunctionDef) -> set[str]:
    return {
        node.func.id
        for node in walk(function)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
