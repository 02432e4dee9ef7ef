"""Makes text of a submission safe to show: it must not move the cursor, ring, or hide what it says."""

from __future__ import annotations

import unicodedata

_KEPT = frozenset("\n\t")


def clean(text: str) -> str:
    """The text with control, format and lone-surrogate characters shown as escapes; tabs become four spaces.

    Covers ANSI escapes (their ESC), carriage returns, bidirectional overrides and zero-width characters.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(character) for character in text).replace("\t", "    ")


def _shown(character: str) -> str:
    if character in _KEPT or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


def clean_line(text: str) -> str:
    """As `clean`, on one line."""
    return clean(text.replace("\n", " "))
