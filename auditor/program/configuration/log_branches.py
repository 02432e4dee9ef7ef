"""Branches that a log shows to have been taken, for the variables that decide them.

`if args.ttt_enabled: log0("ttt: starting …")` in the program and `ttt: starting` in the log say that the variable
was on, though nothing prints its value. A line is evidence for an arm only if nothing else in the program could have
printed it: not another print, not a dump of settings (`  ttt_weight_decay: 0.5`), not a text that is put together
elsewhere. Absence of a line tells nothing here: logs are cut, and an arm may end before it prints.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from auditor.program.configuration.environment import EnvironmentRead
from auditor.program.configuration.log_templates import OWNERS
from auditor.program.configuration.log_text import LogLine
from auditor.program.model import Program
from auditor.program.printable import Printable
from auditor.program.walk import walk

MIN_TEXT = 8
"""Constant characters at the start of a printed line without which it is not looked for in a log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """Something that only one outcome of a test prints.

    Attributes:
        printed: the line.
        target: the name that was tested.
        value: what the variable behind it then held.
        exact: whether it was just that; otherwise anything that counts as "on" would do.
    """

    printed: Printable
    target: str
    value: str
    exact: bool

    def shown(self, lines: Sequence[LogLine], texts: Sequence[Printable]) -> LogLine | None:
        """The first line of a log that this arm prints and nothing else can.

        Args:
            texts: all that the program can print (`printed_texts.printables`).
        """
        opening = self.printed.opening.strip()
        for line in lines:
            if opening in line.text and self.printed.could_print(line.text):
                others = (text for text in texts if text.node is not self.printed.node)
                if not any(text.could_print(line.text) for text in others):
                    return line
        return None


def branches(
    program: Program, variables: Mapping[str, EnvironmentRead], texts: Sequence[Printable]
) -> list[Branch]:
    """Return what the arms of tests of environment variables print.

    Args:
        variables: target name → the read that feeds it (`environment.variable_of`).
        texts: all that the program can print.
    """
    by_call: dict[int, list[Printable]] = {}
    for text in texts:
        if text.whole and len(text.opening.strip()) >= MIN_TEXT:
            by_call.setdefault(id(text.node), []).append(text)
    return [
        branch
        for layer in program.layers
        if layer.module is not None
        for node in walk(layer.module)
        if isinstance(node, ast.If)
        for branch in _of_test(node, variables, by_call)
    ]


def _of_test(
    node: ast.If, variables: Mapping[str, EnvironmentRead], by_call: Mapping[int, list[Printable]]
) -> Iterator[Branch]:
    for body, outcome in ((node.body, True), (node.orelse, False)):
        texts = [
            text
            for statement in body
            if isinstance(statement, ast.Expr)
            for text in by_call.get(id(statement.value), ())
        ]
        if not texts:
            continue
        for target, value, exact in _implied(node.test, outcome, variables):
            for text in texts:
                yield Branch(printed=text, target=target, value=value, exact=exact)


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
