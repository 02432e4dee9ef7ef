"""Which environment variables a program reads, with which default, and which names their values get.

Reads the tree only; nothing is evaluated. The map from attribute to variable (`ttt_epochs` ← `TTT_EPOCHS`) is
what ties the hyperparameters that a log prints to the variables that set them (`configuration`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from auditor.program.model import Program
from auditor.program.walk import Mentions

_CONVERSIONS: Final = frozenset({"int", "float", "bool", "str", "Path"})
_TEXT_METHODS: Final = frozenset({"strip", "lower", "upper", "lstrip", "rstrip"})


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentRead:
    """One place that reads an environment variable.

    Attributes:
        name: the variable.
        default: the text the variable is taken to hold when unset, or None (no default, or a computed one).
        targets: names that get the value with no more than a conversion: variables, attributes, keywords.
        layer, line: where.
        true_text, false_text: what the variable holds when the target is True or False: ("true", "0") for
            `os.environ.get(n, "") == "true"`.
    """

    name: str
    default: str | None
    targets: tuple[str, ...]
    layer: int
    line: int
    true_text: str = "1"
    false_text: str = "0"


@dataclass(frozen=True, slots=True)
class _Helper:
    """A function that reads the variable named by one of its parameters."""

    name_index: int
    name_keyword: str
    default_index: int | None
    default_keyword: str | None
    default: str | None


def environment_reads(program: Program) -> list[EnvironmentRead]:
    """Return every read of an environment variable by a name that stands in the text, in layer and line
    order.

    Follows `os.environ.get`, `os.getenv`, `os.environ[...]`, aliases of these, and functions of the program
    that pass a parameter on as the name (`_env_bool("X", False)`).
    """
    reads: list[EnvironmentRead] = []
    for layer in program.layers:
        if layer.module is None or ("environ" not in layer.text and "getenv" not in layer.text):
            continue
        collector = _Collector(layer.index, layer.text)
        collector.learn(layer.module)
        collector.collect(layer.module)
        reads.extend(collector.reads)
    return sorted(reads, key=lambda read: (read.layer, read.line, read.name))


def variable_of(reads: list[EnvironmentRead]) -> dict[str, EnvironmentRead]:
    """Return the read behind each target name; the variable's own name in lower case counts as one.

    A target that two variables feed is left out: which of them it shows is not known.
    """
    found: dict[str, EnvironmentRead] = {}
    ambiguous: set[str] = set()
    for read in reads:
        for target in read.targets:
            if target in found and found[target].name != read.name:
                ambiguous.add(target)
            found.setdefault(target, read)
    for target in ambiguous:
        del found[target]
    for read in reads:
        found.setdefault(read.name.lower(), read)
        found.setdefault(read.name, read)
    return found


class _Collector:
    def __init__(self, layer: int, text: str) -> None:
        self.layer = layer
        self._text = text
        self._mentions = self._mentioning()
        self.reads: list[EnvironmentRead] = []
        self._helpers: dict[str, _Helper] = {}
        self._getters: set[str] = {"getenv"}
        self._mappings: set[str] = {"environ"}

    def _mentioning(self, names: Iterable[str] = ()) -> Mentions:
        """Return the lines that may read the environment: directly, or by one of `names`."""
        words = "|".join(sorted(map(re.escape, names)))
        return Mentions(self._text, rf"environ|getenv|\b(?:{words})\b" if words else "environ|getenv")

    # -- learning aliases and helpers

    def learn(self, module: ast.Module) -> None:
        """Find aliases of the environment and functions that read it for others, helpers of helpers too."""
        functions: list[ast.FunctionDef] = []
        lambdas: list[tuple[str, ast.Lambda]] = []
        for _ in range(2):
            functions.clear()
            lambdas.clear()
            for node in self._mentions.walk(module):
                if isinstance(node, ast.FunctionDef):
                    functions.append(node)
                elif (
                    isinstance(node, ast.Assign)
                    and len(node.targets) == 1
                    and isinstance(node.targets[0], ast.Name)
                ):
                    self._learn_alias(node.targets[0].id, node.value)
                    if isinstance(node.value, ast.Lambda):
                        lambdas.append((node.targets[0].id, node.value))
            for function in functions:
                self._learn_helper(function.name, function.args, function)
            for name, expression in lambdas:
                self._learn_helper(name, expression.args, expression)
            self._mentions = self._mentioning(
                {*self._helpers, *(self._getters - {"getenv"}), *(self._mappings - {"environ"})}
            )

    def _learn_alias(self, name: str, value: ast.expr) -> None:
        if self._is_environment(value):
            self._mappings.add(name)
        elif (
            isinstance(value, ast.Attribute) and value.attr == "get" and self._is_environment(value.value)
        ) or (isinstance(value, ast.Attribute) and value.attr == "getenv"):
            self._getters.add(name)

    def _is_environment(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Attribute):
            return node.attr == "environ"
        return isinstance(node, ast.Name) and node.id in self._mappings

    def _learn_helper(self, name: str, parameters: ast.arguments, body: ast.AST) -> None:
        names = [parameter.arg for parameter in (*parameters.posonlyargs, *parameters.args)]
        method = bool(names) and names[0] in ("self", "cls")
        if method:
            names = names[1:]
        if not names:
            return
        for node in self._mentions.walk(body):
            found = self._read(node)
            if found is None:
                continue
            variable, default, _ = found
            if not isinstance(variable, ast.Name) or variable.id not in names:
                continue
            default = _unwrapped(default) if default is not None else None
            defaults: dict[str, ast.expr] = dict(
                zip(reversed(names), reversed(parameters.defaults), strict=False)
            )
            told: str | None = None
            keyword = default.id if isinstance(default, ast.Name) and default.id in names else None
            if keyword is None and "default" in names:
                keyword = "default"
            if keyword is not None and keyword in defaults:
                told = _literal(defaults[keyword])
            elif keyword is None:
                told = _literal(default)
            self._helpers[name] = _Helper(
                names.index(variable.id),
                variable.id,
                names.index(keyword) if keyword is not None else None,
                keyword,
                told,
            )
            return

    # -- one read

    def _read(self, node: ast.AST) -> tuple[ast.expr, ast.expr | None, bool] | None:
        """Return (name, default, by a helper) where `node` itself reads the environment."""
        if isinstance(node, ast.Subscript) and self._is_environment(node.value):
            return (node.slice, None, False) if isinstance(node.ctx, ast.Load) else None
        if not isinstance(node, ast.Call):
            return None
        function = node.func
        direct = (isinstance(function, ast.Name) and function.id in self._getters) or (
            isinstance(function, ast.Attribute)
            and (
                (function.attr in ("get", "setdefault", "pop") and self._is_environment(function.value))
                or function.attr == "getenv"
            )
        )
        if direct and node.args:
            default = node.args[1] if len(node.args) > 1 else None
            for keyword in node.keywords:
                if keyword.arg == "default":
                    default = keyword.value
            return node.args[0], default, False
        name = (
            function.id
            if isinstance(function, ast.Name)
            else function.attr
            if isinstance(function, ast.Attribute)
            else ""
        )
        helper = self._helpers.get(name)
        if helper is None:
            return None
        given = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg is not None}
        variable = (
            node.args[helper.name_index]
            if len(node.args) > helper.name_index
            else given.get(helper.name_keyword)
        )
        if variable is None:
            return None
        value: ast.expr | None = ast.Constant(value=helper.default) if helper.default is not None else None
        if helper.default_index is not None and len(node.args) > helper.default_index:
            value = node.args[helper.default_index]
        elif helper.default_keyword in given:
            value = given[helper.default_keyword]
        return variable, value, True

    # -- collecting with targets

    def collect(self, node: ast.AST, targets: tuple[str, ...] = ()) -> None:
        """Walk a tree; `targets` are the names its value goes to."""
        found = self._read(node)
        if found is not None:
            variable, default, _ = found
            if isinstance(variable, ast.Constant) and isinstance(variable.value, str):
                self._add(variable.value, _literal(default), targets, node)
        elif isinstance(node, ast.Compare) and targets and self._collect_comparison(node, targets):
            return
        for child, passed in self._children(node, targets):
            if not isinstance(child, ast.stmt) or self._mentions.within(child):
                self.collect(child, passed)

    def _add(
        self,
        name: str,
        default: str | None,
        targets: tuple[str, ...],
        node: ast.AST,
        texts: tuple[str, str] = ("1", "0"),
    ) -> None:
        line = getattr(node, "lineno", 1)
        self.reads.append(
            EnvironmentRead(
                name=name,
                default=default,
                targets=targets,
                layer=self.layer,
                line=line,
                true_text=texts[0],
                false_text=texts[1],
            )
        )

    def _collect_comparison(self, node: ast.Compare, targets: tuple[str, ...]) -> bool:
        """`os.environ.get(n, d) == "1"`, `… in ("1", "true")`: the target is a truth."""
        inner = _unwrapped(node.left)
        found = self._read(inner)
        if found is None or not isinstance(found[0], ast.Constant) or len(node.ops) != 1:
            return False
        against = node.comparators[0]
        first = (
            against.elts[0]
            if isinstance(against, (ast.Tuple, ast.Set, ast.List)) and against.elts
            else against
        )
        text = _literal(first)
        if text is None or not isinstance(found[0].value, str):
            return False
        positive = isinstance(node.ops[0], (ast.Eq, ast.In))
        if not positive and not isinstance(node.ops[0], (ast.NotEq, ast.NotIn)):
            return False
        other = "0" if text != "0" else "1"
        texts = (text, other) if positive else (other, text)
        self._add(found[0].value, _literal(found[1]), targets, inner, texts)
        return True

    def _children(self, node: ast.AST, targets: tuple[str, ...]) -> Iterator[tuple[ast.AST, tuple[str, ...]]]:
        """Yield the children and the names that each one's value goes to unchanged."""
        if isinstance(node, ast.Assign):
            names = tuple(name for target in node.targets for name in _names(target))
            yield (
                node.value,
                names if len(node.targets) > 1 or not isinstance(node.targets[0], ast.Tuple) else (),
            )
        elif isinstance(node, ast.AnnAssign):
            if node.value is not None:
                yield node.value, _names(node.target)
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                text = key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else None
                yield value, (text,) if text is not None else ()
        elif isinstance(node, ast.Call):
            yield from self._call_children(node, targets)
        elif isinstance(node, ast.Lambda):
            yield node.body, targets
        elif isinstance(node, ast.IfExp):
            yield node.test, ()
            yield node.body, ()
            yield node.orelse, ()
        elif isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
            for index, value in enumerate(node.values):
                yield value, targets if index == 0 else ()
        elif isinstance(node, ast.Attribute):
            yield node.value, targets
        else:
            for child in ast.iter_child_nodes(node):
                yield child, ()

    def _call_children(
        self, node: ast.Call, targets: tuple[str, ...]
    ) -> Iterator[tuple[ast.AST, tuple[str, ...]]]:
        function = node.func
        name = (
            function.id
            if isinstance(function, ast.Name)
            else function.attr
            if isinstance(function, ast.Attribute)
            else ""
        )
        if name == "add_argument":
            destination = _argparse_destination(node)
            for keyword in node.keywords:
                yield keyword.value, (destination,) if keyword.arg == "default" and destination else ()
            return
        if isinstance(function, ast.Attribute):
            yield function.value, targets if name in _TEXT_METHODS else ()
        passes = name in _CONVERSIONS and len(node.args) == 1
        for argument in node.args:
            yield argument, targets if passes else ()
        for keyword in node.keywords:
            if name == "field" and keyword.arg in ("default", "default_factory"):
                yield keyword.value, targets
            else:
                yield keyword.value, (keyword.arg,) if keyword.arg is not None else ()


