"""Objects with identity, environments, and the log that lets both arms of a branch start from the same heap.

What holds on to an environment or an object stands here too: functions, classes, views.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from auditor.solver.expressions import Expr
from auditor.static.domain.values import Lib, Value
from auditor.trace.events import Place, State

TOUCHED = "#touched"
"""The cell of an array that says that it was written since it was made: `STORED`, or True where by what is not told."""

BOUNDS = "#bounds"
"""The cell of an array of zeros with what the numbers stored in it are not larger than: a set, zero included."""

STORED = "stored"
"""Numbers were stored at places of it, and its content says which."""

KEPT = "#kept"
"""The cell of a list with what holds of the turns that gave it its elements, as expressions that are not negative."""

CELLS = "#cells"
"""The cell of an array with its elements one by one: it was made of them, or they were stored at known places.

They stand as long as the array is untouched, or touched in such a way alone (`TOUCHED` is `CELLS` then).
"""

SEVERAL_WAYS = "#several ways"
"""The cell of a list that says that turns gave it elements under different conditions."""

MEMORY = "#memory"
"""The cell of an array with the array whose memory it is."""

WRAPPED = "#wrapped"
"""The cell of a module that holds the modules that were handed to its constructor and kept."""


APPENDED = "#appended"
"""With a loop's entry and turn, the cell of a list that holds how many elements that turn gave it."""


def is_count_of_a_turn(name: object) -> bool:
    """Whether a list keeps under this name how many elements a turn of a loop gave it."""
    return isinstance(name, tuple) and name[:1] == (APPENDED,)


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
    """Names of one scope; `first` is the first argument of a method's call, whatever it is called there."""

    __slots__ = ("d", "first", "function", "globals_", "nonlocals", "owner", "up")

    def __init__(self, up: Env | None = None, owner: Class | None = None) -> None:
        self.d: Cells = {}
        self.up = up
        self.owner = owner
        self.first: Value | None = None
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


@dataclass(frozen=True, slots=True, eq=False)
class Func(Value):
    """A function with its environment; `instance` for a bound method."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    env: Env
    layer: int
    path: str
    instance: Value | None = None
    owner: Class | None = None
    defaults: tuple[Value, ...] = ()
    keyword_defaults: tuple[Value | None, ...] = ()


def attribute_of(func: Func, name: str) -> tuple[str, int, str]:
    """The cell of a function's environment that holds an attribute of the function."""
    return "attribute", id(func.node), name


@dataclass(slots=True, eq=False)
class Class(Value):
    """A class of the script.

    Attributes:
        d: its attributes; what the script assigned after the definition is among them.
        methods: the functions of its body.
        accessors: setters and deleters of its properties, by `("setter", name)` and `("deleter", name)`.
        meta: its metaclass, if that is a class of the script.
    """

    node: ast.ClassDef
    env: Env
    bases: tuple[Value, ...]
    layer: int
    path: str
    d: dict[object, object] = field(default_factory=dict)
    methods: dict[str, Func] = field(default_factory=dict)
    accessors: dict[tuple[str, str], Func] = field(default_factory=dict)
    meta: Class | None = None
    known_order: tuple[Class, ...] = ()

    def order(self) -> tuple[Class, ...]:
        """This class and those it derives from, in the order in which attributes are looked up."""
        if not self.known_order:
            self.known_order = linearised(self)
        return self.known_order

    def find(self, name: str) -> Func | None:
        """The method of that name, by the order of bases; a function that was assigned later counts."""
        for cls in self.order():
            assigned = cls.d.get(name)
            if isinstance(assigned, Func):
                return assigned
            if assigned is not None:
                return None
            if name in cls.methods:
                return cls.methods[name]
        return None

    def get(self, name: str) -> Value | None:
        """The class attribute of that name, by the order of bases."""
        for cls in self.order():
            value = cls.d.get(name)
            if isinstance(value, Value):
                return value
        return None

    def accessor(self, kind: str, name: str) -> Func | None:
        """The setter or deleter of a property, by the order of bases."""
        return next((c.accessors[kind, name] for c in self.order() if (kind, name) in c.accessors), None)

    def library_bases(self) -> list[str]:
        """Dotted names of the library classes it derives from."""
        out: list[str] = []
        for base in self.bases:
            if isinstance(base, Class):
                out.extend(base.library_bases())
            elif isinstance(base, Lib):
                out.append(base.name)
        return out

    @property
    def is_module(self) -> bool:
        return any(n.startswith("torch.nn.") and "functional" not in n for n in self.library_bases())

    @property
    def is_optimizer(self) -> bool:
        return any(n.endswith("Optimizer") or n.startswith("torch.optim.") for n in self.library_bases())

    @property
    def is_autograd(self) -> bool:
        return any("autograd" in n and n.endswith("Function") for n in self.library_bases())


@dataclass(frozen=True, slots=True)
class View(Value):
    """An element of a container of containers, seen at one index.

    Attributes:
        base: the heap object that stands for all elements.
        mapping: iteration counters of the building loops, by entry, and what to read instead.
        key: the index, where it is an integer expression.
    """

    base: Obj
    mapping: tuple[tuple[object, Expr], ...]
    key: Expr | None


class SuperView(Value):
    """What `super()` gives: the methods of the bases that are left, bound to the instance.

    Attributes:
        rest: classes of the script in which to look, in order; behind them stand those of libraries.
        instance: what the methods are bound to.
    """

    __slots__ = ("instance", "rest")

    def __init__(self, rest: tuple[Class, ...], instance: Value) -> None:
        self.rest = rest
        self.instance = instance

    def find(self, name: str) -> Func | None:
        return next((cls.methods[name] for cls in self.rest if name in cls.methods), None)


@dataclass(frozen=True, slots=True)
class NamesView(Value):
    """`vars(x)`, `x.__dict__`, `globals()`: the names of an object, a class or a scope as a dictionary."""

    owner: Obj | Class | Env


Holder = Obj | Env | Class


def linearised(cls: Class) -> tuple[Class, ...]:
    """The C3 order of a class; where there is none, depth first."""
    bases = [base for base in cls.bases if isinstance(base, Class) and base is not cls]
    waiting = [list(base.order()) for base in bases] + [bases]
    out = [cls]
    while any(waiting):
        waiting = [line for line in waiting if line]
        heads = [line[0] for line in waiting]
        free = [head for head in heads if not any(head in line[1:] for line in waiting)]
        chosen = free[0] if free else heads[0]
        out.append(chosen)
        waiting = [[c for c in line if c is not chosen] for line in waiting]
    return tuple(out)
