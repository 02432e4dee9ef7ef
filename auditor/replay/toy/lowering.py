"""Rewrites Python 3.12 source for the running 3.11: f-strings that nest their own quotes.

A LibCST codemod. Only f-strings that the running Python rejects are touched; they become a `"".join` of their
parts with the same conversions and format specifications, on the same lines.
"""

from __future__ import annotations

import ast

import libcst as cst

from auditor.program.parsing.spacing import with_blanks


def lowered(text: str) -> str:
    """The text in the running Python's grammar.

    Raises:
        SyntaxError: it is not Python 3.12, or uses more of it than f-strings.
    """
    try:
        try:
            module = cst.parse_module(text)
        except cst.CSTValidationError:
            module = cst.parse_module(with_blanks(text))
    except (cst.ParserSyntaxError, cst.CSTValidationError) as error:
        raise SyntaxError(f"not Python 3.12 either: {error}") from error
    changed = module.visit(_Strings(module)).code
    ast.parse(changed)
    return changed


def needs_lowering(text: str) -> bool:
    """Whether the running Python rejects the text."""
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return True
    return False


class _Strings(cst.CSTTransformer):
    def __init__(self, module: cst.Module) -> None:
        super().__init__()
        self._module = module

    def leave_FormattedString(
        self, original_node: cst.FormattedString, updated_node: cst.FormattedString
    ) -> cst.BaseExpression:
        if _accepted(self._module.code_for_node(original_node)):
            return updated_node
        return _joined(updated_node)

    def visit_ConcatenatedString(self, node: cst.ConcatenatedString) -> bool:
        """Strings side by side are only gone into if none of them must become a call."""
        return _accepted(self._module.code_for_node(node))

    def leave_ConcatenatedString(
        self, original_node: cst.ConcatenatedString, updated_node: cst.ConcatenatedString
    ) -> cst.BaseExpression:
        """Strings side by side of which one becomes a call are added instead."""
        if _accepted(self._module.code_for_node(original_node)):
            return updated_node
        whole: cst.BaseExpression | None = None
        for part in _side_by_side(original_node):
            changed = part.visit(self)
            assert isinstance(changed, cst.BaseExpression)
            whole = changed if whole is None else _added(whole, changed)
        assert whole is not None
        return whole


def _side_by_side(node: cst.BaseExpression) -> list[cst.BaseExpression]:
    if isinstance(node, cst.ConcatenatedString):
        return [*_side_by_side(node.left), *_side_by_side(node.right)]
    return [node]


def _added(left: cst.BaseExpression, right: cst.BaseExpression) -> cst.BaseExpression:
    """A sum in brackets, which may break lines as the strings did."""
    return cst.BinaryOperation(
        left=left, operator=cst.Add(), right=right, lpar=[cst.LeftParen()], rpar=[cst.RightParen()]
    )


def _accepted(code: str) -> bool:
    try:
        ast.parse(f"({code})")
    except SyntaxError:
        return False
    return True


def _joined(node: cst.FormattedString) -> cst.BaseExpression:
    """`"".join((…))` of the parts of an f-string."""
    raw = "r" in node.prefix.lower()
    elements = [cst.Element(part) for part in _parts(node.parts, raw)]
    if not elements:
        return cst.SimpleString('""')
    return cst.Call(
        func=cst.Attribute(cst.SimpleString('""'), cst.Name("join")), args=[cst.Arg(cst.List(elements))]
    )


def _parts(parts: object, raw: bool) -> list[cst.BaseExpression]:
    out: list[cst.BaseExpression] = []
    assert isinstance(parts, (list, tuple))
    for part in parts:
        if isinstance(part, cst.FormattedStringText):
            out.append(cst.SimpleString(_literal(part.value, raw)))
        elif isinstance(part, cst.FormattedStringExpression):
            out += _expression(part, raw)
    return out


def _literal(value: str, raw: bool) -> str:
    """A string literal for literal text of an f-string, braces undoubled and escapes meant as they stood."""
    text = value.replace("{{", "{").replace("}}", "}")
    if raw:
        return repr(text)
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quoted = text.replace('"', '\\"') if '\\"' not in text else text
        return repr(ast.literal_eval(f'"""{quoted}"""'))


def _expression(part: cst.FormattedStringExpression, raw: bool) -> list[cst.BaseExpression]:
    value = part.expression
    out: list[cst.BaseExpression] = []
    conversion = part.conversion
    if part.equal is not None:
        shown = cst.Module(body=[]).code_for_node(value)
        out.append(cst.SimpleString(repr(shown + "=")))
        conversion = conversion or (None if part.format_spec else "r")
    if conversion:
        name = {"r": "repr", "s": "str", "a": "ascii"}[conversion]
        value = cst.Call(func=cst.Name(name), args=[cst.Arg(_bracketed(value))])
    spec = _parts(part.format_spec, raw) if part.format_spec else []
    args = [cst.Arg(_bracketed(value))]
    if len(spec) == 1:
        args.append(cst.Arg(spec[0]))
    elif spec:
        joined = cst.Attribute(cst.SimpleString('""'), cst.Name("join"))
        args.append(cst.Arg(cst.Call(func=joined, args=[cst.Arg(cst.List([cst.Element(s) for s in spec]))])))
    out.append(cst.Call(func=cst.Name("format"), args=args))
    return out


def _bracketed(value: cst.BaseExpression) -> cst.BaseExpression:
    """A generator or a tuple without brackets needs them as an argument."""
    if isinstance(value, (cst.Tuple, cst.GeneratorExp, cst.Yield, cst.NamedExpr)) and not value.lpar:
        return value.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    return value
