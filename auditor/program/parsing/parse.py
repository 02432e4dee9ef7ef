"""Text to tree: the one parse of a script, by `ast` where it can and by LibCST where it must.

`ast.parse` of the running Python is some ten times faster than LibCST and gives the tree classes the rest of
the auditor reads. Text that it rejects (on 3.11 the nested quotes of 3.12 f-strings, type parameters) goes to
LibCST and `lower`, text that LibCST's node checks reject goes there once more with blanks added (`spacing`).
Nothing is executed. Lines count from 1 and columns from 0 in UTF-8 bytes of the line, as in `ast`.
"""

from __future__ import annotations

import ast
import gc
import io
import re
import tokenize
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from auditor.program.limits import MAX_LAYER_BYTES, MAX_NESTING, MAX_PARSED_CHARACTERS, MAX_PREFIX_CHAIN

_PREFIX_CHAIN: Final = re.compile(
    rf"(?:(?:[-+~]|not\b|await\b|lambda\s*:|\*\*?)[ \t\\\n]*){{{MAX_PREFIX_CHAIN},}}"
)


class ParseFailure(Exception):
    """The text is not Python, as far as could be told.

    Attributes:
        reason: what is wrong, one clause.
        path: the file or layer.
        line: 1-based, or 1 where the parser names none.
        column: 0-based.
        undecided: whether another reader, Python's own among them, may well take the text: a cap of ours was
            reached, or our two parsers differ.
    """

    def __init__(
        self, reason: str, path: str, line: int = 1, column: int = 0, *, undecided: bool = False
    ) -> None:
        super().__init__(f"{path}:{line}:{column + 1}: {reason}")
        self.reason = reason
        self.path = path
        self.line = line
        self.column = column
        self.undecided = undecided


def _cap(reason: str, path: str, line: int = 1) -> ParseFailure:
    return ParseFailure(reason, path, line, undecided=True)


def decode_source(data: bytes, path: str) -> str:
    """Return the text of a source file: BOM and coding line honoured, line ends made `\\n`.

    Raises:
        ParseFailure: empty, too large, binary, an unknown or wrong encoding; names the line of the bad byte.
    """
    if not data.strip():
        raise ParseFailure("the file is empty", path)
    if len(data) > MAX_LAYER_BYTES:
        raise ParseFailure(f"{len(data):,} bytes, more than the {MAX_LAYER_BYTES:,} that are read", path)
    if b"\0" in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        raise ParseFailure("binary: a NUL byte", path, line)
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except SyntaxError as error:
        raise ParseFailure(f"encoding: {error.msg}", path) from error
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - (before.rfind(b"\n") + 1)
        raise ParseFailure(f"byte {data[error.start]:#04x} is not {encoding}", path, line, column) from error
    except (UnicodeError, ValueError, LookupError) as error:
        raise ParseFailure(f"cannot be decoded as {encoding}: {error}", path) from error
    return normalise(text)


def normalise(text: str) -> str:
    """Return `text` without a byte order mark and with `\\n` line ends; line numbers are unchanged."""
    text = text.removeprefix("\ufeff")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text


def parse(text: str, path: str) -> ast.Module:
    """Return the tree of `text`.

    Args:
        text: the source, best from `decode_source`.
        path: only named in the failure.

    Raises:
        ParseFailure: neither parser takes the text; the one that got further tells the place.
    """
    text = normalise(text)
    if len(text) > MAX_PARSED_CHARACTERS:
        raise _cap(f"{len(text):,} characters, more than {MAX_PARSED_CHARACTERS:,}", path)
    try:
        return _by_ast(text)
    except SyntaxError as error:
        first = ParseFailure(
            error.msg or "invalid syntax", path, error.lineno or 1, max((error.offset or 1) - 1, 0)
        )
    except (RecursionError, MemoryError):
        raise _cap("nested too deeply for the parser", path) from None
    except ValueError as error:
        raise ParseFailure(f"cannot be source text: {error}", path) from error
    try:
        return parse_concrete(text, path)
    except ParseFailure as second:
        # LibCST names the place after the offending token, often the next line; `ast` the token. An f-string
        # that `ast` of 3.11 stops at may well be right, so then, or when LibCST got further, its word counts.
        if second.line > first.line + 1 or (
            first.reason.startswith("f-string") and second.line >= first.line
        ):
            raise
        # How many digits an integer may have is a setting of the interpreter that runs it.
        first.undecided = second.undecided or "int_max_str_digits" in first.reason
        raise first from None


