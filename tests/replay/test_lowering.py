"""Python 3.12 f-strings lowered to the grammar of 3.11 say the same."""

from __future__ import annotations

import ast
import sys

import pytest

from auditor.replay.toy.lowering import lowered, needs_lowering

SETTING = {"d": {"a": 1.25, "b": "x"}, "w": 8, "name": "n", "items": [3, 1]}

CASES = [
    ('f"{d["a"]}"', "1.25"),
    ('f"{d["a"]:.3f}|{name!r}"', "1.250|'n'"),
    ('f"{d["a"]:{w}.2f}"', "    1.25"),
    ('f"{{literal}} {d["b"]}"', "{literal} x"),
    ('f"{"-".join(str(i) for i in items)}"', "3-1"),
    ('f"{f"{d["b"]}!"}"', "x!"),
    ('f"a\\n{d["b"]}"', "a\nx"),
    ('"p" f"{d["b"]}" "q"', "pxq"),
    ('rf"\\n{d["b"]}"', "\\nx"),
    ('f"{d["a"]=}"', 'd["a"]=1.25'),
]


@pytest.mark.parametrize(("source", "value"), CASES)
def test_lowered_strings_have_the_same_value(source: str, value: str) -> None:
    changed = lowered(f"result = {source}\n")
    names = dict(SETTING)
    exec(compile(ast.parse(changed), "<case>", "exec"), names)  # noqa: S102
    assert names["result"] == value


def test_lines_stay_where_they_are() -> None:
    text = 'x = 1\ny = f"{d["a"]}"\n\n\nz = f"{x}"\n'
    changed = lowered(text)
    assert [i for i, line in enumerate(changed.split("\n")) if line.startswith(("y", "z"))] == [1, 4]
    assert changed.split("\n")[4] == 'z = f"{x}"'


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="the running Python takes nested quotes")
def test_only_newer_grammar_needs_it() -> None:
    assert needs_lowering('f"{d["a"]}"\n')
    assert not needs_lowering("f\"{d['a']}\"\n")


def test_conditional_directly_before_a_keyword_is_taken() -> None:
    """LibCST alone refuses a parenthesised conditional without a blank behind it."""
    text = 'rows = [(2 - (0 if i else 1))for i in items]\nresult = f"{d["b"]}{rows}"\n'
    names = dict(SETTING)
    exec(compile(ast.parse(lowered(text)), "<case>", "exec"), names)  # noqa: S102
    assert names["result"] == "x[2, 2]"


def test_what_is_no_python_is_refused() -> None:
    with pytest.raises(SyntaxError):
        lowered("def f(:\n")
