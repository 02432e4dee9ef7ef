"""Calls of the unpacking interpreter that run no text: of the script, of libraries, of methods."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from typing import Any

from auditor.program.unpacking.base import Scopes
from auditor.program.unpacking.decoders import DECODER_FILES, DECODER_OBJECTS, DECODERS, NOT_DECODED
from auditor.program.unpacking.file_calls import FileCalls
from auditor.program.unpacking.methods import binary, call_method, has_method, iterable
from auditor.program.unpacking.values import (
    Closure,
    Code,
    Decoder,
    FilePath,
    Library,
    Method,
    ModuleObject,
    OpenFile,
    Spec,
    Unknown,
)


class Calls(FileCalls, ABC):
    """Dispatches a call by the kind of value that is called."""

    @abstractmethod
    def call_closure(self, closure: Closure, arguments: list[Any], keywords: dict[str, Any]) -> object:
        """Call a function of the script."""

    def attribute(self, value: object, name: str) -> Any:
        """Return `value.name`."""
        if isinstance(value, Unknown):
            return value
        if isinstance(value, Library):
            dotted = name if value.name == "builtins" else f"{value.name}.{name}"
            constant = self.library.constant(dotted)
            return constant if constant is not None else Library(dotted)
        if isinstance(value, ModuleObject):
            if name == "__dict__":
                return value.namespace
            return value.namespace.get(name, Unknown(f"{value.name}.{name} is not known"))
        if isinstance(value, FilePath):
            return self.path_attribute(value, name)
        if isinstance(value, Spec):
            return value if name == "loader" else value.name if name == "name" else Method(value, name)
        if isinstance(value, OpenFile) and name == "name":
            return value.path
        return Method(value, name)

    def call(
        self, function: object, arguments: list[Any], keywords: dict[str, Any], scopes: Scopes
    ) -> object:
        """Call a value that runs no text."""
        if isinstance(function, Unknown):
            return function
        if isinstance(function, Closure):
            return self.call_closure(function, arguments, keywords)
        if isinstance(function, Library):
            return self._call_library(function.name, arguments, keywords, scopes)
        if isinstance(function, Method):
            return self._call_method(function.owner, function.name, arguments, keywords)
        return Unknown(f"a call of a {type(function).__name__}")

    def _call_library(
        self, name: str, arguments: list[Any], keywords: dict[str, Any], scopes: Scopes
    ) -> object:
        if name in NOT_DECODED:
            return Unknown(NOT_DECODED[name])
        if name in DECODERS:
            return self.decoded(name, arguments, keywords)
        if name in DECODER_OBJECTS:
            options = keywords if name == "lzma.LZMADecompressor" else {}
            if name == "zlib.decompressobj" and arguments:
                options = {"wbits": arguments[0]}
            return Decoder(DECODER_OBJECTS[name], tuple(options.items()))
        if name in DECODER_FILES:
            return self.compressed_file(DECODER_FILES[name], arguments, keywords)
        if name == "compile" and arguments:
            return self.derived(
                Code(arguments[0], str(arguments[1]) if len(arguments) > 1 else "", "exec"), arguments[:1]
            )
        if name in ("globals", "vars") and not arguments:
            return scopes[0]
        if name == "locals":
            return scopes[-1]
        if name == "vars" and isinstance(arguments[0], ModuleObject):
            return arguments[0].namespace
        if name == "getattr" and len(arguments) >= 2 and isinstance(arguments[1], str):
            return self.attribute(arguments[0], arguments[1])
        if name in ("map", "filter") and len(arguments) == 2:
            return self._map(name, arguments[0], arguments[1], scopes)
        if name == "operator.xor" and len(arguments) == 2:
            return binary(self.budget, ast.BitXor(), arguments[0], arguments[1])
        if self.library.knows(name):
            return self.derived(self.library.call(name, arguments, keywords), arguments)
        return Unknown(f"{name}() is not followed")

    def _map(self, name: str, function: object, source: object, scopes: Scopes) -> object:
        items = iterable(source)
        if items is None:
            return source if isinstance(source, Unknown) else Unknown("map over unknown items")
        results = []
        for item in items:
            self.budget.step()
            value = self.call(function, [item], {}, scopes)
            if name == "map":
                results.append(value)
            elif self.truth(value):
                results.append(item)
        return results

    def _call_method(
        self, owner: object, name: str, arguments: list[Any], keywords: dict[str, Any]
    ) -> object:
        if isinstance(owner, Decoder):
            if name in ("decompress", "process") and arguments:
                return self.decoded(owner.function, arguments[:1], dict(owner.keywords))
            return b"" if name == "flush" else Unknown(f"{owner.function} object .{name}")
        if isinstance(owner, OpenFile):
            return self.file_method(owner, name, arguments)
        if isinstance(owner, FilePath):
            return self.path_method(owner, name, arguments, keywords)
        if isinstance(owner, ModuleObject):
            return Unknown(f"{owner.name}.{name} is not known")
        if has_method(owner, name):
            result = call_method(self.budget, owner, name, arguments, keywords)
            return self.derived(result, [owner, *arguments])
        return Unknown(f"{type(owner).__name__}.{name}() is not followed")