def parse_concrete(text: str, path: str) -> ast.Module:
    """Return the tree of `text` by LibCST and the lowering, whatever the running Python's grammar.

    Raises:
        ParseFailure: not Python 3.12, or larger or deeper than the native parser is given.
    """
    text = normalise(text)
    _refuse_overflow(text, path)
    import libcst as cst

    from auditor.program.parsing.cursor import Misplaced
    from auditor.program.parsing.lowering.modules import lower_module
    from auditor.program.parsing.lowering.names import with_normal_names
    from auditor.program.parsing.lowering.strings import BadLiteral
    from auditor.program.parsing.spacing import with_blanks

    try:
        with _no_collection():
            # LibCST trips over a backslash alone on a line at the start of a block.
            mended = _LONE_CONTINUATION.sub("", text)
            try:
                tree = cst.parse_module(mended)
            except cst.CSTValidationError:
                tree = cst.parse_module(with_blanks(mended))
            return with_normal_names(lower_module(tree, text))
    except cst.ParserSyntaxError as error:
        line, column = _place(error.message, error.raw_line, error.raw_column)
        raise ParseFailure("invalid syntax", path, line, column) from error
    except cst.CSTValidationError as error:
        raise _cap(f"LibCST rejects the text: {error}", path) from error
    except BadLiteral as error:
        raise ParseFailure(str(error), path) from error
    except Misplaced as error:
        raise _cap(f"the concrete tree does not match its text: {error}", path) from error
    except RecursionError:
        raise _cap("nested too deeply for the lowering", path) from None


def _by_ast(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Hold the garbage collector: with many trees alive it makes a parse half as slow again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _refuse_overflow(text: str, path: str) -> None:
    """Refuse what would overflow the stack of a native recursive parser, which no exception reports."""
    if len(text) > MAX_PARSED_CHARACTERS:
        raise _cap(f"{len(text):,} characters, more than {MAX_PARSED_CHARACTERS:,}", path)
    chain = _PREFIX_CHAIN.search(text)
    if chain is not None:
        line = text.count("\n", 0, chain.start()) + 1
        raise _cap(f"{MAX_PREFIX_CHAIN} prefix operators in a row", path, line)
    from auditor.program.parsing.spacing import code_spans

    depth = 0
    try:
        spans = code_spans(text)
    except RecursionError:
        raise _cap("f-strings nested too deeply", path) from None
    for start, end in spans:
        for match in _BRACKET.finditer(text, start, end):
            depth = depth + 1 if match[0] in "([{" else max(depth - 1, 0)
            if depth > MAX_NESTING:
                line = text.count("\n", 0, match.start()) + 1
                raise _cap(f"brackets nested deeper than {MAX_NESTING}", path, line)


_BRACKET: Final = re.compile(r"[()\[\]{}]")


def _place(message: str, line: int, column: int) -> tuple[int, int]:
    """Return (1-based line, 0-based column) of a LibCST error; its text is exact, its attributes are not."""
    told = _ERROR_AT.search(message)
    if told is None:
        return max(line, 1), max(column, 0)
    # The text names the column after the offending token, counted from 1.
    return max(int(told[1]), 1), max(int(told[2]) - 2, 0)


_LONE_CONTINUATION: Final = re.compile(r"(?<![^\n])[ \t\f]*\\(?=\n)")
_ERROR_AT: Final = re.compile(r"error at (\d+):(\d+)")
