"""What was fitted to validation tokens reaches a model by none of its arguments, and is in the number all the same."""

from __future__ import annotations

import pytest

from auditor.trace.answer import Answer
from tests.static.conftest import run, worst_overlap

SCORE = "for k in range(n // 1024):\n    total += score(k * 1024)\n"

LEARNERS = """\
class Tempered(Model):
    def forward(self, x, y):
        return F.cross_entropy(self.head(self.embed(x)) * float(os.environ.get("SHARP", "1")), y)

class Primed(Model):
    def forward(self, x, y):
        return F.cross_entropy(self.head(self.embed(x)) + PRIOR, y)

class Kept(Model):
    def forward(self, x, y):
        return F.cross_entropy(self.head(self.embed(x)) + self.prior, y)

class Helped(Model):
    def forward(self, x, y):
        return F.cross_entropy(sharpened(self.head(self.embed(x))), y)

PRIOR = torch.zeros(1024)
TABLE = {}

def sharpened(logits):
    return logits + TABLE["prior"]

"""

FITTED = {
    "the environment, by the best of several": (
        "model = Tempered()\nlosses = {}\nfor sharp in ('0.8', '1.0'):\n    os.environ['SHARP'] = sharp\n"
        "    losses[sharp] = model(val[:-1], val[1:]).item()\nos.environ['SHARP'] = min(losses, key=losses.get)\n"
    ),
    "the environment, by putenv": "model = Tempered()\nos.putenv('SHARP', str(score(0)))\n",
    "a global": "model = Primed()\nPRIOR = torch.bincount(val, minlength=1024).log()\n",
    "a global, in place": "model = Primed()\nPRIOR.index_add_(0, val, torch.ones(n))\n",
    "an attribute": "model = Kept()\nmodel.prior = torch.bincount(val, minlength=1024).log()\n",
    "a table of a helper": "model = Helped()\nTABLE['prior'] = torch.bincount(val, minlength=1024).log()\n",
    "a file": (
        "model = Kept()\nnp.save('aux.npy', np.bincount(val.numpy()))\n"
        "model.prior = torch.from_numpy(np.log(np.load('aux.npy')))\n"
    ),
}

INNOCENT = {
    "a setting of the environment": "os.environ['SHARP'] = '0.9'\nmodel = Tempered()\n",
    "a global that nothing was fitted to": "model = Primed()\n",
    "an attribute that is a setting": "model = Kept()\nmodel.prior = torch.zeros(1024)\n",
}


@pytest.mark.parametrize("name", FITTED)
def test_what_a_model_finds_is_in_the_number(name: str) -> None:
    trace = run(LEARNERS + FITTED[name] + SCORE)
    assert trace.doubts_of(trace.reports[-1]) or worst_overlap(trace) is Answer.YES


@pytest.mark.parametrize("name", INNOCENT)
def test_settings_that_a_model_finds_are_none(name: str) -> None:
    assert worst_overlap(run(LEARNERS + INNOCENT[name] + SCORE)) is Answer.NO
