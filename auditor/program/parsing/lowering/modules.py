"""Lowering of modules and statements: a LibCST tree becomes the same `ast` classes `ast.parse` gives.

Used for text that the running Python's own parser rejects and LibCST accepts (the 3.12 grammar on 3.11).
Positions are those of `ast`: lines from 1, columns from 0 in UTF-8 bytes; inside f-strings they are exact, as
`ast` gives them from 3.12 on. Statements have their end positions, expressions have none.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

import libcst as cst

from auditor.program.parsing.lowering.base import STORE, set_context
from auditor.program.parsing.lowering.simple import SimpleStatementLowering


def lower_module(tree: cst.Module, text: str) -> ast.Module:
    """Return `tree`, parsed from `text` (or from `text` with blanks added), as an `ast.Module`.

    Raises:
        Misplaced: the tree is not one of this text.
        BadLiteral: a literal has no value (a malformed escape).
    """
    return ast.Module(body=_Lowering(text).statements(tree.body), type_ignores=[])


class _Lowering(SimpleStatementLowering):
    def statements(self, nodes: Sequence[cst.CSTNode]) -> list[ast.stmt]:
        body: list[ast.stmt] = []
        for node in nodes:
            if isinstance(node, cst.SimpleStatementLine):
                body.extend(self._ended(self.simple_statement(small)) for small in node.body)
            else:
                body.append(self._ended(self._compound(node)))
        return body

    def _ended(self, statement: ast.stmt) -> ast.stmt:
        statement.end_lineno, statement.end_col_offset = self.position(self.token_end)
        return statement

    def _block(self, node: cst.BaseSuite) -> list[ast.stmt]:
        self.take(":")
        if isinstance(node, cst.SimpleStatementSuite):
            return [self._ended(self.simple_statement(small)) for small in node.body]
        return self.statements(node.body)

    def _else(self, node: cst.Else | cst.Finally | None, token: str = "else") -> list[ast.stmt]:
        if node is None:
            return []
        self.take(token)
        return self._block(node.body)

    # -- compound statements

    def _compound(self, node: cst.CSTNode) -> ast.stmt:
        if isinstance(node, cst.FunctionDef):
            return self._function(node)
        if isinstance(node, cst.ClassDef):
            return self._class_definition(node)
        if isinstance(node, cst.If):
            return self._if(node, "if")
        if isinstance(node, cst.For):
            return self._for(node)
        if isinstance(node, cst.While):
            start = self.take("while")
            test = self.expression(node.test)
            body = self._block(node.body)
            return self.at(ast.While(test=test, body=body, orelse=self._else(node.orelse)), start)
        if isinstance(node, cst.With):
            return self._with(node)
        if isinstance(node, (cst.Try, cst.TryStar)):
            return self._try(node)
        if isinstance(node, cst.Match):
            return self._match(node)
        raise TypeError(f"statement {type(node).__name__}")

    def _decorators(self, decorators: Sequence[cst.Decorator]) -> list[ast.expr]:
        lowered: list[ast.expr] = []
        for decorator in decorators:
            self.take("@")
            lowered.append(self.expression(decorator.decorator))
        return lowered

    def _function(self, node: cst.FunctionDef) -> ast.stmt:
        decorators = self._decorators(node.decorators)
        start = self.skip()
        if node.asynchronous is not None:
            self.take("async")
        self.take("def")
        self.take(node.name.value)
        type_params = self.type_parameters(node.type_parameters)
        self.take("(")
        parameters = self.parameters(node.params)
        self.take(")")
        returns: ast.expr | None = None
        if node.returns is not None:
            self.take("->")
            returns = self.expression(node.returns.annotation)
        kind = ast.FunctionDef if node.asynchronous is None else ast.AsyncFunctionDef
        function = kind(
            name=node.name.value,
            args=parameters,
            body=self._block(node.body),
            decorator_list=decorators,
            returns=returns,
            type_comment=None,
        )
        _give_type_params(function, type_params)
        return self.at(function, start)

    def _class_definition(self, node: cst.ClassDef) -> ast.stmt:
        decorators = self._decorators(node.decorators)
        start = self.take("class")
        self.take(node.name.value)
        type_params = self.type_parameters(node.type_parameters)
        bases: list[ast.expr] = []
        keywords: list[ast.keyword] = []
        opening = self.skip()
        if self.take_if("("):
            bases, keywords = self.arguments([*node.bases, *node.keywords], opening)
            self.take(")")
        definition = ast.ClassDef(
            name=node.name.value,
            bases=bases,
            keywords=keywords,
            body=self._block(node.body),
            decorator_list=decorators,
        )
        _give_type_params(definition, type_params)
        return self.at(definition, start)

    def _if(self, node: cst.If, token: str) -> ast.stmt:
        start = self.take(token)
        test = self.expression(node.test)
        body = self._block(node.body)
        orelse: list[ast.stmt]
        if isinstance(node.orelse, cst.If):
            orelse = [self._ended(self._if(node.orelse, "elif"))]
        else:
            orelse = self._else(node.orelse)
        return self.at(ast.If(test=test, body=body, orelse=orelse), start)

    def _for(self, node: cst.For) -> ast.stmt:
        start = self.skip()
        if node.asynchronous is not None:
            self.take("async")
        self.take("for")
        target = set_context(self.expression(node.target), STORE)
        self.take("in")
        iterable = self.expression(node.iter)
        body = self._block(node.body)
        orelse = self._else(node.orelse)
        kind = ast.For if node.asynchronous is None else ast.AsyncFor
        return self.at(kind(target=target, iter=iterable, body=body, orelse=orelse, type_comment=None), start)

    def _with(self, node: cst.With) -> ast.stmt:
        start = self.skip()
        if node.asynchronous is not None:
            self.take("async")
        self.take("with")
        bracketed = isinstance(node.lpar, cst.LeftParen)
        if bracketed:
            self.take("(")
        items: list[ast.withitem] = []
        for item in node.items:
            context = self.expression(item.item)
            target: ast.expr | None = None
            if item.asname is not None:
                self.take("as")
                target = set_context(self.expression(item.asname.name), STORE)
            items.append(ast.withitem(context_expr=context, optional_vars=target))
            self.comma()
        if bracketed:
            self.take(")")
        kind = ast.With if node.asynchronous is None else ast.AsyncWith
        return self.at(kind(items=items, body=self._block(node.body), type_comment=None), start)

    def _try(self, node: cst.Try | cst.TryStar) -> ast.stmt:
        start = self.take("try")
        body = self._block(node.body)
        handlers: list[ast.ExceptHandler] = []
        for handler in node.handlers:
            offset = self.take("except")
            if isinstance(handler, cst.ExceptStarHandler):
                self.take("*")
            caught = self.expression(handler.type) if handler.type is not None else None
            name: str | None = None
            if handler.name is not None:
                self.take("as")
                target = self.expression(handler.name.name)
                assert isinstance(target, ast.Name)
                name = target.id
            handlers.append(
                self.at(ast.ExceptHandler(type=caught, name=name, body=self._block(handler.body)), offset)
            )
        orelse = self._else(node.orelse)
        final = self._else(node.finalbody, "finally")
        kind = ast.Try if isinstance(node, cst.Try) else ast.TryStar
        return self.at(kind(body=body, handlers=handlers, orelse=orelse, finalbody=final), start)

    def _match(self, node: cst.Match) -> ast.stmt:
        start = self.take("match")
        subject = self.expression(node.subject)
        self.take(":")
        cases: list[ast.match_case] = []
        for case in node.cases:
            self.take("case")
            pattern = self.pattern(case.pattern)
            guard: ast.expr | None = None
            if case.guard is not None:
                self.take("if")
                guard = self.expression(case.guard)
            cases.append(ast.match_case(pattern=pattern, guard=guard, body=self._block(case.body)))
        return self.at(ast.Match(subject=subject, cases=cases), start)


def _give_type_params(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, type_params: list[ast.AST]
) -> None:
    """Set `type_params` where this Python has the field, or where there are any."""
    if "type_params" in node._fields or type_params:
        setattr(node, "type_params", type_params)  # noqa: B010 - no field of 3.11's classes
