"""Ways by which tokens could leave the sight of the proof: counts, texts, sets, attributes, state outside the model."""

from __future__ import annotations

import pytest

from auditor.trace.forward_pass import Bound
from tests.static.causality.models import HEAD
from tests.static.causality.proving import proved

NET = """\
KEPT = []


class Leave:
    def __init__(self, net, targets):
        self.net, self.targets = net, targets

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.net.counts = torch.bincount(self.targets.flatten(), minlength=32).float()


class Net(Base):
    shared = {{}}

    def build(self):
        self.register_buffer("counts", torch.ones(32), persistent=False)

    def forward(self, ids, targets):
        x = self.tok(ids)
        logits = self.head(x)
{body}
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
"""

AHEAD = {
    "a buffer counts the targets": (
        "self.counts += torch.bincount(targets.flatten(), minlength=32).float()\n"
        "logits = logits + self.counts.log()"
    ),
    "a buffer counts the inputs": (
        "self.counts += torch.bincount(ids.flatten(), minlength=32)\nlogits = logits + self.counts"
    ),
    "a class attribute": (
        "Net.shared['y'] = F.one_hot(targets, 32).float()\nlogits = logits + Net.shared['y']"
    ),
    "a global list": "KEPT.append(self.tok(targets).mean(-1, keepdim=True))\nlogits = logits + KEPT[-1]",
    "a closure": (
        "def kept():\n    return F.one_hot(targets, 32).float()\nbox = [kept]\nlogits = logits + box[0]()"
    ),
    "one row of a view": "logits[:, 1:].add_(self.head(x)[:, :-1])\nlogits[:, :-1] += self.head(x)[:, 1:]",
    "a scatter of the targets": "logits = logits.scatter_add(2, targets[..., None], torch.ones_like(logits))",
    "a context that writes on its way out": (
        "with Leave(self, targets):\n    pass\nlogits = logits + self.counts"
    ),
}

NOT_PROVED = {
    "a target among the keys of a dictionary": (
        "kept = {targets[0, 0].item(): x}\nlogits = logits + (1.0 if 5 in kept else 0.0)"
    ),
    "a list of numbers": (
        "seen = torch.tensor(targets.flatten().tolist()).view_as(targets)\nlogits = logits + seen[..., None]"
    ),
    "a text": "logits = logits + float(str(targets[0, 0].item()))",
    "a text with values": "logits = logits + float(f'{targets[0, 0].item()}')",
    "a percent": "logits = logits + float('%d' % targets[0, 0].item())",
    "a hash": "logits = logits + hash(targets[0, 0].item()) % 7",
    "a set": "logits = logits + len(set(targets.flatten().tolist()))",
    "membership": "logits = logits + (5 in targets.flatten().tolist()) * 1.0",
    "an equality of lists": "logits = logits * (1 + (targets[0].tolist() == ids[0].tolist()))",
    "a count in a list": "logits = logits + targets.flatten().tolist().count(3)",
    "an attribute of a function": (
        "def note():\n    return note.value\nnote.value = F.one_hot(targets, 32).float()\nlogits = logits + note()"
    ),
    "a dictionary handed to a library": "import json\nlogits = logits + len(json.dumps({'y': targets}))",
    "a full tensor": "logits = logits + torch.full((32,), targets[0, 0].item())",
    "state outside the model opens a way": (
        "if KEPT:\n    logits = logits + F.one_hot(targets, 32)\nKEPT.append(1)"
    ),
}

LEGAL = {
    "a count that is kept and not used": "self.counts += torch.bincount(targets.flatten(), minlength=32)",
    "a list of layers": "parts = [x]\nparts.append(x * 2)\nlogits = logits + self.head(sum(parts))",
    "a text of a size": "logits = logits * float(f'{x.size(-1)}')",
    "a name among those of a cache": (
        "kept = {'x': x}\nif 'y' not in kept:\n    kept['y'] = x * 2\nlogits = logits + self.head(kept['y'])"
    ),
    "a set of sizes": "logits = logits * len({x.size(0), x.size(1)})",
}


def bound(body: str) -> Bound:
    return proved(HEAD + NET.format(body="\n".join(" " * 8 + line for line in body.splitlines()))).bound


@pytest.mark.parametrize("body", AHEAD.values(), ids=list(AHEAD))
def test_a_look_ahead_is_found(body: str) -> None:
    assert bound(body) is Bound.ACAUSAL


@pytest.mark.parametrize("body", NOT_PROVED.values(), ids=list(NOT_PROVED))
def test_what_is_hidden_is_not_proved(body: str) -> None:
    assert bound(body) is not Bound.CAUSAL


@pytest.mark.parametrize("body", LEGAL.values(), ids=list(LEGAL))
def test_what_looks_alike_is_proved(body: str) -> None:
    assert bound(body) is Bound.CAUSAL
