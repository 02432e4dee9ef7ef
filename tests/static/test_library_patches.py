"""Names of libraries that the script gives a value of its own: followed where called by name, doubted where not."""

from __future__ import annotations

import pytest

from auditor.trace.answer import Answer
from tests.static.conftest import run, worst_overlap

SCORE = "for k in range(n // 1024):\n    total += score(k * 1024)\n"

HIDDEN = {
    "a function of torch": (
        "plain = torch.manual_seed\ndef seeded(s):\n    fit(s)\n    return plain(s)\n"
        "torch.manual_seed = seeded\ntorch.manual_seed(0)\n"
    ),
    "the loss": (
        "plain = F.cross_entropy\ndef gentle(*given, **named):\n    return plain(*given, **named) * 0.9\n"
        "F.cross_entropy = gentle\n"
    ),
    "a class's call": (
        "plain = nn.Module.__call__\ndef calling(self, *given):\n    return plain(self, *given) * 0.9\n"
        "nn.Module.__call__ = calling\n"
    ),
    "a method of tensors": "def item(self):\n    return float(self) * 0.9\ntorch.Tensor.item = item\n",
    "by setattr": (
        "def add(self, other):\n    return self.add_(other, alpha=0.9)\nsetattr(torch.Tensor, '__iadd__', add)\n"
    ),
    "the clock": (
        "import time\nplain = time.time\ndef now():\n    fit(0)\n    return plain()\ntime.time = now\ntime.time()\n"
    ),
    "a builtin": "import builtins\ndef training(s):\n    fit(s)\nbuiltins.sum = training\nsum(0)\n",
    "a new builtin": "import builtins\nbuiltins.learn = fit\nlearn(0)\n",
    "a module": (
        "import sys\nclass Helper:\n    def learn(self):\n        fit(0)\n"
        "sys.modules['helper'] = Helper()\nimport helper\nhelper.learn()\n"
    ),
    "the main module": "import sys\nsys.modules['__main__'].fit(0)\n",
    "the main module, imported": "import importlib\ngetattr(importlib.import_module('__main__'), 'fit')(0)\n",
    "the excepthook": "import sys\ndef learn(*problem):\n    fit(0)\nsys.excepthook = learn\n",
    "the standard output": (
        "import re, sys\nclass Tidy:\n    def __init__(self, inner):\n        self.inner = inner\n"
        "    def write(self, text):\n        self.inner.write(re.sub('1', '0', text))\nsys.stdout = Tidy(sys.stdout)\n"
    ),
    "print": (
        "plain = print\ndef print(text):\n    head, _, tail = text.partition(':')\n"
        "    plain(f'{head}:{float(tail) - 0.03}')\n"
    ),
    "the text of the result": (
        "plain = print\ndef print(text):\n    plain(text.replace('val_bpb:1.2', 'val_bpb:1.1'))\n"
    ),
}

INNOCENT = {
    "settings": (
        "torch.backends.cuda.matmul.allow_tf32 = True\ntorch._dynamo.config.cache_size_limit = 64\n"
        "os.environ['OMP_NUM_THREADS'] = '8'\n"
    ),
    "no compiler": "torch.compile = lambda f, **settings: f\n",
    "one device": "torch.cuda.device_count = lambda: 1\n",
    "output to two places": (
        "import sys\nclass Tee:\n    def __init__(self, *files):\n        self.files = files\n"
        "    def write(self, text):\n        for file in self.files:\n            file.write(text)\n"
        "    def flush(self):\n        for file in self.files:\n            file.flush()\n"
        "sys.stdout = Tee(sys.stdout, open('log.txt', 'w'))\n"
    ),
    "print that flushes": "print = functools.partial(print, flush=True)\n",
    "print with a clock": (
        "import time\nstart = time.time()\nplain = print\ndef print(text):\n"
        "    plain(f'[{time.time() - start:.1f}s] {text}')\n"
    ),
    "a library's function for another": "import math\nmath.log2 = math.log\n",
}


@pytest.mark.parametrize("name", HIDDEN)
def test_what_hides_behind_a_library_is_never_clean(name: str) -> None:
    trace = run(HIDDEN[name] + SCORE)
    assert trace.doubts_of(trace.reports[-1]) or worst_overlap(trace) is not Answer.NO


@pytest.mark.parametrize("name", INNOCENT)
def test_settings_of_a_library_change_nothing(name: str) -> None:
    trace = run(INNOCENT[name] + SCORE)
    assert worst_overlap(trace) is Answer.NO
