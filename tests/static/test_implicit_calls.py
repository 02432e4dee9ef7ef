"""Code that runs without being called by name: Python's protocols, callbacks of libraries, hooks of torch.

Each specimen fits the model on the tokens from position 0 on, in a way of its own, before these tokens are scored.
Two legal look-alikes are made of each: the same on other tokens, and the same behind the score.
"""

from __future__ import annotations

import pytest

from auditor.trace.answer import Answer
from tests.static.conftest import PRELUDE, run, worst_overlap

FIT_LINE = PRELUDE.splitlines().index("    optimizer.step()") + 1

OPERATORS = {
    "add": "Sly() + 1", "sub": "Sly() - 1", "mul": "Sly() * 2", "truediv": "Sly() / 2", "floordiv": "Sly() // 2",
    "mod": "Sly() % 2", "pow": "Sly() ** 2", "matmul": "Sly() @ 2", "and": "Sly() & 2", "or": "Sly() | 2",
    "xor": "Sly() ^ 2", "lshift": "Sly() << 2", "rshift": "Sly() >> 2", "radd": "1 + Sly()", "rsub": "1 - Sly()",
    "rmul": "2 * Sly()", "rtruediv": "2 / Sly()", "rmatmul": "2 @ Sly()", "neg": "-Sly()", "pos": "+Sly()",
    "invert": "~Sly()", "lt": "Sly() < 1", "le": "Sly() <= 1", "gt": "Sly() > 1", "ge": "Sly() >= 1",
    "eq": "Sly() == 1", "ne": "Sly() != 1", "contains": "3 in Sly()", "bool": "not Sly()", "len": "len(Sly())",
    "str": "str(Sly())", "repr": "repr(Sly())", "format": "f'{Sly()}'", "hash": "hash(Sly())", "int": "int(Sly())",
    "float": "float(Sly())", "index": "[1, 2, 3][Sly()]", "abs": "abs(Sly())", "round": "round(Sly())",
    "getitem": "Sly()[0]", "call": "Sly()(0)", "iter": "list(Sly())", "getattr": "Sly().anything",
    "getattribute": "Sly().anything", "divmod": "divmod(Sly(), 2)", "reversed": "reversed(Sly())",
    "bytes": "bytes(Sly())", "trunc": "math.trunc(Sly())", "floor": "math.floor(Sly())",
    "fspath": "os.fspath(Sly())", "dir": "dir(Sly())", "copy": "copy.copy(Sly())", "deepcopy": "copy.deepcopy(Sly())",
    "setattr": "setattr(Sly(), 'x', 1)", "setitem": "Sly().__setitem__(0, 1)", "enter": "with Sly(): pass",
    "exit": "with Sly(): pass", "iadd": "x = Sly(); x += 1", "imul": "x = Sly(); x *= 1", "del": "x = Sly(); del x",
    "delitem": "del Sly()[0]", "delattr": "del Sly().x", "next": "next(Sly())", "class_getitem": "Sly[0]",
    "init_subclass": "class Sub(Sly): pass", "init": "Sly()", "post_init": "dataclasses.dataclass(Sly)()",
}  # fmt: skip
"""Special methods by name, and an expression in which Python calls each."""

SPECIAL = {
    f"__{name}__": f"class Sly:\n    def __{name}__(self, *rest):\n        fit(0)\n        return 1\n{expression}\n"
    for name, expression in OPERATORS.items()
}

