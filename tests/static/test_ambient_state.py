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

class Asking(Model):
    def forward(self, x, y):
        return F.cross_entropy(self.head(self.embed(x)) + asked(), y)

class Reading(Model):
    def forward(self, x, y):
        return F.cross_entropy(self.head(self.embed(x)) + torch.from_numpy(np.load("aux.npy")), y)

class Normed(Model):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(64)

    def forward(self, x, y):
        return F.cross_entropy(self.head(self.norm(self.embed(x))), y)

class Counting(Model):
    def forward(self, x, y):
        return F.cross_entropy(self.head(self.embed(x)) + torch.bincount(torch.cat(SEEN), minlength=1024), y)

def asked(more=None, kept=[]):
    if more is not None:
        kept.append(more)
    return asked.prior + torch.bincount(torch.cat(kept), minlength=1024)

asked.prior = torch.zeros(1024)
PRIOR = torch.zeros(1024)
TABLE = {}
SEEN = []

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
    "running statistics of a batch norm": "model = Normed()\nmodel.train()\nmodel(*tokens(0))\nmodel.eval()\n",
    "a table of a helper": "model = Helped()\nTABLE['prior'] = torch.bincount(val, minlength=1024).log()\n",
    "a file": (
        "model = Kept()\nnp.save('aux.npy', np.bincount(val.numpy()))\n"
        "model.prior = torch.from_numpy(np.log(np.load('aux.npy')))\n"
    ),
}

IN_EACH_TURN = {
    "a global list": ("model = Counting()\n", "    SEEN += [tokens(k * 1024)[1]]\n"),
    "an attribute, as it is": (
        "model = Kept()\n",
        "    model.prior = F.one_hot(tokens(k * 1024)[1], 1024)\n",
    ),
    "the default of an argument": ("model = Asking()\n", "    asked(tokens(k * 1024)[1])\n"),
    "an attribute of a function": (
        "model = Asking()\n",
        "    asked.prior = torch.bincount(tokens(k * 1024)[1], minlength=1024)\n",
    ),
    "a file that the forward pass reads": (
        "model = Reading()\n",
        "    np.save('aux.npy', np.bincount(tokens(k * 1024)[1].numpy()))\n",
    ),
}

INNOCENT = {
    "running statistics that are not taken": "model = Normed()\nmodel.eval()\nmodel(*tokens(0))\n",
    "a setting of the environment": "os.environ['SHARP'] = '0.9'\nmodel = Tempered()\n",
    "a global that nothing was fitted to": "model = Primed()\n",
    "an attribute that is a setting": "model = Kept()\nmodel.prior = torch.zeros(1024)\n",
}


@pytest.mark.parametrize("name", FITTED)
def test_what_a_model_finds_is_in_the_number(name: str) -> None:
    trace = run(LEARNERS + FITTED[name] + SCORE)
    assert trace.doubts_of(trace.reports[-1]) or worst_overlap(trace) is Answer.YES


@pytest.mark.parametrize("name", IN_EACH_TURN)
@pytest.mark.parametrize(("before", "overlap"), [(True, Answer.YES), (False, Answer.NO)])
def test_tokens_that_are_put_there_are_in_the_scores_behind(name: str, before: bool, overlap: Answer) -> None:
    made, note = IN_EACH_TURN[name]
    turn = "    total += score(k * 1024)\n"
    loop = "for k in range(n // 1024):\n" + (note + turn if before else turn + note)
    assert worst_overlap(run(LEARNERS + made + loop)) is overlap


@pytest.mark.parametrize("name", INNOCENT)
def test_settings_that_a_model_finds_are_none(name: str) -> None:
    assert worst_overlap(run(LEARNERS + INNOCENT[name] + SCORE)) is Answer.NO
