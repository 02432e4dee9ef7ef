"""From a script's bytes to a `Program`: layers decoded without running a line of them.

The second station's entry. `Unpacker` joins the interpreter (`unpack_statements`) to the calls that run text:
`exec`, `runpy`, loaders, child processes of Python. What such a call runs becomes a `Layer`, is parsed and,
where it runs further text, interpreted in its turn; what cannot be had becomes a reason. The interpreter
evaluates a closed list of pure calls over inert values (`unpack_library`, `unpack_decoders`) within the
bounds of `limits`.
"""

from __future__ import annotations

import ast
import posixpath
import shlex
import sys
from collections.abc import Callable
from typing import Any

from auditor.program.limits import MAX_ATTEMPT_STEPS, MAX_LAYER_DEPTH, MAX_LAYERS
from auditor.program.model import Layer, Problem, Program
from auditor.program.parse import ParseFailure, decode_source, normalise, parse
from auditor.program.unpack_budget import Budget, BudgetSpent, PhaseSpent
from auditor.program.unpack_expressions import Scopes
from auditor.program.unpack_files import VirtualFiles
from auditor.program.unpack_sites import (
    STRONG,
    called_name,
    find_sites,
    functions_with,
    is_site,
    may_run_text,
    passes_on_builtins,
)
from auditor.program.unpack_statements import Statements
from auditor.program.unpack_values import (
    Code,
    FilePath,
    Library,
    Method,
    ModuleObject,
    Spec,
    Unknown,
    describe,
)

_PROCESS = frozenset(
    f"subprocess.{name}" for name in ("run", "call", "check_call", "check_output", "Popen", "getoutput")
) | {"os.system", "os.popen"}
_EXEC_PROCESS = ("os.exec", "os.spawn", "os.posix_spawn")


def load_program(script_path: str, script: bytes, read_sibling: Callable[[str], bytes | None]) -> Program:
    """Return the program of a script: its layers, what each call that runs text runs, and what is missing.

    Never raises for what the script holds: bytes that are no text or text that is no Python leave a `Program`
    whose first problem says so, with line and column, and whose main layer has no tree.

    Args:
        script_path: the script's path within its repository, for messages and for what the script derives
            from `__file__`.
        script: its bytes.
        read_sibling: bytes of a file by its path relative to the script's folder, or None. Only asked for
            paths inside that folder.
    """
    program = Program()
    try:
        text = decode_source(script, script_path)
    except ParseFailure as failure:
        program.problems.append(_problem("unreadable", failure, script_path, 0))
        shown = script[:200_000].decode("utf-8", "replace")
        program.layers.append(_layer(0, script_path, normalise(shown), None, "script"))
        return program
    program.sources[script_path] = text
    unpacker = _Unpacker(program, VirtualFiles(script_path, script, read_sibling), script_path)
    unpacker.load(text)
    return program


def _layer(
    index: int,
    path: str,
    text: str,
    module: ast.Module | None,
    how: str,
    parent: int | None = None,
    site: tuple[int, int] | None = None,
    name: str = "__main__",
) -> Layer:
    return Layer(
        index=index, path=path, text=text, module=module, how=how, parent=parent, site=site, name=name
    )


def _problem(kind: str, failure: ParseFailure, path: str, layer: int) -> Problem:
    return Problem(
        kind=kind, reason=failure.reason, path=path, layer=layer, line=failure.line, column=failure.column
    )


