"""What is written through one name of an array shows under its other names: the smaller of two losses is a choice."""

from __future__ import annotations

import pytest

from auditor.trace.events import Select
from tests.static.conftest import run

LOOP = """\
second = Model()

def better(scores, others):
    smaller = others < scores
    scores[smaller] = others[smaller]

def deeper(scores, others):
    better(scores, others)

class Best:
    def __init__(self, scores):
        self.scores = scores

    def keep(self, others):
        self.scores[others < self.scores] = others[others < self.scores]

for k in range(n // 1024):
    x, y = tokens(k * 1024)
    with torch.no_grad():
        nll, other = model.losses(x, y), second.losses(x, y)
    {}
    total += nll.sum().item()
"""

WRITES = {
    "a helper's parameter": "better(nll, other)",
    "a helper of a helper": "deeper(nll, other)",
    "a keyword": "better(others=other, scores=nll)",
    "a lambda": "(lambda a: better(a, other))(nll)",
    "a view as the argument": "better(nll.view(-1), other)",
    "a slice as the argument": "better(nll[:], other)",
    "another name": "same = nll; same[other < same] = other[other < same]",
    "a view with a name": "flat = nll.reshape(-1); flat[other < flat] = other[other < flat]",
    "numpy's look at it": "array = nll.numpy(); better(array, other.numpy())",
    "detached": "nll.detach()[other < nll] = other[other < nll]",
    "an attribute": "Best(nll).keep(other)",
    "an entry of a dictionary": "kept = dict(n=nll); kept['n'][other < nll] = other[other < nll]; nll = kept['n']",
    "in place": "nll.copy_(torch.minimum(nll, other))",
    "in place by a bound": "nll.clamp_(max=other)",
    "out": "torch.minimum(nll, other, out=nll)",
    "numpy's out": "np.minimum(nll.numpy(), other.numpy(), out=nll.numpy())",
}

APART = {
    "a copy": "kept = nll.clone(); better(kept, other)",
    "another array": "kept = second.losses(x, y); better(kept, other)",
    "numbers": "count = torch.zeros(1024); count[other < nll] = 1.0",
    "out elsewhere": "low = torch.empty(1024); torch.minimum(nll, other, out=low)",
}


def selected(line: str) -> bool:
    trace = run(LOOP.format(line))
    (report,) = trace.reports
    chosen = [event for event in trace.selects_of(report) if isinstance(event, Select)]
    return any(len(event.scores) > 1 for event in chosen)


@pytest.mark.parametrize("line", WRITES.values(), ids=WRITES.keys())
def test_a_choice_between_scores_is_seen_through_every_name(line: str) -> None:
    assert selected(line)


@pytest.mark.parametrize("line", APART.values(), ids=APART.keys())
def test_what_is_written_elsewhere_is_no_choice(line: str) -> None:
    assert not selected(line)
