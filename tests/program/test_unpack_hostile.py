"""Hostile input of the program stage: bombs, endless layers, broken bytes. Every end is a named problem."""

from __future__ import annotations

import base64
import bz2
import gzip
import lzma
import time
import zlib

import brotli
import pytest
import zstandard

from auditor.program.limits import MAX_LAYER_BYTES
from auditor.program.unpacking.program import load_program

BOMB = b"#" * (MAX_LAYER_BYTES + 1_000_000)


def load(text: str | bytes):  # type: ignore[no-untyped-def]
    data = text.encode() if isinstance(text, str) else text
    return load_program("train_gpt.py", data, lambda path: None)


@pytest.mark.parametrize(
    ("module", "expression", "data"),
    [
        ("lzma", "lzma.decompress", lzma.compress(BOMB)),
        ("zlib", "zlib.decompress", zlib.compress(BOMB)),
        ("gzip", "gzip.decompress", gzip.compress(BOMB)),
        ("bz2", "bz2.decompress", bz2.compress(BOMB)),
        ("brotli", "brotli.decompress", brotli.compress(BOMB)),
        ("zstandard", "zstandard.decompress", zstandard.ZstdCompressor().compress(BOMB)),
    ],
)
def test_a_decompression_bomb_is_cut_by_the_cap_and_named(module: str, expression: str, data: bytes) -> None:
    payload = base64.b85encode(data).decode()
    program = load(f"import {module}, base64\nexec({expression}(base64.b85decode('{payload}')))\n")
    assert len(program.layers) == 1
    assert [problem.line for problem in program.problems] == [2]
    assert f"{MAX_LAYER_BYTES:,} bytes" in program.problems[0].reason


def test_a_dictionary_larger_than_the_memory_given_is_refused() -> None:
    text = (
        "import lzma\nexec(lzma.decompress(b'', format=lzma.FORMAT_RAW, "
        "filters=[{'id': lzma.FILTER_LZMA2, 'dict_size': 1 << 31}]))\n"
    )
    assert "a dictionary of 2,147,483,648 bytes" in load(text).problems[0].reason


@pytest.mark.parametrize(
    "expression",
    [
        "'x' * 10**10",
        "bytes(10**10)",
        "2 ** (10**9)",
        "1 << 10**9",
        "('a' * 10**6).replace('a', 'b' * 10**6)",
        "('a' * 10**4).join(['b'] * 10**6)",
        "'x'.zfill(10**10)",
        "'%99999999d' % 1",
        "'{:99999999}'.format(1)",
        "f'{1:99999999}'",
        "[0] * 10**10",
        "b'x'.ljust(10**10)",
        "(1).to_bytes(10**10, 'big')",
        "''.join(chr(i) for i in range(10**9))",
        "str(10 ** 5000)",
    ],
)
def test_expressions_that_would_fill_the_memory_end_at_a_bound(expression: str) -> None:
    started = time.perf_counter()
    program = load(f"exec({expression})\n")
    assert time.perf_counter() - started < 10
    assert len(program.layers) == 1
    assert program.problems != []


@pytest.mark.parametrize(
    "text",
    [
        "while True:\n    pass\nexec('x = 1')\n",
        "def f():\n    return f()\nexec(f())\n",
        "def f(n):\n    return f(n + 1) + f(n + 2)\nexec(f(0))\n",
        "exec(" + "+".join(["'a'"] * 30_000) + ")\n",
        "x = []\nfor i in range(10**9):\n    x.append(i)\nexec(x)\n",
        "exec(" + "(" * 90 + "'x'" + ")" * 90 + ")\n",
        "s = 'x'\nfor i in range(64):\n    s = s + s\nexec(s)\n",
    ],
)
def test_endless_work_ends_within_its_steps(text: str) -> None:
    started = time.perf_counter()
    load(text)
    assert time.perf_counter() - started < 20


def test_a_script_that_runs_itself_for_ever_is_cut() -> None:
    program = load("exec(open(__file__).read())\n")
    assert len(program.layers) <= 9
    assert any("layers" in problem.reason for problem in program.problems)


def test_a_script_that_grows_a_new_layer_each_time_is_cut() -> None:
    program = load("s = 's = %r\\nexec(s %% s)'\nexec(s % s)\n")
    assert any("layers" in problem.reason or "followed" in problem.reason for problem in program.problems)


@pytest.mark.parametrize(
    ("data", "kind", "reason", "line", "column"),
    [
        (b"", "unreadable", "empty", 1, 0),
        (b"  \n\t\n", "unreadable", "empty", 1, 0),
        (b"x = 1\ny = '\xff'\n", "unreadable", "byte 0xff is not utf-8", 2, 5),
        (b"\x7fELF\x00\x01", "unreadable", "NUL", 1, 0),
        (b"# coding: klingon\nx = 1\n", "unreadable", "encoding", 1, 0),
        (b"x = 1\ny = = 2\n", "syntax", "invalid syntax", 2, 4),
        (b"def f(:\n  pass\n", "syntax", "invalid syntax", 1, 6),
        (b"if x:\n    a\n  b\n", "syntax", "indent", 3, None),
        (b"x = 'abc\n", "syntax", "unterminated string", 1, 4),
        (b"print 'python 2'\n", "syntax", "", 1, None),
    ],
)
def test_bytes_that_are_no_program_are_named_with_their_place(
    data: bytes, kind: str, reason: str, line: int, column: int | None
) -> None:
    program = load(data)
    assert program.main.module is None
    assert [problem.kind for problem in program.problems] == [kind]
    problem = program.problems[0]
    assert reason in problem.reason
    assert problem.line == line
    if column is not None:
        assert problem.column == column


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\xef\xbb\xbfx = 1\n", "x = 1\n"),
        (b"x = 1\r\ny = 2\r\n", "x = 1\ny = 2\n"),
        (b"x = 1\ry = 2\r", "x = 1\ny = 2\n"),
        ("# -*- coding: latin-1 -*-\nx = 'é'\n".encode("latin-1"), "# -*- coding: latin-1 -*-\nx = 'é'\n"),
        (
            "#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\nx = '€'\n".encode("cp1252"),
            "#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\nx = '€'\n",
        ),
    ],
)
def test_encodings_and_line_ends_are_read_as_python_reads_them(data: bytes, expected: str) -> None:
    program = load(data)
    assert program.problems == []
    assert program.main.text == expected


@pytest.mark.parametrize(
    "text", ["x = " + "-" * 100_000 + "1", "x = f'{" + "(" * 5_000 + "'", "not " * 50_000 + "x = f'{d['k']}'"]
)
def test_nesting_that_would_overflow_a_native_parser_is_refused_before_it(text: str) -> None:
    program = load(text + "\n")
    assert program.main.module is None
    assert program.problems[0].kind == "cap"
