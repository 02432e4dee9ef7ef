"""Where a script may do otherwise in the real run than in a replay: read off its text and the branches that ran.

A replay proves something of the road that it took. It takes another one where the real run's stream is longer, its
numbers are of another type, its device has a name, its host, clock or table of modules are others: a branch decided
by one of these whose other side changes weights was not replayed, and a position that one of them shifts is
not the real one.
"""

from __future__ import annotations

import ast
import functools
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

SIZES: Final = frozenset(
    [
        "numel",
        "nelement",
        "shape",
        "size",
        "len",
        "vocab_size",
        "num_embeddings",
        "get_piece_size",
        "GetPieceSize",
        "world_size",
        "get_world_size",
    ]
)
"""What is smaller here than in the real run."""

KINDS: Final = frozenset(
    [
        "element_size",
        "itemsize",
        "get_device_name",
        "get_device_properties",
        "get_device_capability",
        "gethostname",
        "uname",
        "node",
        "getpid",
        "getuser",
        "modules",
        "time",
        "time_ns",
        "perf_counter",
        "monotonic",
        "now",
    ]
)
"""What is another thing here than in the real run."""

LARGE: Final = 100_000
"""Whole numbers that no size of a replay reaches, and sizes of a real run do."""

ACTS: Final = frozenset(("backward", "step", "load_state_dict", "swap_tensors"))
SHIFTING: Final = frozenset(("narrow", "roll", "index_select", "arange", "gather", "take"))


@dataclass(frozen=True, slots=True)
class Dodge:
    """One such place: its line, and what stands there."""

    line: int
    why: str


def shifted_positions(text: str) -> list[Dodge]:
    """Places where tokens are chosen by something that differs between a replay and the real run."""
    found = []
    for scope in _scopes(text):
        values = _values(scope)
        for node in _own_nodes(scope):
            for chosen in _choosers(node):
                told = _telling_kind(chosen, values) or _vanishing(chosen, values)
                if told:
                    found.append(Dodge(chosen.lineno, f"tokens are chosen by {told}: `{shown(node)}`"))
    return list(dict.fromkeys(found))


def untaken_acts(text: str, branches: Mapping[int, bool]) -> list[Dodge]:
    """Branches decided by such things whose other side changes weights and did not run.

    Args:
        branches: the one way that each `if` went that only went one way, by line.
    """
    found = []
    for scope in _scopes(text):
        values = _values(scope)
        for block in _blocks(scope):
            for index, statement in enumerate(block):
                if not isinstance(statement, ast.If) or statement.lineno not in branches:
                    continue
                told = _telling_kind(statement.test, values) or _telling_size(statement.test, values)
                other = _other_side(statement, block[index + 1 :], taken=branches[statement.lineno])
                act = next((line for node in other for line in _acts(node)), None)
                if told and act is not None:
                    test = shown(statement.test)
                    why = (
                        f"`if {test}` hangs on {told}; its other side, which did not run, acts at line {act}"
                    )
                    found.append(Dodge(statement.lineno, why))
    return found


PROCESSES: Final = frozenset(
    ("world_size", "rank", "local_rank", "get_world_size", "get_rank", "WORLD_SIZE", "RANK")
)


def counts_processes(text: str) -> list[Dodge]:
    """Places that hold the number of processes, or which one it is, against a number above 1."""
    found = []
    for scope in _scopes(text):
        values = _values(scope)
        for node in _own_nodes(scope):
            sides: list[ast.expr] = []
            if isinstance(node, ast.Compare):
                sides = [node.left, *node.comparators]
            elif isinstance(node, ast.BinOp) and isinstance(
                node.op, (ast.FloorDiv, ast.RShift, ast.Mod, ast.Sub)
            ):
                sides = [node.left, node.right] if not isinstance(node.left, ast.Constant) else []
            numbers = [
                s for s in sides if isinstance(s, ast.Constant) and type(s.value) is int and s.value > 1
            ]
            others = [s for s in sides if not isinstance(s, ast.Constant)]
            if numbers and any(set(_names(side, values)) & PROCESSES for side in others):
                found.append(Dodge(node.lineno, f"`{shown(node)}` counts processes"))  # type: ignore[attr-defined]
    return found


