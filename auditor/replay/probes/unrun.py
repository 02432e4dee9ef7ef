"""Code of the evaluation that did not run, and whether something that is other in the real run decides that.

A replay proves something of the road that it took. Of each fork that it reached after the artifact was read back, and
of which one side ran in no run at all, the test is followed to what its names are set to anywhere in the text. If all
of it is constants and settings that a replay leaves as the claimed run had them, the real run takes the same road.
If not, the real run may take the other one, which nobody has seen. That counts where it changes weights, sets what a
printed result is made of, or has the tokens at hand that become targets: what it may not do it does with these.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from auditor.replay.probes.deciding import METHODS, PLAIN, RANKS, READS, Deciding
from auditor.replay.probes.dodges import ACTS, SIZES, Dodge, shown, text_tree
from auditor.replay.probes.identifiers import Names, last_name, number_names, scopes_of, token_names
from auditor.replay.runs.run_record import Forks

CASTS: Final = frozenset(("float", "double", "half", "bfloat16", "to", "cpu", "cuda", "contiguous"))

ASIDE: Final = SIZES | {"device", "dtype"}
"""What of tokens is none of them."""

RARE: Final = 500
"""Numbers from here on may be none of a replay's tokens; those that control documents are small."""

HARMLESS: Final = frozenset(
    ("print", "log", "log0", "log_fn", "write", "flush", "info", "debug", "warning", "warn")
)


def merged(told: Iterable[Forks]) -> Forks:
    """The forks of one text over several processes and runs: a side ran if it ran in one of them."""
    found: Forks | None = None
    for forks in told:
        if found is None:
            found = dict(forks)
            continue
        found = {
            key: (_either(found[key][0], forks[key][0]), _either(found[key][1], forks[key][1]))
            for key in found.keys() & forks.keys()
        }
    return found or {}


def _either(first: str, second: str) -> str:
    return "".join(max(a, b) for a, b in zip(first, second, strict=True))


def unrun_code(
    text: str,
    forks: Forks,
    *,
    settled: Mapping[int, bool],
    changed: Collection[str],
    begun: int = 0,
) -> list[Dodge]:
    """Places whose other side never ran and may run in the real run, in order.

    Args:
        settled: lines of branches that settings of the claimed run decide, and which way.
        changed: names of settings that the replay changes.
        begun: the line of the outermost code at which the last phase began, 0 if unknown.
    """
    tree = text_tree(text)
    if tree is None:
        return []
    reading = _Reading(tree, forks, settled, changed, begun)
    found = {*reading.forked(), *reading.functions(), *reading.rare_tokens()}
    return sorted(found, key=lambda dodge: dodge.line)


