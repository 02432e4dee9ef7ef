"""What C functions do with their arrays: each is held to the elements that a reader of the C sees to decide it."""

from __future__ import annotations

import pytest

from auditor.native.dependence import ELSEWHERE, Dependence, dependences
from auditor.native.syntax import NativeUnreadable, parse_native

HEAD = "#include <stdint.h>\ntypedef struct { int total; int best; int top; } Bucket;\n"


def read(body: str, *, before: str = "") -> Dependence:
    text = (
        f"{HEAD}{before}\nint walk(Bucket *st, const uint16_t *tokens, long n, const uint8_t *lut, uint16_t *out, "
        f"float *share) {{\n{body}\nreturn 0;\n}}\n"
    )
    return dependences(parse_native(text))["walk"]


TAINTS = {
    "a state filled by earlier turns": ("out[i] = st->top; st->top = tokens[i];", set()),
    "the token itself": ("out[i] = tokens[i];", {("tokens", 0, False)}),
    "the token before": ("out[i] = tokens[i - 1];", set()),
    "the token behind": ("out[i] = tokens[i + 1];", {("tokens", 1, False)}),
    "written for the next place": ("out[i + 1] = tokens[i];", set()),
    "the state after its update": ("st->top = tokens[i]; out[i] = st->top;", {("tokens", 0, False)}),
    "a branch on the token": ("if (tokens[i] == 3) { out[i] = st->top; }", {("tokens", 0, True)}),
    "behind a jump": ("if (tokens[i] == 3) continue; out[i] = st->top;", {("tokens", 0, True)}),
    "a conditional": ("out[i] = tokens[i] > 3 ? st->top : 0;", {("tokens", 0, True)}),
    "by way of a variable": ("int t = tokens[i]; int u = t * 31; out[i] = u;", {("tokens", 0, False)}),
    "a cast of the token": ("out[i] = static_cast<int>(tokens[i]);", {("tokens", 0, False)}),
    "a cast of the one before": ("out[i] = uint16_t(tokens[i - 1]);", set()),
    "through a pointer of another type": (
        "auto *o = reinterpret_cast<uint16_t *>(out); o[i] = tokens[i];",
        {("tokens", ELSEWHERE, False)},
    ),
    "another place": ("out[i] = tokens[n - i];", {("tokens", ELSEWHERE, False)}),
    "an inner loop over the rest": (
        "int s = 0; for (long j = i; j < n; ++j) { s += tokens[j]; } out[i] = s;",
        {("tokens", ELSEWHERE, False)},
    ),
}


@pytest.mark.parametrize(("turn", "taint"), TAINTS.values(), ids=TAINTS.keys())
def test_elements_that_decide_what_is_written(turn: str, taint: set[tuple[str, int, bool]]) -> None:
    found = read(f"for (long i = 0; i < n; ++i) {{ {turn} }}")
    assert not found.problems
    assert found.written["out"].taint == taint


def test_a_table_of_the_token_is_a_gate_by_the_token() -> None:
    found = read("for (long i = 0; i < n; ++i) { if (!lut[tokens[i]]) { out[i] = st->top; } }")
    assert ("tokens", 0, True) in found.written["out"].taint
    assert all(gate for _, _, gate in found.written["out"].taint)


def test_a_function_that_is_handed_the_token_and_the_state_passes_it_on() -> None:
    push = "static void push(Bucket *b, int t) { b->top = t; }"
    loop = "for (long i = 0; i < n; ++i) {{ {} }}"
    late = read(loop.format("push(st, tokens[i]); out[i] = st->top;"), before=push)
    early = read(loop.format("out[i] = st->top; push(st, tokens[i]);"), before=push)
    assert late.written["out"].taint == {("tokens", 0, False)}
    assert early.written["out"].taint == set()
    assert "st" in late.kept


def test_a_global_carries_the_token_from_one_function_to_another() -> None:
    before = "static int last;\nstatic void note(int t) { last = t; }"
    found = read("for (long i = 0; i < n; ++i) { note(tokens[i]); out[i] = last; }", before=before)
    assert found.written["out"].taint == {("tokens", 0, False)}


@pytest.mark.parametrize(
    ("value", "share"),
    [
        ("(float)st->best / (float)st->total", True),
        ("st->total ? (float)st->best / st->total : 0.0f", True),
        ("0.5f", True),
        ("2.0f", False),
        ("(float)st->top / (float)st->total", False),
        ("(float)st->best * 2 / (float)st->total", False),
    ],
)
def test_shares_are_quotients_of_counters(value: str, share: bool) -> None:
    counting = "st->total += 1; int c = st->total; st->best = c; st->top = tokens[i] * 2;"
    found = read(f"for (long i = 0; i < n; ++i) {{ share[i] = {value}; {counting} }}")
    assert found.written["share"].share is share


@pytest.mark.parametrize(
    "turn",
    [
        "goto end; end: out[i] = 1;",
        "out[i] = lookup(tokens[i]);",
        "auto f = [&](int t) { return t; }; out[i] = f(1);",
    ],
    ids=["jumps", "functions from elsewhere", "lambdas"],
)
def test_what_is_not_followed_is_told(turn: str) -> None:
    assert read(f"for (long i = 0; i < n; ++i) {{ {turn} }}").problems


@pytest.mark.parametrize("text", ["int f( {", "\0\1\2", "x" * 500_000], ids=["syntax", "binary", "size"])
def test_what_is_no_source_is_refused(text: str) -> None:
    with pytest.raises(NativeUnreadable):
        parse_native(text)
