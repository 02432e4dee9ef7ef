"""Objects with identity, environments, and the log that lets both arms of a branch start from the same heap.

What holds on to an environment or an object stands here too: functions, classes, views.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from auditor.solver.expressions import Expr
from auditor.static.domain.cells import Cell
from auditor.static.domain.values import LibraryRef, TupleValue, Value, Written
from auditor.trace.events import Place, State, StateKind

if TYPE_CHECKING:
    from auditor.trace.region import Region

STORED: Final = "stored"
"""`Obj.touched` of an array at places of which numbers were stored, while its content says which."""

WRITTEN_CELLS: Final = "cells"
"""`Obj.touched` of an array whose elements were stored at known places alone: `Obj.cells` has them all."""

Touch = Literal["stored", "cells", True]

APPENDED = "#appended"
"""With a loop's entry and turn, the cell of a list that holds how many elements that turn gave it."""


def is_count_of_a_turn(name: object) -> bool:
    """Whether a list keeps under this name how many elements a turn of a loop gave it."""
    return isinstance(name, tuple) and name[:1] == (APPENDED,)


ObjectKind = Literal[
    "module",
    "optimizer",
    "tensor",
    "table",
    "list",
    "dict",
    "instance",
    "iterator",
    "file",
    "selection",
    "handle",
    "namespace",
    "tokenizer",
]
"""What an object is."""

SEEN_AS: dict[Literal["list", "dict"], StateKind] = {"list": "container", "dict": "table"}
"""What these are to the rules."""


def given_by_name(name: str) -> tuple[str, str]:
    """The cell of what the constructor of a library's class was given under a name."""
    return "given", name


class _Missing:
    """The value of a cell that did not exist."""


MISSING = _Missing()

Key = str | tuple[object, ...] | Cell[Any]
"""What a value is kept under: a name of the script, what a tuple says, or a cell of the evaluator's own."""

Cells = dict[Any, object]
"""By `Key`."""

Hook = tuple[str, Value, Place]
"""When it is called, what is called, and where it was set."""

MadeWith = tuple[tuple[Value, ...], dict[str, Value], ast.AST]


