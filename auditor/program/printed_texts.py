"""The lines that a program's own texts can make (`Printable`): what it prints, and texts it puts together elsewhere.

Nothing is evaluated: a name is followed to the texts that its function assigns to it, everything else that is no
literal is a value. What a program prints as a whole from elsewhere (`print(message)`, the output of another
process) is left out; the texts of which a message is made are there by themselves.
"""

from __future__ import annotations

import ast
import itertools
import math
import re
from collections.abc import Iterator, Sequence

from auditor.program.model import Program
from auditor.program.printable import Kind, Part, Printable
from auditor.program.walk import walk

MAX_ALTERNATIVES = 8
"""Texts that one expression is followed to: both sides of a conditional, each assignment of a name."""

MIN_FRAGMENT = 4
"""Characters that are no blanks with which a text outside of a print has to begin to be told from others."""

_PERCENT = re.compile(r"%(?:\((\w+)\))?[-+ #0]*\d*(?:\.\d+)?([a-zA-Z%])")
_NUMERIC_FORMAT = re.compile(r"[<>^=+\- #0]*[\d,_]*(?:\.\d+)?[dfgeEFG%]")


def printables(program: Program) -> tuple[Printable, ...]:
    """All lines that the program's own texts can make; what it prints as a whole from elsewhere is left out."""
    found: list[Printable] = []
    for layer in program.layers:
        if layer.module is not None:
            found.extend(_Reader(layer.module).read())
    return tuple(found)


class _Reader:
    """Reads the texts of one layer."""

    def __init__(self, module: ast.Module) -> None:
        self._module = module
        self._scope: dict[str, list[ast.expr]] = {}
        self._keys: frozenset[str] = frozenset()

    def read(self) -> Iterator[Printable]:
        functions = [n for n in walk(self._module) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
        helpers = frozenset(function.name for function in functions if _prints_an_argument(function))
        prints: list[ast.Call] = []
        for scope in (self._module, *functions):
            own = list(_own(scope))
            self._scope, self._keys = _assigned(own), _setting_names(own)
            for node in own:
                if isinstance(node, ast.Call) and _is_print(node, helpers):
                    prints.append(node)
                    yield from self._printed(node)
        self._scope, self._keys = {}, frozenset()
        yield from self._put_together_elsewhere({id(part) for call in prints for part in walk(call)})

    def _put_together_elsewhere(self, printed: set[int]) -> Iterator[Printable]:
        """Texts outside of prints of which a message may be made: how that goes on is not known."""
        left_out = printed | _documentation(self._module)
        for node in walk(self._module):
            if isinstance(node, ast.JoinedStr):
                left_out.update(id(part) for part in walk(node) if part is not node)
        for node in walk(self._module):
            if id(node) not in left_out and _is_message(node):
                for parts in self._texts(node):
                    for line in _lines(parts):
                        fragment = Printable(parts=line, node=node, whole=False)
                        if len(fragment.opening.strip()) >= MIN_FRAGMENT:
                            yield fragment

    def _printed(self, call: ast.Call) -> Iterator[Printable]:
        arguments = call.args if _takes_all(call) else call.args[:1]
        if len(call.args) > 1 and not _takes_all(call) and _is_percent(call.args[0]):
            arguments = [
                ast.BinOp(left=call.args[0], op=ast.Mod(), right=ast.Tuple(elts=list(call.args[1:])))
            ]
        texts = [self._texts(argument) for argument in arguments]
        blank: list[tuple[Part, ...]] = [(" ",)]
        spaced = [text for each in texts for text in (blank, each)][1:]
        for parts in self._concatenated(spaced):
            for line in _lines(parts):
                if any(isinstance(part, str) and part.strip() for part in line):
                    yield Printable(parts=line, node=call)

    def _texts(self, node: ast.expr | ast.AST, depth: int = 0) -> list[tuple[Part, ...]]:
        """What an expression can be as text; one value of any kind where nothing of it is literal."""
        match node:
            case ast.Constant(value=str() as text):
                return [(text,)]
            case ast.Constant(value=value) if value is not None:
                return [(str(value),)]
            case ast.JoinedStr(values=values):
                return self._concatenated([self._field(v) for v in values])
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._concatenated([self._texts(left, depth), self._texts(right, depth)])
            case ast.BinOp(left=ast.Constant(value=str() as text), op=ast.Mod()):
                return [_percent_parts(text)]
            case ast.BinOp(
                left=ast.Constant(value=str() as text), op=ast.Mult(), right=ast.Constant(value=int() as n)
            ):
                return [(text * min(n, 400),)]
            case ast.Call(func=ast.Attribute(value=ast.Constant(value=str() as text), attr="format")):
                return [_braces_parts(text)]
            case ast.IfExp(body=body, orelse=orelse):
                return (self._texts(body, depth) + self._texts(orelse, depth))[:MAX_ALTERNATIVES]
            case ast.Name(id=name) if name in self._scope and depth < 3:
                found = [text for value in self._scope[name] for text in self._texts(value, depth + 1)]
                return found[:MAX_ALTERNATIVES] if len(found) <= MAX_ALTERNATIVES else [(Kind.ANY,)]
        return [(Kind.ANY,)]

    def _field(self, node: ast.expr) -> list[tuple[Part, ...]]:
        """A piece of an f-string."""
        if not isinstance(node, ast.FormattedValue):
            return self._texts(node)
        if node.format_spec is not None:
            spec = node.format_spec
            text = "".join(
                str(p.value) if isinstance(p, ast.Constant) else "0"
                for p in (spec.values if isinstance(spec, ast.JoinedStr) else [])
            )
            return [(Kind.NUMBER if _NUMERIC_FORMAT.fullmatch(text) else Kind.ANY,)]
        if isinstance(node.value, ast.Name) and node.value.id in self._keys:
            return [(Kind.NAME,)]
        if isinstance(node.value, ast.IfExp) and node.conversion == -1:
            return self._texts(node.value)
        return [(Kind.ANY,)]

    def _concatenated(self, options: Sequence[list[tuple[Part, ...]]]) -> list[tuple[Part, ...]]:
        """Every text that a row of texts makes; of too many what they have in common."""
        if math.prod(map(len, options)) > MAX_ALTERNATIVES:
            options = [option if len(option) == 1 else [(Kind.ANY,)] for option in options]
        return [_joined(list(itertools.chain(*chosen))) for chosen in itertools.product(*options)]


def _is_print(call: ast.Call, helpers: frozenset[str]) -> bool:
    """Whether a call prints or logs its first argument, by the name of what is called."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    known = "print" in name or "log" in name or name in ("info", "warning", "write") or name in helpers
    return known and bool(call.args)


def _prints_an_argument(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function hands its first argument on to a print, as a program's own `log` does."""
    names = [argument.arg for argument in function.args.args if argument.arg not in ("self", "cls")][:1]
    return any(
        isinstance(node, ast.Call)
        and _is_print(node, frozenset())
        and any(isinstance(part, ast.Name) and part.id in names for part in walk(node.args[0]))
        for node in walk(function)
    )


def _is_message(node: ast.AST) -> bool:
    """Whether a text can be a part of a message; a name such as a key of a dictionary is none."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return any(mark in node.value.strip() for mark in " :=")
    return isinstance(node, ast.JoinedStr)


def _takes_all(call: ast.Call) -> bool:
    """`print` itself prints all its arguments; helpers of programs print the first."""
    return isinstance(call.func, ast.Name) and call.func.id == "print"


def _is_percent(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and "%" in node.value


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function, without those of functions defined in it."""
    waiting = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            waiting.extend(ast.iter_child_nodes(node))


def _assigned(nodes: Sequence[ast.AST]) -> dict[str, list[ast.expr]]:
    """Names that are given texts here and nothing else."""
    found: dict[str, list[ast.expr]] = {}
    for node in nodes:
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, []).append(node.value)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            # `line += …` makes a longer text: what it begins with is known, its end is not.
            found.setdefault(node.target.id, []).append(node.value)
    texts = (ast.JoinedStr, ast.BinOp, ast.IfExp, ast.Constant)
    return {
        name: values
        for name, values in found.items()
        if all(isinstance(value, texts) for value in values)
        and not any(isinstance(n, ast.AugAssign) and getattr(n.target, "id", "") == name for n in nodes)
    }


