"""Exceptions that the script raises itself are a way of control: what is raised reaches the handler."""

from __future__ import annotations

import pytest

from auditor.trace.answer import Answer
from tests.static.conftest import run, worst_overlap

LOOP = """\
for k in range(n // 1024):
    x, y = tokens(k * 1024)
{before}    loss = model(x, y)
    total += loss.item()
{after}"""

LEARN = "    {name}.backward()\n    optimizer.step()\n"

RAISED = {
    "in the arguments": (
        "    try:\n        raise LookupError(model(x, y))\n    except LookupError as found:\n"
        "        found.args[0].backward()\n        optimizer.step()\n"
    ),
    "in an attribute": (
        "    try:\n        raise Carry(model(x, y))\n    except Carry as found:\n"
        "        found.loss.backward()\n        optimizer.step()\n"
    ),
    "from a function": (
        "    try:\n        thrower(x, y)\n    except ValueError as found:\n"
        "        found.args[0].backward()\n        optimizer.step()\n"
    ),
    "before the end of a branch": (
        "    try:\n        if k > 3:\n            fit(k * 1024)\n            raise ValueError\n    except ValueError:\n"
        "        pass\n"
    ),
    "beside a return": "    guarded(k)\n",
    "before the handler goes on": (
        "    for _ in range(2):\n        try:\n            raise KeyError\n        except KeyError:\n"
        "            fit(k * 1024)\n            continue\n"
    ),
    "in the expression that is raised": (
        "    try:\n        raise ValueError(fit(k * 1024))\n    except ValueError:\n        pass\n"
    ),
    "past an inner handler": (
        "    try:\n        try:\n            raise ValueError(model(x, y))\n"
        "        except KeyError:\n            pass\n"
        "    except ValueError as found:\n        found.args[0].backward()\n        optimizer.step()\n"
    ),
    "as a group": (
        "    try:\n        raise ExceptionGroup('two', [ValueError(1)])\n"
        "    except* ValueError:\n        fit(k * 1024)\n"
    ),
    "in the last part": "    try:\n        raise ValueError\n    except ValueError:\n        pass\n    finally:\n"
    "        fit(k * 1024)\n",
}

SETUP = """\
class Carry(Exception):
    def __init__(self, loss):
        self.loss = loss

def thrower(x, y):
    raise ValueError(model(x, y))

def guarded(k):
    try:
        if k % 2:
            raise ValueError
        return k
    except ValueError:
        fit(k * 1024)

"""


@pytest.mark.parametrize("name", RAISED)
def test_a_lesson_in_an_exception_is_seen(name: str) -> None:
    trace = run(SETUP + LOOP.format(before=RAISED[name], after=""))
    assert trace.doubts_of(trace.reports[-1]) or worst_overlap(trace) is Answer.YES


@pytest.mark.parametrize("name", ["in the arguments", "in an attribute", "from a function"])
def test_after_the_score_it_is_allowed(name: str) -> None:
    trace = run(SETUP + LOOP.format(before="", after=RAISED[name]))
    assert worst_overlap(trace) is Answer.NO


INNOCENT = {
    "a file that is missing": "    try:\n        open('cache.bin')\n    except FileNotFoundError as problem:\n"
    "        print('no cache', problem)\n",
    "a check": "    if x.numel() == 0:\n        raise ValueError('empty')\n",
    "out of memory": "    try:\n        torch.cuda.empty_cache()\n    except RuntimeError:\n        continue\n",
    "the end of a stream": "    try:\n        if k > 10**9:\n            raise StopIteration\n"
    "    except StopIteration:\n        break\n",
}


@pytest.mark.parametrize("name", INNOCENT)
def test_exceptions_without_a_lesson_change_nothing(name: str) -> None:
    trace = run(SETUP + LOOP.format(before=INNOCENT[name], after=""))
    assert worst_overlap(trace) is Answer.NO
