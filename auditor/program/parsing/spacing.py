"""Blanks where LibCST wants them: minified text that Python accepts and LibCST's node checks reject.

`x=sum((a)-(b if c else d)for w in y)` is valid Python. LibCST parses it and then refuses the tree, because a
parenthesised conditional stands directly before a keyword (`CSTValidationError`). The remedy is text with a
blank between such brackets and keywords; the lowering still reads the original text, whose tokens are the
same, so positions stay true.
"""

from __future__ import annotations

import re
from typing import Final

_AFTER_BRACKET: Final = re.compile(r"(?<=[)\]}])(?=(?:if|else|for|in|is|and|or|not|as|from|async|import)\b)")
_BEFORE_BRACKET: Final = re.compile(
    r"(?<![\w.])(if|elif|else|for|in|is|and|or|not|as|from|lambda|yield|return|await|assert|del|raise|while|with"
    r"|except|import)(?=[(\[{~-])"
)
_TOKEN: Final = re.compile(
    r"#[^\n]*|(?P<prefix>(?<!\w)[fFrRbBuU]{1,2})?(?P<quote>'''|\"\"\"|'|\")|(?P<open>[\[({])|(?P<close>[\])}])|(?P<colon>:|!(?!=))"
)
_FSTRING_STEP: Final = re.compile(
    r"\\N\{[^}\n]*\}|\\[^{}]|\{\{|\}\}|(?P<field>\{)|(?P<quote>'''|\"\"\"|'|\")", re.DOTALL
)


def with_blanks(text: str) -> str:
    """Return `text` with a blank between brackets and keywords, everywhere outside strings and comments."""
    pieces: list[str] = []
    done = 0
    for start, end in code_spans(text):
        pieces.append(text[done:start])
        pieces.append(_BEFORE_BRACKET.sub(r"\1 ", _AFTER_BRACKET.sub(" ", text[start:end])))
        done = end
    pieces.append(text[done:])
    return "".join(pieces)


def code_spans(text: str) -> list[tuple[int, int]]:
    """Return (start, end) of every stretch outside strings and comments, replacement fields included.

    Follows the 3.12 grammar: quotes of the same kind may nest inside a replacement field. Text that is not
    Python gives some spans or other. Recursion is as deep as f-strings nest.
    """
    scanner = _Scanner(text)
    scanner.code(0, in_field=False)
    return scanner.spans


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.spans: list[tuple[int, int]] = []

    def code(self, position: int, *, in_field: bool) -> int:
        """Scan code; inside a field stop at the `}`, `:` or `!` that ends its expression."""
        start = position
        depth = 0
        while (match := _TOKEN.search(self.text, position)) is not None:
            position = match.end()
            if match["open"]:
                depth += 1
            elif match["close"]:
                if in_field and depth == 0:
                    return self._span(start, match.start())
                depth -= 1
            elif match["colon"]:
                if in_field and depth == 0:
                    return self._span(start, match.start())
            else:
                self._span(start, match.start())
                if match["quote"]:
                    position = self._string(position, match["prefix"] or "", match["quote"])
                start = position
        return self._span(start, len(self.text))

    def _span(self, start: int, end: int) -> int:
        if end > start:
            self.spans.append((start, end))
        return end

    def _string(self, position: int, prefix: str, quote: str) -> int:
        """Return the offset after the string whose content starts at `position`."""
        if "f" not in prefix.lower():
            end = re.compile(rf"(?:\\.|[^\\])*?{quote}", re.DOTALL).match(self.text, position)
            return end.end() if end is not None else len(self.text)
        while (step := _FSTRING_STEP.search(self.text, position)) is not None:
            position = step.end()
            if step["field"]:
                position = self._field(position)
            elif step["quote"] and self.text.startswith(quote, step.start()):
                return step.start() + len(quote)
            elif step["quote"]:
                position = step.start() + 1
        return len(self.text)

    def _field(self, position: int) -> int:
        """Return the offset after the `}` of the field whose expression starts at `position`."""
        position = self.code(position, in_field=True)
        if self.text.startswith("!", position):
            position += 2
        if self.text.startswith(":", position):
            while position < len(self.text) and self.text[position] != "}":
                position = self._field(position + 1) if self.text[position] == "{" else position + 1
        return position + 1
