"""Whether what decides a fork is as in the real run: constants, settings a replay leaves alone, which process it is.

Names are followed to whatever they are set to anywhere in the text. What is not followed may be other there.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Collection
from typing import Final

from auditor.replay.probes.dodges import KINDS, SIZES, shown
from auditor.replay.probes.identifiers import Names, last_name

RANKS: Final = frozenset(
    ("RANK", "WORLD_SIZE", "LOCAL_RANK", "is_initialized", "is_available", "get_rank", "get_world_size")
)
"""What tells one process of several, where several are run too."""

PLAIN: Final = frozenset(
    (
        "int",
        "float",
        "bool",
        "str",
        "min",
        "max",
        "abs",
        "range",
        "round",
        "isinstance",
        "hasattr",
        "tuple",
        "set",
        "frozenset",
    )
)

METHODS: Final = frozenset(("lower", "upper", "strip", "split", "startswith", "endswith", "replace"))

READS: Final = frozenset(("get", "getenv"))

SHAPED: Final = frozenset(("training", "ndim"))
"""What a model and its tensors are in a replay as in the real run."""

MAX_DEPTH: Final = 8


class Deciding:
    """What the expressions of one text hang on.

    Args:
        own: names of its functions and classes.
        changed: names of settings that the replay changes.
    """

    def __init__(self, names: Names, own: Collection[str], changed: Collection[str]) -> None:
        self._names, self._own, self._changed = names, own, changed

    def open_part(self, test: ast.expr, depth: int = 0, seen: frozenset[str] = frozenset()) -> str:
        """What of an expression may be other in the real run, or ""."""
        if depth > MAX_DEPTH:
            return f"`{shown(test)}`"
        if isinstance(test, ast.Constant):
            return ""
        if isinstance(test, (ast.Name, ast.Attribute)):
            return self._open_name(test, depth, seen)
        if isinstance(test, ast.Call):
            return self._open_call(test, depth, seen)
        if isinstance(test, ast.Compare) and isinstance(test.ops[0], (ast.Is, ast.IsNot)):
            # Whether something is there: what decides that is a fork of its own.
            left = test.left
            return "" if last_name(left) or isinstance(left, ast.Call) else self.open_part(left, depth, seen)
        if isinstance(test, ast.Compare) and last_name(test.comparators[0]) == "environ":
            return (
                self._open_setting(test.left.value)
                if isinstance(test.left, ast.Constant)
                else f"`{shown(test)}`"
            )
        if isinstance(test, ast.Subscript):
            if isinstance(test.slice, ast.Constant) and last_name(test.value) == "environ":
                return self._open_setting(test.slice.value)
            return f"`{shown(test)}`"
        if isinstance(
            test, (ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.Compare, ast.IfExp, ast.Tuple, ast.List, ast.Set)
        ):
            parts = [
                self.open_part(part, depth, seen)
                for part in ast.iter_child_nodes(test)
                if isinstance(part, ast.expr)
            ]
            return next(filter(None, parts), "")
        if isinstance(test, ast.NamedExpr):
            return self.open_part(test.value, depth, seen)
        return f"`{shown(test)}`"

    def _open_name(self, node: ast.expr, depth: int, seen: frozenset[str]) -> str:
        name = last_name(node)
        if name in KINDS | SIZES:
            return f"`{name}`"
        if isinstance(node, ast.Attribute) and not last_name(node.value):
            return f"`{shown(node)}`"
        if name in seen or name in self._own or name in SHAPED:
            return ""
        if name in self._names.unknown:
            return f"`{name}`"
        values = self._names.values.get(name)
        if values is None:
            return "" if isinstance(node, ast.Name) and hasattr(builtins, name) else f"`{name}`"
        found = (self.open_part(value, depth + 1, seen | {name}) for value in values)
        return next(filter(None, found), "")

    def _open_call(self, call: ast.Call, depth: int, seen: frozenset[str]) -> str:
        name = last_name(call.func)
        if name in RANKS or name == "dim":
            return ""
        if name in READS and call.args and isinstance(call.args[0], ast.Constant):
            return self._open_setting(call.args[0].value)
        if name == "getattr" and len(call.args) > 1 and isinstance(call.args[1], ast.Constant):
            read = ast.Name(id=str(call.args[1].value), ctx=ast.Load())
            return self._open_name(read, depth, seen)
        parts: list[ast.expr] = list(call.args)
        if isinstance(call.func, ast.Attribute) and name in METHODS:
            parts.append(call.func.value)
        elif name not in PLAIN or name in self._own:
            return f"`{shown(call)}`"
        elif name in ("isinstance", "hasattr"):
            return ""
        return next(filter(None, (self.open_part(part, depth, seen) for part in parts)), "")

    def _open_setting(self, name: object) -> str:
        if name in RANKS:
            return ""
        return f"the setting {name}, which a replay changes" if name in self._changed else ""
