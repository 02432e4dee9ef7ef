"""Where control stands: scopes, running functions, conditions that hold, returns that wait."""

from __future__ import annotations

from auditor.solver.expressions import Condition
from auditor.static.domain.flow import Deferral
from auditor.static.domain.heap import Env
from auditor.static.domain.values import Value

MAX_DEPTH = 24
"""Calls of functions in one another."""


class Frames:
    """The state of control of one evaluation.

    Attributes:
        globals: the names of `__main__`.
        caller: the scope of the call that is evaluated.
        stack: the scopes of the functions that run, the innermost last.
        active: the same functions, by the identity of their text.
        conditions: what the branches taken so far say, of which the innermost is the last.
        returns: what each running function returned so far, None for nothing.
        deferred: arms of branches that left their block early, to be joined where control goes on.
        stopped: whoever takes what the running generator yields takes no more.
        trying: how many `try` blocks are around.
        entered: the functions that ran at all, by the identity of their text.
        following: how many forward passes are being followed for their formula alone.
    """

    def __init__(self) -> None:
        self.globals = Env()
        self.caller = self.globals
        self.stack: list[Env] = []
        self.active: list[int] = []
        self.conditions: list[Condition] = []
        self.returns: list[Value | None] = []
        self.deferred: list[Deferral] = []
        self.stopped = False
        self.trying = 0
        self.entered: set[int] = set()
        self.following = 0
