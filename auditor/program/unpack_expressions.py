"""The unpacking interpreter, expressions: a closed set of pure operations over inert values.

It never raises for what a submission does: an expression that cannot be followed is an `Unknown` with the
reason. Calls that run text are handed to `Running` (`unpack_running`), statements are in `unpack_statements`.
"""

from __future__ import annotations

import ast
import posixpath
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Final

from auditor.program.unpack_budget import Budget
from auditor.program.unpack_decoders import (
    DECODER_FILES,
    DECODER_OBJECTS,
    DECODERS,
    NOT_DECODED,
    DecodeFailure,
    decode,
)
from auditor.program.unpack_files import VirtualFiles
from auditor.program.unpack_library import LibraryCalls
from auditor.program.unpack_methods import (
    PLAIN,
    binary,
    call_method,
    compare,
    has_method,
    iterable,
    subscript,
)
from auditor.program.unpack_values import (
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

Scopes = list[dict[str, object]]
_BUILTINS: Final = frozenset(
    [
        "exec",
        "eval",
        "compile",
        "open",
        "__import__",
        "bytes",
        "bytearray",
        "str",
        "int",
        "float",
        "bool",
        "list",
        "tuple",
        "dict",
        "set",
        "len",
        "range",
        "chr",
        "ord",
        "zip",
        "enumerate",
        "reversed",
        "sorted",
        "map",
        "filter",
        "sum",
        "min",
        "max",
        "abs",
        "hex",
        "divmod",
        "isinstance",
        "memoryview",
        "globals",
        "locals",
        "vars",
        "getattr",
        "print",
        "input",
        "type",
    ]
)


class Expressions(ABC):
    """Evaluates expressions; a base of the whole interpreter."""

    def __init__(self, files: VirtualFiles, budget: Budget) -> None:
        self.files = files
        self.budget = budget
        self.library = LibraryCalls(files, budget)
        self._provenance: dict[int, tuple[object, tuple[str, ...]]] = {}
        self.current = 0

    @abstractmethod
    def run_call(
        self, node: ast.Call, function: object, arguments: list[Any], keywords: dict[str, Any], scopes: Scopes
    ) -> object:
        """Run text if `function` is one that does; `NotImplemented` if it is none."""

    @abstractmethod
    def call_closure(self, closure: Closure, arguments: list[Any], keywords: dict[str, Any]) -> object:
        """Call a function of the script."""

    # -- provenance: which decoders a value went through

    def history(self, value: object) -> tuple[str, ...]:
        """Return the decoders that made `value`, innermost first."""
        entry = self._provenance.get(id(value))
        return entry[1] if entry is not None and entry[0] is value else ()

    def derived(self, result: object, sources: Sequence[object], step: str | None = None) -> object:
        """Note that `result` was made from `sources` (by the decoder `step`); returns it."""
        if isinstance(result, (str, bytes, bytearray, list, tuple, dict, Code)) and (
            step is not None or id(result) not in self._provenance
        ):
            past: tuple[str, ...] = ()
            for source in sources:
                past = max(past, self.history(source), key=len)
            if step is not None:
                past = (*past, step)
            if past:
                self._provenance[id(result)] = (result, past)
        return result

    # -- dispatch

    def evaluate(self, node: ast.expr | None, scopes: Scopes) -> Any:
        """Return the value of an expression."""
        if node is None:
            return None
        self.budget.step()
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, ast.Name):
            return self._lookup(node.id, scopes)
        if isinstance(node, ast.Call):
            return self._call(node, scopes)
        if isinstance(node, ast.Attribute):
            return self.attribute(self.evaluate(node.value, scopes), node.attr)
        if isinstance(node, ast.BinOp):
            return self._binary(node, scopes)
        if isinstance(node, ast.Subscript):
            value = self.evaluate(node.value, scopes)
            if isinstance(value, Library) and value.name == "os.environ":
                return self.library.environment.get(
                    str(self.evaluate(node.slice, scopes)), Unknown("an environment variable")
                )
            if isinstance(value, Method) and value.name == "parents" and isinstance(value.owner, FilePath):
                return self._ancestor(value.owner, self.evaluate(node.slice, scopes))
            return self.derived(subscript(value, self.evaluate(node.slice, scopes)), [value])
        handler = getattr(self, f"_{type(node).__name__.lower()}", None)
        if handler is None:
            return Unknown(f"{type(node).__name__} is not followed")
        return handler(node, scopes)

    def _lookup(self, name: str, scopes: Scopes) -> object:
        for scope in reversed(scopes):
            if name in scope:
                return scope[name]
        if name in _BUILTINS:
            return Library(name)
        if name in ("__builtins__",):
            return Library("builtins")
        return Unknown(f"the name {name} is not known here")

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
            return self._path_attribute(value, name)
        if isinstance(value, Spec):
            return value if name == "loader" else value.name if name == "name" else Method(value, name)
        if isinstance(value, OpenFile) and name == "name":
            return value.path
        return Method(value, name)

    def _path_attribute(self, path: FilePath, name: str) -> object:
        text = path.text
        if name == "parent":
            return FilePath(posixpath.dirname(text) or ".")
        if name in ("name", "stem", "suffix"):
            base = posixpath.basename(text)
            stem, suffix = posixpath.splitext(base)
            return {"name": base, "stem": stem, "suffix": suffix}[name]
        return Method(path, name)

    def _ancestor(self, path: FilePath, index: object) -> object:
        if not isinstance(index, int) or not 0 <= index < 64:
            return Unknown("Path.parents of an unknown index")
        text = self.files.absolute(path.text)
        for _ in range(index + 1):
            text = posixpath.dirname(text)
        return FilePath(text)

    # -- operators

    def _binary(self, node: ast.BinOp, scopes: Scopes) -> object:
        spine = [node]
        while isinstance(spine[-1].left, ast.BinOp):
            spine.append(spine[-1].left)
        left = self.evaluate(spine[-1].left, scopes)
        for operation in reversed(spine):
            self.budget.step()
            right = self.evaluate(operation.right, scopes)
            if isinstance(operation.op, ast.Div) and isinstance(left, FilePath):
                left = self._joined(left, right)
            else:
                left = self.derived(binary(self.budget, operation.op, left, right), [left, right])
        return left

    def _joined(self, path: FilePath, right: object) -> object:
        if isinstance(right, (str, FilePath)):
            return FilePath(posixpath.join(path.text, right if isinstance(right, str) else right.text))
        return right if isinstance(right, Unknown) else Unknown("a path joined with no text")

    def _unaryop(self, node: ast.UnaryOp, scopes: Scopes) -> object:
        value = self.evaluate(node.operand, scopes)
        if isinstance(node.op, ast.Not):
            truth = self.truth(value)
            return Unknown("an unknown condition") if truth is None else not truth
        if not isinstance(value, (int, float)):
            return value if isinstance(value, Unknown) else Unknown("a sign on no number")
        if isinstance(node.op, ast.USub):
            return -value
        return ~value if isinstance(node.op, ast.Invert) and isinstance(value, int) else value

    def truth(self, value: object) -> bool | None:
        """Return the truth of a value, or None where it is not known."""
        if isinstance(value, PLAIN):
            return bool(value)
        return None if isinstance(value, (Unknown, Method)) else True

    def _boolop(self, node: ast.BoolOp, scopes: Scopes) -> object:
        stop_at = isinstance(node.op, ast.Or)
        value: object = None
        for operand in node.values:
            value = self.evaluate(operand, scopes)
            truth = self.truth(value)
            if truth is None:
                return value
            if truth is stop_at:
                return value
        return value

    def _compare(self, node: ast.Compare, scopes: Scopes) -> object:
        left = self.evaluate(node.left, scopes)
        result: object = True
        for operation, comparator in zip(node.ops, node.comparators, strict=True):
            right = self.evaluate(comparator, scopes)
            if isinstance(right, Library) and right.name == "os.environ" and isinstance(left, str):
                return Unknown(f"whether {left} is in the environment")
            result = compare(operation, left, right)
            if self.truth(result) is not True:
                return result
            left = right
        return result

    def _ifexp(self, node: ast.IfExp, scopes: Scopes) -> object:
        truth = self.truth(self.evaluate(node.test, scopes))
        if truth is None:
            first, second = self.evaluate(node.body, scopes), self.evaluate(node.orelse, scopes)
            if isinstance(first, PLAIN) and isinstance(second, PLAIN) and first == second:
                return first
            return Unknown("a choice that depends on an unknown condition")
        return self.evaluate(node.body if truth else node.orelse, scopes)

    def _namedexpr(self, node: ast.NamedExpr, scopes: Scopes) -> object:
        value = self.evaluate(node.value, scopes)
        scopes[-1][node.target.id] = value
        return value

    def _slice(self, node: ast.Slice, scopes: Scopes) -> object:
        parts = [self.evaluate(part, scopes) for part in (node.lower, node.upper, node.step)]
        unknown = next((part for part in parts if isinstance(part, Unknown)), None)
        return unknown if unknown is not None else slice(*parts)

    # -- displays

    def _sequence(self, elements: list[ast.expr], scopes: Scopes) -> list[object] | Unknown:
        values: list[object] = []
        for element in elements:
            if isinstance(element, ast.Starred):
                items = iterable(self.evaluate(element.value, scopes))
                if items is None:
                    return Unknown("a starred value that is not known")
                values.extend(items)
            else:
                values.append(self.evaluate(element, scopes))
        return values

    def _list(self, node: ast.List, scopes: Scopes) -> object:
        values = self._sequence(node.elts, scopes)
        return values if isinstance(values, Unknown) else self.derived(values, values)

    def _tuple(self, node: ast.Tuple, scopes: Scopes) -> object:
        values = self._sequence(node.elts, scopes)
        return values if isinstance(values, Unknown) else self.derived(tuple(values), values)

    def _set(self, node: ast.Set, scopes: Scopes) -> object:
        values = self._sequence(node.elts, scopes)
        if isinstance(values, Unknown):
            return values
        try:
            return set(values)
        except TypeError:
            return Unknown("a set of what cannot be hashed")

    def _dict(self, node: ast.Dict, scopes: Scopes) -> object:
        result: dict[object, object] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            item = self.evaluate(value, scopes)
            if key is None:
                if not isinstance(item, dict):
                    return Unknown("a dict unpacked from an unknown one")
                result.update(item)
                continue
            try:
                result[self.evaluate(key, scopes)] = item
            except TypeError:
                return Unknown("a dict key that cannot be hashed")
        return self.derived(result, list(result.values()))

    def _joinedstr(self, node: ast.JoinedStr, scopes: Scopes) -> object:
        pieces: list[str] = []
        values: list[object] = []
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                value = self.evaluate(part.value, scopes)
                if isinstance(value, FilePath):
                    value = value.text
                if not isinstance(value, (str, int, float, bool)) or part.format_spec is not None:
                    return value if isinstance(value, Unknown) else Unknown("an f-string with a format")
                pieces.append(repr(value) if part.conversion in (ord("r"), ord("a")) else str(value))
                values.append(value)
            elif isinstance(part, ast.Constant):
                pieces.append(str(part.value))
        self.budget.allocate(sum(map(len, pieces)))
        return self.derived("".join(pieces), values)

    # -- comprehensions

    def _comprehend(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp, scopes: Scopes) -> object:
        results: list[object] = []
        problem = self._clauses(node.generators, 0, [*scopes, {}], results, [node.elt])
        if problem is not None:
            return problem
        return self.derived([row[0] for row in results], [row[0] for row in results[:4]])  # type: ignore[index]

    _listcomp = _comprehend
    _generatorexp = _comprehend

    def _setcomp(self, node: ast.SetComp, scopes: Scopes) -> object:
        values = self._comprehend(node, scopes)
        try:
            return set(values) if isinstance(values, list) else values
        except TypeError:
            return Unknown("a set of what cannot be hashed")

    def _dictcomp(self, node: ast.DictComp, scopes: Scopes) -> object:
        results: list[Any] = []
        problem = self._clauses(node.generators, 0, [*scopes, {}], results, [node.key, node.value])
        if problem is not None:
            return problem
        try:
            return dict(results)
        except TypeError:
            return Unknown("a dict key that cannot be hashed")

    def _clauses(
        self,
        clauses: list[ast.comprehension],
        index: int,
        scopes: Scopes,
        results: list[Any],
        elements: list[ast.expr],
    ) -> Unknown | None:
        if index == len(clauses):
            results.append([self.evaluate(element, scopes) for element in elements])
            self.budget.step()
            return None
        clause = clauses[index]
        source = self.evaluate(clause.iter, scopes)
        items = iterable(source)
        if items is None:
            return source if isinstance(source, Unknown) else Unknown("a comprehension over unknown items")
        for item in items:
            self.assign(clause.target, item, scopes)
            truths = [self.truth(self.evaluate(test, scopes)) for test in clause.ifs]
            if None in truths:
                return Unknown("a comprehension with an unknown condition")
            if all(truths):
                problem = self._clauses(clauses, index + 1, scopes, results, elements)
                if problem is not None:
                    return problem
        return None

    def _lambda(self, node: ast.Lambda, scopes: Scopes) -> object:
        return self.closure(node, scopes)

    def closure(self, node: ast.FunctionDef | ast.Lambda, scopes: Scopes) -> Closure:
        """Make a function value; defaults are evaluated now."""
        defaults = [self.evaluate(default, scopes) for default in node.args.defaults]
        keyword_defaults = [self.evaluate(default, scopes) for default in node.args.kw_defaults]
        return Closure(node, list(scopes), defaults, keyword_defaults, self.current)

    @abstractmethod
    def assign(self, target: ast.expr, value: object, scopes: Scopes) -> None:
        """Bind a target."""

    # -- calls

    def _call(self, node: ast.Call, scopes: Scopes) -> object:
        function = self.evaluate(node.func, scopes)
        arguments = self._sequence(node.args, scopes)
        keywords: dict[str, Any] = {}
        for keyword in node.keywords:
            value = self.evaluate(keyword.value, scopes)
            if keyword.arg is not None:
                keywords[keyword.arg] = value
            elif isinstance(value, dict):
                keywords.update({str(key): item for key, item in value.items()})
        if isinstance(arguments, Unknown):
            return arguments
        result = self.run_call(node, function, arguments, keywords, scopes)
        if result is not NotImplemented:
            return result
        return self.call(function, arguments, keywords, scopes)

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
            return self._compressed_file(DECODER_FILES[name], arguments, keywords)
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

    def decoded(self, name: str, arguments: list[Any], keywords: dict[str, Any]) -> object:
        """Call a decoder."""
        for value in (*arguments, *keywords.values()):
            if isinstance(value, Unknown):
                return value
        keywords = {
            key: value for key, value in keywords.items() if not (name == "codecs.decode" and key == "errors")
        }
        try:
            result = decode(name, arguments, keywords)
        except DecodeFailure as failure:
            return Unknown(str(failure))
        self.budget.allocate(len(result))
        label = DECODERS[name][0]
        if label == "codec":
            label = str(arguments[1]) if len(arguments) > 1 else "utf-8"
        return self.derived(result, arguments, label)

    def _compressed_file(self, decoder: str, arguments: list[Any], keywords: dict[str, Any]) -> object:
        source = arguments[0] if arguments else keywords.get("fileobj", keywords.get("filename"))
        if source is None:
            source = keywords.get("fileobj")
        mode = arguments[1] if len(arguments) > 1 else keywords.get("mode", "rb")
        if not isinstance(source, OpenFile):
            source = self.library.call("open", [source, "rb"], {})
        if isinstance(source, Unknown):
            return source
        assert isinstance(source, OpenFile)
        data = self.decoded(decoder, [source.content], {})
        return OpenFile(None, "t" not in str(mode), data) if isinstance(data, bytes) else data

    def _call_method(
        self, owner: object, name: str, arguments: list[Any], keywords: dict[str, Any]
    ) -> object:
        if isinstance(owner, Decoder):
            if name in ("decompress", "process") and arguments:
                return self.decoded(owner.function, arguments[:1], dict(owner.keywords))
            return b"" if name == "flush" else Unknown(f"{owner.function} object .{name}")
        if isinstance(owner, OpenFile):
            return self._file_method(owner, name, arguments)
        if isinstance(owner, FilePath):
            return self._path_method(owner, name, arguments, keywords)
        if isinstance(owner, ModuleObject):
            return Unknown(f"{owner.name}.{name} is not known")
        if has_method(owner, name):
            result = call_method(self.budget, owner, name, arguments, keywords)
            return self.derived(result, [owner, *arguments])
        return Unknown(f"{type(owner).__name__}.{name}() is not followed")

    def _file_method(self, file: OpenFile, name: str, arguments: list[Any]) -> object:
        if name in ("read", "getvalue", "readlines", "getbuffer"):
            size = arguments[0] if arguments and isinstance(arguments[0], int) and arguments[0] >= 0 else None
            end = len(file.content) if size is None or name != "read" else file.position + size
            data = file.content[file.position if name != "getvalue" else 0 : end]
            file.position = min(end, len(file.content))
            return self._text_or_bytes(data, file.binary, lines=name == "readlines", file=file)
        if name == "seek" and arguments and isinstance(arguments[0], int):
            file.position = max(arguments[0], 0)
            return file.position
        if name == "write" and arguments:
            return self._write(file, arguments[0])
        if name in ("flush", "close", "fileno", "tell", "truncate"):
            return None
        return Unknown(f"file.{name}() is not followed")

    def _text_or_bytes(
        self, data: bytes, binary_mode: bool, *, lines: bool = False, file: OpenFile
    ) -> object:
        self.budget.allocate(len(data))
        if binary_mode:
            value: object = data.splitlines(keepends=True) if lines else data
        else:
            try:
                text = data.decode("utf-8").replace("\r\n", "\n")
            except UnicodeDecodeError as error:
                return Unknown(f"{file.path or 'the data'} is not UTF-8 text: {error.reason}")
            value = text.splitlines(keepends=True) if lines else text
        if file.path is not None and file.path not in self.files.written:
            relative = self.files.relative(file.path) or file.path
            return self.derived(
                value, [], "own text" if file.path == self.files.script else f"sibling file {relative}"
            )
        return self.derived(value, [self._written_by(file.path)])

    def _written_by(self, path: str | None) -> object:
        return self._sources.get(path) if path is not None else None

    _sources: dict[str, object]

    def _write(self, file: OpenFile, value: object) -> object:
        if isinstance(value, str):
            data = value.encode("utf-8", "surrogatepass")
        elif isinstance(value, (bytes, bytearray)):
            data = bytes(value)
        else:
            return value if isinstance(value, Unknown) else Unknown("a write of no text")
        self.budget.allocate(len(file.content) + len(data))
        file.content += data
        if file.path is not None:
            self.files.write(file.path, file.content)
            self._sources[self.files.absolute(file.path)] = value
        return len(data)

    def _path_method(
        self, path: FilePath, name: str, arguments: list[Any], keywords: dict[str, Any]
    ) -> object:
        unknown = next((item for item in arguments if isinstance(item, Unknown)), None)
        if unknown is not None:
            return unknown
        if name in ("read_text", "read_bytes"):
            file = self.library.call("open", [path.text, "rb" if name == "read_bytes" else "r"], {})
            return self._file_method(file, "read", []) if isinstance(file, OpenFile) else file
        if name in ("write_text", "write_bytes") and arguments:
            file = self.library.call("open", [path.text, "wb"], {})
            return self._write(file, arguments[0]) if isinstance(file, OpenFile) else file
        if name == "open":
            return self.library.call("open", [path.text, *arguments], keywords)
        if name in ("exists", "is_file"):
            return self.library.call("os.path.exists", [path.text], {})
        if name in ("resolve", "absolute", "expanduser"):
            return FilePath(self.files.absolute(path.text))
        if name in ("with_name", "with_suffix", "with_stem") and arguments:
            return self._renamed(path.text, name, str(arguments[0]))
        if name == "joinpath":
            return FilePath(posixpath.join(path.text, *(self.library.text(item) for item in arguments)))
        if name in ("as_posix", "__str__", "__fspath__"):
            return path.text
        if name in ("mkdir", "touch", "unlink", "chmod"):
            return None
        return Unknown(f"Path.{name}() is not followed")

    def _renamed(self, text: str, name: str, new: str) -> FilePath:
        folder, base = posixpath.split(text)
        stem, suffix = posixpath.splitext(base)
        renamed = {"with_name": new, "with_suffix": stem + new, "with_stem": new + suffix}[name]
        return FilePath(posixpath.join(folder, renamed))
