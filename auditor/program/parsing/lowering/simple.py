"""Lowering of simple statements: assignments, imports, and the rest that fits a line."""

from __future__ import annotations

import ast
from collections.abc import Sequence

import libcst as cst

from auditor.program.parsing import grammar312
from auditor.program.parsing.lowering.base import DELETE, STORE, set_context
from auditor.program.parsing.lowering.expressions import BINARY
from auditor.program.parsing.lowering.patterns import PatternLowering


class SimpleStatementLowering(PatternLowering):
    """Lowers statements without a body, and the type parameters they share with the others."""

    def simple_statement(self, node: cst.BaseSmallStatement) -> ast.stmt:
        """Lower one simple statement."""
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
        type_params = self.type_parameters(node.type_parameters)
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

    def type_parameters(self, node: cst.TypeParameters | None) -> list[ast.AST]:
        """Lower `[T: bound, *Ts, **P]`; defaults of the 3.13 grammar are read and dropped."""
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


_AUGMENTED = {f"{kind.__name__}Assign": (f"{token}=", operator) for kind, (token, operator) in BINARY.items()}
