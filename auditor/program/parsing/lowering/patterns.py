"""Lowering of `match` patterns: LibCST nodes to the `ast` pattern classes."""

from __future__ import annotations

import ast
from collections.abc import Sequence

import libcst as cst

from auditor.program.parsing.cursor import Misplaced
from auditor.program.parsing.lowering.expressions import ExpressionLowering


class PatternLowering(ExpressionLowering):
    """Lowers patterns of one text."""

    def pattern(self, node: cst.MatchPattern) -> ast.pattern:
        """Lower a pattern with its own parentheses."""
        return self._pattern(node)[0]

    def _pattern(self, node: cst.MatchPattern) -> tuple[ast.pattern, int]:
        """Also return the offset of the outermost own parenthesis, or -1."""
        if isinstance(node, cst.MatchValue):
            start = self.skip()
            value = self.expression(node.value)
            bare = self.like(ast.MatchValue(value=value), value)
            return bare, start if self.text[start] == "(" else -1
        brackets = getattr(node, "lpar", ())
        opened = [self.take("(") for _ in brackets]
        result = self._bare_pattern(node, opened[-1] if opened else -1)
        for _ in getattr(node, "rpar", ()):
            self.take(")")
        return result, opened[0] if opened else -1

    def _bare_pattern(self, node: cst.MatchPattern, parenthesis: int) -> ast.pattern:
        start = self.skip()
        if isinstance(node, cst.MatchSingleton):
            constant = self.expression(node.value)
            assert isinstance(constant, ast.Constant)
            value = constant.value
            assert value is None or isinstance(value, bool)
            return self.at(ast.MatchSingleton(value=value), start)
        if isinstance(node, cst.MatchTuple):
            patterns = self._sequence(node.patterns)
            return self.at(ast.MatchSequence(patterns=patterns), parenthesis)
        if isinstance(node, cst.MatchList):
            if node.lbracket is not None:
                self.take("[")
            patterns = self._sequence(node.patterns)
            if node.rbracket is not None:
                self.take("]")
            return self.at(ast.MatchSequence(patterns=patterns), start)
        if isinstance(node, cst.MatchMapping):
            return self._mapping(node)
        if isinstance(node, cst.MatchClass):
            return self._class(node)
        if isinstance(node, cst.MatchAs):
            return self._as(node)
        if isinstance(node, cst.MatchOr):
            first, outer = self._pattern(node.patterns[0].pattern)
            alternatives = [first]
            for element in node.patterns[1:]:
                self.take("|")
                alternatives.append(self.pattern(element.pattern))
            return self.at(ast.MatchOr(patterns=alternatives), outer if outer >= 0 else start)
        raise Misplaced(f"pattern {type(node).__name__}")

    def _sequence(
        self, elements: Sequence[cst.MatchSequenceElement | cst.MatchOrElement | cst.MatchStar]
    ) -> list[ast.pattern]:
        patterns: list[ast.pattern] = []
        for element in elements:
            if isinstance(element, cst.MatchStar):
                start = self.take("*")
                name = element.name.value if element.name is not None else None
                self.take(name or "_")
                patterns.append(self.at(ast.MatchStar(name=name), start))
            elif isinstance(element, cst.MatchSequenceElement):
                patterns.append(self.pattern(element.value))
            self.comma()
        return patterns

    def _mapping(self, node: cst.MatchMapping) -> ast.pattern:
        start = self.take("{")
        keys: list[ast.expr] = []
        patterns: list[ast.pattern] = []
        for element in node.elements:
            keys.append(self.expression(element.key))
            self.take(":")
            patterns.append(self.pattern(element.pattern))
            self.comma()
        rest: str | None = None
        if node.rest is not None:
            self.take("**")
            rest = node.rest.value
            self.take(rest)
            self.comma()
        self.take("}")
        return self.at(ast.MatchMapping(keys=keys, patterns=patterns, rest=rest), start)

    def _class(self, node: cst.MatchClass) -> ast.pattern:
        start = self.skip()
        cls = self.expression(node.cls)
        self.take("(")
        patterns = self._sequence(node.patterns)
        names: list[str] = []
        values: list[ast.pattern] = []
        for element in node.kwds:
            self.take(element.key.value)
            self.take("=")
            names.append(element.key.value)
            values.append(self.pattern(element.pattern))
            self.comma()
        self.take(")")
        return self.at(
            ast.MatchClass(cls=cls, patterns=patterns, kwd_attrs=names, kwd_patterns=values), start
        )

    def _as(self, node: cst.MatchAs) -> ast.pattern:
        start = self.skip()
        inner: ast.pattern | None = None
        if node.pattern is not None:
            inner = self.pattern(node.pattern)
            self.take("as")
        name = node.name.value if node.name is not None else None
        self.take(name or "_")
        return self.at(ast.MatchAs(pattern=inner, name=name), start)