def names_the_harness(text: str) -> list[Dodge]:
    """Strings of the text that name this program's own parts."""
    tree = text_tree(text)
    if tree is None:
        return []
    return [
        Dodge(node.lineno, f"it names the harness: {node.value[:60]!r}")
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and any(word in node.value for word in ("auditor.replay", "__replay_", "_replay_nodes"))
    ]


REFLECTIVE: Final = frozenset((
    "__get__", "__closure__", "__globals__", "__code__", "__self__", "__func__", "__wrapped__",
    "__subclasses__", "cell_contents", "_getframe", "_current_frames", "f_back", "f_locals", "f_globals",
    "tb_frame", "gi_frame", "get_objects", "get_referrers", "get_referents", "currentframe",
    "getclosurevars", "settrace", "setprofile", "_get_current_function_mode",
    "_get_current_function_mode_stack", "_pop_mode", "__torch_function__", "__traceback__", "exc_info",
    "pythonapi", "addaudithook", "DisableTorchFunction",
))  # fmt: skip
"""How Python reaches what stands around a program: the callers of its functions, what functions keep, every object."""


def reflections(text: str) -> list[Dodge]:
    """Places where a text reaches for what stands around it: by a name, or by the text of one."""
    tree = text_tree(text)
    if tree is None:
        return []
    found = []
    for node in ast.walk(tree):
        name = ""
        if isinstance(node, ast.Attribute):
            name = node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            name = node.value
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            name = next((alias.name for alias in node.names if alias.name in REFLECTIVE), "")
        if name in REFLECTIVE:
            found.append(Dodge(node.lineno, f"it reaches for what stands around it: `{name}`"))  # type: ignore[attr-defined]
    return sorted(found, key=lambda dodge: dodge.line)


COMPUTED: Final = frozenset(("getattr", "eval", "ctypes"))
COMPUTED_ATTRIBUTES: Final = frozenset(
    ("attrgetter", "methodcaller", "__getattribute__", "CDLL", "Unpickler")
)
"""How a text reaches an attribute by a name that does not stand in it: by itself, and on something."""


def computed_names(text: str) -> list[Dodge]:
    """Places that may reach anything: the name of what they reach is computed. An attribute of `torch` is none."""
    tree = text_tree(text)
    if tree is None:
        return [Dodge(1, "the text cannot be read")]
    found = []
    for node in ast.walk(tree):
        by_itself = isinstance(node, ast.Name) and node.id in COMPUTED | COMPUTED_ATTRIBUTES
        if by_itself or (isinstance(node, ast.Attribute) and node.attr in COMPUTED_ATTRIBUTES):
            found.append(node)
    written = _written(tree)
    plain = {
        call.func
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and len(call.args) > 1
        and (_is_known(call.args[1], written) or ast.unparse(call.args[0]) in ("torch", "np", "numpy"))
    }
    told = [
        Dodge(node.lineno, f"`{shown(node)}` may reach anything")  # type: ignore[attr-defined]
        for node in found
        if node not in plain
    ]
    return sorted(told, key=lambda dodge: dodge.line)


def _is_known(name: ast.expr, written: Collection[str]) -> bool:
    return isinstance(name, ast.Constant) or (isinstance(name, ast.Name) and name.id in written)


def _written(tree: ast.Module) -> set[str]:
    """Names that stand for one text that is written there, and for nothing else."""
    texts = {
        statement.targets[0].id
        for statement in tree.body
        if isinstance(statement, ast.Assign)
        and len(statement.targets) == 1
        and isinstance(statement.targets[0], ast.Name)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
        and statement.value.value not in REFLECTIVE
    }
    bound = Counter(
        node.id if isinstance(node, ast.Name) else node.arg
        for node in ast.walk(tree)
        if (isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)) or isinstance(node, ast.arg)
    )
    return {name for name in texts if bound[name] == 1}


def _other_side(statement: ast.If, rest: list[ast.stmt], *, taken: bool) -> list[ast.stmt]:
    """Statements that would run if the test went the other way, and do not run as it goes."""
    if not taken:
        return statement.body
    leaves = isinstance(statement.body[-1], (ast.Return, ast.Continue, ast.Break, ast.Raise))
    return [*statement.orelse, *(rest if leaves else [])]


