"""Library functions that unpacking follows, by dotted name: pure ones and those of the virtual file system.

A closed list. What is not in it gives an `Unknown` naming the function. Running text (`exec` and its kin) is
in `unpack_running`.
"""

from __future__ import annotations

import ast
import base64
import json
import math
import posixpath
import textwrap
from collections.abc import Callable, Mapping
from typing import Any, Final

from auditor.program.limits import MAX_LAYER_BYTES
from auditor.program.unpacking.budget import Budget
from auditor.program.unpacking.decoders import CONSTANTS
from auditor.program.unpacking.files import VirtualFiles
from auditor.program.unpacking.methods import PLAIN, iterable
from auditor.program.unpacking.values import FilePath, Library, ModuleObject, OpenFile, Spec, Unknown

Function = Callable[..., object]


class LibraryCalls:
    """The table, bound to one program's files and budget."""

    def __init__(self, files: VirtualFiles, budget: Budget) -> None:
        self.files = files
        self.budget = budget
        self.environment: dict[str, object] = {}
        self.modules: dict[str, object] = {}
        self._temporary = 0
        self._table: dict[str, Function] = {
            **_PURE,
            "open": self.open,
            "io.open": self.open,
            "io.BytesIO": lambda data=b"": OpenFile(None, True, bytes(data)),
            "io.StringIO": lambda data="": OpenFile(None, False, str(data).encode()),
            "bytes": self._bytes,
            "bytearray": lambda *items: bytearray(self._bytes(*items)),
            "range": lambda *bounds: range(*bounds),
            "list": lambda items=(): self._items(items),
            "tuple": lambda items=(): tuple(self._items(items)),
            "set": lambda items=(): set(self._items(items)),
            "dict": self._dict,
            "zip": lambda *parts, **_: [tuple(row) for row in zip(*map(self._items, parts), strict=False)],
            "enumerate": lambda items, start=0: list(enumerate(self._items(items), start)),
            "reversed": lambda items: self._items(items)[::-1],
            "sorted": lambda items, reverse=False: sorted(self._items(items), reverse=reverse),
            "sum": lambda items, start=0: sum(self._items(items), start),
            "itertools.chain": lambda *parts: [item for part in parts for item in self._items(part)],
            "str": self._str,
            "pathlib.Path": self._path,
            "pathlib.PurePath": self._path,
            "pathlib.PosixPath": self._path,
            "pathlib.Path.cwd": lambda: FilePath(files.folder),
            "os.getcwd": lambda: files.folder,
            "os.fspath": self._str,
            "os.path.join": lambda first, *rest: posixpath.join(self.text(first), *map(self.text, rest)),
            "os.path.dirname": lambda path: posixpath.dirname(self.text(path)),
            "os.path.basename": lambda path: posixpath.basename(self.text(path)),
            "os.path.abspath": lambda path: files.absolute(self.text(path)),
            "os.path.realpath": lambda path: files.absolute(self.text(path)),
            "os.path.normpath": lambda path: posixpath.normpath(self.text(path)),
            "os.path.splitext": lambda path: posixpath.splitext(self.text(path)),
            "os.path.split": lambda path: posixpath.split(self.text(path)),
            "os.path.exists": self._exists,
            "os.path.isfile": self._exists,
            "os.path.getsize": lambda path: len(self.content(self.text(path))),
            "tempfile.mkdtemp": lambda *_, **__: self._new_temporary(""),
            "tempfile.gettempdir": lambda: "/tmp",
            "tempfile.mktemp": lambda suffix="", **_: self._new_temporary(suffix),
            "tempfile.mkstemp": lambda suffix="", **_: (3, self._new_temporary(suffix)),
            "tempfile.NamedTemporaryFile": self._temporary_file,
            "tempfile.TemporaryDirectory": lambda *_, **__: FilePath(self._new_temporary("")),
            "os.environ.get": self._environment,
            "os.getenv": self._environment,
            "os.environ.setdefault": self._set_default,
            "os.environ.update": self._update_environment,
            "types.ModuleType": lambda name="", *_: ModuleObject(str(name), {"__name__": name}),
            "imp.new_module": lambda name="", *_: ModuleObject(str(name), {"__name__": name}),
            "importlib.util.module_from_spec": lambda spec: ModuleObject(spec.name, {"__name__": spec.name}),
            "importlib.util.spec_from_file_location": lambda name, location=None, **_: Spec(
                str(name), location
            ),
            "importlib.machinery.SourceFileLoader": lambda fullname, path: Spec(str(fullname), path),
            "importlib.util.spec_from_loader": lambda name, loader=None, **_: (
                Spec(str(name), loader.path) if isinstance(loader, Spec) else Spec(str(name), None)
            ),
        }

    def constant(self, name: str) -> object | None:
        """Return the value of a library constant, or None."""
        if name == "sys.modules":
            return self.modules
        if name == "sys.argv":
            return [self.files.script]
        if name == "sys.executable":
            return "python"
        if name == "sys.version_info":
            return (3, 12, 0)
        return CONSTANTS.get(name)

    def knows(self, name: str) -> bool:
        """Whether `call` follows the function."""
        return name in self._table

    def call(self, name: str, arguments: list[Any], keywords: Mapping[str, Any]) -> object:
        """Return the result of a function of the table, or an `Unknown` with the reason."""
        for item in (*arguments, *keywords.values()):
            if isinstance(item, Unknown) and not name.startswith("os.environ"):
                return item
        try:
            result = self._table[name](*arguments, **keywords)
        except _Missing as missing:
            return Unknown(str(missing))
        except (
            TypeError,
            ValueError,
            LookupError,
            AttributeError,
            ArithmeticError,
            RecursionError,
            MemoryError,
        ) as error:
            return Unknown(f"{name}: {type(error).__name__} while unpacking: {error}")
        if isinstance(result, (str, bytes, bytearray, list, tuple, dict)):
            self.budget.allocate(len(result))
        return result

    # -- texts and containers

    def text(self, value: object) -> str:
        """Return a path-like value as text."""
        if isinstance(value, FilePath):
            return value.text
        if isinstance(value, OpenFile) and value.path is not None:
            return value.path
        if isinstance(value, str):
            return value
        raise _Missing(
            value.reason if isinstance(value, Unknown) else f"a path that is a {type(value).__name__}"
        )

    def _str(self, value: object = "", encoding: str = "utf-8", *_: object) -> str:
        if isinstance(value, (bytes, bytearray)):
            return bytes(value).decode(encoding)
        if isinstance(value, FilePath):
            return value.text
        if isinstance(value, (str, int, float, bool)) or value is None:
            return str(value)
        raise _Missing(f"str() of a {type(value).__name__}")

    def _items(self, value: object) -> list[Any]:
        items = iterable(value)
        if items is None:
            raise _Missing(f"items of a {type(value).__name__}")
        self.budget.step(len(items))
        return items

    def _bytes(self, value: object = b"", encoding: str = "utf-8", *_: object) -> bytes:
        if isinstance(value, int):
            self.budget.allocate(value)
            return bytes(value)
        if isinstance(value, str):
            return value.encode(encoding)
        return bytes(self._items(value))

    def _dict(self, items: object = (), **keywords: object) -> dict[object, object]:
        base = dict(items) if isinstance(items, dict) else dict(self._items(items))
        return {**base, **keywords}

    # -- files

    def content(self, path: str) -> bytes:
        """Return a file's bytes, the submission's or written by the script."""
        data = self.files.read(path)
        if data is None:
            raise _Missing(self.files.missing(path))
        if len(data) > MAX_LAYER_BYTES:
            raise _Missing(
                f"{path}: {len(data):,} bytes, more than the {MAX_LAYER_BYTES:,} that are unpacked"
            )
        return data

    def open(self, path: object, mode: str = "r", *_: object, **__: object) -> OpenFile:
        """Open a file of the virtual file system."""
        name = self.files.absolute(self.text(path))
        if any(flag in mode for flag in "wxa"):
            old = self.files.written.get(name, b"") if "a" in mode else b""
            self.files.write(name, old)
            return OpenFile(name, "b" in mode, old, len(old), True)
        return OpenFile(name, "b" in mode, self.content(name))

    def _path(self, *parts: object) -> FilePath:
        return FilePath(posixpath.join(*(self.text(part) for part in parts)) if parts else ".")

    def _exists(self, path: object) -> object:
        known = self.files.exists(self.text(path))
        return Unknown(f"whether {self.text(path)} exists") if known is None else known

    def _new_temporary(self, suffix: str) -> str:
        self._temporary += 1
        return f"/tmp/unpacked-{self._temporary}{suffix or ''}"

    def _temporary_file(self, mode: str = "w+b", *_: object, suffix: str = "", **__: object) -> OpenFile:
        path = self._new_temporary(suffix)
        self.files.write(path, b"")
        return OpenFile(path, "b" in mode, b"", 0, True)

    # -- environment

    def _environment(self, name: object, default: object = None) -> object:
        return self.environment.get(str(name), default)

    def _set_default(self, name: object, value: object = None) -> object:
        return self.environment.setdefault(str(name), value)

    def _update_environment(self, items: object = (), **keywords: object) -> None:
        if isinstance(items, dict):
            self.environment.update({str(key): value for key, value in items.items()})
        self.environment.update(keywords)


