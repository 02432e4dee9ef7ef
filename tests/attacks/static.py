"""Attacks on the reading of scripts: text that Python reads otherwise than it looks, and bombs."""

from __future__ import annotations

import base64
import bz2
import lzma
import zlib
from collections.abc import Callable

import brotli

from .attack import CALL, ILLEGAL, LEGAL, Attack, Command, Place, Surface

JUDGED = (1, 3)
HIDDEN = "the call that trains before it scores is taken for a comment, or for nothing"


def _audit(place: Place, script: str | bytes) -> Command:
    place.write({"train_gpt.py": script})
    return Command(arguments=("audit", "--quiet", str(place.folder / "train_gpt.py")))


def _text(name: str, script: str | bytes, *, exits: tuple[int, ...] = (1,), hope: str = HIDDEN) -> Attack:
    """A script that trains before it scores, in a spelling of its own."""
    return Attack(
        name=name,
        surface=Surface.STATIC,
        hope=hope,
        build=lambda place: _audit(place, script),
        exits=exits,
        says=("VIOLATION: train-before-score",) if exits == (1,) else (),
        hides=("COMPLIANT",),
    )


def _calls(spelling: str) -> str:
    assert CALL in ILLEGAL
    return ILLEGAL.replace(CALL, spelling)


TEXTS = (
    _text("carriage return ends a comment", _calls(f"    # scores from here\r{CALL}")),
    _text("form feed and carriage return", _calls(f"    # scores\f\r{CALL}")),
    _text("right-to-left override in a comment", _calls(f"    # \u202e scores\n{CALL}")),
    _text("call split over a continued line", _calls("    adapt \\\n (model, s, tokens, device)\n")),
    _text("call behind a semicolon", _calls("    pass; adapt(model, s, tokens, device)\n")),
    _text("fullwidth letters in the name of the function", _calls(CALL.replace("adapt", "ａｄapt"))),
    _text(
        "fullwidth letter in the name of a method", ILLEGAL.replace("optimizer.step()", "optimizer.ｓtep()")
    ),
    _text(
        "fullwidth letters in a script that needs Python 3.12",
        _calls(CALL.replace("adapt", "ａｄapt") + "    print(f\"{'\\n'.join(('a', f\"{1}\"))}\")\n"),
    ),
    _text(
        "ordinal indicator under a latin-1 cookie",
        ("# coding: latin-1\n" + _calls("    ad\xaapt(model, s, tokens, device)\n")).encode("latin-1"),
    ),
    _text(
        "newline as an escape under a unicode_escape cookie",
        "# coding: unicode_escape\n" + _calls("    # scores \\x0a" + CALL),
    ),
    _text(
        "newline in UTF-7 under its cookie",
        "# coding: utf-7\n" + _calls("    # NEWLINE" + CALL).replace("+", "+-").replace("NEWLINE", "+AAo-"),
    ),
    _text(
        "cookie against the byte-order mark",
        b"\xef\xbb\xbf# coding: latin-1\n" + ILLEGAL.encode(),
        exits=(1, 3),
    ),
    _text("control character that ends files elsewhere", _calls(f"    \x1a\n{CALL}"), exits=(1, 2, 3)),
    _text("UTF-16 with a byte-order mark", b"\xff\xfe" + ILLEGAL.encode("utf-16-le"), exits=(1, 3)),
    _text("NUL byte at the end", ILLEGAL.encode() + b"\0", exits=(2,)),
    _text(
        "integer literal of 5,000 digits",
        ILLEGAL.replace("import math\n", f"import math\nBIG = {'9' * 5000}\n"),
        exits=(1, 3),
    ),
)


def _packed(name: str, data: bytes, decode: str, hope: str = "memory without bound") -> Attack:
    script = f"import base64, bz2, lzma, zlib, brotli\nexec({decode.format(repr(base64.b85encode(data).decode()))})\n"
    return Attack(
        name=name, surface=Surface.STATIC, hope=hope, build=lambda place: _audit(place, script), exits=JUDGED
    )


def _code(
    name: str, code: Callable[[Place], str] | str, hope: str, exits: tuple[int, ...] = JUDGED
) -> Attack:
    """Code before a script that is fine; what it makes is packed text, so that it must be followed to be read."""

    def build(place: Place) -> Command:
        text = code if isinstance(code, str) else code(place)
        return _audit(place, text + LEGAL)

    return Attack(name=name, surface=Surface.STATIC, hope=hope, build=build, exits=exits)


def _layers(count: int) -> bytes:
    text = LEGAL
    for _ in range(count):
        packed = base64.b85encode(zlib.compress(text.encode()))
        text = f"import base64, zlib\nexec(zlib.decompress(base64.b85decode({packed!r})))\n"
    return text.encode()