def _setting_names(nodes: Sequence[ast.AST]) -> frozenset[str]:
    """Loop variables that run over the names of settings: of a dictionary or of an object's attributes."""
    found: set[str] = set()
    for node in nodes:
        if not isinstance(node, (ast.For, ast.comprehension)):
            continue
        called = {
            n.func.attr if isinstance(n.func, ast.Attribute) else getattr(n.func, "id", "")
            for n in ast.walk(node.iter)
            if isinstance(n, ast.Call)
        }
        fields = any(isinstance(n, ast.Attribute) and n.attr == "__dict__" for n in ast.walk(node.iter))
        if fields or called & {"items", "keys", "vars", "dir", "fields", "asdict"}:
            target = (
                node.target.elts[0]
                if isinstance(node.target, ast.Tuple) and node.target.elts
                else node.target
            )
            if isinstance(target, ast.Name):
                found.add(target.id)
    return frozenset(found)


def _documentation(module: ast.Module) -> set[int]:
    """Texts that stand as statements of their own."""
    return {
        id(n.value) for n in walk(module) if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)
    }


def _joined(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Literals next to each other as one, values next to each other as one of any kind."""
    found: list[Part] = []
    for part in parts:
        if part == "":
            continue
        if found and isinstance(part, str) and isinstance(found[-1], str):
            found[-1] += part
        elif found and isinstance(part, Kind) and isinstance(found[-1], Kind):
            found[-1] = Kind.ANY
        else:
            found.append(part)
    return tuple(found)


def _lines(parts: Sequence[Part]) -> Iterator[tuple[Part, ...]]:
    """The lines of a text, each for itself."""
    line: list[Part] = []
    for part in parts:
        if not isinstance(part, str):
            line.append(part)
            continue
        first, *others = part.split("\n")
        line.append(first)
        for other in others:
            yield _joined(line)
            line = [other]
    yield _joined(line)


def _percent_parts(text: str) -> tuple[Part, ...]:
    parts: list[Part] = []
    place = 0
    for match in _PERCENT.finditer(text):
        parts.append(text[place : match.start()])
        place = match.end()
        if match[2] == "%":
            parts.append("%")
        else:
            parts.append(Kind.NUMBER if match[2] in "dfgeiF" else Kind.ANY)
    return _joined([*parts, text[place:]])


def _braces_parts(text: str) -> tuple[Part, ...]:
    pieces = re.split(r"\{([^{}]*)\}", text.replace("{{", "\0").replace("}}", "\1"))
    parts: list[Part] = []
    for number, piece in enumerate(pieces):
        if number % 2 == 0:
            parts.append(piece.replace("\0", "{").replace("\1", "}"))
        else:
            spec = piece.partition(":")[2]
            parts.append(Kind.NUMBER if _NUMERIC_FORMAT.fullmatch(spec) else Kind.ANY)
    return _joined(parts)
