"""The lowering gives what `ast.parse` gives: own snippets per construct, modules of the standard library."""

from __future__ import annotations

import ast
import random
import sys
import sysconfig
import warnings
from pathlib import Path

import pytest

from auditor.program.parsing import grammar312
from auditor.program.parsing.parse import ParseFailure, decode_source, parse_concrete
from tests.program.tree_comparison import first_difference

SNIPPETS = {
    "assignments": "a = b = (c) = 1\nx, *y = 1, 2\n[p, q] = r\na.b[0] = 3\n",
    "augmented": "".join(
        f"a {op}= 2\n" for op in ["+", "-", "*", "/", "//", "%", "**", "<<", ">>", "&", "|", "^", "@"]
    ),
    "annotated": "a: int\nb: list[int] = []\nd.e: str = ''\n",
    "numbers": "x = 1_000 + 0xFF + 0o17 + 0b101 + 1.5e-3 + .5 + 5. + 3j + 1.5J + 00\n",
    "constants": "x = None, True, False, ..., 'a', b'b', u'c', r'\\d', rb'\\d'\n",
    "concatenation": "x = ('a' \"b\"\n     '''c\nd''' f'{e}' 'g')\ny = b'a' b'b'\nz = u'a' 'b'\n",
    "escapes": "x = 'tab\\t nl\\n \\x41 \\u0042 \\N{BULLET} \\'q\\' \\\\'\ny = b'\\x00\\xff'\nz = 'a\\\nb'\n",
    "f-strings": "x = f'{a!r:>{w}} {{lit}} {b=} {c = !s} {d:%Y-%m} {e,} {f[\"k\"]} {(lambda: 1)()}'\n",
    "f-string text": "x = f'\\t{a}\\N{BULLET}{{{b}}}'\ny = rf'\\d{a}\\n'\nz = f'''\n{a}\n  b {c}\n'''\n",
    "operators": (
        "x = a + b * c ** -d // e % f @ g << 1 >> 2 & 3 | 4 ^ ~5\ny = not a and b or c and (d or e)\n"
    ),
    "comparisons": "x = a < b <= c > d >= e == f != g\ny = a is b is not c in d not in e\n",
    "parenthesised": "x = ((a) + (b)) * ((c))\ny = (((a.b)))(c)[d]\nz = ((yield_), (1, 2), ())\n",
    "conditional": "x = a if b else c if d else e\n",
    "walrus": "if (n := f(a)) > 1: print(n)\nx = [y := 1, y ** 2]\n",
    "calls": "f(a, *b, c=1, **d)\nf(x for x in y)\nf((x for x in y), 1)\nf(a=1, *b)\nf()(g)(h,)\n",
    "subscripts": "a[1], a[1:2], a[::2], a[:, None], a[1:2, ...], a[b, c], a[d,], a[*e], a[:], a[-1]\n",
    "displays": "x = [], [1,], {}, {1: 2, **d}, {1, *b}, (1,), [*a, 2], {'a': {'b': 1}}\n",
    "comprehensions": (
        "[a for b in c if d if e for f, g in h]\n{a for a in b}\n{k: v for k, v in x}\n(a for a in b)\n"
    ),
    "lambda": "f = lambda: 0\ng = lambda a, /, b=1, *c, d, e=2, **h: (a, b)\nh = lambda *, k: k\n",
    "functions": (
        "@dec\n@dec.other(1)\n"
        "def f(a, b: int = 1, /, c=2, *args: int, d, e: str = 'x', **kw: dict) -> None:\n"
        "    '''doc'''\n    return\n\n\ndef g(*, a): return a\n"
    ),
    "classes": (
        "class A: pass\n\n\n@dec\nclass B(A, *bases, metaclass=M, **kw):\n"
        "    x: int = 1\n    def f(self): ...\n"
    ),
    "async": (
        "async def f():\n    async with a as b, c:\n        await d\n    async for x in y:\n        yield x\n"
        "    else:\n        pass\n    return [z async for z in w if await z]\n"
    ),
    "generators": "def f():\n    x = yield\n    y = yield 1, 2\n    yield from g()\n    return (yield)\n",
    "if": "if a:\n    pass\nelif b:\n    pass\nelif c: d; e\nelse:\n    f\n",
    "loops": (
        "for i, (j, k) in x:\n    continue\nelse:\n    pass\n"
        "while a:\n    break\nelse: pass\nfor x in 1, 2: pass\n"
    ),
    "with": (
        "with a: pass\nwith a as b, c as (d, e): pass\n"
        "with (a as b, c,): pass\nwith (a): pass\nwith (a, b): pass\n"
    ),
    "try": (
        "try:\n    a\nexcept B:\n    c\nexcept (D, E) as e:\n    raise\nexcept:\n    raise F from None\n"
        "else:\n    g\nfinally:\n    h\ntry:\n    a\nfinally:\n    b\n"
    ),
    "try star": "try:\n    a\nexcept* B as e:\n    c\nexcept* (D, E):\n    f\n",
    "imports": (
        "import a, b.c as d\nfrom . import e\nfrom ..f.g import (h as i,\n"
        "    j,)\nfrom .... import k\nfrom m import *\n"
    ),
    "scopes": (
        "def f():\n    global a, b\n    nonlocal c\n    del d, e[0]\n"
        "    del (g, h), [i]\n    assert j, 'k'\n    assert l\n"
    ),
    "match": (
        "match x, y:\n    case 1 | -2 | 3 + 4j | 'a' 'b' | None | True: pass\n"
        "    case [a, *_, b] if c: pass\n"
        "    case {'k': v, A.b: 1, **rest}: pass\n"
        "    case P(1, q=[2], r=R()) as s: pass\n    case (a, b), [c]: pass\n"
        "    case (1 | 2) as n: pass\n    case [*all]: pass\n    case a.b.c: pass\n"
        "    case {}: pass\n    case (x): pass\n    case _: pass\n"
    ),
    "soft keywords": "match = 1\ncase = match\ntype = 2\nprint(match, case, type)\n_ = match[case]\n",
    "layout": (
        "\n\n# c\nx = 1  # c\n\n\nif x:\n\n    # d\n    y = (  # e\n"
        "        1 +\n\n        # f\n        2\n    )\n    # g\nz = \\\n  3\n"
    ),
    "semicolons": "a = 1; b = 2;\nif a: c; d\nclass E: f = 1; g = 2\n",
    "tabs and form feeds": "if a:\n\tb\n\tif c:\n\t\td\n\x0c\ne = 1\n",
    "characters beyond ASCII": "é = 'ü' + ñ.ö('日本', k='…')\nx = f'é{ü}日{y}'\n",
    "no newline at the end": "x = 1",
    "nothing but a comment": "# only\n",
    "star index and star return": "def f():\n    return *a, b\nfor x in *a, b: pass\ny = *a,\n",
    "string prefixes": "F'{a}' Rb'x' if 0 else bR'y'\nx = fR'{a}\\w' Rf'{b}'\n",
}


