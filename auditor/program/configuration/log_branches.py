"""Branches that a log shows to have been taken, for the variables that decide them.

`if args.ttt_enabled: log0("ttt: starting …")` in the program and `ttt: starting` in the log say that the variable
was on, though nothing prints its value. Only lines that one arm of one test prints, and no other place, are told.
Absence of a line tells nothing here: logs are cut, and an arm may end before it prints.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from auditor.program.configuration.environment import EnvironmentRead
from auditor.program.configuration.log_templates import OWNERS
from auditor.program.model import Program
from auditor.program.walk import walk

MIN_TEXT = 8
"""Characters of a constant text at the start of a printed line that make it one of its kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """Something that only one outcome of a test prints.

    Attributes:
        text: what the line begins with.
        target: the name that was tested.
        value: what the variable behind it then held.
        exact: whether it was just that; otherwise anything that counts as "on" would do.
    """

    text: str
    target: str
    value: str
    exact: bool


def branches(program: Program, variables: Mapping[str, EnvironmentRead]) -> list[Branch]:
    """Return what the arms of tests of environment variables print.

    Args:
        variables: target name → the read that feeds it (`environment.variable_of`).
    """
    found: list[Branch] = []
    printed: Counter[str] = Counter()
    for layer in program.layers:
        if layer.module is None:
            continue
        for node in walk(layer.module):
            if isinstance(node, ast.Call):
                text = _opening(node)
                if text:
                    printed[text] += 1
            elif isinstance(node, ast.If):
                found.extend(_of_test(node, variables))
    texts = sorted(printed)
    return [
        branch
        for branch in found
        if printed[branch.text] == 1 and not any(_same_opening(branch.text, text) for text in texts)
    ]


def _same_opening(one: str, other: str) -> bool:
    return one != other and (one.startswith(other) or other.startswith(one))


def _of_test(node: ast.If, variables: Mapping[str, EnvironmentRead]) -> Iterator[Branch]:
    for body, outcome in ((node.body, True), (node.orelse, False)):
        texts = [text for statement in body if (text := _printed(statement))]
        if not texts:
            continue
        for target, value, exact in _implied(node.test, outcome, variables):
            for text in texts:
                yield Branch(text=text, target=target, value=value, exact=exact)


def _is_flag(read: EnvironmentRead) -> bool:
    return (read.default or "").strip().lower() in ("0", "1", "true", "false", "yes", "no", "on", "off")


def _implied(
    test: ast.expr, outcome: bool, variables: Mapping[str, EnvironmentRead]
) -> Iterator[tuple[str, str, bool]]:
    """What variables held where the test came out so, as far as one value follows, and whether it is exact."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        yield from _implied(test.operand, not outcome, variables)
    elif isinstance(test, ast.BoolOp):
        if isinstance(test.op, ast.And) is outcome:
            for part in test.values:
                yield from _implied(part, outcome, variables)
    elif isinstance(test, ast.Compare) and len(test.ops) == 1:
        yield from _compared(test, outcome, variables)
    else:
        target = _target(test, variables)
        if target is not None:
            read = variables[target]
            value = _standing(read, outcome)
            if value is None:
                value = read.true_text if outcome else read.false_text
            yield target, value, not outcome or _is_flag(read)


def _compared(
    test: ast.Compare, outcome: bool, variables: Mapping[str, EnvironmentRead]
) -> Iterator[tuple[str, str, bool]]:
    target, (operator,), (other,) = _target(test.left, variables), test.ops, test.comparators
    if target is None or not isinstance(other, ast.Constant) or isinstance(other.value, (bytes, bool)):
        return
    value = str(other.value)
    if isinstance(operator, ast.Eq if outcome else ast.NotEq):
        yield target, value, True
    elif value == "0" and isinstance(operator, (ast.Gt, ast.NotEq)):
        # a size or a count: on, it was what the source says if that is on, or at least one
        yield target, (_standing(variables[target], outcome) or "1") if outcome else "0", not outcome


def _standing(read: EnvironmentRead, outcome: bool) -> str | None:
    """The default, where it gives that outcome."""
    return read.default if read.default is not None and _is_on(read.default) is outcome else None


def _is_on(default: str | None) -> bool | None:
    if default is None:
        return None
    if default.strip().lower() in ("", "0", "false", "no", "off", "none"):
        return False
    try:
        return float(default) != 0
    except ValueError:
        return True


def _target(node: ast.expr, variables: Mapping[str, EnvironmentRead]) -> str | None:
    while (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("int", "bool")
        and len(node.args) == 1
    ):
        node = node.args[0]
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in OWNERS:
        return node.attr if node.attr in variables else None
    if isinstance(node, ast.Name):
        return node.id if node.id in variables else None
    return None


def _printed(statement: ast.stmt) -> str:
    """What a statement prints at the start of a line, or ""."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        return _opening(statement.value)
    return ""


def _opening(call: ast.Call) -> str:
    """The constant text with which a call that prints begins its line, or ""."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if not ("print" in name or "log" in name or name in ("info", "write")) or not call.args:
        return ""
    text = _constant_start(call.args[0])
    return text if len(text.strip()) >= MIN_TEXT and "\n" not in text.strip() else ""


def _constant_start(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value.strip()
    if isinstance(node, ast.JoinedStr) and node.values:
        first = node.values[0]
        return str(first.value).lstrip() if isinstance(first, ast.Constant) else ""
    return ""
