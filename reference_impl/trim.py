"""Source text made shorter without a change to what it does: what is left reads as it was written, in fewer bytes.

Docstrings and the annotations of functions go, methods that nobody calls go, and two spaces indent instead of
four. Comments stay.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

Edit = tuple[int, int, str]
"""First byte, one past the last byte, what stands there instead."""


LINE_LENGTH = 110
SIGNATURE = re.compile(r"^ *def \w+\(\n(?:[^#\n]*,\n)+ *\):$", re.MULTILINE)
"""The head of a function with an argument a line, and nothing but arguments."""


class _Text:
    """A source text with the byte offsets that its syntax tree speaks in."""

    def __init__(self, source: str) -> None:
        self.raw = source.encode("utf-8")
        self.starts = [0]
        for line in self.raw.splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))

    def begin(self, node: ast.expr | ast.stmt | ast.arg) -> int:
        return self.starts[node.lineno - 1] + node.col_offset

    def end(self, node: ast.expr | ast.stmt | ast.arg) -> int:
        assert node.end_lineno is not None and node.end_col_offset is not None
        return self.starts[node.end_lineno - 1] + node.end_col_offset

    def lines(self, first: int, last: int) -> tuple[int, int]:
        """Return the bytes of whole lines."""
        return self.starts[first - 1], self.starts[last]


def trim(source: str, idle: frozenset[str]) -> str:
    """Return a top-level definition in fewer bytes.

    Args:
        source: valid by itself.
        idle: names of methods to leave out.
    """
    text = _Text(source)
    raw = bytearray(text.raw)
    for begin, end, instead in sorted(_edits(ast.parse(source), text, idle), reverse=True):
        raw[begin:end] = instead.encode("utf-8")
    lines = [_indented_by_two(line) for line in raw.decode("utf-8").splitlines()]
    return SIGNATURE.sub(_on_one_line, "\n".join(lines)).strip("\n")


def _edits(tree: ast.Module, text: _Text, idle: frozenset[str]) -> Iterator[Edit]:
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            if isinstance(node, ast.FunctionDef) and node.name in idle:
                first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
                yield *_and_blank_line(text, first, node.end_lineno or first), ""
                continue
            yield from _docstring(node, text)
        if isinstance(node, ast.FunctionDef):
            yield from _annotations(node, text)
            yield from _locals(node, text)
        todo.extend(ast.iter_child_nodes(node))


def _and_blank_line(text: _Text, first: int, last: int) -> tuple[int, int]:
    """Whole lines, with the blank one before them if there is one."""
    begin, end = text.lines(first, last)
    return (begin - 1 if text.raw[:begin].endswith(b"\n\n") else begin), end


def _docstring(node: ast.FunctionDef | ast.ClassDef, text: _Text) -> Iterator[Edit]:
    if ast.get_docstring(node) is None:
        return
    docstring = node.body[0]
    if len(node.body) == 1:
        yield text.begin(docstring), text.end(docstring), "pass"
        return
    last = docstring.end_lineno or docstring.lineno
    begin, end = text.lines(docstring.lineno, last)
    yield begin, end + 1 if text.raw[end : end + 1] == b"\n" else end, ""


def _annotations(node: ast.FunctionDef, text: _Text) -> Iterator[Edit]:
    arguments = node.args
    starred = (arguments.vararg, arguments.kwarg)
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *starred):
        if argument is not None and argument.annotation is not None:
            begin = text.begin(argument)
            yield begin + len(argument.arg.encode("utf-8")), text.end(argument.annotation), ""
    if node.returns is not None:
        begin = text.raw.rindex(b"->", 0, text.begin(node.returns))
        yield begin - (text.raw[begin - 1 : begin] == b" "), text.end(node.returns), ""


def _locals(node: ast.FunctionDef, text: _Text) -> Iterator[Edit]:
    for statement in ast.walk(node):
        if isinstance(statement, ast.AnnAssign) and statement.value is not None:
            yield text.end(statement.target), text.end(statement.annotation), ""


def _on_one_line(found: re.Match[str]) -> str:
    """The head of a function on one line if it fits there, now that its annotations are gone."""
    first, *rest = found[0].splitlines()
    line = f"{first}{' '.join(part.strip() for part in rest[:-1]).rstrip(',')}):"
    return line if len(line) <= LINE_LENGTH else found[0]


def _indented_by_two(line: str) -> str:
    bare = line.lstrip(" ")
    return " " * ((len(line) - len(bare)) // 2) + bare.partition("  # type: ignore")[0]
