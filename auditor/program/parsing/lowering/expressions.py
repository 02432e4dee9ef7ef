"""Lowering of expressions: LibCST nodes to the `ast` classes, positions by the cursor.

Half of the lowering; statements are in `lower`, patterns in `lower_patterns`. Every method consumes the
tokens of its node in source order and nothing else.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any, Final

import libcst as cst

from auditor.program.parsing.lowering.base import LOAD, STORE, set_context
from auditor.program.parsing.lowering.displays import DisplayLowering

BINARY: Final[dict[type[cst.BaseBinaryOp], tuple[str, type[ast.operator]]]] = {
    cst.Add: ("+", ast.Add),
    cst.Subtract: ("-", ast.Sub),
    cst.Multiply: ("*", ast.Mult),
    cst.Divide: ("/", ast.Div),
    cst.FloorDivide: ("//", ast.FloorDiv),
    cst.Modulo: ("%", ast.Mod),
    cst.Power: ("**", ast.Pow),
    cst.LeftShift: ("<<", ast.LShift),
    cst.RightShift: (">>", ast.RShift),
    cst.BitAnd: ("&", ast.BitAnd),
    cst.BitOr: ("|", ast.BitOr),
    cst.BitXor: ("^", ast.BitXor),
    cst.MatrixMultiply: ("@", ast.MatMult),
}
COMPARE: Final[dict[type[cst.BaseCompOp], tuple[tuple[str, ...], type[ast.cmpop]]]] = {
    cst.Equal: (("==",), ast.Eq),
    cst.NotEqual: (("!=",), ast.NotEq),
    cst.LessThan: (("<",), ast.Lt),
    cst.LessThanEqual: (("<=",), ast.LtE),
    cst.GreaterThan: ((">",), ast.Gt),
    cst.GreaterThanEqual: ((">=",), ast.GtE),
    cst.In: (("in",), ast.In),
    cst.NotIn: (("not", "in"), ast.NotIn),
    cst.Is: (("is",), ast.Is),
    cst.IsNot: (("is", "not"), ast.IsNot),
}
UNARY: Final[dict[type[cst.BaseUnaryOp], tuple[str, type[ast.unaryop]]]] = {
    cst.Minus: ("-", ast.USub),
    cst.Plus: ("+", ast.UAdd),
    cst.Not: ("not", ast.Not),
    cst.BitInvert: ("~", ast.Invert),
}


class ExpressionLowering(DisplayLowering):
    """Lowers expressions of one text."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._handlers: dict[type[cst.CSTNode], Callable[[Any], ast.expr]] = {
            cst.Name: self._name,
            cst.Integer: self._number,
            cst.Float: self._number,
            cst.Imaginary: self._number,
            cst.Ellipsis: self._ellipsis,
            cst.SimpleString: self._string,
            cst.FormattedString: self._string,
            cst.ConcatenatedString: self._string,
            cst.Attribute: self._attribute,
            cst.Call: self._call,
            cst.BinaryOperation: self._binary,
            cst.BooleanOperation: self._boolean,
            cst.UnaryOperation: self._unary,
            cst.Comparison: self._comparison,
            cst.IfExp: self._conditional,
            cst.Subscript: self._subscript,
            cst.Tuple: self._tuple,
            cst.List: self._list,
            cst.Set: self._set,
            cst.Dict: self._dict,
            cst.GeneratorExp: self._generator,
            cst.ListComp: self._list_comprehension,
            cst.SetComp: self._set_comprehension,
            cst.DictComp: self._dict_comprehension,
            cst.Lambda: self._lambda,
            cst.NamedExpr: self._named,
            cst.Yield: self._yield,
            cst.Await: self._await,
            cst.StarredElement: self._starred,
        }

    def with_brackets(self, node: Any) -> tuple[ast.expr, int]:
        """Lower an expression; also return the offset of its outermost own parenthesis, or -1."""
        handler = self._handlers[node.__class__]
        brackets = node.lpar
        self._parenthesis = -1
        if not brackets:
            return handler(node), -1
        outermost = self.take("(")
        innermost = outermost
        for _ in brackets[1:]:
            innermost = self.take("(")
        self._parenthesis = innermost
        result = handler(node)
        self._parenthesis = -1
        for _ in node.rpar:
            self.take(")")
        return result, outermost

    # -- operators

    def _binary(self, node: cst.BinaryOperation) -> ast.expr:
        spine = [node]
        while isinstance(spine[-1].left, cst.BinaryOperation) and not spine[-1].left.lpar:
            spine.append(spine[-1].left)
        left, parenthesis = self.with_brackets(spine[-1].left)
        for operation in reversed(spine):
            token, operator = BINARY[type(operation.operator)]
            self.take(token)
            right = self.expression(operation.right)
            left = self.like(ast.BinOp(left=left, op=operator(), right=right), left, parenthesis)
            parenthesis = -1
        return left

    def _boolean(self, node: cst.BooleanOperation) -> ast.expr:
        spine = [node]
        operator = type(node.operator)
        while (
            isinstance(spine[-1].left, cst.BooleanOperation)
            and not spine[-1].left.lpar
            and type(spine[-1].left.operator) is operator
        ):
            spine.append(spine[-1].left)
        first, parenthesis = self.with_brackets(spine[-1].left)
        values = [first]
        for operation in reversed(spine):
            self.take("and" if operator is cst.And else "or")
            values.append(self.expression(operation.right))
        result = ast.BoolOp(op=ast.And() if operator is cst.And else ast.Or(), values=values)
        return self.like(result, first, parenthesis)

    def _unary(self, node: cst.UnaryOperation) -> ast.expr:
        token, operator = UNARY[type(node.operator)]
        start = self.take(token)
        return self.at(ast.UnaryOp(op=operator(), operand=self.expression(node.expression)), start)

    def _comparison(self, node: cst.Comparison) -> ast.expr:
        left, parenthesis = self.with_brackets(node.left)
        operators: list[ast.cmpop] = []
        comparators: list[ast.expr] = []
        for target in node.comparisons:
            tokens, operator = COMPARE[type(target.operator)]
            for token in tokens:
                self.take(token)
            operators.append(operator())
            comparators.append(self.expression(target.comparator))
        return self.like(ast.Compare(left=left, ops=operators, comparators=comparators), left, parenthesis)

    def _conditional(self, node: cst.IfExp) -> ast.expr:
        body, parenthesis = self.with_brackets(node.body)
        self.take("if")
        test = self.expression(node.test)
        self.take("else")
        orelse = self.expression(node.orelse)
        return self.like(ast.IfExp(test=test, body=body, orelse=orelse), body, parenthesis)

    def _named(self, node: cst.NamedExpr) -> ast.expr:
        target = set_context(self.expression(node.target), STORE)
        assert isinstance(target, ast.Name)
        self.take(":=")
        return self.like(ast.NamedExpr(target=target, value=self.expression(node.value)), target)

    def _await(self, node: cst.Await) -> ast.expr:
        start = self.take("await")
        return self.at(ast.Await(value=self.expression(node.expression)), start)

    def _yield(self, node: cst.Yield) -> ast.expr:
        start = self.take("yield")
        if isinstance(node.value, cst.From):
            self.take("from")
            return self.at(ast.YieldFrom(value=self.expression(node.value.item)), start)
        value = self.expression(node.value) if node.value is not None else None
        return self.at(ast.Yield(value=value), start)

    def _starred(self, node: cst.StarredElement) -> ast.expr:
        start = self.take("*")
        return self.at(ast.Starred(value=self.expression(node.value), ctx=LOAD), start)

    # -- trailers

    def _attribute(self, node: cst.Attribute) -> ast.expr:
        value, parenthesis = self.with_brackets(node.value)
        self.take(".")
        self.take(node.attr.value)
        return self.like(ast.Attribute(value=value, attr=node.attr.value, ctx=LOAD), value, parenthesis)

    def _call(self, node: cst.Call) -> ast.expr:
        function, parenthesis = self.with_brackets(node.func)
        opening = self.take("(")
        arguments, keywords = self.arguments(node.args, opening)
        self.take(")")
        return self.like(ast.Call(func=function, args=arguments, keywords=keywords), function, parenthesis)

    def arguments(self, args: Sequence[cst.Arg], opening: int) -> tuple[list[ast.expr], list[ast.keyword]]:
        """Lower call or class arguments; `opening` is the offset of their parenthesis."""
        positional: list[ast.expr] = []
        keywords: list[ast.keyword] = []
        for arg in args:
            if arg.star == "*":
                start = self.take("*")
                positional.append(self.at(ast.Starred(value=self.expression(arg.value), ctx=LOAD), start))
            elif arg.star == "**":
                start = self.take("**")
                keywords.append(self.at(ast.keyword(arg=None, value=self.expression(arg.value)), start))
            elif arg.keyword is not None:
                start = self.take(arg.keyword.value)
                self.take("=")
                value = self.expression(arg.value)
                keywords.append(self.at(ast.keyword(arg=arg.keyword.value, value=value), start))
            elif isinstance(arg.value, cst.GeneratorExp) and not arg.value.lpar:
                self._parenthesis = opening
                positional.append(self._generator(arg.value))
            else:
                positional.append(self.expression(arg.value))
            self.comma()
        return positional, keywords

    def _subscript(self, node: cst.Subscript) -> ast.expr:
        value, parenthesis = self.with_brackets(node.value)
        self.take("[")
        start = self.skip()
        elements: list[ast.expr] = []
        trailing = False
        for element in node.slice:
            elements.append(self._index(element.slice))
            trailing = self.comma()
        self.take("]")
        index: ast.expr = elements[0]
        if len(elements) > 1 or trailing or isinstance(index, ast.Starred):
            index = self.at(ast.Tuple(elts=elements, ctx=LOAD), start)
        return self.like(ast.Subscript(value=value, slice=index, ctx=LOAD), value, parenthesis)

    def _index(self, node: cst.BaseSlice) -> ast.expr:
        if isinstance(node, cst.Index):
            if node.star:
                start = self.take("*")
                return self.at(ast.Starred(value=self.expression(node.value), ctx=LOAD), start)
            return self.expression(node.value)
        assert isinstance(node, cst.Slice)
        start = self.skip()
        lower = self.expression(node.lower) if node.lower is not None else None
        self.take(":")
        upper = self.expression(node.upper) if node.upper is not None else None
        self.take_if(":")
        step = self.expression(node.step) if node.step is not None else None
        return self.at(ast.Slice(lower=lower, upper=upper, step=step), start)
