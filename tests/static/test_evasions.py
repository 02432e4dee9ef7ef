"""A model is fitted to the whole split before it is scored, and the call that does it is hidden: never compliant.

`SPECIMEN` is the project's own script that calls `adapt` in the open, which is a violation. Each of `HIDDEN` has
the same call made by other means: names that are computed, text, callbacks, hooks, things that run later, libraries.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor import specimens
from auditor.audit.targets import audit_target
from auditor.judgement.result import Verdict

SPECIMEN = Path(specimens.__file__).with_name("train_before_score.py").read_text()
CALL = "adapt(model, s, tokens, device)"
LINE = f"    {CALL}\n"

HIDDEN: dict[str, str] = {
    "globals": 'globals()["adapt"](model, s, tokens, device)\n',
    "sorted key": "sorted([0], key=lambda _: CALL or 0)\n",
    "timeit": "import timeit\ntimeit.timeit(lambda: CALL, number=1)\n",
    "unread lib": "import somelib\nsomelib.run(lambda: CALL)\n",
    "eval": 'eval("CALL")\n',
    "exec": 'exec("CALL")\n',
    "globals computed": (
        "import sys\nname = ''.join(['a','d','a','pt'])\nglobals()[name](model, s, tokens, device)\n"
    ),
    "globals argv": "import sys\nglobals()[sys.argv[1]](model, s, tokens, device)\n",
    "vars main": "import sys\nvars(sys.modules['__main__'])['adapt'](model, s, tokens, device)\n",
    "f_globals": "import sys\nsys._getframe().f_globals['adapt'](model, s, tokens, device)\n",
    "__globals__": "evaluate.__globals__['adapt'](model, s, tokens, device)\n",
    "items loop": (
        "for name, thing in list(globals().items()):\n"
        "    if name.startswith('ada'):\n"
        "        thing(model, s, tokens, device)\n"
    ),
    "getattr main": ("import sys\ngetattr(sys.modules[__name__], 'ad' + 'apt')(model, s, tokens, device)\n"),
    "getattr computed": (
        "import sys\ngetattr(sys.modules[__name__], sys.argv[1])(model, s, tokens, device)\n"
    ),
    "methodcaller": ("import operator\nclass T:\n    def go(self): CALL\noperator.methodcaller('go')(T())\n"),
    "attrgetter": (
        "import operator\nclass T:\n    @property\n    def go(self): CALL\noperator.attrgetter('go')(T())\n"
    ),
    "atexit": (
        "import atexit\n"
        "def report():\n"
        "    print('final val_bpb:%f' % evaluate(model, s, tokens, byte_lengths(s).to(device), device)[1])\n"
        "atexit.register(report)\n"
        "atexit.register(adapt, model, s, tokens, device)\n"
    ),
    "signal": (
        "import signal\n"
        "signal.signal(signal.SIGALRM, lambda *a: CALL)\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.1)\n"
    ),
    "finalize": (
        "import weakref\n"
        "class T: pass\n"
        "t = T()\n"
        "weakref.finalize(t, adapt, model, s, tokens, device)\n"
        "t = None\n"
    ),
    "settrace": "import sys\nsys.settrace(lambda *a: CALL)\n",
    "thread": ("import threading\nthreading.Thread(None, adapt, None, (model, s, tokens, device)).start()\n"),
    "timer": "import threading\nthreading.Timer(0, adapt, (model, s, tokens, device)).start()\n",
    "executor": (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor() as pool:\n"
        "    pool.submit(adapt, model, s, tokens, device).result()\n"
    ),
    "pool map": ("from multiprocessing.pool import ThreadPool\nThreadPool(1).map(lambda _: CALL, [0])\n"),
    "mp process": (
        "import torch.multiprocessing as mp\n"
        "p = mp.Process(target=adapt, args=(model, s, tokens, device))\n"
        "p.start()\n"
        "p.join()\n"
    ),
    "asyncio": "import asyncio\nasync def go(): CALL\nasyncio.run(go())\n",
    "defaultdict": "import collections\ncollections.defaultdict(lambda: CALL)['x']\n",
    "re.sub": "import re\nre.sub('a', lambda m: str(CALL), 'a')\n",
    "json hook": "import json\njson.loads('{}', object_hook=lambda d: CALL)\n",
    "logging": (
        "import logging\n"
        "class H(logging.Handler):\n"
        "    def emit(self, r): CALL\n"
        "log = logging.getLogger('x'); log.addHandler(H()); log.warning('go')\n"
    ),
    "float": "class T:\n    def __float__(self): CALL; return 0.0\nfloat(T())\n",
    "with": ("class T:\n    def __enter__(self): CALL\n    def __exit__(self, *a): pass\nwith T(): pass\n"),
    "exitstack": (
        "import contextlib\n"
        "with contextlib.ExitStack() as stack:\n"
        "    stack.callback(adapt, model, s, tokens, device)\n"
    ),
    "class body": "class T:\n    x = CALL\n",
    "decorator": "def deco(f):\n    CALL\n    return f\n@deco\ndef g(): pass\n",
    "default arg": "def g(x=CALL): pass\n",
    "assert msg": "try:\n    assert False, CALL\nexcept AssertionError: pass\n",
    "lambda chain": "(lambda f: f())(lambda: CALL)\n",
    "walrus cond": "if (x := CALL): pass\n",
    "comprehension if": "[0 for i in range(1) if CALL]\n",
    "chained compare": "0 < 1 < (CALL or 2)\n",
    "starred kwargs": "dict(**{'a': CALL})\n",
    "slice": "[1][CALL:]\n",
    "match guard": "match 1:\n    case x if CALL: pass\n",
    "genexpr any": "any(CALL for _ in range(1))\n",
    "map list": "list(map(lambda _: CALL, [0]))\n",
    "reduce": "import functools\nfunctools.reduce(lambda a, b: CALL, [0, 1])\n",
    "lru": "import functools\nfunctools.lru_cache(lambda: CALL)()\n",
    "partialmethod": (
        "import functools\n"
        "class T:\n"
        "    def go(self, x): CALL\n"
        "    run = functools.partialmethod(go, 1)\n"
        "T().run()\n"
    ),
    "singledispatch": "import functools\n@functools.singledispatch\ndef g(x): CALL\ng(1)\n",
    "groupby": "import itertools\nlist(itertools.groupby([0], key=lambda _: CALL))\n",
    "accumulate": "import itertools\nlist(itertools.accumulate([0, 1], lambda a, b: CALL))\n",
    "takewhile": "import itertools\nlist(itertools.takewhile(lambda _: CALL, [0]))\n",
    "pickle reduce": (
        "import pickle\n"
        "class T:\n"
        "    def __reduce__(self): return adapt, (model, s, tokens, device)\n"
        "pickle.loads(pickle.dumps(T()))\n"
    ),
    "torch map_": "torch.zeros(1).apply_(lambda v: CALL or 0)\n",
    "module apply": "model.apply(lambda m: CALL)\n",
    "forward hook": "model.register_forward_pre_hook(lambda m, a: CALL)\n",
    "dataset": (
        "class DS(torch.utils.data.Dataset):\n"
        "    def __len__(self): return 1\n"
        "    def __getitem__(self, i): CALL; return 0\n"
        "for _ in torch.utils.data.DataLoader(DS()): pass\n"
    ),
    "checkpoint": "from torch.utils import checkpoint\ncheckpoint.checkpoint(lambda: CALL)\n",
    "lr lambda": (
        "torch.optim.lr_scheduler.LambdaLR(torch.optim.SGD(model.parameters(), lr=1), lambda e: CALL or 1)\n"
    ),
    "nested exec": "exec('exec(\"CALL\")')\n",
    "code object": (
        "import types\ntypes.FunctionType(adapt.__code__, globals())(model, s, tokens, device)\n"
    ),
    "func attr": "main.helper = adapt\nmain.helper(model, s, tokens, device)\n",
    "class attr": ("Settings.helper = staticmethod(adapt)\nSettings.helper(model, s, tokens, device)\n"),
    "module attr": "model.helper = adapt\nmodel.helper(model, s, tokens, device)\n",
    "list elem": "[print, adapt][1](model, s, tokens, device)\n",
    "dict elem": "{'a': adapt}.get('a')(model, s, tokens, device)\n",
    "tuple unpack": "f, *rest = (adapt, model, s, tokens, device)\nf(*rest)\n",
    "kwargs": "adapt(**{'model': model, 's': s, 'tokens': tokens, 'device': device})\n",
    "kwargs computed": (
        "adapt(**dict(zip(('model', 's', 'tokens', 'device'), (model, s, tokens, device))))\n"
    ),
    "args list": "given = [model]\ngiven += [s, tokens, device]\nadapt(*given)\n",
    "importlib": "import importlib\nimportlib.import_module('__main__').CALL\n",
    "builtins": "import builtins\nbuiltins.secret = adapt\nsecret(model, s, tokens, device)\n",
    "trace in while": "while CALL: pass\n",
    "raise": "try: raise KeyError\nexcept KeyError: CALL\n",
    "finally": "try: pass\nfinally: CALL\n",
    "suppress": ("import contextlib\nwith contextlib.suppress(KeyError):\n    CALL\n    raise KeyError\n"),
    "for else": "for _ in []: pass\nelse: CALL\n",
    "ctx": ("import contextvars\ncontextvars.copy_context().run(adapt, model, s, tokens, device)\n"),
    "inspect": (
        "import inspect\n"
        "dict(inspect.getmembers(__import__(\"sys\").modules[__name__]))['adapt'](model, s, tokens, device)\n"
    ),
    "operator call": "import operator\noperator.call(adapt, model, s, tokens, device)\n",
    "unittest": (
        "import unittest\nclass T(unittest.TestCase):\n    def test(self): CALL\nunittest.main(exit=False)\n"
    ),
    "heapq merge": "import heapq\nlist(heapq.merge([0], [1], key=lambda _: CALL or 0))\n",
    "numpy vectorize": "np.vectorize(lambda _: CALL or 0)(np.zeros(1))\n",
    "np.apply": "np.apply_along_axis(lambda _: CALL or 0, 0, np.zeros(1))\n",
    "np.fromiter": "np.fromiter((CALL or 0 for _ in range(1)), dtype=float)\n",
    "str join": "''.join(str(CALL) for _ in range(1))\n",
    "sched": (
        "import sched, time\n"
        "q = sched.scheduler(); q.enter(0, 1, adapt, (model, s, tokens, device)); q.run()\n"
    ),
    "enum": "import enum\nclass E(enum.Enum):\n    A = 1\n    def __init__(self, x): CALL\n",
    "cached_property": (
        "import functools\nclass T:\n    @functools.cached_property\n    def x(self): CALL\nT().x\n"
    ),
    "post init": (
        "import dataclasses\n@dataclasses.dataclass\nclass T:\n    def __post_init__(self): CALL\nT()\n"
    ),
    "factory": (
        "import dataclasses\n"
        "@dataclasses.dataclass\n"
        "class T:\n"
        "    x: int = dataclasses.field(default_factory=lambda: CALL)\n"
        "T()\n"
    ),
    "os.environ text": "os.environ['PLAN'] = 'CALL'\neval(os.environ['PLAN'])\n",
    "file text": "open('plan.py','w').write('CALL')\nexec(open('plan.py').read())\n",
    "runpy": (
        "import runpy\n"
        "open('plan.py','w').write('print(1)')\n"
        "runpy.run_path('plan.py', init_globals=dict(adapt=adapt, model=model, s=s, tokens=tokens, device=device))\n"
    ),
    "codeop": ("import code\ncode.InteractiveInterpreter(locals() | globals()).runsource('CALL')\n"),
    "timeit str": ("import timeit\ntimeit.timeit('CALL', globals={**globals(), **locals()}, number=1)\n"),
    "cProfile": "import cProfile\ncProfile.runctx('CALL', globals(), locals())\n",
    "pdb": "import pdb\npdb.runcall(adapt, model, s, tokens, device)\n",
    "trace": "import trace\ntrace.Trace().runfunc(adapt, model, s, tokens, device)\n",
    "types method": "import types\ntypes.MethodType(adapt, model)(s, tokens, device)\n",
    "ns update": "ns = {}\nns.update(globals())\nns['adapt'](model, s, tokens, device)\n",
    "dict merge": "ns = {**globals()}\nns['adapt'](model, s, tokens, device)\n",
    "list of values": (
        "for f in list(globals().values()):\n"
        "    if callable(f) and getattr(f, '__name__', '') == 'adapt':\n"
        "        f(model, s, tokens, device)\n"
    ),
    "next filter": ("next(f for n, f in globals().items() if n == 'adapt')(model, s, tokens, device)\n"),
    "max by name": (
        "max((f for f in globals().values() if callable(f)), key=str)(model, s, tokens, device)\n"
    ),
    "shared dict state": ("BOX = {}\nBOX['f'] = adapt\ndef go(): BOX['f'](model, s, tokens, device)\ngo()\n"),
    "class registry": ("class R:\n    fs = []\nR.fs.append(adapt)\nR.fs[-1](model, s, tokens, device)\n"),
    "closure cell": ("def mk(f):\n    return lambda *a: f(*a)\nmk(adapt)(model, s, tokens, device)\n"),
    "y comb": "(lambda f: lambda *a: f(*a))(adapt)(model, s, tokens, device)\n",
    "partial kw": (
        "import functools\nfunctools.partial(adapt, model, device=device, tokens=tokens, s=s)()\n"
    ),
    "min key": "min([0], key=lambda _: CALL or 0)\n",
    "itertools.starmap": ("import itertools\nlist(itertools.starmap(adapt, [(model, s, tokens, device)]))\n"),
    "deque map": "import collections\ncollections.deque(map(lambda _: CALL, [0]), maxlen=0)\n",
    "generator close": ("def g():\n    try: yield\n    finally: CALL\nx = g(); next(x); x.close()\n"),
    "async for": (
        "import asyncio\n"
        "async def g():\n"
        "    CALL\n"
        "    yield 1\n"
        "async def go():\n"
        "    async for _ in g(): pass\n"
        "asyncio.get_event_loop().run_until_complete(go())\n"
    ),
    "queue worker": (
        "import queue, threading\n"
        "q = queue.Queue()\n"
        "def work():\n"
        "    f = q.get(); f()\n"
        "q.put(lambda: CALL)\n"
        "threading.Thread(target=work).start()\n"
    ),
    "event handler": (
        "class Bus:\n"
        "    def __init__(self): self.h = []\n"
        "    def on(self, f): self.h.append(f)\n"
        "    def fire(self, *a):\n"
        "        for f in self.h: f(*a)\n"
        "b = Bus(); b.on(adapt); b.fire(model, s, tokens, device)\n"
    ),
    "visitor": (
        "import ast\n"
        "class V(ast.NodeVisitor):\n"
        "    def visit_Name(self, n): CALL\n"
        "V().visit(ast.parse('x'))\n"
    ),
    "html": (
        "from html.parser import HTMLParser\n"
        "class P(HTMLParser):\n"
        "    def handle_data(self, d): CALL\n"
        "P().feed('x')\n"
    ),
    "argparse action": (
        "import argparse\n"
        "p = argparse.ArgumentParser()\n"
        "p.add_argument('--x', type=lambda v: CALL, default='1')\n"
        "p.parse_args([])\n"
    ),
    "json default": "import json\njson.dumps(object(), default=lambda o: CALL)\n",
    "csv": (
        "import json\n"
        "class E(json.JSONEncoder):\n"
        "    def default(self, o): CALL\n"
        "json.dumps(object(), cls=E)\n"
    ),
    "warnings": "import warnings\nwarnings.showwarning = lambda *a: CALL\nwarnings.warn('x')\n",
    "excepthook": "import sys\nsys.displayhook = lambda v: CALL\nsys.displayhook(1)\n",
    "import hook": (
        "import sys\n"
        "class F:\n"
        "    def find_spec(self, *a): CALL\n"
        "sys.meta_path.append(F())\n"
        "import nothing_here\n"
    ),
    "gc cb": "import gc\ngc.callbacks.append(lambda *a: CALL)\ngc.collect()\n",
    "weakref cb": ("import weakref\nclass T: pass\nt = T()\nr = weakref.ref(t, lambda _: CALL)\ndel t\n"),
    "tensor hook": (
        "p = next(model.parameters())\n"
        "p.register_hook(lambda g: CALL)\n"
        "model(tokens[None, :9], tokens[None, 1:10]).mean().backward()\n"
    ),
    "saved tensors": (
        "with torch.autograd.graph.saved_tensors_hooks(lambda t: CALL, lambda t: t):\n"
        "    model(tokens[None, :9], tokens[None, 1:10])\n"
    ),
    "function mode": (
        "class M(torch.overrides.TorchFunctionMode):\n"
        "    def __torch_function__(self, f, t, a=(), k=None): CALL; return f(*a)\n"
        "with M():\n"
        "    torch.zeros(1) + 1\n"
    ),
    "torch_function": (
        "class T(torch.Tensor):\n"
        "    @classmethod\n"
        "    def __torch_function__(cls, f, t, a=(), k=None): CALL; return None\n"
        "torch.add(T(), 1)\n"
    ),
    "array_ufunc": ("class T:\n    def __array__(self, *a): CALL; return np.zeros(1)\nnp.asarray(T())\n"),
    "custom op": (
        "@torch.library.custom_op('my::op', mutates_args=())\n"
        "def op(x: torch.Tensor) -> torch.Tensor:\n"
        "    CALL\n"
        "    return x\n"
        "torch.ops.my.op(torch.zeros(1))\n"
    ),
    "compile": "torch.compile(adapt)(model, s, tokens, device)\n",
    "vmap": "torch.vmap(lambda v: CALL or v)(torch.zeros(1))\n",
    "jit": "torch.jit.trace(lambda v: CALL or v, torch.zeros(1))\n",
    "dataloader collate": ("for _ in torch.utils.data.DataLoader([0], collate_fn=lambda b: CALL): pass\n"),
    "sampler": (
        "class S(torch.utils.data.Sampler):\n"
        "    def __iter__(self): CALL; return iter([0])\n"
        "for _ in torch.utils.data.DataLoader([0], sampler=S(None)): pass\n"
    ),
    "module eval": "class W(nn.Module):\n    def eval(self): CALL; return self\nW().eval()\n",
    "module train": ("class W(nn.Module):\n    def train(self, mode=True): CALL; return self\nW().train()\n"),
    "module apply fn": ("class W(nn.Module):\n    def _apply(self, fn): CALL; return self\nW().to(device)\n"),
    "module load": (
        "class W(nn.Module):\n    def load_state_dict(self, *a, **k): CALL\nW().load_state_dict({})\n"
    ),
    "module forward": "class W(nn.Module):\n    def forward(self): CALL\nW()()\n",
    "module forward arg": (
        "class W(nn.Module):\n    def forward(self, x): CALL; return x\nW()(torch.zeros(1))\n"
    ),
    "module init": "class W(nn.Module):\n    def __init__(self): super().__init__(); CALL\nW()\n",
    "module repr": "class W(nn.Module):\n    def extra_repr(self): CALL; return ''\nprint(W())\n",
    "module state_dict": (
        "class W(nn.Module):\n    def state_dict(self, *a, **k): CALL; return {}\nW().state_dict()\n"
    ),
    "sequential": (
        "class W(nn.Module):\n    def forward(self, x): CALL; return x\nnn.Sequential(W())(torch.zeros(1))\n"
    ),
    "doctest": (
        "import doctest\n"
        "def helper():\n"
        "    '''\n"
        "    >>> adapt(model, s, tokens, device)\n"
        "    '''\n"
        "doctest.run_docstring_examples(helper, {**globals(), **locals()})\n"
    ),
    "copy reduce": (
        "import copy\n"
        "class P:\n"
        "    def __reduce__(self): return (adapt, (model, s, tokens, device))\n"
        "copy.copy(P())\n"
    ),
    "deepcopy memo": (
        "import copy\nclass P:\n    def __deepcopy__(self, memo): CALL; return self\ncopy.deepcopy([P()])\n"
    ),
    "setstate": (
        "import copy\n"
        "class P:\n"
        "    def __setstate__(self, st): CALL\n"
        "    def __init__(self): self.x = 1\n"
        "copy.copy(P())\n"
    ),
    "getstate": ("import pickle\nclass P:\n    def __getstate__(self): CALL; return {}\npickle.dumps(P())\n"),
    "subclasshook": (
        "import abc\n"
        "class P(abc.ABC):\n"
        "    @classmethod\n"
        "    def __subclasshook__(cls, o): CALL; return True\n"
        "issubclass(int, P)\n"
    ),
    "instancecheck": (
        "class M(type):\n"
        "    def __instancecheck__(cls, o): CALL; return True\n"
        "class P(metaclass=M): pass\n"
        "isinstance(3, P)\n"
    ),
    "mro entries": ("class P:\n    def __mro_entries__(self, b): CALL; return ()\nclass Q(P()): pass\n"),
    "class_getitem": "class P:\n    def __class_getitem__(cls, k): CALL; return cls\nP[int]\n",
    "length hint": (
        "class P:\n"
        "    def __length_hint__(self): CALL; return 1\n"
        "    def __iter__(self): return iter(())\n"
        "list(P())\n"
    ),
    "unpack star": "class P:\n    def __iter__(self): CALL; return iter(())\nprint(*P())\n",
    "percent": ("class D(dict):\n    def __getitem__(self, k): CALL; return ''\n'%(x)s' % D()\n"),
    "dict kw": (
        "class P:\n    def keys(self): CALL; return []\n    def __getitem__(self, k): return 1\ndict(**P())\n"
    ),
    "missing": "class D(dict):\n    def __missing__(self, k): CALL; return 1\nD()['x']\n",
    "functional call": (
        "class W(nn.Module):\n"
        "    def forward(self, x): CALL; return x\n"
        "torch.func.functional_call(W(), {}, (torch.zeros(1),))\n"
    ),
    "nn parametrize": (
        "import torch.nn.utils.parametrize as pz\n"
        "class W(nn.Module):\n"
        "    def forward(self, x): CALL; return x\n"
        "l = nn.Linear(2, 2)\n"
        "pz.register_parametrization(l, 'weight', W())\n"
    ),
    "await obj": (
        "import asyncio\n"
        "class P:\n"
        "    def __await__(self):\n"
        "        CALL\n"
        "        return iter(())\n"
        "async def m(): await P()\n"
        "asyncio.run(m())\n"
    ),
    "code replace": "def f(): pass\nf.__code__ = (lambda: CALL).__code__\nf()\n",
    "class swap": (
        "class A:\n"
        "    def go(self): pass\n"
        "class B:\n"
        "    def go(self): CALL\n"
        "a = A()\n"
        "a.__class__ = B\n"
        "a.go()\n"
    ),
    "bases swap": (
        "class A:\n"
        "    def go(self): pass\n"
        "class B:\n"
        "    def go(self): CALL\n"
        "class C(A): pass\n"
        "C.__bases__ = (B,)\n"
        "C().go()\n"
    ),
    "print file": (
        "import sys\n"
        "class P:\n"
        "    def write(self, t): CALL\n"
        "    def flush(self): pass\n"
        "print('x', file=P())\n"
    ),
    "np piecewise": ("np.piecewise(np.zeros(2), [np.array([True, False])], [lambda x: CALL or x, 0])\n"),
    "prepare": (
        "class M(type):\n"
        "    @classmethod\n"
        "    def __prepare__(m, n, b): CALL; return {}\n"
        "class Q(metaclass=M): pass\n"
    ),
    "set_name": "class P:\n    def __set_name__(self, o, n): CALL\nclass Q:\n    x = P()\n",
    "fspath": ("import os\nclass P:\n    def __fspath__(self): CALL; return '/'\nos.path.exists(P())\n"),
    "array": ("class P:\n    def __array__(self, *a, **k): CALL; return np.zeros(1)\nnp.asarray(P())\n"),
    "contextvars": "import contextvars\ncontextvars.copy_context().run(lambda: CALL)\n",
    "audit hook": ("import sys\nsys.addaudithook(lambda *a: CALL)\nopen('/dev/null').close()\n"),
    "displayhook": "import sys\nsys.displayhook = lambda v: CALL\nsys.displayhook(1)\n",
    "import finder": (
        "import sys\n"
        "class F:\n"
        "    def find_spec(self, *a): CALL; return None\n"
        "sys.meta_path.insert(0, F())\n"
        "import wave\n"
    ),
    "except star": ("try:\n    raise ExceptionGroup('', [ValueError()])\nexcept* ValueError:\n    CALL\n"),
    "generator throw": (
        "def g():\n"
        "    try:\n"
        "        yield\n"
        "    except ValueError:\n"
        "        CALL\n"
        "    yield\n"
        "i = g()\n"
        "next(i)\n"
        "i.throw(ValueError())\n"
    ),
    "exec compile ast": (
        "import ast\nexec(compile(ast.parse('adapt(model, s, tokens, device)'), 'x', 'exec'))\n"
    ),
    "func type": ("import types\ntypes.FunctionType((lambda: CALL).__code__, globals())()\n"),
    "setattr class": "class P: pass\nsetattr(P, 'go', lambda self: CALL)\nP().go()\n",
    "cmp_to_key": ("import functools\nsorted([2, 1], key=functools.cmp_to_key(lambda a, b: CALL or 0))\n"),
    "enum missing": (
        "import enum\n"
        "class E(enum.Enum):\n"
        "    A = 1\n"
        "    @classmethod\n"
        "    def _missing_(cls, v): CALL; return cls.A\n"
        "E(7)\n"
    ),
    "dataclass factory": (
        "import dataclasses\n"
        "@dataclasses.dataclass\n"
        "class P:\n"
        "    x: int = dataclasses.field(default_factory=lambda: CALL)\n"
        "P()\n"
    ),
    "executor initializer": (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(1, initializer=lambda: CALL) as e: e.submit(int)\n"
    ),
    "future cb": (
        "from concurrent.futures import Future\n"
        "f = Future()\n"
        "f.add_done_callback(lambda _: CALL)\n"
        "f.set_result(1)\n"
    ),
    "ctypes cb": "import ctypes\ncb = ctypes.CFUNCTYPE(None)(lambda: CALL)\ncb()\n",
    "thread local init": ("import threading\nclass L(threading.local):\n    def __init__(self): CALL\nL()\n"),
    "np frompyfunc": "np.frompyfunc(lambda x: CALL or x, 1, 1)(np.zeros(1))\n",
    "opt closure": (
        "p = torch.zeros(1, requires_grad=True)\ntorch.optim.LBFGS([p]).step(lambda: CALL or p.sum())\n"
    ),
    "string formatter": (
        "import string\n"
        "class F(string.Formatter):\n"
        "    def get_value(self, k, a, kw): CALL; return ''\n"
        "F().format('{x}')\n"
    ),
    "template": (
        "import string\n"
        "class D(dict):\n"
        "    def __getitem__(self, k): CALL; return ''\n"
        "string.Template('$x').substitute(D())\n"
    ),
}
"""Lines that stand in the place of the call, imports first; CALL stands for the call itself."""


WIPED: dict[str, str] = {
    "vars": 'vars(model)["#history"] = frozenset()',
    "__dict__": 'model.__dict__["#history"] = 0',
    "update of __dict__": 'model.__dict__.update({"#history": 0})',
    "object.__setattr__": 'object.__setattr__(model, "#history", 0)',
    "setattr": 'setattr(model, "#history", 0)',
    "content": 'setattr(model, "#content", None)',
    "name of a cell": "model.history = frozenset()",
}
"""Attributes under names by which an evaluator might keep what it knows of the model."""


def hidden(lines: str) -> str:
    """The specimen with its call made by other means."""
    body = "".join(f"    {line}\n" for line in lines.replace("CALL", CALL).splitlines())
    return SPECIMEN.replace(LINE, body)


def verdict(text: str, folder: Path) -> Verdict:
    script = folder / "train_gpt.py"
    script.write_text(text)
    (result,), _ = audit_target(str(script))
    return result.verdict


def test_in_the_open_it_is_a_violation(tmp_path: Path) -> None:
    assert LINE in SPECIMEN
    assert verdict(SPECIMEN, tmp_path) is Verdict.VIOLATION


@pytest.mark.parametrize("name", HIDDEN)
def test_hidden_it_is_never_compliant(name: str, tmp_path: Path) -> None:
    text = hidden(HIDDEN[name])
    compile(text, name, "exec")  # it is a script that runs
    assert verdict(text, tmp_path) is not Verdict.COMPLIANT


@pytest.mark.parametrize("name", WIPED)
def test_no_name_that_a_script_sets_wipes_what_is_known_of_a_model(name: str, tmp_path: Path) -> None:
    text = SPECIMEN.replace(LINE, f"{LINE}    {WIPED[name]}\n")
    assert text != SPECIMEN
    assert verdict(text, tmp_path) is Verdict.VIOLATION
