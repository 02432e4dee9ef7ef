"""Lowering of expressions: LibCST nodes to the `ast` classes, positions by the cursor.

Half of the lowering; statements are in `lower`, patterns in `lower_patterns`. Every method consumes the
tokens of its node in source order and nothing else.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import libcst as cst

from auditor.program.cursor import Cursor, Misplaced
from auditor.program.lower_strings import fstring_text, number_value, string_value

N = TypeVar("N", bound=ast.AST)

LOAD: Final = ast.Load()
STORE: Final = ast.Store()
DELETE: Final = ast.Del()

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
_SINGLETONS: Final[dict[str, bool | None]] = {"True": True, "False": False, "None": None}


def set_context(node: ast.expr, context: ast.expr_context) -> ast.expr:
    """Make `node`, parsed as a value, a target; returns it."""
    if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)):
        node.ctx = context
    elif isinstance(node, ast.Starred):
        node.ctx = context
        set_context(node.value, context)
    elif isinstance(node, (ast.Tuple, ast.List)):
        node.ctx = context
        for element in node.elts:
            set_context(element, context)
    return node


class ExpressionLowering(Cursor):
    """Lowers expressions of one text."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._parenthesis = -1
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

    def at(self, node: N, offset: int) -> N:
        """Give `node` the position of a character offset."""
        node.lineno, node.col_offset = self.position(offset)  # type: ignore[attr-defined]
        return node

    def like(self, node: N, first: ast.expr, parentheses: int = -1) -> N:
        """Give `node` the position its first operand starts at, own brackets of that operand included."""
        if parentheses >= 0:
            return self.at(node, parentheses)
        node.lineno, node.col_offset = first.lineno, first.col_offset  # type: ignore[attr-defined]
        return node

    def expression(self, node: cst.CSTNode) -> ast.expr:
        """Lower an expression with its own parentheses."""
        return self._expression(node)[0]

    def _expression(self, node: Any) -> tuple[ast.expr, int]:
        """Also return the offset of the outermost own parenthesis, or -1."""
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

    def _own_parenthesis(self) -> int:
        offset, self._parenthesis = self._parenthesis, -1
        return offset

    def comma(self) -> bool:
        """Consume a comma if one comes next."""
        return self.take_if(",")

    # -- atoms

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
        self.offset = start + len(token)
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

    # -- operators

    def _binary(self, node: cst.BinaryOperation) -> ast.expr:
        spine = [node]
        while isinstance(spine[-1].left, cst.BinaryOperation) and not spine[-1].left.lpar:
            spine.append(spine[-1].left)
        left, parenthesis = self._expression(spine[-1].left)
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
        first, parenthesis = self._expression(spine[-1].left)
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
        left, parenthesis = self._expression(node.left)
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
        body, parenthesis = self._expression(node.body)
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
        value, parenthesis = self._expression(node.value)
        self.take(".")
        self.take(node.attr.value)
        return self.like(ast.Attribute(value=value, attr=node.attr.value, ctx=LOAD), value, parenthesis)

    def _call(self, node: cst.Call) -> ast.expr:
        function, parenthesis = self._expression(node.func)
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
        value, parenthesis = self._expression(node.value)
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