PROTOCOLS = {
    "str by print": "class Sly:\n    def __str__(self):\n        fit(0)\n        return 'x'\nprint(Sly())\n",
    "repr in a list": """
class Sly:
    def __repr__(self):
        fit(0)
        return 'x'
print(f'{[Sly()]}')
""",
    "percent": "class Sly:\n    def __str__(self):\n        fit(0)\n        return 'x'\nt = '%s' % Sly()\n",
    "str.format": """
class Sly:
    def __format__(self, s):
        fit(0)
        return 'x'
t = '{}'.format(Sly())
""",
    "if": "class Sly:\n    def __bool__(self):\n        fit(0)\n        return True\nif Sly():\n    pass\n",
    "while by length": """
class Sly:
    def __len__(self):
        fit(0)
        return 0
while Sly():
    break
""",
    "and": "class Sly:\n    def __bool__(self):\n        fit(0)\n        return True\nx = Sly() and 1\n",
    "assert": "class Sly:\n    def __bool__(self):\n        fit(0)\n        return True\nassert Sly()\n",
    "conditional": """
class Sly:
    def __bool__(self):
        fit(0)
        return True
x = 1 if Sly() else 2
""",
    "key of a dict": """
class Sly:
    def __hash__(self):
        fit(0)
        return 1
d = {Sly(): 1}
""",
    "key that is looked up": """
class Sly:
    def __hash__(self):
        fit(0)
        return 1
d = {}
d[Sly()] = 1
""",
    "sorted by its order": """
class Sly:
    def __lt__(self, other):
        fit(0)
        return True
sorted([Sly(), Sly()])
""",
    "sum": "class Sly:\n    def __radd__(self, other):\n        fit(0)\n        return 1\nx = sum([Sly()])\n",
    "for by items": """
class Sly:
    def __getitem__(self, i):
        fit(0)
        return i
for x in Sly():
    pass
""",
    "setter": """
class Sly:
    @property
    def rate(self):
        return 1
    @rate.setter
    def rate(self, value):
        fit(0)
Sly().rate = 2
""",
    "deleter": """
class Sly:
    @property
    def rate(self):
        return 1
    @rate.deleter
    def rate(self):
        fit(0)
del Sly().rate
""",
    "property made by a call": """
class Sly:
    def look(self):
        fit(0)
        return 1
    rate = property(look)
x = Sly().rate
""",
    "cached property": """
class Sly:
    @functools.cached_property
    def rate(self):
        fit(0)
        return 1
x = Sly().rate
""",
    "descriptor read": """
class Rate:
    def __get__(self, owner, cls=None):
        fit(0)
        return 1
class Sly:
    rate = Rate()
x = Sly().rate
""",
    "descriptor written": """
class Rate:
    def __set__(self, owner, value):
        fit(0)
class Sly:
    rate = Rate()
s = Sly()
s.rate = 2
""",
    "descriptor named": """
class Rate:
    def __set_name__(self, owner, name):
        fit(0)
class Sly:
    rate = Rate()
""",
    "setattr that passes on": """
class Sly:
    def __setattr__(self, name, value):
        if name == "go":
            fit(value)
        super().__setattr__(name, value)
s = Sly()
s.go = 0
""",
    "attributes through __dict__": """
class Sly:
    def __init__(self, act):
        self.__dict__.update(act=act)
    def __setattr__(self, name, value):
        self.act(value)
Sly(fit).go = 0
""",
    "metaclass makes": """
class Meta(type):
    def __new__(mcs, name, bases, names):
        fit(0)
        return super().__new__(mcs, name, bases, names)
class Sly(metaclass=Meta):
    pass
""",
    "metaclass calls": """
class Meta(type):
    def __call__(cls, *args):
        fit(0)
        return super().__call__(*args)
class Sly(metaclass=Meta):
    pass
Sly()
""",
    "metaclass operator": """
class Meta(type):
    def __add__(cls, other):
        fit(0)
        return 1
class Sly(metaclass=Meta):
    pass
Sly + 1
""",
    "constructor": """
class Sly:
    def __new__(cls, *args):
        fit(0)
        return super().__new__(cls)
Sly()
""",
    "constructor and initialiser": """
class Sly:
    def __new__(cls, s):
        return object.__new__(cls)
    def __init__(self, s):
        fit(s)
Sly(0)
""",
    "post init of a dataclass": """
@dataclasses.dataclass
class Sly:
    start: int = 0
    def __post_init__(self):
        fit(self.start)
Sly()
""",
    "missing of a dict": """
class Sly(dict):
    def __missing__(self, key):
        fit(key)
        return 1
x = Sly()[0]
""",
    "append of a list": """
class Sly(list):
    def append(self, item):
        fit(0)
        super().append(item)
Sly().append(1)
""",
    "item of a list": """
class Sly(list):
    def __getitem__(self, i):
        fit(0)
        return super().__getitem__(i)
x = Sly([1, 2])[0]
""",
    "type with three arguments": """
Sly = type("Sly", (), {"__add__": lambda self, other: fit(0)})
Sly() + 1
""",
    "type with a base": """
class Base:
    def go(self):
        fit(0)
type("Sly", (Base,), {})().go()
""",
    "method put on a class later": """
class Sly:
    def go(self):
        pass
Sly.go = lambda self: fit(0)
Sly().go()
""",
    "special method put on a class later": """
class Sly:
    pass
Sly.__add__ = lambda self, other: fit(0)
Sly() + 1
""",
    "unbound method": """
class Sly:
    def go(self, s):
        fit(s)
Sly.go(Sly(), 0)
""",
    "super through a diamond": """
class A:
    def go(self):
        fit(0)
class B(A):
    def go(self):
        super().go()
class C(A):
    def go(self):
        super().go()
class D(B, C):
    pass
D().go()
""",
    "next in line of a diamond": """
class A:
    def go(self):
        pass
class B(A):
    def go(self):
        super().go()
class C(A):
    def go(self):
        fit(0)
class D(B, C):
    pass
D().go()
""",
    "super with arguments and another name for self": """
class A:
    def go(this):
        fit(0)
class B(A):
    def go(this):
        super(B, this).go()
B().go()
""",
    "class decorator": """
def eager(cls):
    fit(0)
    return cls
@eager
class Sly:
    pass
""",
    "class as a decorator": """
class Before:
    def __init__(self, func):
        self.func = func
    def __call__(self, *args):
        fit(0)
        return self.func(*args)
@Before
def go():
    pass
go()
""",
    "decorated method": """
def before(func):
    def inner(self):
        fit(0)
        return func(self)
    return inner
class Sly:
    @before
    def go(self):
        pass
Sly().go()
""",
    "decorator with arguments": """
def before(s):
    def around(func):
        @functools.wraps(func)
        def inner(*args):
            fit(s)
            return func(*args)
        return inner
    return around
@before(0)
def go():
    pass
go()
""",
    "attribute of any name": """
class Sly:
    def __getattr__(self, name):
        return lambda: fit(0)
Sly().whatever()
""",
    "dropped object": """
class Sly:
    def __del__(self):
        fit(0)
x = Sly()
x = None
""",
    "object that is never named": """
class Sly:
    def __del__(self):
        fit(0)
Sly()
""",
    "object that a function leaves behind": """
class Sly:
    def __del__(self):
        fit(0)
def go():
    held = Sly()
go()
""",
    "finalizer": """
import weakref
class Sly:
    pass
x = Sly()
weakref.finalize(x, fit, 0)
del x
""",
    "vars": """
class Sly:
    pass
s = Sly()
vars(s)["go"] = fit
s.go(0)
""",
}

