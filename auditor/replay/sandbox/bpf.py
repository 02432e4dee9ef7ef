"""Classic BPF programs that decide on one system call (seccomp(2)), put together from rules in plain Python."""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from auditor.replay.sandbox.syscalls import Numbers

KILL_PROCESS: Final = 0x8000_0000
ALLOW: Final = 0x7FFF_0000
NOTIFY: Final = 0x7FC0_0000
"""The call waits until whoever holds the filter's descriptor has answered for it."""

AUDIT_ARCH: Final = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}
X32: Final = 0x4000_0000
"""Bit of the other ABI's numbers on x86-64; a rule for one would not hold for the other."""

_LOAD, _AND, _RETURN = 0x20, 0x54, 0x06
_EQUAL, _ABOVE, _AT_LEAST = 0x15, 0x25, 0x35


def refuse(number: int) -> int:
    """The answer that fails a call with an errno."""
    return 0x0005_0000 | number


REFUSE: Final = refuse(errno.EPERM)
NOT_THERE: Final = refuse(errno.ENOSYS)


@dataclass(frozen=True, slots=True)
class Test:
    """What one argument (its low 32 bits) must be: one of some values, after a mask."""

    argument: int
    values: tuple[int, ...]
    mask: int = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Rule:
    """Answers for one call: `then` where every test holds, else `otherwise`.

    `otherwise` None goes on to the next rule.
    """

    name: str
    then: int
    tests: tuple[Test, ...] = ()
    otherwise: int | None = None


def program(rules: Iterable[Rule], tables: Sequence[tuple[Numbers, int]], default: int) -> bytes:
    """The program: rules first, in order, then whole tables of calls with one answer each, then the default.

    Raises:
        OSError: this machine's architecture is not known.
    """
    machine = os.uname().machine
    if machine not in AUDIT_ARCH:
        raise OSError(errno.ENOSYS, f"no filter for {machine}", "seccomp")
    column = 0 if machine == "x86_64" else 1
    out = [_op(_LOAD, 4), _op(_EQUAL, AUDIT_ARCH[machine], 1, 0), _op(_RETURN, KILL_PROCESS), _op(_LOAD, 0)]
    if column == 0:
        out += [_op(_AT_LEAST, X32, 0, 1), _op(_RETURN, KILL_PROCESS)]
    known = {name: numbers for table, _ in tables for name, numbers in table.items()}
    for rule in rules:
        number = known[rule.name][column]
        if number is not None:
            out += _rule(number, rule)
    ruled = {rule.name for rule in rules if rule.otherwise is not None or not rule.tests}
    for table, answer in tables:
        numbers = (pair[column] for name, pair in table.items() if name not in ruled)
        out += _ranges(sorted(number for number in numbers if number is not None), answer)
    return b"".join([*out, _op(_RETURN, default)])


def _rule(number: int, rule: Rule) -> list[bytes]:
    """`if number == nr: …`, with the number loaded again where it goes on."""
    fails = [_op(_LOAD, 0)] if rule.otherwise is None else [_op(_RETURN, rule.otherwise)]
    block = [_op(_RETURN, rule.then)]
    for test in reversed(rule.tests):
        # To the end of what is already there if no value fits; past the other comparisons if one does.
        away = len(block)
        compare = [
            _op(_EQUAL, value, len(test.values) - 1 - i, 0 if i < len(test.values) - 1 else away)
            for i, value in enumerate(test.values)
        ]
        block = [_op(_LOAD, 16 + 8 * test.argument), _op(_AND, test.mask), *compare, *block]
    if rule.tests:
        block += fails
    return [_op(_EQUAL, number, 0, len(block)), *block]


def _ranges(numbers: Sequence[int], answer: int) -> list[bytes]:
    out: list[bytes] = []
    begin = 0
    for i, number in enumerate(numbers):
        if i + 1 < len(numbers) and numbers[i + 1] == number + 1:
            continue
        out += [_op(_AT_LEAST, numbers[begin], 0, 2), _op(_ABOVE, number, 1, 0), _op(_RETURN, answer)]
        begin = i + 1
    return out


def _op(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)
