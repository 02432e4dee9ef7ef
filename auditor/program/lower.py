"""Lowering of modules and statements: a LibCST tree becomes the same `ast` classes `ast.parse` gives.

Used for text that the running Python's own parser rejects and LibCST accepts (the 3.12 grammar on 3.11).
Positions are those of `ast`: lines from 1, columns from 0 in UTF-8 bytes; inside f-strings they are exact, as
`ast` gives them from 3.12 on. End positions are not set. The concrete tree is not needed afterwards.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence

import libcst as cst

from auditor.program import grammar312
from auditor.program.lower_expressions import BINARY, DELETE, STORE, set_context
from auditor.program.lower_patterns import PatternLowering


def lower_module(tree: cst.Module, text: str) -> ast.Module:
    """Return `tree`, parsed from `text` (or from `text` with blanks added), as an `ast.Module`.

    Raises:
        Misplaced: the tree is not one of this text.
        BadLiteral: a literal has no value (a malformed escape).
    """
    return ast.Module(body=_Lowering(text).statements(tree.body), type_ignores=[])


class _Lowering(PatternLowering):
    def statements(self, nodes: Sequence[cst.CSTNode]) -> list[ast.stmt]:
        body: list[ast.stmt] = []
        for node in nodes:
            if isinstance(node, cst.SimpleStatementLine):
                body.extend(self._small(small) for small in node.body)
            else:
                body.append(self._compound(node))
        return body

    def _block(self, node: cst.BaseSuite) -> list[ast.stmt]:
        self.take(":")
        if isinstance(node, cst.SimpleStatementSuite):
            return [self._small(small) for small in node.body]
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

    def _type_parameters(self, node: cst.TypeParameters | None) -> list[ast.AST]:
        if node is None:
            return []
        self.take("[")
        lowered: list[ast.AST] = []
        for item in node.params:
            param = item.param
            name = param.name.value
            if isinstance(param, cst.TypeVar):
                start = self.take(name)
                bound = None
                if param.bound is not None:
                    self.take(":")
                    bound = self.expression(param.bound)
                lowered.append(self.at(grammar312.TypeVar(name=name, bound=bound), start))
            elif isinstance(param, cst.TypeVarTuple):
                start = self.take("*")
                self.take(name)
                lowered.append(self.at(grammar312.TypeVarTuple(name=name), start))
            else:
                start = self.take("**")
                self.take(name)
                lowered.append(self.at(grammar312.ParamSpec(name=name), start))
            if item.default is not None:
                self.take("=")
                self.take_if("*")
                self.expression(item.default)
            self.comma()
        self.take("]")
        return lowered

    def _function(self, node: cst.FunctionDef) -> ast.stmt:
        decorators = self._decorators(node.decorators)
        start = self.skip()
        if node.asynchronous is not None:
            self.take("async")
        self.take("def")
        self.take(node.name.value)
        type_params = self._type_parameters(node.type_parameters)
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
        type_params = self._type_parameters(node.type_parameters)
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
            orelse = [self._if(node.orelse, "elif")]
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

    # -- small statements

    def _small(self, node: cst.BaseSmallStatement) -> ast.stmt:
        start = self.skip()
        if isinstance(node, cst.Expr):
            return self.at(ast.Expr(value=self.expression(node.value)), start)
        if isinstance(node, cst.Assign):
            return self._assign(node, start)
        if isinstance(node, cst.AugAssign):
            return self._augmented(node, start)
        if isinstance(node, cst.AnnAssign):
            return self._annotated(node, start)
        if isinstance(node, cst.Return):
            self.take("return")
            value = self.expression(node.value) if node.value is not None else None
            return self.at(ast.Return(value=value), start)
        if isinstance(node, (cst.Import, cst.ImportFrom)):
            return self._import(node, start)
        if isinstance(node, cst.Raise):
            return self._raise(node, start)
        if isinstance(node, cst.Assert):
            self.take("assert")
            test = self.expression(node.test)
            self.comma()
            message = self.expression(node.msg) if node.msg is not None else None
            return self.at(ast.Assert(test=test, msg=message), start)
        if isinstance(node, cst.Del):
            return self._delete(node, start)
        if isinstance(node, (cst.Global, cst.Nonlocal)):
            return self._scope(node, start)
        if isinstance(node, cst.TypeAlias):
            return self._type_alias(node, start)
        for kind, token, lowered in (
            (cst.Pass, "pass", ast.Pass),
            (cst.Break, "break", ast.Break),
            (cst.Continue, "continue", ast.Continue),
        ):
            if isinstance(node, kind):
                self.take(token)
                return self.at(lowered(), start)
        raise TypeError(f"statement {type(node).__name__}")

    def _assign(self, node: cst.Assign, start: int) -> ast.stmt:
        targets: list[ast.expr] = []
        for target in node.targets:
            targets.append(set_context(self.expression(target.target), STORE))
            self.take("=")
        value = self.expression(node.value)
        return self.at(ast.Assign(targets=targets, value=value, type_comment=None), start)

    def _augmented(self, node: cst.AugAssign, start: int) -> ast.stmt:
        target = set_context(self.expression(node.target), STORE)
        assert isinstance(target, (ast.Name, ast.Attribute, ast.Subscript))
        token, operator = _AUGMENTED[type(node.operator).__name__]
        self.take(token)
        value = self.expression(node.value)
        return self.at(ast.AugAssign(target=target, op=operator(), value=value), start)

    def _annotated(self, node: cst.AnnAssign, start: int) -> ast.stmt:
        target = set_context(self.expression(node.target), STORE)
        assert isinstance(target, (ast.Name, ast.Attribute, ast.Subscript))
        self.take(":")
        annotation = self.expression(node.annotation.annotation)
        value: ast.expr | None = None
        if node.value is not None:
            self.take("=")
            value = self.expression(node.value)
        simple = int(isinstance(node.target, cst.Name) and not node.target.lpar)
        return self.at(ast.AnnAssign(target=target, annotation=annotation, value=value, simple=simple), start)

    def _raise(self, node: cst.Raise, start: int) -> ast.stmt:
        self.take("raise")
        raised = self.expression(node.exc) if node.exc is not None else None
        cause: ast.expr | None = None
        if node.cause is not None:
            self.take("from")
            cause = self.expression(node.cause.item)
        return self.at(ast.Raise(exc=raised, cause=cause), start)

    def _delete(self, node: cst.Del, start: int) -> ast.stmt:
        self.take("del")
        target = set_context(self.expression(node.target), DELETE)
        targets = [target]
        if isinstance(target, ast.Tuple) and isinstance(node.target, cst.Tuple) and not node.target.lpar:
            targets = target.elts
        return self.at(ast.Delete(targets=targets), start)

    def _scope(self, node: cst.Global | cst.Nonlocal, start: int) -> ast.stmt:
        kind: type[ast.Global | ast.Nonlocal] = ast.Global if isinstance(node, cst.Global) else ast.Nonlocal
        self.take("global" if isinstance(node, cst.Global) else "nonlocal")
        names: list[str] = []
        for item in node.names:
            self.take(item.name.value)
            names.append(item.name.value)
            self.comma()
        return self.at(kind(names=names), start)

    def _type_alias(self, node: cst.TypeAlias, start: int) -> ast.stmt:
        self.take("type")
        name = set_context(self.expression(node.name), STORE)
        type_params = self._type_parameters(node.type_parameters)
        self.take("=")
        value = self.expression(node.value)
        alias = grammar312.TypeAlias(name=name, type_params=type_params, value=value)
        lowered: ast.stmt = self.at(alias, start)
        return lowered

    def _import(self, node: cst.Import | cst.ImportFrom, start: int) -> ast.stmt:
        if isinstance(node, cst.Import):
            self.take("import")
            return self.at(ast.Import(names=self._aliases(node.names)), start)
        self.take("from")
        for _ in node.relative:
            self.take(".")
        module = self._dotted(node.module)[0] if node.module is not None else None
        self.take("import")
        if isinstance(node.names, cst.ImportStar):
            names = [self.at(ast.alias(name="*", asname=None), self.take("*"))]
        else:
            bracketed = self.take_if("(")
            names = self._aliases(node.names)
            if bracketed:
                self.take(")")
        return self.at(ast.ImportFrom(module=module, names=names, level=len(node.relative)), start)

    def _aliases(self, nodes: Sequence[cst.ImportAlias]) -> list[ast.alias]:
        aliases: list[ast.alias] = []
        for node in nodes:
            name, start = self._dotted(node.name)
            bound: str | None = None
            if node.asname is not None:
                self.take("as")
                target = self.expression(node.asname.name)
                assert isinstance(target, ast.Name)
                bound = target.id
            aliases.append(self.at(ast.alias(name=name, asname=bound), start))
            self.comma()
        return aliases

    def _dotted(self, node: cst.BaseExpression) -> tuple[str, int]:
        """Consume a dotted name; return it and its offset."""
        if isinstance(node, cst.Attribute):
            prefix, start = self._dotted(node.value)
            self.take(".")
            self.take(node.attr.value)
            return f"{prefix}.{node.attr.value}", start
        assert isinstance(node, cst.Name)
        return node.value, self.take(node.value)


_AUGMENTED = {f"{kind.__name__}Assign": (f"{token}=", operator) for kind, (token, operator) in BINARY.items()}


def _give_type_params(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, type_params: list[ast.AST]
) -> None:
    """Set `type_params` where this Python has the field, or where there are any."""
    if "type_params" in node._fields or type_params:
        setattr(node, "type_params", type_params)  # noqa: B010 - no field of 3.11's classes
