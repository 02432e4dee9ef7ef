"""Named and typed cells: what the evaluator itself knows of an object, apart from the attributes that a script sets.

A cell is its own key. A script names attributes by text, so it can neither read nor write one, whatever it calls
its attributes and by whatever way it sets them (`setattr`, `__dict__`, keywords, the body of a class).
"""

from __future__ import annotations

from typing import Any, Generic, Protocol, TypeVar, cast, overload

T = TypeVar("T")


class HasCells(Protocol):
    """What holds cells and attributes."""

    d: dict[Any, object]


class Cell(Generic[T]):
    """A descriptor: `obj.content` reads a cell, `Obj.content` names it for `Heap.put` and `Heap.drop`.

    Attributes:
        name: its name, as the class that holds it has it.
        absent: what is read where nothing was written.
    """

    __slots__ = ("absent", "name")

    def __init__(self, absent: T) -> None:
        self.absent = absent
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, holder: None, owner: type) -> Cell[T]: ...

    @overload
    def __get__(self, holder: HasCells, owner: type) -> T: ...

    def __get__(self, holder: HasCells | None, owner: type) -> T | Cell[T]:
        return self if holder is None else cast("T", holder.d.get(self, self.absent))

    def __set__(self, holder: HasCells, value: T) -> None:
        """Write it in an object that is being made: the undo log is not told, as the object goes with its arm."""
        holder.d[self] = value

    def __repr__(self) -> str:
        return f"Cell({self.name})"
