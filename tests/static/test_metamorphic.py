"""A script that is rewritten without a change of meaning has the same events in the same loops.

What may change is where things stand and what they are called. What may not: which kinds of events follow
each other, in how many loops and in which of their turns, what made them, and what a report's scores had seen.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Hashable
from pathlib import Path

import pytest

import auditor.specimens
import tests.specimens
from auditor.trace.answer import Answer
from auditor.trace.events import Event, Load, Report, Reset, Score, Select, Update
from auditor.trace.trace import Trace
from tests.static import rewriting
from tests.static.conftest import traced, worst_overlap

SHIPPED = Path(auditor.specimens.__file__).parent
OWN = Path(tests.specimens.__file__).parent

LEGAL = {
    "adapter per document": SHIPPED / "legal_lora_ttt.py",
    "chunks": OWN / "chunked_ttt.py",
    "sliding windows": OWN / "sliding.py",
    "isolated documents": OWN / "document_isolated.py",
}
ILLEGAL = {
    "fit first": SHIPPED / "train_before_score.py",
    "last of several epochs": OWN / "multi_epoch_last_score.py",
    "shift per window": OWN / "slot.py",
    "two passes": OWN / "two_pass_ngram.py",
    "second scoring": OWN / "second_scoring.py",
}
SPECIMENS = {**LEGAL, **ILLEGAL}


@functools.cache
def original(name: str) -> str:
    return SPECIMENS[name].read_text(encoding="utf-8")


def fact(event: Event) -> Hashable:
    """What the rules read of an event, without names and places."""
    at = (type(event).__name__, tuple(turn.iteration for turn in event.turns), event.certain)
    if isinstance(event, Load):
        return (*at, event.source)
    if isinstance(event, Update):
        return (*at, event.how, event.by, event.state.kind, len(event.state.fresh_in), len(event.regions))
    if isinstance(event, Score):
        answers = frozenset(entry.overlap for entry in event.absorbed)
        return (*at, event.how, answers, tuple(s.kind for s in event.states), len(event.regions))
    if isinstance(event, Reset):
        return (*at, event.state.kind)
    if isinstance(event, Select):
        return (*at, len(event.scores))
    if isinstance(event, Report):
        return (*at, event.template, len(event.scores), event.untraced, len(event.doubts), len(event.selects))
    return at


def facts(trace: Trace) -> list[Hashable]:
    """Return the facts in order of time; a file that is read again at the same place is one load."""
    loads: set[tuple[object, str]] = set()
    found: list[Hashable] = []
    for number in sorted(trace.events):
        event = trace.events[number]
        if isinstance(event, Load):
            if (event.place, event.source) in loads:
                continue
            loads.add((event.place, event.source))
        found.append(fact(event))
    return found


def last_numbers(trace: Trace) -> list[tuple[str, int]]:
    return [(report.label, len(report.scores)) for report in trace.reports]


@functools.cache
def before(name: str) -> Trace:
    return traced(original(name))


@pytest.mark.parametrize("name", SPECIMENS)
def test_specimen_is_judged_as_it_is_meant(name: str) -> None:
    assert worst_overlap(before(name)) is (Answer.NO if name in LEGAL else Answer.YES)
    assert {type(event) for event in before(name)} >= {Load, Score, Report}


@pytest.mark.parametrize("name", SPECIMENS)
@pytest.mark.parametrize("rewrite", rewriting.REWRITINGS, ids=lambda rewrite: rewrite.__name__)
def test_rewriting_changes_nothing_that_rules_read(name: str, rewrite: Callable[[str], str]) -> None:
    text = rewrite(original(name))
    assert text != original(name)
    after = traced(text)
    assert facts(after) == facts(before(name))
    assert last_numbers(after) == last_numbers(before(name))
    assert worst_overlap(after) is worst_overlap(before(name))


@pytest.mark.parametrize("rewrite", rewriting.REWRITINGS, ids=lambda rewrite: rewrite.__name__)
def test_rewriting_keeps_what_a_program_computes(rewrite: Callable[[str], str]) -> None:
    """The rewritings are held to Python itself, on a small program of ours that is run."""
    program = (
        "import math as m\nfrom functools import reduce\n\n\nclass Box:\n    size = 3\n    twice = size * 2\n\n"
        "    def __init__(self, start):\n        self.start = start\n\n    def grow(self, by=1):\n"
        "        got = max(self.start, by)\n        return got + Box.twice + self.size\n\n\n"
        "def first(x):\n    y = second(x, z=2)\n    return [math_free(k) for k in range(y)]\n\n\n"
        "def second(x, z):\n    total = sum(k * z for k in range(x))\n    return total\n\n\n"
        "def math_free(k):\n    return m.floor(k / 2)\n\n\n"
        "RESULT.append((reduce(lambda a, b: a + b, first(4)), Box(5).grow(by=7)))\n"
    )
    expected: list[object] = []
    exec(compile(program, "before", "exec"), {"RESULT": expected, "__name__": "__main__"})  # noqa: S102
    got: list[object] = []
    exec(compile(rewrite(program), "after", "exec"), {"RESULT": got, "__name__": "__main__"})  # noqa: S102
    assert got == expected == [(30, 16)]


def test_renaming_leaves_no_name_of_the_script() -> None:
    text = original("shift per window")
    kept = rewriting.own_names(ast.parse(rewriting.renamed(text))) & rewriting.own_names(ast.parse(text))
    assert kept <= rewriting.FOREIGN_ATTRIBUTES
