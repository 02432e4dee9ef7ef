"""The heap of one evaluation: objects are allocated here, and every write goes through its undo log."""

from __future__ import annotations

import ast
from typing import TypeVar, overload

from auditor.static.domain.cells import Cell
from auditor.static.domain.heap import Class, Holder, Key, Obj, ObjectKind, UndoLog
from auditor.static.interpreter.recorder import Recorder

T = TypeVar("T")
HISTORY, PENDING = Obj.history, Obj.pending


class Heap:
    """Allocates objects and writes cells.

    Attributes:
        trail: the log of writes, which both arms of a branch start from.
        last: number of the object allocated last.
        written: numbers of the containers that something was stored in, or that an update changed.
        carriers: what took updates in at some time, by identity.
    """

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.trail = UndoLog()
        self.last = 0
        self.written: set[int] = set()
        self.carriers: dict[int, Obj] = {}

    def allocate(self, kind: ObjectKind, node: ast.AST, name: str = "", cls: Class | None = None) -> Obj:
        self.last += 1
        return Obj(self.last, kind, self.recorder.place(node), self.recorder.entries(), name, cls)

    @overload
    def put(self, holder: Holder, key: str | tuple[object, ...], value: object) -> None: ...

    @overload
    def put(self, holder: Obj, key: Cell[T], value: T) -> None: ...

    def put(self, holder: Holder, key: Key, value: object) -> None:
        if (key is HISTORY or key is PENDING) and isinstance(holder, Obj):
            self.carriers[id(holder)] = holder
        self.trail.put(holder, key, value)