class _Unpacker(Statements):
    def __init__(self, program: Program, files: VirtualFiles, script_path: str) -> None:
        super().__init__(files, Budget())
        self.program = program
        self.script_path = script_path
        self._module_objects: dict[str, ModuleObject] = {}
        self._modules_made: list[ModuleObject] = []
        self._by_text: dict[tuple[int, str], Layer] = {}
        self._spent: str | None = None
        self._exploring = False
        self._deferred: dict[int, str] = {}
        program.set_importer(self._load_module)

    def load(self, text: str) -> None:
        """Parse the script and follow what it runs."""
        layer = self._add_layer(self.script_path, text, "script", None, None)
        self._follow(layer, [{"__name__": "__main__", "__file__": self.files.script}])

    # -- layers

    def _add_layer(
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
            self.program.problems.append(_problem("syntax", failure, path, index))
        layer = _layer(index, path, text, module, how, parent, site, name)
        self.program.layers.append(layer)
        return layer

    def _depth_of(self, index: int | None) -> int:
        depth = 0
        while index is not None:
            depth += 1
            index = self.program.layers[index].parent
        return depth

    def _follow(self, layer: Layer, scopes: Scopes) -> None:
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
                self._unresolved(site, self._spent or reason, layer.index, "unreached")

    def _attempts(self, module: ast.Module, sites: list[ast.Call], scopes: Scopes) -> None:
        """Run the module's statements; then the functions around calls not reached, inner ones first."""
        holders = list(functions_with(sites, module))
        inside = {id(node) for function in holders for node in ast.walk(function)}
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

    def _unresolved(self, node: ast.Call, reason: str, index: int, kind: str = "opaque") -> Unknown:
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

    # -- calls that run text

    def run_call(
        self, node: ast.Call, function: object, arguments: list[Any], keywords: dict[str, Any], scopes: Scopes
    ) -> object:
        """Run text if `function` does; `NotImplemented` otherwise."""
        if isinstance(function, Method):
            if isinstance(function.owner, Spec) and function.name in ("exec_module", "load_module"):
                return self._run_loader(node, function.owner, arguments)
            return NotImplemented
        if isinstance(function, Unknown) and called_name(node) in STRONG and is_site(node):
            return self._unresolved(node, function.reason, self.current)
        if not isinstance(function, Library):
            return NotImplemented
        name = function.name
        if name in ("exec", "eval", "execfile") and (arguments or "source" in keywords):
            return self._exec(node, name, arguments, keywords, scopes)
        if name == "types.FunctionType" and arguments:
            return self._run_text(node, arguments[0], [_namespace(arguments, 1)], None)
        if name in ("runpy.run_path", "runpy.run_module"):
            target = arguments[0] if arguments else keywords.get("path_name", keywords.get("mod_name"))
            if name == "runpy.run_module" and isinstance(target, str):
                target = target.replace(".", "/") + ".py"
            return self._run_file(node, target, {}, str(keywords.get("run_name", "<run_path>")))
        if name in ("importlib.import_module", "__import__") and arguments:
            return self._run_import(node, name, arguments[0], keywords)
        if name in _PROCESS or name.startswith(_EXEC_PROCESS):
            return self._run_process(node, name, arguments, keywords)
        return NotImplemented

    def _exec(
        self, node: ast.Call, name: str, arguments: list[Any], keywords: dict[str, Any], scopes: Scopes
    ) -> object:
        source = arguments[0] if arguments else keywords["source"]
        if name == "execfile":
            return self._run_file(node, source, scopes[0], "__main__")
        given = arguments[1] if len(arguments) > 1 else keywords.get("globals")
        module_name: str | None = None
        if given is None or given is scopes[0]:
            inner = scopes
        else:
            namespace = given if isinstance(given, dict) else {}
            inner = [namespace]
            own = next((module for module in self._modules_made if module.namespace is namespace), None)
            told = own.name if own is not None else namespace.get("__name__")
            module_name = told if isinstance(told, str) and told != "__main__" else None
        return self._run_text(node, source, inner, module_name)

    def _run_text(
        self, node: ast.Call, value: object, scopes: Scopes, module_name: str | None, how: str | None = None
    ) -> object:
        """Make the text that a call runs a layer, and follow it."""
        index = self.current
        how = how or "+".join(reversed(self.history(value)))
        while isinstance(value, Code):
            value = value.text
            how = how or "+".join(reversed(self.history(value)))
        if isinstance(value, (bytes, bytearray)):
            try:
                value = decode_source(bytes(value), self.program.layers[index].path)
            except ParseFailure as failure:
                return self._unresolved(node, f"the decoded text is unreadable: {failure.reason}", index)
        if not isinstance(value, str):
            return self._unresolved(node, describe(value), index)
        text = normalise(value)
        layer = self._by_text.get((id(node), text))
        if layer is None:
            if self._depth_of(index) >= MAX_LAYER_DEPTH:
                return self._unresolved(
                    node, f"more than {MAX_LAYER_DEPTH} layers within each other", index, "cap"
                )
            if len(self.program.layers) >= MAX_LAYERS:
                return self._unresolved(node, f"more than {MAX_LAYERS} layers", index, "cap")
            layer = self._add_layer(
                self._path_of(how, index),
                text,
                how or "text in the script",
                index,
                (node.lineno, node.col_offset),
                module_name or "__main__",
            )
            self._by_text[id(node), text] = layer
            self.program.add_run(node, layer)
            if module_name is not None:
                self.program.add_module(module_name, layer)
            self._follow(layer, scopes)
        return None

    def _path_of(self, how: str, index: int) -> str:
        sibling = how.rpartition("sibling file ")[2] if "sibling file " in how else ""
        if sibling and "+" not in how:
            return posixpath.join(posixpath.dirname(self.script_path), sibling)
        return self.program.layers[index].path

    def _run_file(self, node: ast.Call, path: object, namespace: dict[str, object], run_name: str) -> object:
        """Run a file: one the script wrote, or a sibling."""
        if isinstance(path, (FilePath, str)):
            name = self.library.text(path)
        else:
            return self._unresolved(node, describe(path), self.current)
        absolute = self.files.absolute(name)
        if self._is_running(absolute):
            return None
        data = self.files.read(absolute)
        if data is None:
            return self._unresolved(node, self.files.missing(name), self.current)
        written = self._sources.get(absolute)
        relative = self.files.relative(absolute) or absolute
        if written is not None:
            steps = "+".join(reversed(self.history(written))) or "text in the script"
            how = f"{steps}, written to {posixpath.basename(absolute)}"
        else:
            how = f"sibling file {relative}"
        scopes: Scopes = [{**namespace, "__name__": run_name, "__file__": absolute}]
        return self._run_text(node, data, scopes, None if run_name == "__main__" else run_name, how)

    def _is_running(self, absolute: str) -> bool:
        """Whether the file is one of the layers that lead here: a script that starts itself once more."""
        index: int | None = self.current
        while index is not None:
            layer = self.program.layers[index]
            if layer.how == "script" and absolute == self.files.script:
                return True
            if layer.how == f"sibling file {self.files.relative(absolute)}":
                return True
            index = layer.parent
        return False

    def _run_loader(self, node: ast.Call, spec: Spec, arguments: list[Any]) -> object:
        module = arguments[0] if arguments else None
        if isinstance(spec.path, str) and spec.path.endswith((".so", ".pyd")):
            return self._unresolved(node, f"{spec.path} is native code", self.current)
        namespace = module.namespace if isinstance(module, ModuleObject) else {}
        name = module.name if isinstance(module, ModuleObject) else spec.name
        if isinstance(module, ModuleObject):
            name = str(module.namespace.get("__name__", name))
        self._run_file(node, spec.path, namespace, name)
        layer = self.program.layer_at(node)
        if layer is not None and name != "__main__":
            self.program.add_module(name, layer)
        return None

    def _run_import(self, node: ast.Call, function: str, name: object, keywords: dict[str, Any]) -> object:
        if not isinstance(name, str):
            return name if isinstance(name, Unknown) else Unknown("an import of no name")
        module = self.import_module(name)
        layer = self.program.module(name) if isinstance(module, ModuleObject) else None
        if layer is not None:
            self.program.add_run(node, layer)
        if function == "__import__" and "." in name and "fromlist" not in keywords:
            return Library(name.split(".")[0])
        return module

    def _run_process(
        self, node: ast.Call, name: str, arguments: list[Any], keywords: dict[str, Any]
    ) -> object:
        command = arguments[0] if arguments else keywords.get("args")
        if name.startswith(_EXEC_PROCESS):
            command = (
                arguments[1] if len(arguments) > 1 and isinstance(arguments[1], (list, tuple)) else arguments
            )
        words = _words(command)
        script = _python_script(words)
        if script is None:
            return Unknown(f"the result of {name}()")
        self._run_file(node, script, {}, "__main__")
        return Unknown(f"the result of {name}()")

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
        for candidate in (f"{stem}.py", f"{stem}/__init__.py"):
            path, data = self._find_module_file(candidate)
            if data is None:
                continue
            relative = self.files.relative(path) or posixpath.basename(path)
            shown = posixpath.join(posixpath.dirname(self.script_path), relative)
            if len(self.program.layers) >= MAX_LAYERS:
                reason = f"module {name} not read: more than {MAX_LAYERS} layers"
                self.program.problems.append(Problem(kind="cap", reason=reason, path=shown, layer=0, line=1))
                return None
            try:
                text = decode_source(data, shown)
            except ParseFailure as failure:
                if data.strip():
                    self.program.problems.append(
                        _problem("unreadable", failure, shown, len(self.program.layers))
                    )
                text = ""
            self.program.sources[shown] = text
            layer = self._add_layer(shown, text, f"module {name}", None, None, name)
            module = ModuleObject(name, {"__name__": name, "__file__": path})
            self._module_objects[name] = module
            self.program.add_module(name, layer)
            self._follow(layer, [module.namespace])
            return layer
        return None

    def _find_module_file(self, candidate: str) -> tuple[str, bytes | None]:
        for path, data in self.files.written.items():
            if path.endswith(f"/{candidate}"):
                return path, data
        path = self.files.absolute(candidate)
        return path, self.files.read(path)

    def call(
        self, function: object, arguments: list[Any], keywords: dict[str, Any], scopes: Scopes
    ) -> object:
        """Call what runs no text; remembers the modules that are made."""
        result = super().call(function, arguments, keywords, scopes)
        if isinstance(result, ModuleObject) and result not in self._modules_made:
            self._modules_made.append(result)
        return result


def _namespace(arguments: list[Any], position: int) -> dict[str, object]:
    value = arguments[position] if len(arguments) > position else {}
    return value if isinstance(value, dict) else {}


def _callers(holders: list[ast.FunctionDef], module: ast.Module) -> list[ast.FunctionDef]:
    """Return `holders` and the functions that call them by name, directly or through others."""
    names = {function.name for function in holders}
    found = list(holders)
    functions = [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)]
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
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }


def _words(command: object) -> list[str]:
    """Return the words of a command as far as they are known; unknown ones are empty."""
    if isinstance(command, str):
        try:
            return shlex.split(command)
        except ValueError:
            return []
    if isinstance(command, (list, tuple)):
        return [
            item.text if isinstance(item, FilePath) else item if isinstance(item, str) else ""
            for item in command
        ]
    return []


def _python_script(words: list[str]) -> str | None:
    """Return the Python file a command runs, or None."""
    if not words:
        return None
    program = posixpath.basename(words[0])
    if not program.startswith(("python", "torchrun")):
        return None
    return next((word for word in words[1:] if word.endswith(".py") and not word.startswith("-")), None)
