"""Calls that run text: `exec`, `runpy`, loaders, child processes of Python. What one runs becomes a layer."""

from __future__ import annotations

import ast
import posixpath
import shlex
from typing import Any

from auditor.program.limits import MAX_LAYER_DEPTH, MAX_LAYERS
from auditor.program.model import Layer, Program
from auditor.program.parsing.parse import ParseFailure, decode_source, normalise
from auditor.program.unpacking.base import Scopes
from auditor.program.unpacking.files import VirtualFiles
from auditor.program.unpacking.layers import Layers
from auditor.program.unpacking.sites import STRONG, is_site
from auditor.program.unpacking.values import (
    Code,
    FilePath,
    Library,
    Method,
    ModuleObject,
    Spec,
    Unknown,
    describe,
)
from auditor.program.walk import called_name

_PROCESS = frozenset(
    f"subprocess.{name}" for name in ("run", "call", "check_call", "check_output", "Popen", "getoutput")
) | {"os.system", "os.popen"}
_EXEC_PROCESS = ("os.exec", "os.spawn", "os.posix_spawn")


class Running(Layers):
    """The whole interpreter: resolves the calls that run text."""

    def __init__(self, program: Program, files: VirtualFiles, script_path: str) -> None:
        super().__init__(program, files, script_path)
        self._modules_made: list[ModuleObject] = []
        self._by_text: dict[tuple[int, str], Layer] = {}

    def run_call(
        self, node: ast.Call, function: object, arguments: list[Any], keywords: dict[str, Any], scopes: Scopes
    ) -> object:
        """Run text if `function` does; `NotImplemented` otherwise."""
        if isinstance(function, Method):
            if isinstance(function.owner, Spec) and function.name in ("exec_module", "load_module"):
                return self._run_loader(node, function.owner, arguments)
            return NotImplemented
        if isinstance(function, Unknown) and called_name(node) in STRONG and is_site(node):
            return self.unresolved(node, function.reason, self.current)
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
                return self.unresolved(node, f"the decoded text is unreadable: {failure.reason}", index)
        if not isinstance(value, str):
            return self.unresolved(node, describe(value), index)
        text = normalise(value)
        layer = self._by_text.get((id(node), text))
        if layer is None:
            if self.depth_of(index) >= MAX_LAYER_DEPTH:
                return self.unresolved(
                    node, f"more than {MAX_LAYER_DEPTH} layers within each other", index, "cap"
                )
            if len(self.program.layers) >= MAX_LAYERS:
                return self.unresolved(node, f"more than {MAX_LAYERS} layers", index, "cap")
            layer = self.add_layer(
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
            self.follow(layer, scopes)
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
            return self.unresolved(node, describe(path), self.current)
        absolute = self.files.absolute(name)
        if self._is_running(absolute):
            return None
        data = self.files.read(absolute)
        if data is None:
            return self.unresolved(node, self.files.missing(name), self.current)
        written = self.sources.get(absolute)
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
            return self.unresolved(node, f"{spec.path} is native code", self.current)
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
        script = _python_script(_words(command))
        if isinstance(script, Unknown):
            self.unresolved(node, script.reason, self.current)
        elif script is not None:
            self._run_file(node, script, {}, "__main__")
        return Unknown(f"the result of {name}()")

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


def _python_script(words: list[str]) -> str | Unknown | None:
    """Return the Python file a command runs, None if it runs none, `Unknown` if that cannot be told."""
    if not words or not posixpath.basename(words[0]).startswith(("python", "torchrun")):
        return None
    script = next((word for word in words[1:] if word.endswith(".py") and not word.startswith("-")), None)
    if script is None and "" in words and "-m" not in words:
        return Unknown("the Python program that it starts is not known")
    return script
