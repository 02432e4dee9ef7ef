"""Modules that a script imports, as its text says; of those, what is not installed here."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from auditor.replay.inside.missing import TABLE

STOOD_IN: Final = frozenset(TABLE) | {"triton", "flash_attn", "flash_attn_interface", "kernels"}
"""What the stand-ins for a machine without GPUs bring along."""


def missing_imports(texts: Iterable[str], own: Collection[str], *, on_cpu: bool) -> list[str]:
    """Top-level modules that are imported and not here; those within a `try` are the script's own business.

    Args:
        own: modules that the submission brings.
    """
    wanted = {name for text in texts for name in _imported(text)}
    known = set(own) | (set(STOOD_IN) if on_cpu else set())
    return sorted(name for name in wanted - known if not _is_here(name))


def _is_here(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _imported(text: str) -> Iterator[str]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Try):
            waiting += [*node.orelse, *node.finalbody]
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.split(".")[0]
        waiting += ast.iter_child_nodes(node)
