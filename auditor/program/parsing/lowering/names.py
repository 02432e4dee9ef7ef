"""Identifiers as Python reads them: in normal form KC, so that `ｅxec` is `exec` (Python reference, 2.3)."""

from __future__ import annotations

import ast
import unicodedata

_FIELDS = frozenset({"id", "attr", "arg", "name", "asname", "module", "rest"})
"""Fields of nodes that hold an identifier, or a dotted name of some."""
_LISTS = frozenset({"names", "kwd_attrs"})


def with_normal_names(tree: ast.Module) -> ast.Module:
    """Normalise every identifier of a tree in place, and return it; text of strings stays as it is."""
    for node in ast.walk(tree):
        for field, value in ast.iter_fields(node):
            if field in _FIELDS and isinstance(value, str) and not value.isascii():
                setattr(node, field, unicodedata.normalize("NFKC", value))
            elif field in _LISTS and isinstance(value, list):
                value[:] = [unicodedata.normalize("NFKC", n) if isinstance(n, str) else n for n in value]
    return tree
