"""Lowering of displays, comprehensions, lambdas and parameter lists."""

from __future__ import annotations

import ast
from collections.abc import Sequence

import libcst as cst

from auditor.program.parsing.lowering.atoms import AtomLowering
from auditor.program.parsing.lowering.base import LOAD, STORE, set_context


class DisplayLowering(AtomLowering):
    """Lowers what stands in brackets, and functions without a name."""

    # -- displays

    def _elements(self, elements: Sequence[cst.BaseElement]) -> list[ast.expr]:
        values: list[ast.expr] = []
        for element in elements:
            if isinstance(element, cst.StarredElement):
                values.append(self.expression(element))
            else:
                values.append(self.expression(element.value))
            self.comma()
        return values

    def _tuple(self, node: cst.Tuple) -> ast.expr:
        start = self._own_parenthesis()
        if start < 0:
            start = self.skip()
        return self.at(ast.Tuple(elts=self._elements(node.elements), ctx=LOAD), start)

    def _list(self, node: cst.List) -> ast.expr:
        start = self.take("[")
        values = self._elements(node.elements)
        self.take("]")
        return self.at(ast.List(elts=values, ctx=LOAD), start)

    def _set(self, node: cst.Set) -> ast.expr:
        start = self.take("{")
        values = self._elements(node.elements)
        self.take("}")
        return self.at(ast.Set(elts=values), start)

    def _dict(self, node: cst.Dict) -> ast.expr:
        start = self.take("{")
        keys: list[ast.expr | None] = []
        values: list[ast.expr] = []
        for element in node.elements:
            if isinstance(element, cst.DictElement):
                keys.append(self.expression(element.key))
                self.take(":")
            else:
                keys.append(None)
                self.take("**")
            values.append(self.expression(element.value))
            self.comma()
        self.take("}")
        return self.at(ast.Dict(keys=keys, values=values), start)

    # -- comprehensions

    def _clauses(self, first: cst.CompFor) -> list[ast.comprehension]:
        clauses: list[ast.comprehension] = []
        clause: cst.CompFor | None = first
        while clause is not None:
            if clause.asynchronous is not None:
                self.take("async")
            self.take("for")
            target = set_context(self.expression(clause.target), STORE)
            self.take("in")
            iterable = self.expression(clause.iter)
            tests: list[ast.expr] = []
            for condition in clause.ifs:
                self.take("if")
                tests.append(self.expression(condition.test))
            clauses.append(
                ast.comprehension(
                    target=target, iter=iterable, ifs=tests, is_async=int(clause.asynchronous is not None)
                )
            )
            clause = clause.inner_for_in
        return clauses

    def _generator(self, node: cst.GeneratorExp) -> ast.expr:
        start = self._own_parenthesis()
        element = self.expression(node.elt)
        return self.at(ast.GeneratorExp(elt=element, generators=self._clauses(node.for_in)), start)

    def _list_comprehension(self, node: cst.ListComp) -> ast.expr:
        start = self.take("[")
        element = self.expression(node.elt)
        result = ast.ListComp(elt=element, generators=self._clauses(node.for_in))
        self.take("]")
        return self.at(result, start)

    def _set_comprehension(self, node: cst.SetComp) -> ast.expr:
        start = self.take("{")
        element = self.expression(node.elt)
        result = ast.SetComp(elt=element, generators=self._clauses(node.for_in))
        self.take("}")
        return self.at(result, start)

    def _dict_comprehension(self, node: cst.DictComp) -> ast.expr:
        start = self.take("{")
        key = self.expression(node.key)
        self.take(":")
        value = self.expression(node.value)
        result = ast.DictComp(key=key, value=value, generators=self._clauses(node.for_in))
        self.take("}")
        return self.at(result, start)

    # -- functions

    def _lambda(self, node: cst.Lambda) -> ast.expr:
        start = self.take("lambda")
        parameters = self.parameters(node.params)
        self.take(":")
        return self.at(ast.Lambda(args=parameters, body=self.expression(node.body)), start)

    def parameters(self, node: cst.Parameters) -> ast.arguments:
        """Lower a parameter list without its parentheses."""
        defaults: list[ast.expr] = []
        keyword_defaults: list[ast.expr | None] = []

        def positional(params: Sequence[cst.Param]) -> list[ast.arg]:
            lowered: list[ast.arg] = []
            for param in params:
                name, default = self._parameter(param)
                lowered.append(name)
                if default is not None:
                    defaults.append(default)
            return lowered

        positional_only = positional(node.posonly_params)
        if isinstance(node.posonly_ind, cst.ParamSlash):
            self.take("/")
            self.comma()
        regular = positional(node.params)
        star: ast.arg | None = None
        if isinstance(node.star_arg, cst.Param):
            star, _ = self._parameter(node.star_arg)
        elif isinstance(node.star_arg, cst.ParamStar):
            self.take("*")
            self.comma()
        keyword_only: list[ast.arg] = []
        for param in node.kwonly_params:
            name, default = self._parameter(param)
            keyword_only.append(name)
            keyword_defaults.append(default)
        double_star = self._parameter(node.star_kwarg)[0] if node.star_kwarg is not None else None
        return ast.arguments(
            posonlyargs=positional_only,
            args=regular,
            vararg=star,
            kwonlyargs=keyword_only,
            kw_defaults=keyword_defaults,
            kwarg=double_star,
            defaults=defaults,
        )

    def _parameter(self, param: cst.Param) -> tuple[ast.arg, ast.expr | None]:
        if isinstance(param.star, str) and param.star:
            self.take(param.star)
        start = self.take(param.name.value)
        annotation: ast.expr | None = None
        if param.annotation is not None:
            self.take(":")
            annotation = self.expression(param.annotation.annotation)
        default: ast.expr | None = None
        if param.default is not None:
            self.take("=")
            default = self.expression(param.default)
        self.comma()
        return self.at(
            ast.arg(arg=param.name.value, annotation=annotation, type_comment=None), start
        ), default
