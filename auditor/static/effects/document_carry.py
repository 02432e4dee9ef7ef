"""What a forward pass carries from one position to the next, whichever document that one belongs to.

The bodies of modules are not followed; their text is looked at once. Sought is a sum of a tensor of embeddings
and the same tensor one position earlier (`x[:, 1:] + g * x[:, :-1]`, or a shifted copy by `cat`, `pad` or
`roll`) in a function that asks nothing about where documents begin.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from auditor.program.walk import walk
from auditor.static.domain.heap import Class, Obj
from auditor.static.effects.events import Scoring
from auditor.static.interpreter.machine import Machine
from auditor.trace.events import Carry, Place

IDENTIFIERS = re.compile(r"ids?\b|_ids|tok(en)?s?\b|idx|target|label", re.IGNORECASE)
"""Names of token ids: hashing a token with the one before it makes an input, no state."""
ASKS = re.compile(r"bos|boundar|doc|cu_?seq|segment|same_seq|reset", re.IGNORECASE)
SHIFTS = frozenset(["roll"])
MAX_STEPS_BACK = 2
"""Assignments followed back from a gate to its mask; further back stands the whole forward pass."""


class Boundaries:
    """Notes what crosses positions inside modules."""

    def __init__(self, machine: Machine, scoring: Scoring) -> None:
        self.recorder = machine.recorder
        self.scoring = scoring
        self.carries: dict[int, tuple[tuple[str, Place], ...]] = {}

    def note_carries(self, module: Obj, node: ast.AST) -> None:
        """Record what the module carries across positions, each place once."""
        if module.cls is None:
            return
        for what, place in self.carries_of(module.cls, frozenset()):
            if place not in self.scoring.known_carries:
                event = Carry(**{**self.recorder.common(node), "place": place}, what=what)  # type: ignore[arg-type]
                self.recorder.record(event)
                self.scoring.known_carries[place] = event.number

    def carries_of(self, cls: Class, seen: frozenset[int]) -> tuple[tuple[str, Place], ...]:
        """The class and method and the place of each carry in a class and in the classes that it mentions."""
        key = id(cls.node)
        known = self.carries.get(key)
        if known is not None or key in seen:
            return known or ()
        found = []
        for method in cls.methods.values():
            for expression in carrying(method.node):
                place = Place(cls.path, cls.layer, expression.lineno, expression.col_offset)
                found.append((f"{cls.node.name}.{getattr(method.node, 'name', 'lambda')}", place))
        for name in names_in(cls.node):
            scope = cls.env.find(name)
            inner = scope.d[name] if scope is not None else None
            if isinstance(inner, Class) and inner.is_module:
                found.extend(self.carries_of(inner, seen | {key}))
        self.carries[key] = tuple(dict.fromkeys(found))
        return self.carries[key]


def carrying(function: ast.AST) -> Iterator[ast.expr]:
    """Sums of a tensor and its earlier self that nothing about where documents begin has a part in."""
    if not any(is_shifting(node) for node in walk(function)):
        return
    copies = shifted_names(function)
    sources = assigned_names(function)
    aliases = {
        node.targets[0].id: node.value.id
        for node in walk(function)
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Name)
    }
    for node in walk(function):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            sides = (node.left, node.right)
        elif isinstance(node, ast.Call) and callee(node) == "lerp" and len(node.args) >= 2:
            sides = (node.args[0], node.args[1])
        else:
            continue
        for now, before in (sides, sides[::-1]):
            base = shifted_in(before, copies)
            if base is None or not mentions(now, base, copies):
                continue
            if any(IDENTIFIERS.search(name) for name in (base, aliases.get(base, base))):
                continue
            if not any(ASKS.search(name) for name in names_behind(node, sources, base)):
                yield node
                break


def names_in(node: ast.AST) -> set[str]:
    return {n.id for n in walk(node) if isinstance(n, ast.Name)}


def assigned_names(function: ast.AST) -> dict[str, set[str]]:
    """For each local name the names that stand in what it is assigned."""
    found: dict[str, set[str]] = {}
    for node in walk(function):
        if isinstance(node, (ast.Assign, ast.AugAssign)):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    found.setdefault(target.id, set()).update(names_in(node.value))
    return found


def names_behind(expression: ast.expr, sources: dict[str, set[str]], base: str) -> set[str]:
    """The names in an expression and, the tensor itself aside, those that its parts were computed from."""
    found = names_in(expression)
    frontier = [name for name in found if name != base]
    for _ in range(MAX_STEPS_BACK):
        frontier = [n for name in frontier for n in sources.get(name, ()) if n not in found and n != base]
        found.update(frontier)
    return found


def shifted_names(function: ast.AST) -> dict[str, str]:
    """Names that hold a tensor one position earlier, and that tensor's name."""
    found: dict[str, str] = {}
    for node in walk(function):
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
            name = target.value if isinstance(target, ast.Subscript) else target
            base = shifted_in(node.value, {})
            sums = any(isinstance(n, ast.BinOp) and isinstance(n.op, ast.Add) for n in walk(node.value))
            if isinstance(name, ast.Name) and base is not None and base != name.id and not sums:
                found[name.id] = base
    return found


def shifted_in(expression: ast.expr, copies: dict[str, str]) -> str | None:
    """The tensor whose earlier self stands in an expression."""
    for node in walk(expression):
        if isinstance(node, ast.Name) and node.id in copies:
            return copies[node.id]
        if is_shifting(node):
            return ast.unparse(node.args[0] if isinstance(node, ast.Call) else node.value)  # type: ignore[attr-defined]
    return None


def is_shifting(node: ast.AST) -> bool:
    """Whether an expression is a tensor one position earlier."""
    if isinstance(node, ast.Subscript):
        return is_shift(node.slice)
    return isinstance(node, ast.Call) and callee(node) in SHIFTS and bool(node.args)


def is_shift(index: ast.expr) -> bool:
    """`[:, :-1]`, with more axes behind or none."""
    parts = index.elts if isinstance(index, ast.Tuple) else [index]
    if len(parts) < 2 or not isinstance(parts[1], ast.Slice):
        return False
    upper = parts[1].upper
    return parts[1].lower is None and upper is not None and ast.unparse(upper) == "-1"


def mentions(expression: ast.expr, base: str, copies: dict[str, str]) -> bool:
    """Whether the tensor itself stands in the expression, not only its earlier self."""
    return any(
        ast.unparse(node) == base
        for node in walk(expression)
        if isinstance(node, (ast.Name, ast.Attribute)) and shifted_in(expression, copies) is None
    )


def callee(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
