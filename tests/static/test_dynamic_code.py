"""`exec`, `eval` and `compile`: known text is followed where it stands, unknown text could do anything."""

from __future__ import annotations

import pytest

from auditor.trace.answer import Answer
from tests.static.conftest import run, worst_overlap

SCORE = "for k in range(n // 1024):\n    total += score(k * 1024)\n"

FOLLOWED = {
    "eval": 'eval("fit(0)")\n',
    "eval with a namespace": 'eval("learn(0)", {"learn": fit})\n',
    "exec": 'exec("for k in range(3): fit(k * 1024)")\n',
    "exec of compiled text": 'exec(compile("fit(0)", "plan", "exec"))\n',
    "exec of a function, called later": (
        'space = {"fit": fit}\nexec("def learn(s):\\n    fit(s)", space)\nspace["learn"](0)\n'
    ),
    "exec in the globals": 'exec("def learn(s):\\n    fit(s)", globals())\nlearn(0)\n',
    "text put together": 'verb = "fi" + "t"\neval(f"{verb}(0)")\n',
    "eval in a function": 'def go(model):\n    position = 0\n    eval("fit(position)")\ngo(model)\n',
    "eval of a lambda": 'eval("lambda s: fit(s)")(0)\n',
    "a bound method by text": 'eval("model(*tokens(0))").backward()\neval("optimizer").step()\n',
}

CLEAN = {
    "eval of a file": 'eval(open("plan.txt").read())\n',
    "eval of what is not Python": 'eval("fit(")\n',
    "exec of an argument": "import sys\nexec(sys.argv[1])\n",
    "exec of text that a model wrote": "exec(bytes(model(val, val).tolist()).decode())\n",
}

HARMLESS = {
    "a number": 'width = eval("64 * 2")\n',
    "a plain function": 'space = {}\nexec("def half(x):\\n    return x // 2", space)\nspace["half"](8)\n',
    "positions": 'step = eval("1024")\n',
}


@pytest.mark.parametrize("name", FOLLOWED)
def test_known_text_is_followed(name: str) -> None:
    trace = run(FOLLOWED[name] + SCORE)
    assert worst_overlap(trace) is Answer.YES


@pytest.mark.parametrize("name", CLEAN)
def test_unknown_text_could_do_anything(name: str) -> None:
    trace = run(CLEAN[name] + SCORE)
    assert trace.doubts_of(trace.reports[-1])


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless_text_leaves_no_doubt(name: str) -> None:
    trace = run(HARMLESS[name] + SCORE)
    assert worst_overlap(trace) is Answer.NO