class _Reading:
    """One text with what ran of it."""

    def __init__(
        self,
        tree: ast.Module,
        forks: Forks,
        settled: Mapping[int, bool],
        changed: Collection[str],
        begun: int,
    ) -> None:
        self._forks, self._settled = forks, settled
        self._begun = begun
        self._scopes = dict(scopes_of(tree, None))
        self._names = Names.of(tree, self._scopes)
        self._tree = tree
        self._above: dict[ast.AST, ast.AST] = {
            child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)
        }
        self._after = dict(_following(tree))
        self._own = {n.name for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
        self._deciding = Deciding(self._names, self._own, changed)
        self._active = _active_functions(tree)
        self._tokens = token_names(tree, self._names, self._scopes)
        self._numbers = number_names(tree, self._names, self._scopes)
        self._dead = set(self._unrun_nodes())

    def _at(self, node: ast.AST) -> tuple[str, str] | None:
        return self._forks.get((node.lineno, node.col_offset, type(node).__name__))  # type: ignore[attr-defined]

    def _unrun_nodes(self) -> Iterator[ast.AST]:
        """Every node of a side that never ran."""
        for node in ast.walk(self._tree):
            told = self._at(node) if hasattr(node, "lineno") else None
            if told is None:
                continue
            for number, side in enumerate(_sides(node, self._after.get(node, ()))):
                if told[1][number] == "0":
                    for part in side:
                        yield from ast.walk(part)

    def forked(self) -> Iterator[Dodge]:
        """Forks that were reached at last, one side of which never ran although the real run may take it."""
        for node in ast.walk(self._tree):
            told = self._at(node) if hasattr(node, "lineno") and type(node) in _TESTS else None
            if told is None or node in self._dead:
                continue
            last, ever = told
            if "1" not in last:
                continue
            for number, side in enumerate(_sides(node, self._after.get(node, ()))):
                if ever[number] == "0" and side and self._matters(node, side):
                    test = _TESTS[type(node)](node, number)
                    open_ = self._deciding.open_part(test) if test is not None else "an exception"
                    way = ever[0] == "1"
                    if open_ and self._settled.get(node.lineno) is not way:  # type: ignore[attr-defined]
                        what = shown(test) if test is not None else "try"
                        line = side[0].lineno  # type: ignore[attr-defined]
                        why = f"`{what}` hangs on {open_}; line {line} ran in no run"
                        yield Dodge(node.lineno, why)  # type: ignore[attr-defined]
                        break

    def functions(self) -> Iterator[Dodge]:
        """Functions that never ran although code of the last phase that ran names them."""
        for node in ast.walk(self._tree):
            if (
                isinstance(node, (ast.FunctionDef, ast.Lambda))
                and (told := self._at(node))
                and told[1] == "0"
            ):
                if node in self._dead:
                    continue
                if not self._acts_in(node):
                    continue
                if isinstance(node, ast.Lambda):
                    if self._ran_at_last(self._above[node], node):
                        yield Dodge(node.lineno, f"`{shown(node)}` is made here and ran in no run")
                elif (by := self._named(node.name, node)) is not None:
                    yield Dodge(by, f"`{node.name}` is named here and ran in no run: line {node.lineno}")

    def rare_tokens(self) -> Iterator[Dodge]:
        """Tests of tokens against a number that is none in a replay: a mask is a fork that no statement shows."""
        for node in ast.walk(self._tree):
            if not isinstance(node, ast.Compare) or node in self._dead:
                continue
            sides = [node.left, *node.comparators]
            large = [
                s for s in sides if isinstance(s, ast.Constant) and type(s.value) is int and s.value >= RARE
            ]
            if large and any(
                isinstance(s, (ast.Name, ast.Subscript)) and self._holds_tokens(s) for s in sides
            ):
                yield Dodge(
                    node.lineno, f"`{shown(node)}` holds tokens against a number that none is in a replay"
                )

    # -- what a side does

    def _matters(self, node: ast.AST, side: Sequence[ast.AST]) -> bool:
        """Whether a side changes weights, has tokens of targets at hand, or sets what a result is made of."""
        return any(
            self._acts_in(part) or self._holds_tokens(part) or self._sets_number(part) for part in side
        )

    def _sets_number(self, part: ast.AST) -> bool:
        return any(
            isinstance(inner, ast.Name)
            and isinstance(inner.ctx, ast.Store)
            and (inner.id, self._scopes.get(inner)) in self._numbers
            for inner in ast.walk(part)
        )

    def _holds_tokens(self, part: ast.AST) -> bool:
        if isinstance(part, (ast.Raise, ast.Assert)):
            return False
        if isinstance(part, ast.Call) and (self._is_harmless(part) or last_name(part.func) == "len"):
            return False
        if isinstance(part, ast.Attribute) and part.attr in ASIDE:
            return False
        if isinstance(part, ast.Name) and (part.id, self._scopes.get(part)) in self._tokens:
            return True
        if isinstance(part, ast.Attribute) and (part.attr, None) in self._tokens:
            return True
        return any(self._holds_tokens(inner) for inner in ast.iter_child_nodes(part))

    def _is_harmless(self, call: ast.Call) -> bool:
        name = last_name(call.func)
        return name in HARMLESS or (name not in self._own and name in PLAIN | METHODS | READS | RANKS)

    def _acts_in(self, node: ast.AST) -> bool:
        """Whether something there changes weights, by itself or in a function of the text that it names."""
        return any(_acts(inner) or _mentioned(inner) in self._active for inner in ast.walk(node))

    def _named(self, name: str, own: ast.AST) -> int | None:
        """The line of code of the last phase that ran and names a function, or None."""
        if not name:
            return None
        for node in ast.walk(self._tree):
            if isinstance(node, (ast.Name, ast.Attribute)) and last_name(node) == name:
                if isinstance(node.ctx, ast.Load) and node not in self._dead and self._ran_at_last(node, own):
                    return node.lineno
        return None

    def _ran_at_last(self, node: ast.AST, own: ast.AST) -> bool:
        """Whether the innermost function around a node ran in the last phase, or was running when it began."""
        above: ast.AST | None = node
        while above is not None and above is not own:
            if isinstance(above, (ast.FunctionDef, ast.Lambda)):
                told = self._at(above)
                if told is None or told[0] == "1":
                    return True
                end = above.end_lineno or above.lineno
                return above.lineno <= self._begun <= end and node.lineno >= self._begun  # type: ignore[attr-defined]
            above = self._above.get(above)
        return False


def _acts(node: ast.AST) -> bool:
    """A step backwards or of an optimiser, weights loaded or exchanged, a write to `.data`."""
    if isinstance(node, ast.Call):
        return last_name(node.func) in ACTS
    if not isinstance(node, (ast.Assign, ast.AugAssign)):
        return False
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return any(
        isinstance(t, ast.Attribute) and t.attr == "data" and not _is_cast(t, node.value) for t in targets
    )


def _is_cast(target: ast.Attribute, value: ast.expr) -> bool:
    """`x.data = x.data.float()` and the like, with no argument that is a tensor."""
    return (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Attribute)
        and value.func.attr in CASTS
        and ast.unparse(value.func.value) == ast.unparse(target)
    )


