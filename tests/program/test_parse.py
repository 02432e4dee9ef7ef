"""Which parser takes a text, minified code that LibCST rejects, and where failures are told."""

from __future__ import annotations

import ast
import itertools
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.program.parsing.parse import ParseFailure, parse, parse_concrete
from auditor.program.parsing.spacing import code_spans, with_blanks
from tests.program.tree_comparison import first_difference

MINIFIED = [
    "x=sum((a)-(b if c else d)for w in y)\n",
    "x=p<0 or(b if c else d)\n",
    "x=[(a if b else c)for d in e if(f)in g]\n",
    "def f():return(a if b else c)if d else(e)\n",
    "x=(lambda:0)if(a)and(b)else(c)\n",
    "x=1 if(a)else 2;y=not(a if b else c)or(d)\n",
]


@pytest.mark.parametrize("text", MINIFIED)
def test_minified_code_parses_with_its_own_positions(text: str) -> None:
    assert first_difference(parse_concrete(text, "x"), ast.parse(text)) == ""


def test_libcst_still_rejects_minified_code() -> None:
    """When this fails, the remedy of `spacing` can go."""
    import libcst

    with pytest.raises(libcst.CSTValidationError):
        libcst.parse_module(MINIFIED[0])


def test_blanks_are_added_in_code_only() -> None:
    text = "x = '(a)for' + f'(b)in {(c)if(d)else(e)} or(f)'  # (g)for\n"
    assert with_blanks(text) == "x = '(a)for' + f'(b)in {(c) if (d) else (e)} or(f)'  # (g)for\n"


def test_code_spans_follow_nested_quotes_of_the_3_12_grammar() -> None:
    text = 'f"{d["(k)for"]}" + (a)'
    assert [text[start:end] for start, end in code_spans(text)] == ["d[", "]", " + (a)"]


@given(st.text(alphabet="ab(){}[]'\"\\:!# \nfrN=", max_size=80))
def test_code_spans_of_any_text_are_ordered_and_within_it(text: str) -> None:
    spans = code_spans(text)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(left[1] <= right[0] for left, right in itertools.pairwise(spans))


def test_a_grammar_newer_than_the_running_python_is_parsed() -> None:
    tree = parse('x = f"{d["k"]}"\n', "x")
    assert isinstance(tree.body[0], ast.Assign)
    assert isinstance(tree.body[0].value, ast.JoinedStr)


def test_a_line_that_only_continues_another_is_no_stumbling_block() -> None:
    tree = parse_concrete("\\\nx = f\"{d['k']}\"\nif x:\n    y\n", "x")
    assert [statement.lineno for statement in tree.body] == [2, 3]


def test_the_failure_is_that_of_the_parser_that_got_further() -> None:
    """On 3.11 `ast` stops at the f-string of line 1, which is right in 3.12; the fault is in line 3."""
    with pytest.raises(ParseFailure) as caught:
        parse('x = f"{d["k"]}"\ny = 1\nz = = 2\n', "s.py")
    assert caught.value.line == 3
    assert str(caught.value).startswith("s.py:3:")


def test_the_collector_is_on_again_after_a_parse() -> None:
    import gc

    assert gc.isenabled()
    parse_concrete("x = 1\n", "x")
    with pytest.raises(ParseFailure):
        parse_concrete("x = = 1\n", "x")
    assert gc.isenabled()


def test_warnings_of_a_submission_are_not_ours() -> None:
    assert parse("x = '\\d'\nif x is 'a': pass\nassert (x, 'always')\n", "x").body


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="this Python speaks the 3.12 grammar itself")
def test_ast_of_this_python_does_not_take_what_libcst_takes() -> None:
    with pytest.raises(SyntaxError):
        ast.parse('x = f"{d["k"]}"\n')
