"""Lowering of names, numbers, strings and f-strings."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Final

import libcst as cst

from auditor.program.parsing.cursor import Misplaced
from auditor.program.parsing.lowering.base import LOAD, LoweringBase
from auditor.program.parsing.lowering.strings import fstring_text, number_value, string_value

_SINGLETONS: Final[dict[str, bool | None]] = {"True": True, "False": False, "None": None}


class AtomLowering(LoweringBase):
    """Lowers expressions of one token, and f-strings with what they hold."""

    def _name(self, node: cst.Name) -> ast.expr:
        start = self.take(node.value)
        if node.value in _SINGLETONS:
            return self.at(ast.Constant(value=_SINGLETONS[node.value], kind=None), start)
        return self.at(ast.Name(id=node.value, ctx=LOAD), start)

    def _number(self, node: cst.Integer | cst.Float | cst.Imaginary) -> ast.expr:
        start = self.take(node.value)
        return self.at(ast.Constant(value=number_value(node.value), kind=None), start)

    def _ellipsis(self, node: cst.Ellipsis) -> ast.expr:
        return self.at(ast.Constant(value=..., kind=None), self.take("..."))

    # -- strings

    def _string(self, node: cst.SimpleString | cst.FormattedString | cst.ConcatenatedString) -> ast.expr:
        start = self.skip()
        pieces: list[ast.expr] = []
        formatted = False
        kind: str | None = None
        stack: list[cst.BaseExpression] = [node]
        while stack:
            part = stack.pop()
            if isinstance(part, cst.ConcatenatedString):
                stack.append(part.right)
                stack.append(part.left)
            elif isinstance(part, cst.FormattedString):
                formatted = True
                self.take(part.start)
                self._fstring_parts(part.parts, pieces, raw="r" in part.prefix.lower())
                self._take_exactly(part.end)
            elif isinstance(part, cst.SimpleString):
                offset = self.take(part.value)
                if offset == start and part.value[0] in "uU":
                    kind = "u"
                pieces.append(self.at(ast.Constant(value=string_value(part.value), kind=None), offset))
            else:
                raise Misplaced(f"{type(part).__name__} inside a string")
        if formatted:
            return self.at(ast.JoinedStr(values=_merged(pieces)), start)
        values = [piece.value for piece in pieces if isinstance(piece, ast.Constant)]
        texts = [value for value in values if isinstance(value, str)]
        data = [value for value in values if isinstance(value, bytes)]
        if texts and data:
            raise Misplaced("bytes and str literals next to each other")
        value: str | bytes = b"".join(data) if data else "".join(texts)
        return self.at(ast.Constant(value=value, kind=kind), start)

    def _take_exactly(self, token: str) -> int:
        """Consume `token` right here: inside a string nothing may be skipped."""
        start = self.offset
        if not self.text.startswith(token, start):
            raise Misplaced(f"{token[:20]!r} wanted inside an f-string at {self.position(start)}")
        self.offset = self.token_end = start + len(token)
        return start

    def _fstring_parts(
        self,
        parts: Sequence[cst.BaseFormattedStringContent],
        pieces: list[ast.expr],
        *,
        raw: bool,
    ) -> None:
        for part in parts:
            if isinstance(part, cst.FormattedStringText):
                start = self._take_exactly(part.value)
                pieces.append(
                    self.at(ast.Constant(value=fstring_text(part.value, raw=raw), kind=None), start)
                )
            elif isinstance(part, cst.FormattedStringExpression):
                self._field(part, pieces, raw=raw)

    def _field(self, part: cst.FormattedStringExpression, pieces: list[ast.expr], *, raw: bool) -> None:
        start = self._take_exactly("{")
        value = self.expression(part.expression)
        conversion = -1
        if part.equal is not None:
            self.take("=")
            self.skip()
            pieces.append(
                self.at(ast.Constant(value=self.text[start + 1 : self.offset], kind=None), start + 1)
            )
            if part.conversion is None and part.format_spec is None:
                conversion = ord("r")
        if part.conversion is not None:
            self.take("!")
            self.take(part.conversion)
            conversion = ord(part.conversion)
        spec: ast.expr | None = None
        if part.format_spec is not None:
            colon = self.take(":")
            inner: list[ast.expr] = []
            self._fstring_parts(part.format_spec, inner, raw=raw)
            spec = self.at(ast.JoinedStr(values=_merged(inner)), colon)
            self._take_exactly("}")
        else:
            self.take("}")
        pieces.append(
            self.at(ast.FormattedValue(value=value, conversion=conversion, format_spec=spec), start)
        )


def _merged(pieces: list[ast.expr]) -> list[ast.expr]:
    """Join neighbouring constants and drop empty ones, as the compiler does."""
    merged: list[ast.expr] = []
    for piece in pieces:
        if isinstance(piece, ast.Constant) and isinstance(piece.value, str):
            if not piece.value:
                continue
            if merged and isinstance(merged[-1], ast.Constant):
                merged[-1].value = str(merged[-1].value) + piece.value
                continue
        merged.append(piece)
    return merged