def _mentioned(node: ast.AST) -> str:
    loaded = isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load)
    return last_name(node) if loaded else ""  # type: ignore[arg-type]


def _active_functions(tree: ast.Module) -> set[str]:
    """Names of functions that change weights, or name one that does."""
    parts = {
        n: [*ast.walk(n)] for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    active = {function.name for function, inner in parts.items() if any(map(_acts, inner))}
    while True:
        more = {
            f.name
            for f, inner in parts.items()
            if f.name not in active and active & set(map(_mentioned, inner))
        }
        if not more:
            return {name for name in active if name != "main" and not name.startswith("__")}
        active |= more


def _sides(node: ast.AST, after: Sequence[ast.stmt] = ()) -> list[list[ast.AST]]:
    """The sides of a fork as they are numbered; a side that is only "reached" is empty.

    Args:
        after: the statements behind it in its block, which belong to the other side of an `if` that leaves.
    """
    if isinstance(node, ast.If):
        leaves = isinstance(node.body[-1], (ast.Return, ast.Continue, ast.Break, ast.Raise))
        return [list(node.body), [*node.orelse, *(after if leaves else ())]]
    if isinstance(node, ast.IfExp):
        return [[node.body], [node.orelse]]
    if isinstance(node, (ast.For, ast.AsyncFor, ast.While)):
        return [[], list(node.body)]
    found: list[list[ast.AST]] = [[]]
    if isinstance(node, (ast.Try, ast.TryStar)):
        found += [[*handler.body] for handler in node.handlers]
    elif isinstance(node, ast.Match):
        found += [[*case.body] for case in node.cases]
    elif isinstance(node, ast.BoolOp):
        found += [[value] for value in node.values[1:]]
    elif isinstance(node, ast.FunctionDef):
        return [list(node.body)]
    elif isinstance(node, ast.Lambda):
        return [[node.body]]
    return found


def _following(tree: ast.Module) -> Iterator[tuple[ast.AST, Sequence[ast.stmt]]]:
    """Each `if` with the statements behind it in its block."""
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody", "handlers"):
            block = getattr(node, name, None)
            if isinstance(block, list):
                for index, statement in enumerate(block):
                    if isinstance(statement, ast.If):
                        yield statement, block[index + 1 :]


def _operands_before(node: ast.BoolOp, number: int) -> ast.expr:
    first = node.values[:number]
    return first[0] if len(first) == 1 else ast.copy_location(ast.BoolOp(op=node.op, values=first), node)


_TESTS: Final[dict[type, Callable[..., ast.expr | None]]] = {
    ast.If: lambda node, _: node.test,
    ast.IfExp: lambda node, _: node.test,
    ast.For: lambda node, _: node.iter,
    ast.AsyncFor: lambda node, _: node.iter,
    ast.While: lambda node, _: node.test,
    ast.Match: lambda node, _: node.subject,
    ast.Try: lambda node, _: None,
    ast.TryStar: lambda node, _: None,
    ast.BoolOp: _operands_before,
}
"""What decides between the sides of a fork, given the number of the side that did not run."""
