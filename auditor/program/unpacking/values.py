"""Values of the unpacking interpreter beside Python's own numbers, texts and containers.

Every value is inert data: a file is a path, code is text, a library function is its dotted name. What the
interpreter cannot tell is an `Unknown` that carries the reason to whoever needs the value.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that is not known; `reason` names the first cause."""

    reason: str


@dataclass(frozen=True, slots=True)
class Library:
    """A module, function, class or constant outside the submission, by dotted name: `lzma.decompress`."""

    name: str


@dataclass(frozen=True, slots=True)
class Method:
    """A method of a value, not called yet."""

    owner: object
    name: str


@dataclass(slots=True, eq=False)
class Closure:
    """A function or lambda of the script."""

    node: ast.FunctionDef | ast.Lambda
    scopes: list[dict[str, object]]
    defaults: list[object]
    keyword_defaults: list[object]
    layer: int


@dataclass(frozen=True, slots=True, eq=False)
class Code:
    """The result of `compile(text, filename, mode)`."""

    text: object
    filename: str
    mode: str


@dataclass(frozen=True, slots=True)
class FilePath:
    """A `pathlib` path; text form with forward slashes."""

    text: str


@dataclass(slots=True, eq=False)
class OpenFile:
    """An open file of the virtual file system, or a memory buffer (`path` None)."""

    path: str | None
    binary: bool
    content: bytes
    position: int = 0
    writable: bool = False


@dataclass(slots=True, eq=False)
class ModuleObject:
    """A module made by the script (`types.ModuleType`, `module_from_spec`) or a sibling it imports."""

    name: str
    namespace: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Spec:
    """An import spec or source loader: the module name and the file."""

    name: str
    path: object


@dataclass(frozen=True, slots=True)
class Decoder:
    """A decompressor object, not used yet: `lzma.LZMADecompressor(...)`, `zlib.decompressobj()`."""

    function: str
    keywords: tuple[tuple[str, object], ...] = ()


def describe(value: object) -> str:
    """Return what kind of value this is, for a reason."""
    if isinstance(value, Unknown):
        return value.reason
    if isinstance(value, Library):
        return f"{value.name} is not text"
    return f"a {type(value).__name__} is not text"