class _Missing(Exception):
    """The result cannot be had; the message is the reason."""


def _truth(value: object) -> bool:
    if isinstance(value, PLAIN):
        return bool(value)
    raise _Missing(f"truth of a {type(value).__name__}")


def _isinstance(value: object, kinds: object) -> object:
    names = {
        kind.name for kind in (kinds if isinstance(kinds, tuple) else (kinds,)) if isinstance(kind, Library)
    }
    if isinstance(value, PLAIN):
        return type(value).__name__ in names
    raise _Missing("isinstance of an object")


_PURE: Final[dict[str, Function]] = {
    "len": lambda value: len(value),
    "chr": lambda value: chr(value),
    "ord": lambda value: ord(value),
    "int": lambda *parts: int(*parts),
    "float": lambda value=0.0: float(value),
    "bool": _truth,
    "abs": lambda value: abs(value),
    "min": lambda *items: min(*items),
    "max": lambda *items: max(*items),
    "divmod": lambda left, right: divmod(left, right),
    "hex": lambda value: hex(value),
    "memoryview": lambda data: bytes(data),
    "isinstance": _isinstance,
    "int.from_bytes": lambda data, byteorder="big", **options: int.from_bytes(data, byteorder, **options),
    "bytes.maketrans": lambda old, new: bytes.maketrans(old, new),
    "bytearray.maketrans": lambda old, new: bytes.maketrans(old, new),
    "str.maketrans": lambda *tables: str.maketrans(*tables),
    "math.ceil": lambda value: math.ceil(value),
    "math.floor": lambda value: math.floor(value),
    "textwrap.dedent": lambda text: textwrap.dedent(text),
    "base64.b85encode": lambda data: base64.b85encode(data),
    "base64.b64encode": lambda data: base64.b64encode(data),
    "json.loads": lambda text: json.loads(text),
    "ast.parse": lambda text, *_, **__: text,
    "ast.literal_eval": lambda text: ast.literal_eval(text),
}
