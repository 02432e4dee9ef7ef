"""A cursor over source text: where every token stands, without position metadata.

The lowering walks a concrete syntax tree in source order and takes each token from the text. Whatever
stands between two tokens (blanks, comments, line ends, continuation backslashes, semicolons) is skipped
by one pattern, so no whitespace node of the tree is ever visited. A token that is not where the tree
says it is raises `Misplaced`: the walk checks itself.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Final

_BETWEEN: Final = re.compile(r"(?:[ \t\f\n;]+|\\\n|#[^\n]*)*")


class Misplaced(Exception):
    """The walk and the text disagree: a bug of the lowering, or a tree of another text."""


class Cursor:
    """Reads tokens from `text` in order; positions are (1-based line, 0-based UTF-8 column) as in `ast`."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.offset = 0
        self.token_end = 0
        self._ascii = text.isascii()
        self._line_starts = [0]
        self._line_starts.extend(match.end() for match in re.finditer("\n", text))

    def position(self, offset: int) -> tuple[int, int]:
        """Return (line, column) of a character offset."""
        line = bisect_right(self._line_starts, offset)
        start = self._line_starts[line - 1]
        if self._ascii:
            return line, offset - start
        return line, len(self.text[start:offset].encode("utf-8", "surrogatepass"))

    def skip(self) -> int:
        """Move to the next token and return its offset."""
        match = _BETWEEN.match(self.text, self.offset)
        if match is not None:
            self.offset = match.end()
        return self.offset

    def take(self, token: str) -> int:
        """Consume `token`, which must come next, and return the offset it starts at."""
        start = self.skip()
        if not self.text.startswith(token, start):
            line, column = self.position(start)
            raise Misplaced(
                f"{line}:{column}: {token[:20]!r} wanted, {self.text[start : start + 20]!r} found"
            )
        self.offset = self.token_end = start + len(token)
        return start

    def take_if(self, token: str) -> bool:
        """Consume `token` if it comes next."""
        start = self.skip()
        if self.text.startswith(token, start):
            self.offset = self.token_end = start + len(token)
            return True
        return False
