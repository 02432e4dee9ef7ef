"""What the texts of a block's statements say of arrays that are stored into side by side, and of checks on them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from auditor.program.walk import called_name, walk

ASKS = frozenset(["any", "item", "numel", "sum", "flatten", "nonzero", "cpu", "tolist", "bool", "len", "int"])
"""Functions and methods through which a test asks whether an array holds anything but zeros, or has any element."""
CONVERTS = ("bool", "item", "cpu")
"""Those that leave an answer as it is."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two statements, one behind the other, that store at the same places of two arrays.

    Attributes:
        first: what the first one stores into: `targets[row, a:b]`, `scores[places]`.
        second: the same of the second: `places[row, a:b]`, `times[places]`.
        content: the part of an array that the first stores, where the second stores the positions of that part;
            None where the second adds one.
        positions: what makes these positions, by its name `arange`.
    """

    first: ast.Subscript
    second: ast.Subscript
    content: ast.Subscript | None = None
    positions: ast.expr | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """An array of which a statement asks that each entry is 1, the first aside.

    Attributes:
        array: as a text.
        through: the functions that the test hands it to, which must be what their names say.
    """

    array: ast.expr
    through: tuple[ast.expr, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """What was read of a block.

    Attributes:
        pairs: the stores side by side.
        checks: by the identity of a statement, arrays of which it asks that each entry is 1, the first aside, and
            that raises an error otherwise.
    """

    pairs: tuple[Pair, ...]
    checks: dict[int, tuple[Counted, ...]]


def read_block(body: Sequence[ast.stmt]) -> Block:
    """Read the statements of one block."""
    pairs = [pair for first, second in pairwise(body) for pair in pairs_of(first, second)]
    checks = {id(statement): tuple(counted(statement, body)) for statement in body}
    return Block(tuple(pairs), {key: arrays for key, arrays in checks.items() if arrays})


def pairs_of(first: ast.stmt, second: ast.stmt) -> Iterator[Pair]:
    if not isinstance(first, ast.Assign) or len(first.targets) != 1:
        return
    target = first.targets[0]
    other = second.targets[0] if isinstance(second, ast.Assign) else getattr(second, "target", None)
    if not isinstance(target, ast.Subscript) or not isinstance(other, ast.Subscript):
        return
    if ast.dump(target.slice) != ast.dump(other.slice) or not is_lookup(target.slice):
        return
    if isinstance(second, ast.AugAssign):
        if isinstance(second.op, ast.Add) and is_number(second.value, 1):
            yield Pair(target, other)
    elif isinstance(second, ast.Assign) and is_position_range(first.value, second.value):
        assert isinstance(first.value, ast.Subscript) and isinstance(second.value, ast.Call)
        yield Pair(target, other, first.value, second.value.func)


def is_position_range(content: ast.expr, positions: ast.expr) -> bool:
    """Whether these are `tokens[begin:end]` and `arange(begin, end)`."""
    if not isinstance(content, ast.Subscript) or not isinstance(content.slice, ast.Slice):
        return False
    part = content.slice
    if not isinstance(positions, ast.Call) or positions.keywords or part.step is not None:
        return False
    if (
        called_name(positions) != "arange"
        or len(positions.args) != 2
        or part.lower is None
        or part.upper is None
    ):
        return False
    begin, end = positions.args
    same = ast.dump(begin) == ast.dump(part.lower) and ast.dump(end) == ast.dump(part.upper)
    return same and is_lookup(begin) and is_lookup(end)


def is_lookup(node: ast.expr) -> bool:
    """Whether an expression does nothing but look up names and attributes and calculate with them."""
    plain = (
        *(ast.Name, ast.Attribute, ast.Constant, ast.BinOp, ast.UnaryOp, ast.Slice, ast.Tuple),
        *(ast.operator, ast.unaryop, ast.expr_context),
    )
    return all(isinstance(part, plain) for part in walk(node))


def is_number(node: ast.expr, number: int) -> bool:
    return isinstance(node, ast.Constant) and type(node.value) is int and node.value == number


# checks
def counted(statement: ast.stmt, body: Sequence[ast.stmt]) -> Iterator[Counted]:
    """The arrays of which a statement asks that each entry is 1, and that ends the script otherwise."""
    if isinstance(statement, ast.If) and statement.body and isinstance(statement.body[-1], ast.Raise):
        test = statement.test
        for part in test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or) else [test]:
            yield from unequal(part, statement, body)
    elif isinstance(statement, ast.Assert):
        test = statement.test
        for part in test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test]:
            yield from equal(part)


def unequal(node: ast.expr, statement: ast.If, body: Sequence[ast.stmt]) -> Iterator[Counted]:
    """The array that a test is true of where one of its entries is not 1."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield from equal(node.operand)
        return
    through: list[ast.expr] = []
    node = asked(node, through)
    if isinstance(node, ast.Name):
        source = only_source(node.id, statement, body)
        if source is None:
            return
        node = asked(source, through)
    if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.NotEq):
        yield from compared(node, through)


def equal(node: ast.expr) -> Iterator[Counted]:
    """The array that a test is true of only where all its entries are 1: `(times[1:] == 1).all()`."""
    through: list[ast.expr] = []
    while isinstance(node, ast.Call) and called_name(node) in (*CONVERTS, "all"):
        every = called_name(node) == "all"
        inner = asked_about(node, through)
        if inner is None:
            return
        if every and isinstance(inner, ast.Compare) and isinstance(inner.ops[0], ast.Eq):
            yield from compared(inner, through)
        if every:
            return
        node = inner


def asked(node: ast.expr, through: list[ast.expr]) -> ast.expr:
    """What a test asks about: `int((times != 1).sum()) > 0` asks about `times != 1`, through `int`."""
    while True:
        if (
            isinstance(node, ast.Compare)
            and len(node.ops) == 1
            and isinstance(node.left, ast.Call)
            and isinstance(node.ops[0], (ast.Gt, ast.NotEq))
            and is_number(node.comparators[0], 0)
        ):
            node = node.left
        inner = (
            asked_about(node, through) if isinstance(node, ast.Call) and called_name(node) in ASKS else None
        )
        if inner is None:
            return node
        node = inner


def asked_about(node: ast.Call, through: list[ast.expr]) -> ast.expr | None:
    """What a call asks about: its one argument, or what its method is called on; None for any other call."""
    if node.keywords or len(node.args) > 1:
        return None
    if node.args:
        through.append(node.func)
        return node.args[0]
    return node.func.value if isinstance(node.func, ast.Attribute) else None


def compared(node: ast.Compare, through: Sequence[ast.expr]) -> Iterator[Counted]:
    """The array of `times[1:] == 1`, or of the same without the slice."""
    if len(node.ops) != 1 or not is_number(node.comparators[0], 1):
        return
    array = node.left
    if isinstance(array, ast.Subscript):
        part = array.slice
        if not isinstance(part, ast.Slice) or part.upper is not None or part.step is not None:
            return
        if part.lower is not None and not is_number(part.lower, 0) and not is_number(part.lower, 1):
            return
        array = array.value
    if is_lookup(array):
        yield Counted(array, tuple(through))


def only_source(name: str, statement: ast.If, body: Sequence[ast.stmt]) -> ast.expr | None:
    """What a name was assigned, where it is assigned once in the block and asked in no other statement."""
    source: ast.expr | None = None
    for other in body:
        if other is statement:
            continue
        if (
            isinstance(other, ast.Assign)
            and [ast.unparse(t) for t in other.targets] == [name]
            and source is None
        ):
            source = other.value
        elif any(isinstance(part, ast.Name) and part.id == name for part in walk(other)):
            return None
    return source