CALLBACKS = {
    "key of sorted": "sorted([0], key=lambda s: fit(s) or 0)\n",
    "key of a list's sort": "[0].sort(key=lambda s: fit(s) or 0)\n",
    "key of min": "min([0, 0], key=lambda s: fit(s) or 0)\n",
    "map to a list": "list(map(fit, [0]))\n",
    "map unpacked": "x, = map(fit, [0])\n",
    "filter": "list(filter(fit, [0]))\n",
    "filter in a loop": "for s in filter(lambda s: fit(s) or True, [0]):\n    pass\n",
    "all of a generator": "x = all([fit(s) is None for s in [0]])\n",
    "reduce": "functools.reduce(lambda done, s: fit(s), [0], None)\n",
    "reduce over functions": "functools.reduce(lambda s, act: act(s), (fit,), 0)\n",
    "starmap": "import itertools\nlist(itertools.starmap(fit, [(0,)]))\n",
    "accumulate": "import itertools\nlist(itertools.accumulate([0, 0], lambda a, s: fit(s) or 0))\n",
    "takewhile": "import itertools\nlist(itertools.takewhile(lambda s: fit(s) is None, [0]))\n",
    "groupby": "import itertools\nlist(itertools.groupby([0], key=lambda s: fit(s)))\n",
    "deque": "import collections\ncollections.deque(map(fit, [0]), maxlen=0)\n",
    "factory": "import collections\nd = collections.defaultdict(lambda: fit(0))\nx = d['any']\n",
    "timeit": "import timeit\ntimeit.timeit(lambda: fit(0), number=1)\n",
    "object hook": "import json\njson.loads('{}', object_hook=lambda d: fit(0))\n",
    "pattern": "import re\nre.sub('a', lambda m: fit(0) or 'b', 'a')\n",
    "compiled pattern": "import re\nre.compile('a').sub(lambda m: fit(0) or 'b', 'a')\n",
    "methodcaller": """
import operator
class Sly:
    def go(self, s):
        fit(s)
operator.methodcaller("go", 0)(Sly())
""",
    "attrgetter": """
import operator
class Sly:
    @property
    def rate(self):
        fit(0)
        return 1
operator.attrgetter("rate")(Sly())
""",
    "operator.add": "import operator\nclass Sly:\n    def __add__(self, o):\n        fit(0)\noperator.add(Sly(), 1)\n",
    "operator.call": "import operator\noperator.call(fit, 0)\n",
    "thread by position": "import threading\nthreading.Thread(None, fit, 'x', (0,)).start()\n",
    "timer": "import threading\nthreading.Timer(0, fit, (0,)).start()\n",
    "thread of a class": """
import threading
class Sly(threading.Thread):
    def run(self):
        fit(0)
t = Sly()
t.start()
t.join()
""",
    "executor": "from concurrent.futures import ThreadPoolExecutor\nThreadPoolExecutor().submit(fit, 0).result()\n",
    "executor's map": "from concurrent.futures import ThreadPoolExecutor\nThreadPoolExecutor().map(fit, [0])\n",
    "singledispatch": """
@functools.singledispatch
def go(x):
    pass
@go.register(int)
def _(x):
    fit(x)
go(0)
""",
    "cached": "@functools.lru_cache(maxsize=None)\ndef go(s):\n    fit(s)\ngo(0)\n",
    "cached by a call": "go = functools.lru_cache(fit)\ngo(0)\n",
    "log handler": """
import logging
class Sly(logging.Handler):
    def emit(self, record):
        fit(record.args[0])
log = logging.getLogger("x")
log.addHandler(Sly())
log.error("%s", 0)
""",
    "signal": """
import os, signal
signal.signal(signal.SIGUSR1, lambda number, frame: fit(0))
os.kill(os.getpid(), signal.SIGUSR1)
""",
    "stack of managers": "import contextlib\nwith contextlib.ExitStack() as stack:\n    stack.callback(fit, 0)\n",
    "entered by a stack": """
import contextlib
class Sly:
    def __enter__(self):
        fit(0)
    def __exit__(self, *problem):
        pass
with contextlib.ExitStack() as stack:
    stack.enter_context(Sly())
""",
    "closing": """
import contextlib
class Sly:
    def close(self):
        fit(0)
with contextlib.closing(Sly()):
    pass
""",
    "manager as a decorator": """
import contextlib
@contextlib.contextmanager
def before():
    fit(0)
    yield
@before()
def go():
    pass
go()
""",
    "context decorator": """
import contextlib
class Before(contextlib.ContextDecorator):
    def __enter__(self):
        fit(0)
    def __exit__(self, *problem):
        pass
@Before()
def go():
    pass
go()
""",
    "coroutine": "import asyncio\nasync def go():\n    fit(0)\nasyncio.run(go())\n",
    "iter with a sentinel": "for x in iter(lambda: fit(0), 1):\n    break\n",
}

FOLLOWED = {**SPECIAL, **PROTOCOLS, **CALLBACKS}


@pytest.mark.parametrize("name", FOLLOWED)
def test_is_followed(name: str) -> None:
    trace = run(FOLLOWED[name] + "total += score(0)\n")
    assert {update.place.line for update in trace.updates} == {FIT_LINE}
    assert worst_overlap(trace) is Answer.YES


@pytest.mark.parametrize("name", FOLLOWED)
def test_other_tokens_are_clean(name: str) -> None:
    body = FOLLOWED[name] + "total += score(262144)\n"
    trace = run(body)
    assert {update.place.line for update in trace.updates} == {FIT_LINE}
    assert worst_overlap(trace) is Answer.NO


@pytest.mark.parametrize("name", FOLLOWED)
def test_behind_the_score_is_clean(name: str) -> None:
    trace = run("total += score(0)\n" + FOLLOWED[name])
    assert worst_overlap(trace) is Answer.NO
