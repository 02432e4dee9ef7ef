"""Objects with identity, environments, and the log that lets both arms of a branch start from the same heap."""

from __future__ import annotations

from auditor.static.domain.values import Class, Value
from auditor.trace.events import Place, State

TOUCHED = "#touched"
"""The cell of an array that says that it was written since it was made: `STORED`, or True where by what is not told."""

BOUNDS = "#bounds"
"""The cell of an array of zeros with what the numbers stored in it are not larger than: a set, zero included."""

STORED = "stored"
"""Numbers were stored at places of it, and its content says which."""

WRAPPED = "#wrapped"
"""The cell of a module that holds the modules that were handed to its constructor and kept."""


class _Missing:
    """The value of a cell that did not exist."""


MISSING = _Missing()

Cells = dict[object, object]


class Obj(Value):
    """A heap object: one allocation.

    `kind` is "module", "optimizer", "tensor", "list", "dict", "instance", "iterator" or "file"; `d` holds
    attributes by name and, under names that start with `#`, what the machine knows about its content.
    """

    __slots__ = ("cls", "d", "kind", "loops", "name", "number", "place")

    def __init__(
        self,
        number: int,
        kind: str,
        place: Place,
        loops: tuple[int, ...],
        name: str = "",
        cls: Class | None = None,
    ) -> None:
        self.number = number
        self.kind = kind
        self.place = place
        self.loops = loops
        self.name = name
        self.cls = cls
        self.d: Cells = {}

    def state(self) -> State:
        kinds = {"list": "container", "dict": "table", "tensor": "tensor", "module": "module", "file": "file"}
        kind = "table" if self.d.get("#table") else kinds.get(self.kind, self.kind)
        return State(
            number=self.number, kind=kind, name=self.name or self.kind, place=self.place, fresh_in=self.loops
        )

    def __repr__(self) -> str:
        return f"Obj({self.number}, {self.kind}, {self.name})"


class Env:
    """Names of one scope."""

    __slots__ = ("d", "function", "globals_", "nonlocals", "owner", "up")

    def __init__(self, up: Env | None = None, owner: Class | None = None) -> None:
        self.d: Cells = {}
        self.up = up
        self.owner = owner
        self.globals_: set[str] = set()
        self.nonlocals: set[str] = set()

    def find(self, name: str) -> Env | None:
        """The nearest scope that holds the name."""
        env: Env | None = self
        while env is not None:
            if name in env.d:
                return env
            env = env.up
        return None


Holder = Obj | Env | Class


class Trail:
    """The log of writes, to undo them or to see what changed since a mark."""

    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries: list[tuple[Holder, object, object]] = []

    def put(self, holder: Holder, key: object, value: object) -> None:
        self.entries.append((holder, key, holder.d.get(key, MISSING)))
        holder.d[key] = value

    def drop(self, holder: Holder, key: object) -> None:
        self.entries.append((holder, key, holder.d.get(key, MISSING)))
        holder.d.pop(key, None)

    def mark(self) -> int:
        return len(self.entries)

    def undo(self, mark: int) -> dict[tuple[int, object], tuple[Holder, object, object]]:
        """Undo everything since the mark; returns the cells that had changed with their latest values."""
        latest: dict[tuple[int, object], tuple[Holder, object, object]] = {}
        while len(self.entries) > mark:
            holder, key, old = self.entries.pop()
            cell = (id(holder), key)
            if cell not in latest:
                latest[cell] = (holder, key, holder.d.get(key, MISSING))
            if old is MISSING:
                holder.d.pop(key, None)
            else:
                holder.d[key] = old
        return latest

    def changed(self, mark: int) -> dict[tuple[int, object], tuple[Holder, object, object]]:
        """Cells written since the mark with the values they had at the mark."""
        first: dict[tuple[int, object], tuple[Holder, object, object]] = {}
        for holder, key, old in self.entries[mark:]:
            first.setdefault((id(holder), key), (holder, key, old))
        return first
