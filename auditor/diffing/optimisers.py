"""Optimisers and their parameter groups, as written: constructor calls and dictionaries with "params"."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Sequence

_OPTIMISER = re.compile(
    r"^(?:Adam\w*|SGD|Muon\w*|NorMuon\w*|Lion\w*|LAMB|RMSprop|Shampoo|SOAP|Adagrad|Parallel\w*Muon)$"
)


def optimiser_lines(modules: Sequence[ast.Module]) -> Counter[str]:
    """Every optimiser and parameter group with its keyword settings, settings objects left unnamed.

    `args.lr` and `h.lr` read the same setting, so both are written `.lr`; which tensors a group holds is part
    of it only by the expression that names them.
    """
    return Counter(line for module in modules for line in _lines(module))


def _lines(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            name = node.func.id if isinstance(node.func, ast.Name) else name
            if _OPTIMISER.match(name):
                settings = [
                    f"{k.arg}={_shown(k.value)}" for k in node.keywords if k.arg not in (None, "fused")
                ]
                yield f"{name}({', '.join(settings)})"
        elif isinstance(node, ast.Dict):
            keys = [key.value for key in node.keys if isinstance(key, ast.Constant)]
            if "params" in keys and len(keys) == len(node.values) and len(keys) > 1:
                shown = [
                    f"{key}: {_shown(value)}"
                    for key, value in zip(keys, node.values, strict=True)
                    if isinstance(key, str)
                ]
                yield f"group {{{', '.join(shown)}}}"


def _shown(node: ast.expr) -> str:
    text = ast.unparse(node)
    text = re.sub(r"\b(?:args|h|hp|cfg|config|self|Hyperparameters|hyperparams)\.(?=\w)", ".", text)
    return text if len(text) <= 80 else text[:79] + "…"


def compare_optimisers(
    old: Sequence[ast.Module], new: Sequence[ast.Module]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The optimiser lines only the old program has, and those only the new one has."""
    before, after = optimiser_lines(old), optimiser_lines(new)
    return tuple(sorted((before - after).elements())), tuple(sorted((after - before).elements()))
