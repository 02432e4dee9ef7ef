"""Code that is not followed is not code without effects: what it could reach is doubted, and nothing else is.

Each of `REACHED` trains on all validation tokens before they are scored, out of sight of the reader; none may be
clean. Each of `OUT_OF_REACH` hands the same code something by which no token can get into what is scored.
"""

from __future__ import annotations

import pytest

from auditor.trace.answer import Answer
from auditor.trace.events import NEVER_REACHED, Unresolved
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


UNREAD = {
    "a gradient scaler": (
        "scaler = torch.amp.GradScaler()\nscaler.scale(model(*tokens(0))).backward()\nscaler.step(optimizer)\n"
    ),
    "an accelerator": (
        "import accelerate\nhelper = accelerate.Accelerator()\nhelper.backward(model(*tokens(0)))\noptimizer.step()\n"
    ),
    "a trainer that is handed all at once": "import somelib\nsomelib.Trainer().fit(model, val)\n",
    "a step of another library": ("import somelib\nmodel(*tokens(0)).backward()\nsomelib.step(optimizer)\n"),
    "a value of an undefined name": "mystery.fit(model, val)\n",
    "an optimiser of another library": (
        "import somelib\nopt = somelib.Lion(model.parameters())\nmodel(*tokens(0)).backward()\nopt.step()\n"
    ),
    "a trainer": "import somelib\ntrainer = somelib.Trainer(model)\ntrainer.fit(val)\n",
    "a trainer that was handed the tokens before": (
        "import somelib\ntrainer = somelib.Trainer(model, val)\ntrainer.fit()\n"
    ),
    "a tracer": "import sys\ndef trace(*event):\n    fit(0)\nsys.settrace(trace)\n",
    "a hook of the garbage collector": "import gc\ngc.callbacks.append(lambda *event: fit(0))\n",
    "a function by its call": "fit.__call__(0)\n",
    "a class of another library": (
        "import somelib\nclass Mine(somelib.Base):\n    def work(self):\n        fit(0)\nsomelib.run(Mine())\n"
    ),
}


@pytest.mark.parametrize("name", UNREAD)
def test_what_unread_code_gave_back_is_never_clean(name: str) -> None:
    trace = run(UNREAD[name] + SCORE)
    assert doubts(trace) or worst_overlap(trace) is not Answer.NO


def test_functions_that_nothing_reaches_are_told() -> None:
    trace = run("def secret(x, y):\n    model(x, y).backward()\n    optimizer.step()\n\n" + SCORE)
    told = [event for event in trace.unresolved if event.reason == NEVER_REACHED]
    assert [event.what for event in told] == ["secret", "fit"] or [event.what for event in told] == [
        "fit",
        "secret",
    ]
    assert not any(event.touches_scores for event in told)
    assert worst_overlap(trace) is Answer.NO


def test_functions_that_are_reached_are_not_told() -> None:
    trace = run("for k in range(n // 1024):\n    total += score(k * 1024)\n    fit(k * 1024)\n")
    assert not [event for event in trace.unresolved if event.reason == NEVER_REACHED]


HANDED = {
    "a scheduler": "import sched\nq = sched.scheduler()\nq.enter(0, 1, fit, (0,))\nq.run()\n",
    "a context": "import contextvars\ncontextvars.copy_context().run(fit, 0)\n",
    "an element-wise method": "torch.zeros(1).apply_(lambda v: fit(0) or v)\n",
    "a vectorised function": "np.vectorize(lambda v: fit(0) or v)(np.zeros(1))\n",
    "a message": "try:\n    assert False, fit(0)\nexcept AssertionError:\n    pass\n",
    "a guard": "match 1:\n    case x if fit(0):\n        pass\n",
    "what is left of a tuple": "learn, *rest = (fit, 0)\nlearn(*rest)\n",
}

KEPT_APART = {
    "a list of functions": "steps = []\nsteps.append(fit)\n",
    "a table of functions": "steps = {}\nsteps.update(learn=fit)\n",
    "a wrapper": "learn = torch.compile(fit)\n",
    "a partial": "learn = functools.partial(fit, 0)\n",
    "a question": "callable(fit) and isinstance(model, nn.Module)\n",
}


@pytest.mark.parametrize("name", HANDED)
def test_code_that_trains_is_not_lost_in_a_call(name: str) -> None:
    trace = run(HANDED[name] + SCORE)
    assert doubts(trace) or worst_overlap(trace) is not Answer.NO


@pytest.mark.parametrize("name", KEPT_APART)
def test_code_that_is_only_kept_has_not_run(name: str) -> None:
    assert worst_overlap(run(KEPT_APART[name] + SCORE)) is Answer.NO