@pytest.mark.parametrize("name", SNIPPETS)
def test_lowering_equals_ast_on_each_construct(name: str) -> None:
    text = SNIPPETS[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if name == "string prefixes":
            text = "F'{a}'\nx = fR'{a}\\w' Rf'{b}'\ny = Rb'x' bR'y'\n"
        expected = ast.parse(text)
    assert first_difference(parse_concrete(text, "snippet"), expected) == ""


def test_parts_of_an_f_string_stand_where_they_are_written() -> None:
    tree = parse_concrete("x = (f'ab{c}'\n     f'{d!r:>{w}}e')\n", "snippet")
    joined = tree.body[0].value  # type: ignore[attr-defined]
    assert isinstance(joined, ast.JoinedStr)
    names = {
        node.id: (node.lineno, node.col_offset) for node in ast.walk(joined) if isinstance(node, ast.Name)
    }
    assert names == {"c": (1, 10), "d": (2, 8), "w": (2, 14)}


def test_quotes_of_the_same_kind_nest_as_the_3_12_grammar_allows() -> None:
    tree = parse_concrete('x = f"{d["k"]} {"a" if f"{y}" else "\\n".join(z)}"\n', "snippet")
    joined = tree.body[0].value  # type: ignore[attr-defined]
    assert ast.unparse(joined.values[0].value) == "d['k']"
    assert joined.values[1].value == " "
    assert isinstance(joined.values[2].value, ast.IfExp)
    if sys.version_info >= (3, 12):
        assert first_difference(tree, ast.parse('x = f"{d["k"]} {"a" if f"{y}" else "\\n".join(z)}"\n')) == ""


def test_type_parameters_and_type_statements_of_3_12() -> None:
    text = "def f[T: int, *Ts, **P](a: T) -> T: ...\nclass C[T]: ...\ntype X[T] = list[T]\n"
    function, definition, alias = parse_concrete(text, "snippet").body
    names = [type(parameter).__name__ for parameter in function.type_params]  # type: ignore[attr-defined]
    assert names == ["TypeVar", "TypeVarTuple", "ParamSpec"]
    assert [parameter.name for parameter in definition.type_params] == ["T"]  # type: ignore[attr-defined]
    assert type(alias).__name__ == "TypeAlias"
    assert isinstance(alias, grammar312.TypeAlias)  # type: ignore[arg-type]
    assert ast.unparse(alias.value) == "list[T]"
    if sys.version_info >= (3, 12):
        assert first_difference(parse_concrete(text, "snippet"), ast.parse(text)) == ""


def _library_sample(count: int, seed: int) -> list[Path]:
    root = Path(sysconfig.get_paths()["stdlib"])
    files = sorted(path for path in root.glob("*.py") if path.stat().st_size < 60_000)
    files += sorted(
        path for path in root.glob("*/*.py") if path.stat().st_size < 30_000 and "lib2to3" not in str(path)
    )
    return random.Random(seed).sample(files, count)


def test_lowering_equals_ast_on_modules_of_the_standard_library() -> None:
    compared = 0
    for path in _library_sample(40, seed=2):
        text = decode_source(path.read_bytes() or b"#", path.name)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                expected = ast.parse(text)
        except SyntaxError:
            continue  # a deliberately broken module of the library's own tests
        assert first_difference(parse_concrete(text, path.name), expected) == "", path
        compared += 1
    assert compared >= 35


@pytest.mark.corpus
@pytest.mark.slow
def test_lowering_equals_ast_on_real_scripts(real_scripts: dict[str, bytes]) -> None:
    names = sorted(real_scripts)
    compared = 0
    for name in random.Random(5).sample(names, min(60, len(names))):
        try:
            text = decode_source(real_scripts[name], name)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                expected = ast.parse(text)
        except (SyntaxError, ParseFailure):
            continue
        assert first_difference(parse_concrete(text, name), expected) == "", name
        compared += 1
    assert compared > 50
