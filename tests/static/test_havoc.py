"""Code that is not followed is not code without effects: what it could reach is doubted, and nothing else is.

Each of `REACHED` trains on all validation tokens before they are scored, out of sight of the reader; none may be
clean. Each of `OUT_OF_REACH` hands the same code something by which no token can get into what is scored.
"""

from __future__ import annotations

import pytest

from auditor.trace.answer import Answer
from auditor.trace.events import Unresolved
from auditor.trace.trace import Trace
from tests.static.conftest import run, worst_overlap

SCORE = "for k in range(n // 1024):\n    total += score(k * 1024)\n"

REACHED = {
    "unread library, a function": "import somelib\nsomelib.run(lambda: fit(0))\n",
    "unread library, a bound method": (
        "import somelib\nclass Job:\n    def go(self):\n        fit(0)\nsomelib.run(Job().go)\n"
    ),
    "unread library, an object": "import somelib\nsomelib.improve(model, val)\n",
    "unread library, a list": "import somelib\nparts = [model, val]\nsomelib.improve(parts)\n",
    "unread library, an attribute": (
        "import somelib\nclass Holder:\n    pass\nh = Holder()\nh.model = model\nsomelib.improve(h, val)\n"
    ),
    "unread library, a partial": "import somelib\nsomelib.run(functools.partial(fit, 0))\n",
    "unread library, a generator": (
        "import somelib\ndef lessons():\n    fit(0)\n    yield 1\nsomelib.drain(lessons())\n"
    ),
    "unread library reads the split itself": (
        "import somelib\nsomelib.run(lambda: [np.fromfile(f) for f in shards], model)\n"
    ),
    "a library function of another kind": "import heapq\nheapq.nsmallest(1, [0], key=lambda _: fit(0) or 0)\n",
    "a builtin": "sorted([0], key=lambda _: fit(0) or 0)\n",
    "a name from elsewhere": "from somelib import run as go\ngo(lambda: fit(0))\n",
    "what a table holds": "table = {}\ntable[hash('x')] = fit\ntable.get(hash('x'), fit)(0)\n",
    "what an unread call gave": "import somelib\nrunner = somelib.make()\nrunner(fit)\n",
    "a total of an outer function": (
        "import somelib\nscale = torch.ones(())\ndef learn():\n    scale.add_(score(0))\nsomelib.run(learn)\n"
        "plain = score\ndef score(s):\n    return plain(s) * scale\n"
    ),
}

OUT_OF_REACH = {
    "text and sizes": "import somelib\nsomelib.configure('fast', 1024, seed=7)\n",
    "settings": "import somelib\nclass Args:\n    width = 64\nsomelib.configure(Args())\n",
    "tokens alone": "import somelib\nsomelib.inspect(val.numel())\n",
    "a model without tokens": "import somelib\nsomelib.count_parameters(model)\n",
    "a function that changes nothing": "lengths = [3, 1, 2]\nsorted(range(3), key=lambda i: lengths[i])\n",
    "a function that fills a list of its own": (
        "def key(i):\n    parts = []\n    parts.append(val[i])\n    return len(parts)\nsorted(range(3), key=key)\n"
    ),
    "a library function that calls what it is handed": (
        "import heapq\nlengths = {0: 5, 1: 2}\nheapq.nsmallest(1, [0, 1], key=lambda i: lengths[i])\n"
    ),
}


def doubts(trace: Trace) -> list[Unresolved]:
    """What could not be followed on the way to the result."""
    return trace.doubts_of(trace.reports[-1])


@pytest.mark.parametrize("name", REACHED)
def test_what_unread_code_could_reach_is_never_clean(name: str) -> None:
    trace = run(REACHED[name] + SCORE)
    assert doubts(trace) or worst_overlap(trace) is not Answer.NO


@pytest.mark.parametrize("name", OUT_OF_REACH)
def test_what_it_could_not_reach_is_proved(name: str) -> None:
    trace = run(OUT_OF_REACH[name] + SCORE)
    assert trace.reports[-1].scores
    assert not doubts(trace)
    assert worst_overlap(trace) is Answer.NO


def test_a_doubt_says_what_and_where() -> None:
    trace = run("import somelib\nsomelib.improve(model, val)\n" + SCORE)
    (doubt,) = doubts(trace)
    assert doubt.what == "somelib.improve"
    assert doubt.touches_scores
    assert doubt.place.line == trace.reports[-1].place.line - 3


def test_weights_read_back_end_the_doubt() -> None:
    body = "torch.save(model.state_dict(), 'm.pt')\nimport somelib\nsomelib.improve(model, val)\n"
    restored = body + "model.load_state_dict(torch.load('m.pt'))\n"
    assert doubts(run(body + SCORE))
    assert not doubts(run(restored + SCORE))