LATER = {
    "a visitor": (
        "import ast\nclass V(ast.NodeVisitor):\n    def visit_Name(self, node):\n        fit(0)\n"
        "V().visit(ast.parse('x'))\n"
    ),
    "a test that is found by name": (
        "import unittest\nclass T(unittest.TestCase):\n    def test(self):\n        fit(0)\nunittest.main(exit=False)\n"
    ),
    "an encoder": (
        "import json\nclass E(json.JSONEncoder):\n    def default(self, o):\n        fit(0)\n"
        "json.dumps(object(), cls=E)\n"
    ),
    "an import hook": (
        "import sys\nclass F:\n    def find_spec(self, *name):\n        fit(0)\nsys.meta_path.append(F())\n"
    ),
    "a mode of torch": (
        "class M(torch.overrides.TorchFunctionMode):\n    def __torch_function__(self, f, types, args=(), kw=None):\n"
        "        fit(0)\n        return f(*args)\nwith M():\n    torch.zeros(1)\n"
    ),
    "an operator": (
        "@torch.library.custom_op('own::learn', mutates_args=())\ndef learn(x: torch.Tensor) -> torch.Tensor:\n"
        "    fit(0)\n    return x\ntorch.ops.own.learn(torch.zeros(1))\n"
    ),
    "a recorded graph": (
        "x, y = torch.zeros(1024, dtype=torch.long), torch.zeros(1024, dtype=torch.long)\n"
        "graph = torch.cuda.CUDAGraph()\nwith torch.cuda.graph(graph):\n    model(x, y).backward()\n"
        "    optimizer.step()\na, b = tokens(0)\nx.copy_(a), y.copy_(b)\ngraph.replay()\n"
    ),
    "text for a clock": "import timeit\ntimeit.timeit('fit(0)', globals=globals(), number=1)\n",
    "text for a profiler": "import cProfile\ncProfile.run('fit(0)')\n",
    "text for an interpreter": "import code\ncode.InteractiveInterpreter(globals()).runsource('fit(0)')\n",
    "a method made by hand": "import types\ntypes.MethodType(fit, 0)()\n",
}

NOT_LATER = {
    "a visitor that counts": (
        "import ast\nclass V(ast.NodeVisitor):\n    count = 0\n"
        "    def visit_Name(self, node):\n        self.count += 1\n"
        "V().visit(ast.parse('x'))\n"
    ),
    "a parser of options": "import argparse\nargs = argparse.ArgumentParser().parse_args([])\n",
    "a stream of two files": (
        "import io, sys\nclass Tee(io.TextIOBase):\n    def write(self, text):\n        sys.__stdout__.write(text)\n"
    ),
    "an enumeration": "import enum\nclass Mode(enum.Enum):\n    FAST = 1\n",
    "text in a log": "import logging\nlogging.getLogger('x').info('running fit(0) next')\n",
}


@pytest.mark.parametrize("name", LATER)
def test_what_a_library_calls_later_is_never_clean(name: str) -> None:
    trace = run(LATER[name] + SCORE)
    assert doubts(trace) or worst_overlap(trace) is not Answer.NO


@pytest.mark.parametrize("name", NOT_LATER)
def test_classes_that_do_not_train_leave_no_doubt(name: str) -> None:
    trace = run(NOT_LATER[name] + SCORE)
    assert not doubts(trace)
    assert worst_overlap(trace) is Answer.NO


BY_TORCH = {
    "eval": "def eval(self):\n        fit(0)\n        return self",
    "train": "def train(self, mode=True):\n        fit(0)\n        return self",
    "its constructor": "def __init__(self):\n        super().__init__()\n        fit(0)",
    "what it is moved by": "def _apply(self, f):\n        fit(0)\n        return self",
    "what is loaded": "def load_state_dict(self, *given, **named):\n        fit(0)",
    "what is printed": "def extra_repr(self):\n        fit(0)\n        return ''",
    "its forward pass": "def forward(self, x=None):\n        fit(0)\n        return x",
}


@pytest.mark.parametrize("name", BY_TORCH)
def test_methods_that_torch_calls_are_never_clean(name: str) -> None:
    used = "w = W()\nw.eval(); w.train(); w.to('cuda'); w.load_state_dict({}); print(w); w(torch.zeros(1))\n"
    trace = run(f"class W(nn.Module):\n    {BY_TORCH[name]}\n{used}" + SCORE)
    assert doubts(trace) or worst_overlap(trace) is not Answer.NO


def test_methods_that_torch_calls_may_be_overridden() -> None:
    body = (
        "class W(nn.Module):\n    def train(self, mode=True):\n        self.calls = 1\n"
        "        return super().train(mode)\n"
        "    def forward(self, x):\n        return x.mul_(2)\nw = W()\nw.train()\nw(torch.zeros(1))\n"
    )
    trace = run(body + SCORE)
    assert not doubts(trace)
    assert worst_overlap(trace) is Answer.NO
