"""Inputs near the seeds: bytes flipped, pieces moved and repeated, words of the format swapped for hostile ones."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

WORDS = (
    b"0",
    b"-1",
    b"1e400",
    b"9" * 41,
    b"9" * 4301,
    b"0x" + b"f" * 2000,
    b"NaN",
    b"1j",
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\r",
    b"\x0c",
    b"\x1b[2J",
    "\u202e".encode(),
    "²".encode(),
    "ｅ".encode(),
    b"(" * 400,
    b"[" * 400,
    b"{" * 60,
    b'"' * 9,
    b"'''",
    b"\\",
    b"\\N{DASH}",
    b"%s",
    b"{}",
    b"{0!r:>{1}}",
    b"lambda x: x",
    b"await x",
    b"yield",
    b"match x:\n  case [1, *_]: pass\n",
    b"async def f(): pass\n",
    b"while True:\n    ",
    b"exec(",
    b"eval(",
    b"*a, b = ",
    b"import os\n",
    b"from x import *\n",
    b"del ",
    b"global x\n",
    b"@",
    b":=",
    b"->",
    b"**",
    b"//",
    b"<<",
    b"...",
    b"class A(B, metaclass=C):\n    ",
    b"try:\n    pass\nexcept* E:\n    pass\n",
    b"if x:\n    ",
    b"for i in range(10**9):\n    ",
    b"range(10**12)",
    b"torch.",
    b".item()",
    b"[::-1]",
    b"[...,None]",
    b"# coding: utf-7\n",
    b"__import__('os')",
    b"f'{x!r:{y}}'",
    b"\t",
)


def mutated(seed: bytes, random_: random.Random, others: tuple[bytes, ...]) -> bytes:
    """A seed after one to eight changes; never more than twice its length and a little."""
    data = seed
    for _ in range(random_.choice((1, 1, 2, 3, 5, 8))):
        data = random_.choice(CHANGES)(data, random_, others)
        if len(data) > 2 * len(seed) + 20_000:
            break
    return data


def _span(data: bytes, random_: random.Random, longest: int = 400) -> tuple[int, int]:
    start = random_.randrange(len(data) + 1)
    return start, min(start + random_.randrange(longest), len(data))


def _flip(data: bytes, random_: random.Random, _: tuple[bytes, ...]) -> bytes:
    at = random_.randrange(len(data) + 1)
    return data[:at] + bytes([random_.randrange(256)]) + data[at + 1 :]


def _cut(data: bytes, random_: random.Random, _: tuple[bytes, ...]) -> bytes:
    start, end = _span(data, random_)
    return data[:start] + data[end:]


def _repeat(data: bytes, random_: random.Random, _: tuple[bytes, ...]) -> bytes:
    start, end = _span(data, random_, 60)
    return data[:end] + data[start:end] * random_.choice((1, 2, 20, 200)) + data[end:]


def _word(data: bytes, random_: random.Random, _: tuple[bytes, ...]) -> bytes:
    at = random_.randrange(len(data) + 1)
    return data[:at] + random_.choice(WORDS) + data[at:]


def _swap_word(data: bytes, random_: random.Random, _: tuple[bytes, ...]) -> bytes:
    """Another word of the same input, or a hostile one, in place of a word."""
    words = list(re.finditer(rb"\w+", data))
    if not words:
        return data
    old, new = random_.choice(words), random_.choice(words).group()
    return data[: old.start()] + random_.choice((new, new, random_.choice(WORDS))) + data[old.end() :]


def _splice(data: bytes, random_: random.Random, others: tuple[bytes, ...]) -> bytes:
    other = random_.choice(others)
    start, end = _span(other, random_)
    at = random_.randrange(len(data) + 1)
    return data[:at] + other[start:end] + data[at:]


def _line(data: bytes, random_: random.Random, others: tuple[bytes, ...]) -> bytes:
    """A line moved, doubled, or taken from another seed, often with its indentation changed."""
    lines = data.split(b"\n")
    theirs = random_.choice(others).split(b"\n")
    line = random_.choice(random_.choice((lines, theirs)))
    line = random_.choice((line, line, b"    " + line, line.lstrip()))
    lines.insert(random_.randrange(len(lines) + 1), line)
    return b"\n".join(lines)


def _drop_line(data: bytes, random_: random.Random, _: tuple[bytes, ...]) -> bytes:
    lines = data.split(b"\n")
    del lines[random_.randrange(len(lines))]
    return b"\n".join(lines)


CHANGES: tuple[Callable[[bytes, random.Random, tuple[bytes, ...]], bytes], ...] = (
    _flip,
    _cut,
    _repeat,
    _word,
    _word,
    _swap_word,
    _swap_word,
    _swap_word,
    _splice,
    _line,
    _line,
    _drop_line,
)