ZEROS = bytes(1 << 26)
BOMBS = (
    _packed("zlib bomb", zlib.compress(ZEROS * 4, 9), "zlib.decompress(base64.b85decode({}))"),
    _packed(
        "zlib bomb in a zlib bomb",
        zlib.compress(zlib.compress(ZEROS * 16, 9), 9),
        "zlib.decompress(zlib.decompress(base64.b85decode({})))",
    ),
    _packed("lzma bomb", lzma.compress(ZEROS, preset=1), "lzma.decompress(base64.b85decode({}))"),
    _packed("bz2 bomb", bz2.compress(ZEROS), "bz2.decompress(base64.b85decode({}))"),
    _packed("brotli bomb", brotli.compress(ZEROS, quality=5), "brotli.decompress(base64.b85decode({}))"),
    _packed(
        "lzma with a dictionary of 1.5 GiB",
        lzma.compress(
            b"x", format=lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 20}]
        ),
        "lzma.decompress(base64.b85decode({}), lzma.FORMAT_RAW, "
        "filters=[{{'id': lzma.FILTER_LZMA2, 'dict_size': 3 << 29}}])",
    ),
    Attack(
        name="twelve layers within each other",
        surface=Surface.STATIC,
        hope="work without bound",
        build=lambda place: _audit(place, _layers(12)),
        exits=JUDGED,
    ),
    _code("string multiplied to ten gigabytes", "exec('x' * 10**10)\n", "memory without bound"),
    _code("power tower", "exec(str(10 ** 10 ** 10))\n", "time without bound"),
    _code("shift by 2^50", "exec(str(1 << (1 << 50)))\n", "memory without bound"),
    _code("padding to a billion columns", "exec('%999999999d' % 1)\n", "memory without bound"),
    _code("padding in an f-string", "exec(f'{1:>999999999}')\n", "memory without bound"),
    _code(
        "endless loop while unpacking", "t = ''\nwhile True:\n    t += 'x'\nexec(t)\n", "time without bound"
    ),
    _code(
        "endless recursion while unpacking",
        "def f(x):\n    return f(x + 'x')\nexec(f('x'))\n",
        "a stack overflow",
    ),
    _code("list of 10^12 numbers", "exec(''.join(str(i) for i in range(10**12)))\n", "memory without bound"),
    _code(
        "doubling strings", "t = 'x'\nfor _ in range(60):\n    t = t + t\nexec(t)\n", "memory without bound"
    ),
    _code("integer from 5,000 digits", f"exec(str(int('{'9' * 5000}')))\n", "an error that nobody catches"),
    _code(
        "brackets ten thousand deep", f"x = {'(' * 10_000}1{')' * 10_000}\n", "a stack overflow in the parser"
    ),
    _code("hundred thousand unary signs", f"x = {'-' * 100_000}1\n", "a stack overflow in the parser"),
    _code("attribute chain of twenty thousand", f"x = a{'.a' * 20_000}\n", "a stack overflow in the parser"),
    _code("sum of fifty thousand terms", f"x = {'1+' * 50_000}1\n", "a stack overflow in a walk"),
    _code("call chain of ten thousand", f"x = f{'()' * 10_000}\n", "a stack overflow in a walk"),
    _code(
        "five thousand elifs",
        "x = 1\nif x == 0:\n    pass\n" + "".join(f"elif x == {n}:\n    pass\n" for n in range(5000)),
        "a stack overflow in a walk",
        (0, 1, 3),
    ),
)
"""What takes memory, time or stack without bound in a reader that is not careful."""


def _pickle(place: Place) -> bytes:
    """Calls `os.system`, written by hand as `pickle` writes it."""
    return f"cos\nsystem\n(S'touch {place.canary}'\ntR.".encode()


RUNS = (
    _code(
        "module-level command",
        lambda place: f"import os\nos.system('touch {place.canary}')\n",
        "code that runs while it is read",
        (0, 1, 3),
    ),
    _code(
        "command in a decorator and a default",
        lambda place: (
            f"import os\ndef f(x=os.system('touch {place.canary}')):\n    return x\n@f\ndef g(): pass\n"
        ),
        "code that runs while it is read",
        (0, 1, 3),
    ),
    _code(
        "pickle that runs a command",
        lambda place: f"import pickle\nexec(pickle.loads({_pickle(place)!r}))\n",
        "code that runs while it is unpacked",
    ),
    _code(
        "eval in what is unpacked",
        lambda place: f"exec(eval(\"__import__('os').system('touch {place.canary}')\"))\n",
        "code that runs while it is unpacked",
    ),
    _code(
        "format string that reaches for globals",
        lambda place: "exec('{0.__class__.__mro__[1].__subclasses__}'.format(''))\n",
        "objects of the auditor in the text that it reads",
    ),
)

ATTACKS = (*TEXTS, *BOMBS, *RUNS)
