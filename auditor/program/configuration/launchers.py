"""Python launchers beside a submission: scripts that set the environment and start the training script.

Only plain assignments count: `os.environ["K"] = "V"`, `env["K"] = "V"`, `env.setdefault("K", "V")`,
`dict(os.environ, K="V")`, `{**os.environ, "K": "V"}`. Nothing is evaluated.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from auditor.program.parsing.parse import ParseFailure, parse
from auditor.program.walk import walk


def python_launcher_settings(text: str, path: str) -> list[tuple[str, str, int]]:
    """Return (name, value, line) of each variable a launcher sets, by line; none if it is not Python."""
    try:
        module = parse(text, path)
    except ParseFailure:
        return []
    found = [item for node in walk(module) for item in _settings_of(node)]
    return sorted(found, key=lambda item: item[2])


def _settings_of(node: ast.AST) -> Iterator[tuple[str, str, int]]:
    if isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Subscript) and _is_environment(target.value):
                yield from _pair(target.slice, node.value)
    elif isinstance(node, ast.Call):
        function = node.func
        if isinstance(function, ast.Attribute) and _is_environment(function.value):
            if function.attr == "setdefault" and len(node.args) == 2:
                yield from _pair(node.args[0], node.args[1])
            elif function.attr == "update":
                for argument in node.args:
                    if isinstance(argument, ast.Dict):
                        yield from _items(argument)
                yield from _keywords(node)
        elif (
            isinstance(function, ast.Name) and function.id == "dict" and any(map(_is_environment, node.args))
        ):
            yield from _keywords(node)
    elif isinstance(node, ast.Dict):
        spread = [value for key, value in zip(node.keys, node.values, strict=True) if key is None]
        if any(_is_environment(value) for value in spread):
            yield from _items(node)


def _is_environment(node: ast.expr) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "copy":
        node = node.func.value
    if isinstance(node, ast.Attribute):
        return node.attr == "environ"
    return isinstance(node, ast.Name) and node.id.lower().lstrip("_") in (
        "env",
        "environ",
        "environment",
        "envs",
    )


def _items(node: ast.Dict) -> Iterator[tuple[str, str, int]]:
    for key, value in zip(node.keys, node.values, strict=True):
        if key is not None:
            yield from _pair(key, value)


def _keywords(node: ast.Call) -> Iterator[tuple[str, str, int]]:
    for keyword in node.keywords:
        if keyword.arg is not None and isinstance(keyword.value, ast.Constant):
            yield keyword.arg, str(keyword.value.value), keyword.value.lineno


def _pair(key: ast.expr, value: ast.expr) -> Iterator[tuple[str, str, int]]:
    if not isinstance(key, ast.Constant) or not isinstance(value, ast.Constant):
        return
    if isinstance(key.value, str) and isinstance(value.value, (str, int, float)):
        yield key.value, str(value.value), key.lineno