class Obj(Value):
    """A heap object: one allocation.

    `d` holds attributes by name, entries of a dictionary by `("key", key)`, and cells: what the evaluator knows of it.
    """

    __slots__ = ("cls", "d", "kind", "loops", "name", "number", "place")

    # of every kind
    content: Cell[Value | None] = Cell(None)
    """What a tensor or container holds, as one record."""
    history: Cell[frozenset[int]] = Cell(frozenset())
    """The updates that it has absorbed, by their numbers; those of its parts are not among them."""
    pending: Cell[frozenset[Region]] = Cell(frozenset())
    """The tokens whose gradients wait in it for a step."""
    doubts: Cell[frozenset[int]] = Cell(frozenset())
    """The doubts about what it was last given, by their numbers."""
    touched: Cell[Touch | None] = Cell(None)
    """How an array was written since it was made: `STORED`, `WRITTEN_CELLS`, or True where that is not known."""

    # of a list, a dictionary's values, an iterator: what is in it
    items: Cell[tuple[Value, ...] | None] = Cell(None)
    """All elements in their order, where that is known."""
    elements: Cell[tuple[Value, ...] | None] = Cell(None)
    """Elements that loops put there, each for all the turns that did."""
    entries: Cell[tuple[int, ...] | None] = Cell(None)
    """The loops whose turns made the elements."""
    length: Cell[Expr | None] = Cell(None)
    """How many elements it has."""
    most: Cell[Expr | None] = Cell(None)
    """How many elements it has at most."""
    keys: Cell[Obj | None] = Cell(None)
    """The keys of a dictionary, as a list."""
    aligned: Cell[bool] = Cell(False)
    """The element at an index is the one that the turn of that number made."""
    repeated: Cell[bool] = Cell(False)
    """Elements of several turns may be the same."""
    several_ways: Cell[bool] = Cell(False)
    """Turns gave it elements under different conditions."""
    turn_facts: Cell[tuple[Expr, ...] | None] = Cell(None)
    """What holds of the turns that gave it its elements, as expressions that are not negative."""
    by_score: Cell[bool] = Cell(False)
    """Its order was chosen by scores."""

    # of a list that shows others
    base: Cell[Value | None] = Cell(None)
    """The container whose elements it shows."""
    lower: Cell[Expr | None] = Cell(None)
    """The index of the base's element that stands first in it."""
    step: Cell[int] = Cell(1)
    """How far the base's elements that it shows lie apart."""
    permuted: Cell[bool] = Cell(False)
    """It shows them in an order that is not known."""
    shifted: Cell[bool] = Cell(False)
    """Elements were taken from its front, so that an index no longer says which element stands there."""
    joined: Cell[tuple[Value, ...] | None] = Cell(None)
    """The containers whose elements it shows one after the other."""
    tail: Cell[bool] = Cell(False)
    """It is the last of joined ones, which takes what is added."""
    parts: Cell[tuple[Value, ...] | None] = Cell(None)
    """What `zip` and `enumerate` go through side by side."""
    start: Cell[Expr | None] = Cell(None)
    """The number that `enumerate` gives the first element."""

    # of a tensor or an array
    empty: Cell[bool] = Cell(False)
    """It was made of zeros."""
    bounds: Cell[frozenset[float] | None] = Cell(None)
    """What the numbers stored in an array of zeros are not larger than, zero included."""
    cells: Cell[TupleValue | None] = Cell(None)
    """Its elements one by one, as long as it is untouched or touched by `WRITTEN_CELLS`."""
    memory: Cell[Value | None] = Cell(None)
    """The array whose memory it is."""
    places_of: Cell[Obj | None] = Cell(None)
    """The array beside it, of tokens: it holds where in the split they stand (`effects/self_checks.py`)."""
    counts: Cell[Obj | None] = Cell(None)
    """The array of scores beside it: it holds how often each of its entries was written."""
    placed: Cell[tuple[int, int] | None] = Cell(None)
    """How far the positions that it is written at lie from those of what is written."""
    table: Cell[bool] = Cell(False)
    """It is looked up by tokens."""
    kinds: Cell[Value | None] = Cell(None)
    """What it holds by the kind of the token that looks it up."""
    constants: Cell[frozenset[int | float | None] | None] = Cell(None)
    """The constants that were written into it; None among them for what is no number."""
    selective: Cell[bool] = Cell(False)
    """A mask that lets through what it was not shown to."""
    let_through: Cell[tuple[Written, ...] | None] = Cell(None)
    """The rows and columns of a mask that let through."""

    # of an optimizer
    rates: Cell[frozenset[int]] = Cell(frozenset())
    """The updates that its rates of learning were made of."""

    # of a module
    made_with: Cell[MadeWith | None] = Cell(None)
    """Arguments, keywords and place of its constructor's call."""
    wrapped: Cell[tuple[Obj, ...] | None] = Cell(None)
    """The modules that were handed to its constructor and kept."""
    restored: Cell[bool] = Cell(False)
    """It was last given weights that it had before."""
    hooks: Cell[tuple[Hook, ...] | None] = Cell(None)
    """What it calls before or after its forward pass, its backward pass or a step."""
    site: Cell[Place | None] = Cell(None)
    """Where a hook's handle was made."""

    # of the script's life: contexts, threads, dispatchers, descriptors
    exits: Cell[tuple[Value, ...] | None] = Cell(None)
    """What runs where a context is left, or the program ends."""
    closes: Cell[Value | None] = Cell(None)
    """What a context closes."""
    finalizers: Cell[tuple[Value, ...] | None] = Cell(None)
    """What runs where it is collected."""
    ended: Cell[bool] = Cell(False)
    """Its finalizers have run."""
    handlers: Cell[tuple[Value, ...] | None] = Cell(None)
    """What log records are handed to."""
    signals: Cell[tuple[Value, ...] | None] = Cell(None)
    """What runs at signals."""
    ways: Cell[tuple[Value, ...] | None] = Cell(None)
    """The functions among which a dispatcher chooses by type."""
    given: Cell[TupleValue | None] = Cell(None)
    """What the constructor of the library's class that its class derives from was given by position."""
    made_of: Cell[Value | None] = Cell(None)
    """What an object was made of whose class derives from a tuple or a text."""
    getter: Cell[Value | None] = Cell(None)
    setter: Cell[Value | None] = Cell(None)
    """The functions of a property."""
    factory: Cell[Value | None] = Cell(None)
    """What makes the missing values of a `defaultdict`."""
    on_training_data: Cell[bool] = Cell(False)
    """A gradient of training tokens waits in it for a step."""

    def __init__(
        self,
        number: int,
        kind: ObjectKind,
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
        kind: StateKind = self.kind if self.kind != "list" and self.kind != "dict" else SEEN_AS[self.kind]
        if self.table:
            kind = "table"
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


class UndoLog:
    """The log of writes, to undo them or to see what changed since a mark."""

    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries: list[tuple[Holder, Key, object]] = []

    def put(self, holder: Holder, key: Key, value: object) -> None:
        self.entries.append((holder, key, holder.d.get(key, MISSING)))
        holder.d[key] = value

    def drop(self, holder: Holder, key: Key) -> None:
        self.entries.append((holder, key, holder.d.get(key, MISSING)))
        holder.d.pop(key, None)

    def mark(self) -> int:
        return len(self.entries)

    def undo(self, mark: int) -> dict[tuple[int, Key], tuple[Holder, Key, object]]:
        """Undo everything since the mark; returns the cells that had changed with their latest values."""
        latest: dict[tuple[int, Key], tuple[Holder, Key, object]] = {}
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

    def changed(self, mark: int) -> dict[tuple[int, Key], tuple[Holder, Key, object]]:
        """Cells written since the mark with the values they had at the mark."""
        first: dict[tuple[int, Key], tuple[Holder, Key, object]] = {}
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
            elif isinstance(base, LibraryRef):
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
