"""Which lines a program can print: its own prints, executed, are the other witness."""

from __future__ import annotations

import contextlib
import io

import pytest

from auditor.program.printed_texts import printables
from auditor.program.unpacking.program import load_program

PROGRAM = """import math

def say(message):
    print(message)

def summary(loss, name):
    head = f"{name} loss"
    return head + " is " + str(loss)

values = {"alpha": 0.5, "beta": [1, 2]}
for key, value in values.items():
    print(f"  {key}: {value}")
for step in range(3):
    print(f"step:{step}/{3} loss:{math.exp(-step):.4f}", "done" if step == 2 else "")
print("a line\\nand another %d of %s" % (3, "four"))
say("{:>6.2f} seconds".format(12.0))
say("total " + str(len(values)) + " bytes")
label = "small" if len(values) < 5 else "large"
print(label, "set")
print("=" * 20)
print(summary(0.25, "final"))
"""


def could_print(line: str) -> bool:
    program = load_program("train_gpt.py", PROGRAM.encode(), lambda _: None)
    return any(text.could_print(line) for text in printables(program))


def test_what_the_program_prints_is_among_its_texts() -> None:
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(PROGRAM, "program", "exec"), {})  # noqa: S102  (the text above)
    lines = said.getvalue().rstrip("\n").split("\n")
    assert len(lines) == 12
    # The last is made of pieces in another function: it begins with a value.
    assert [line for line in lines if not could_print(line)] == [lines[-1]]


@pytest.mark.parametrize(
    "line",
    [
        "step:1/3 loss:low",
        "step:1/3 gain:0.5000",
        "alpha: 0.5",
        "  two words: 0.5",
        "total 2 byte",
        "medium set",
        "and another three of four",
        "====",
    ],
)
def test_a_line_of_another_shape_is_not(line: str) -> None:
    assert not could_print(line)


@pytest.mark.parametrize("prefix", ["[rank0]: ", "2026-03-22 10:11:12,345 ", "1776143349.278 ", "INFO: "])
def test_what_a_launcher_puts_before_a_line_does_not_hide_it(prefix: str) -> None:
    assert could_print(prefix + "step:1/3 loss:0.3679")


def test_matching_takes_no_long_time_for_a_hostile_line() -> None:
    pieces = "".join("{x}a" for _ in range(30))
    program = load_program("train_gpt.py", f'x = 1\nprint(f"a{pieces}b")\n'.encode(), lambda _: None)
    (text,) = printables(program)
    assert not text.could_print("a" * 4000)
    assert text.could_print("a" * 3999 + "b")