def _acts(node: ast.AST) -> Iterator[int]:
    """Lines that change weights: a step backwards or of an optimiser, a gradient, a write to `.data`."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Call):
            name = ast.unparse(inner.func)
            if name.endswith("autograd.grad") or name.rpartition(".")[2] in ACTS or ".data." in name:
                yield inner.lineno
        elif isinstance(inner, (ast.Assign, ast.AugAssign)):
            targets = inner.targets if isinstance(inner, ast.Assign) else [inner.target]
            if any(isinstance(target, ast.Attribute) and target.attr == "data" for target in targets):
                yield inner.lineno


def _choosers(node: ast.AST) -> Iterator[ast.expr]:
    """Expressions by which elements are chosen."""
    if isinstance(node, ast.Subscript):
        yield node.slice
    elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in SHIFTING:
        yield from node.args


def _telling_kind(node: ast.expr, values: Mapping[str, list[ast.expr]]) -> str:
    """What in an expression is another thing in the real run, or ""."""
    for name in _names(node, values):
        if name in KINDS:
            return {"modules": "the table of modules"}.get(name, f"`{name}`")
    return ""


def _telling_size(node: ast.expr, values: Mapping[str, list[ast.expr]]) -> str:
    """A size in a test that a number is held against, or ""."""
    has_number = any(
        isinstance(n, ast.Constant) and type(n.value) is int and n.value > 1 for n in ast.walk(node)
    )
    for name in _names(node, values):
        if has_number and name in SIZES:
            return f"the size `{name}`"
    return ""


def _vanishing(node: ast.expr, values: Mapping[str, list[ast.expr]]) -> str:
    """A size divided by a number that no size of a replay reaches, or ""."""
    for part in _resolved(node, values):
        for inner in ast.walk(part):
            if isinstance(inner, ast.BinOp) and isinstance(inner.op, (ast.FloorDiv, ast.RShift)):
                large = isinstance(inner.right, ast.Constant) and type(inner.right.value) is int
                limit = LARGE if isinstance(inner.op, ast.FloorDiv) else LARGE.bit_length() - 1
                if large and inner.right.value >= limit and set(_names(inner.left, values)) & SIZES:  # type: ignore[attr-defined]
                    return f"`{shown(inner)}`, which is 0 in a replay"
    return ""


def _names(node: ast.expr, values: Mapping[str, list[ast.expr]]) -> Iterator[str]:
    """Names and attributes in an expression, and in what its local names were last set to."""
    for part in _resolved(node, values):
        for inner in ast.walk(part):
            if isinstance(inner, ast.Attribute):
                yield inner.attr
            elif isinstance(inner, ast.Name):
                yield inner.id


def _resolved(node: ast.expr, values: Mapping[str, list[ast.expr]]) -> list[ast.expr]:
    named = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
    return [node, *(value for name in sorted(named) for value in values.get(name, ()))]


def _values(scope: ast.AST) -> dict[str, list[ast.expr]]:
    """What each local name is set to by a plain assignment."""
    found: dict[str, list[ast.expr]] = {}
    for node in _own_nodes(scope):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            if not isinstance(node.value, (ast.Call, ast.Subscript)) or _is_small(node.value):
                found.setdefault(node.targets[0].id, []).append(node.value)
    return found


def _is_small(node: ast.expr) -> bool:
    """A call or subscript that is a number read off something, not a tensor made of many things."""
    return sum(1 for _ in ast.walk(node)) <= 12


def _scopes(text: str) -> Iterator[ast.AST]:
    tree = text_tree(text)
    if tree is None:
        return
    yield tree
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def _own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    """Nodes of a scope without those of functions inside it."""
    waiting = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        yield node
        waiting.extend(ast.iter_child_nodes(node))


def _blocks(scope: ast.AST) -> Iterator[list[ast.stmt]]:
    for node in (scope, *_own_nodes(scope)):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                yield block


@functools.lru_cache(maxsize=4)
def text_tree(text: str) -> ast.Module | None:
    """The tree of a text; None where it cannot be parsed."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return None


def shown(node: ast.AST) -> str:
    """The beginning of a piece of code in one line."""
    return ast.unparse(node)[:80]
