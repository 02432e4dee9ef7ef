"""What the names of an interpreted script hold, beside tensors and Python's own values."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from auditor.static.causality.tensor import Array

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class Unknown:
    """A value that is not known here.

    Attributes:
        reason: one clause.
        number: of the unknown it was derived from, the same in every run.
        pos: (WAYS,), the latest tokens that it may depend on, or None.
        holds: how a branch on it was decided in this run, or None.
    """

    __slots__ = ("_size", "holds", "number", "pos", "reason")

    def __init__(
        self,
        reason: str,
        number: int = 0,
        pos: Array | None = None,
        size: int | Callable[[], int | None] | None = None,
    ) -> None:
        self.reason = reason
        self.number = number
        self.pos = pos
        self._size = size
        self.holds: bool | None = None

    @property
    def has_size(self) -> bool:
        """Whether a whole number may be taken for it where a size is asked for."""
        return self._size is not None and self.pos is None

    @property
    def size(self) -> int | None:
        """The whole number that is taken for it where a size is asked for; what is compared with it stays open."""
        size = self._size() if callable(self._size) else self._size
        return size if self.pos is None else None

    def __repr__(self) -> str:
        return f"Unknown({self.reason})"


class Library:
    """Something of a library, by its full name."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Library) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"Library({self.name})"


class Native:
    """A function of the interpreter itself."""

    __slots__ = ("call", "name")

    def __init__(self, call: Callable[..., Any], name: str) -> None:
        self.call = call
        self.name = name


class Scope:
    """Names of a module, a class or a call."""

    __slots__ = ("function", "global_names", "is_class", "names", "nonlocal_names", "outer", "top")

    def __init__(self, outer: Scope | None = None, *, is_class: bool = False) -> None:
        self.is_class = is_class
        self.names: dict[str, Any] = {}
        self.outer = outer
        self.top: Scope = outer.top if outer is not None else self
        self.global_names: set[str] = set()
        self.nonlocal_names: set[str] = set()
        self.function: Function | None = None

    def find(self, name: str) -> Scope | None:
        """The nearest scope that holds the name; those of classes are seen from themselves alone."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names and (scope is self or not scope.is_class):
                return scope
            scope = scope.outer
        return None

    def put(self, name: str, value: Any) -> None:
        """Bind a name as an assignment in this scope does."""
        scope: Scope | None = self
        if name in self.global_names:
            scope = self.top
        elif name in self.nonlocal_names and self.outer is not None:
            scope = self.outer.find(name) or self
        assert scope is not None
        scope.names[name] = value


class Function:
    """A function of the script, with what it was defined with."""

    __slots__ = ("defaults", "keyword_defaults", "node", "owner", "path", "receiver", "scope")

    def __init__(
        self, node: FunctionNode, scope: Scope, path: str, defaults: list[Any], keyword_defaults: list[Any]
    ) -> None:
        self.node = node
        self.scope = scope
        self.path = path
        self.defaults = defaults
        self.keyword_defaults = keyword_defaults
        self.owner: Class | None = None
        self.receiver: Any = None

    @property
    def name(self) -> str:
        return getattr(self.node, "name", "lambda")

    def bound(self, receiver: Any) -> Function:
        """The function with its first argument given."""
        out = Function(self.node, self.scope, self.path, self.defaults, self.keyword_defaults)
        out.owner, out.receiver = self.owner, receiver
        return out


class Decorated:
    """A function that is a property, or belongs to the class: `kind` is the decorator."""

    __slots__ = ("function", "kind")

    def __init__(self, kind: str, function: Any) -> None:
        self.kind = kind
        self.function = function


class Class:
    """A class of the script."""

    __slots__ = ("bases", "fields", "is_dataclass", "name", "names", "node")

    def __init__(
        self, name: str, bases: list[Any], names: dict[str, Any], node: ast.ClassDef | None = None
    ) -> None:
        self.name = name
        self.bases = bases
        self.names = names
        self.node = node
        self.is_dataclass = False
        self.fields: list[str] = []

    def lineage(self) -> list[Class]:
        """The class and those it inherits from, in the order they are searched."""
        out = [self]
        for base in self.bases:
            if isinstance(base, Class):
                out += [c for c in base.lineage() if c not in out]
        return out

    def find(self, name: str) -> Any:
        """What the class or one of its bases holds under a name; `MISSING` if nothing does."""
        for cls in self.lineage():
            if name in cls.names:
                return cls.names[name]
        return MISSING

    @property
    def is_module(self) -> bool:
        return self.find("__is_module__") is True


class DefaultDict(dict[Any, Any]):
    """`collections.defaultdict`: a key that is looked up and not there is given what `factory` makes."""

    def __init__(self, factory: Any, entries: Any = ()) -> None:
        super().__init__(entries)
        self.factory = factory


class Missing:
    """The answer of a search that found nothing."""


MISSING = Missing()


class Instance:
    """An object of a class of the script."""

    __slots__ = ("attributes", "cls")

    def __init__(self, cls: Class) -> None:
        self.cls = cls
        self.attributes: dict[str, Any] = {}

    def __repr__(self) -> str:
        return f"<{self.cls.name}>"


class Super:
    """`super()` in a method of `cls`."""

    __slots__ = ("cls", "receiver")

    def __init__(self, receiver: Any, cls: Class) -> None:
        self.receiver = receiver
        self.cls = cls


class Named(tuple[Any, ...]):
    """`values` and `indices` of an operation that gives both."""

    @property
    def values(self) -> Any:
        return self[0]

    @property
    def indices(self) -> Any:
        return self[1]
