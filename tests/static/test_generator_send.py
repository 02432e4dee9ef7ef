"""What is sent to a generator arrives at its yield: a coach that fits the model to what it is sent."""

from __future__ import annotations

import pytest

from auditor.trace.answer import Answer
from tests.static.conftest import run, worst_overlap

COACH = """
def coach():
    while True:
        s = yield
        fit(s)
lessons = coach()
next(lessons)
"""

FITTED = {
    "sent before the score": "lessons.send(0)\ntotal += score(0)\n",
    "sent in a loop, before each score": (
        "for k in range(n // 1024):\n    lessons.send(1024 * k)\n    total += score(1024 * k)\n"
    ),
    "sent to two at once": "other = coach()\nnext(other)\nother.send(4096)\nlessons.send(0)\ntotal += score(0)\n",
}
HARMLESS = {
    "sent behind the score": "total += score(0)\nlessons.send(0)\n",
    "sent in a loop, behind each score": (
        "for k in range(n // 1024):\n    total += score(1024 * k)\n    lessons.send(1024 * k)\n"
    ),
    "other tokens": "lessons.send(4096)\ntotal += score(0)\n",
}


@pytest.mark.parametrize("lines", FITTED.values(), ids=FITTED.keys())
def test_what_is_sent_before_the_score_is_in_it(lines: str) -> None:
    assert worst_overlap(run(COACH + lines)) is Answer.YES


@pytest.mark.parametrize("lines", HARMLESS.values(), ids=HARMLESS.keys())
def test_what_is_sent_otherwise_is_not(lines: str) -> None:
    assert worst_overlap(run(COACH + lines)) is Answer.NO
