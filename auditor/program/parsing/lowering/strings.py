"""Lowering of literals: what a string, f-string or number token of LibCST is as a value.

Pure functions from token text to value; positions are the business of `lower_expressions`.
"""

from __future__ import annotations

import ast
import re
import warnings
from typing import Final

_FSTRING_ESCAPE: Final = re.compile(r"\\N\{[^}]*\}|\{\{|\}\}")
_ESCAPED_OR_QUOTE: Final = re.compile(r'\\.|"', re.DOTALL)


class BadLiteral(Exception):
    """A literal that LibCST's parser accepts and Python does not (a bad escape, too many digits)."""


def string_value(token: str) -> str | bytes:
    """Return the value of one plain string token, prefix and quotes included."""
    if "\\" not in token and token[0] in "\"'":
        return token[3:-3] if token[:3] in ('"""', "'''") else token[1:-1]
    return _evaluate(token)


def fstring_text(text: str, *, raw: bool) -> str:
    """Return the value of the text between two replacement fields, as written in the source."""
    if "{" in text or "}" in text:
        text = _FSTRING_ESCAPE.sub(lambda m: m[0][0] if m[0] in ("{{", "}}") else m[0], text)
    if raw or "\\" not in text:
        return text
    quoted = _ESCAPED_OR_QUOTE.sub(lambda m: '\\"' if m[0] == '"' else m[0], text)
    trailing = len(quoted) - len(quoted.rstrip("\\"))
    if trailing % 2:
        quoted += "\\"
    value = _evaluate(f'"""{quoted}"""')
    assert isinstance(value, str)
    return value


def number_value(token: str) -> int | float | complex:
    """Return the value of a number token.

    Raises:
        BadLiteral: more digits than Python converts (4,300), or no number at all.
    """
    digits = token.replace("_", "")
    try:
        if digits[-1] in "jJ":
            return complex(digits.lower())
        if digits[:2].lower() in ("0x", "0o", "0b"):
            return int(digits, 0)
        if any(mark in digits for mark in ".eE"):
            return float(digits)
        return int(digits)
    except ValueError as error:
        raise BadLiteral(f"number {token[:40]!r}: {error}") from error


def _evaluate(token: str) -> str | bytes:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = ast.literal_eval(token)
    except (SyntaxError, ValueError) as error:
        raise BadLiteral(f"string {token[:40]!r}: {error}") from error
    if not isinstance(value, (str, bytes)):
        raise BadLiteral(f"string {token[:40]!r}")
    return value
