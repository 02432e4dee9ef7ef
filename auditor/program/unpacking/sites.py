"""Where a text runs other text: the calls that unpacking must resolve, found without interpreting anything.

A cheap pattern over the text decides whether the tree is looked at, so that a plain script costs next to
nothing. Sites are candidates: `subprocess.run(["nvidia-smi"])` is none, `subprocess.run([sys.executable,
path])` is one.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Final

from auditor.program.walk import called_name, walk

_MENTIONS: Final = tuple(
    (needle, re.compile(pattern))
    for needle, pattern in (
        ("exec", r"(?<![.\w])exec(?:file)?\b|\bexec_module\b|\bos\.exec[lv]"),
        ("eval", r"(?<![.\w])eval\(|=\s*eval\b"),
        ("runpy", ""),
        ("builtins", r"__builtins__|\bbuiltins\b"),
        ("load_module", ""),
        ("import_module", ""),
        ("__import__", ""),
        ("FunctionType", ""),
        ("marshal", ""),
        ("os.", r"\bos\.(?:system|popen|spawn|posix_spawn)"),
        (
            "subprocess",
            r"\b(?:run|call|check_call|check_output|Popen)\s*\(\s*\[?\s*"
            r"(?:sys\.executable|['\"](?:python|torchrun)|\w+\s*[,)])",
        ),
    )
)
"""Pairs of a plain text, which is fast to look for, and the pattern that must then occur."""
_BUILTIN: Final = frozenset({"exec", "eval", "execfile", "__import__"})
_PASSED_ON: Final = frozenset({"exec", "eval", "__builtins__", "builtins"})
_ATTRIBUTES: Final = frozenset(
    {"exec_module", "load_module", "run_path", "run_module", "import_module", "exec", "__import__"}
)
_PROCESS: Final = frozenset({"run", "call", "check_call", "check_output", "Popen", "system", "popen"})
_PYTHON: Final = re.compile(r"(?:^|/|\s)(?:python[\d.]*|torchrun)(?:$|\s)|\.py\b")

STRONG: Final = frozenset(
    {"exec", "eval", "execfile", "exec_module", "load_module", "run_path", "run_module"}
)
"""Names of calls whose unknown text is always worth a word."""


def may_run_text(text: str) -> bool:
    """Return whether `text` mentions anything that could run other text; false costs one scan."""
    return any(needle in text and pattern.search(text) for needle, pattern in _MENTIONS)


def find_sites(module: ast.Module) -> list[ast.Call]:
    """Return the candidate calls of a tree in source order."""
    sites = [node for node in walk(module) if isinstance(node, ast.Call) and is_site(node)]
    return sorted(sites, key=lambda node: (node.lineno, node.col_offset))


def passes_on_builtins(module: ast.Module) -> bool:
    """Whether `exec` or its like is named other than to be called: `run = exec`, `getattr(builtins, …)`."""
    called = {id(node.func) for node in walk(module) if isinstance(node, ast.Call)}
    return any(
        isinstance(node, ast.Name) and node.id in _PASSED_ON and id(node) not in called
        for node in walk(module)
    )


def is_site(node: ast.Call) -> bool:
    """Whether the call, by its looks, may run text."""
    name = called_name(node)
    if isinstance(node.func, ast.Name):
        return name in _BUILTIN and bool(node.args)
    if not isinstance(node.func, ast.Attribute):
        return isinstance(node.func, (ast.Call, ast.Subscript)) and _mentions_builtins(node.func)
    if name in _ATTRIBUTES:
        return True
    if name in _PROCESS or name.startswith(("execv", "execl", "spawn")):
        return _is_process(node.func.value) and bool(node.args) and _may_be_python(node.args)
    return False


def _mentions_builtins(node: ast.expr) -> bool:
    """`getattr(__builtins__, "ex" + "ec")(…)`, `__builtins__.__dict__["exec"](…)`."""
    return any(
        (isinstance(inner, ast.Name) and inner.id in ("__builtins__", "builtins"))
        or (isinstance(inner, ast.Attribute) and inner.attr == "__builtins__")
        for inner in walk(node)
    )


def _is_process(owner: ast.expr) -> bool:
    return isinstance(owner, ast.Name) and owner.id.lstrip("_") in (
        "subprocess",
        "sp",
        "os",
        "_os",
        "_subprocess",
    )


def _may_be_python(arguments: list[ast.expr]) -> bool:
    """Whether a command could be Python running a file: false only if it is seen to be another program."""
    command = arguments[0]
    if isinstance(command, (ast.List, ast.Tuple)) and command.elts:
        command = command.elts[0]
        while isinstance(command, ast.BinOp):
            command = command.left
        if isinstance(command, ast.Attribute):
            return command.attr == "executable"
        if isinstance(command, ast.IfExp):
            return False
        if isinstance(command, ast.Constant):
            return isinstance(command.value, str) and _PYTHON.search(command.value) is not None
        return False
    if isinstance(command, ast.Constant):
        return isinstance(command.value, str) and _PYTHON.search(command.value) is not None
    return not isinstance(command, ast.JoinedStr)


def functions_with(sites: list[ast.Call], module: ast.Module) -> Iterator[ast.FunctionDef]:
    """Yield the functions of `module` that hold one of `sites`, outer ones first."""
    wanted = {id(site) for site in sites}
    for node in walk(module):
        if isinstance(node, ast.FunctionDef) and any(id(inner) in wanted for inner in walk(node)):
            yield node