def _names(target: ast.expr) -> tuple[str, ...]:
    if isinstance(target, ast.Name):
        return (target.id,)
    if isinstance(target, ast.Attribute):
        return (target.attr,)
    return ()


def _argparse_destination(node: ast.Call) -> str | None:
    for keyword in node.keywords:
        if keyword.arg == "dest" and isinstance(keyword.value, ast.Constant):
            return str(keyword.value.value)
    options = [
        item.value for item in node.args if isinstance(item, ast.Constant) and isinstance(item.value, str)
    ]
    long = [option for option in options if option.startswith("--")] or options
    return long[0].lstrip("-").replace("-", "_") if long else None


def _unwrapped(node: ast.expr) -> ast.expr:
    """Strip text methods and conversions: `str(os.environ.get(n)).strip().lower()`."""
    while isinstance(node, ast.Call):
        if isinstance(node.func, ast.Attribute) and node.func.attr in _TEXT_METHODS:
            node = node.func.value
        elif isinstance(node.func, ast.Name) and node.func.id in _CONVERSIONS and len(node.args) == 1:
            node = node.args[0]
        else:
            break
    return node


def _literal(node: ast.expr | None) -> str | None:
    """Return a constant as the environment would hold it, or None for no constant."""
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in _CONVERSIONS
        and node.args
    ):
        node = node.args[0]
    if (
        isinstance(node, ast.UnaryOp)
        and isinstance(node.op, ast.USub)
        and isinstance(node.operand, ast.Constant)
    ):
        return f"-{node.operand.value!r}"
    if not isinstance(node, ast.Constant) or node.value is None or node.value is ...:
        return None
    if isinstance(node.value, bool):
        return "1" if node.value else "0"
    return str(node.value)
