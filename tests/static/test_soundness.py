"""Which loops are proved partitions of the tokens, and which only look like it.

Each script scores tokens and trains on tokens; whether a score could have seen an update made from its own
tokens is plain arithmetic on the indices. `test_arithmetic_agrees` does that arithmetic with numbers, so the
expectations do not rest on the prover; the other tests hold the witness to them. A legal script may be called
`MAYBE` (it then goes to review) only where a test says so; an illegal one may never be called clean.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from auditor.trace.answer import Answer
from tests.static.conftest import absorbed, run, worst_overlap

LOOP = """
for ep in range({turns}):
    s = {index}
    x, y = val[s:s + 1024], val[s + 1:s + 1025]
    loss = model(x, y)
    total += loss.item()
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
"""

N = 62 * 2048 + 17
"""Tokens in the arithmetic below; no multiple of any window."""

PROVED: dict[str, Callable[[int], int]] = {
    "ep * 1024": lambda ep: ep * 1024,
    "1024 * ep + 7": lambda ep: 1024 * ep + 7,
    "ep * 2048": lambda ep: ep * 2048,
    "n - ep * 1024 - 1025": lambda ep: N - ep * 1024 - 1025,
    "(ep + 1) * 1024 - 1024": lambda ep: (ep + 1) * 1024 - 1024,
}

SAME: dict[str, Callable[[int], int]] = {
    "0": lambda ep: 0,
    "0 if ep < 5 else 1": lambda ep: 0 if ep < 5 else 1,
}

OVERLAPPING: dict[str, Callable[[int], int]] = {
    "abs(ep - 9) * 1024": lambda ep: abs(ep - 9) * 1024,
    "(ep * 7919) % n": lambda ep: (ep * 7919) % N,
    "ep * 64": lambda ep: ep * 64,
    "ep * 1023": lambda ep: ep * 1023,
    "ep * 1024 // 2": lambda ep: ep * 1024 // 2,
    "(ep // 2) * 1024": lambda ep: (ep // 2) * 1024,
    "(ep * 1024) % 4096": lambda ep: (ep * 1024) % 4096,
    "(ep % 7) * 1024": lambda ep: (ep % 7) * 1024,
    "min(ep * 1024, 4096)": lambda ep: min(ep * 1024, 4096),
    "max(0, ep * 1024 - 64)": lambda ep: max(0, ep * 1024 - 64),
    "(ep - 9) * (ep - 9) * 1024": lambda ep: (ep - 9) * (ep - 9) * 1024,
    "(ep >> 1) * 1024": lambda ep: (ep >> 1) * 1024,
    "(ep & 6) * 1024": lambda ep: (ep & 6) * 1024,
    "int(ep / 2) * 1024": lambda ep: int(ep / 2) * 1024,
    "ep * 1024 if ep != 30 else 0": lambda ep: ep * 1024 if ep != 30 else 0,
    "[0, 1024, 2048][ep % 3]": lambda ep: [0, 1024, 2048][ep % 3],
}

UNKNOWABLE = (
    "torch.randperm(n)[ep]",
    "torch.randperm(n)[ep].item()",
    "int(np.random.permutation(n)[ep])",
    "int(np.random.randint(0, n))",
    "hash(ep) % n",
)


@pytest.mark.parametrize("index", [*PROVED, *SAME, *OVERLAPPING])
def test_arithmetic_agrees(index: str) -> None:
    seen: set[int] = set()
    again = False
    for ep in range(N // 2048):
        start = {**PROVED, **SAME, **OVERLAPPING}[index](ep)
        targets = set(range(start + 1, min(start + 1025, N)))
        again = again or bool(seen & targets)
        seen |= targets
    assert again is (index not in PROVED)


@pytest.mark.parametrize("index", PROVED)
def test_partition_is_proved(index: str) -> None:
    trace = run(LOOP.format(turns="n // 2048", index=index))
    assert absorbed(trace), "a later turn's score has the earlier turns' updates in it"
    assert worst_overlap(trace) is Answer.NO


def test_the_same_tokens_again_are_a_proved_hit() -> None:
    assert worst_overlap(run(LOOP.format(turns="n // 2048", index="0"))) is Answer.YES


@pytest.mark.parametrize("index", [*SAME, *OVERLAPPING, *UNKNOWABLE])
def test_what_only_depends_on_the_turn_is_never_clean(index: str) -> None:
    assert worst_overlap(run(LOOP.format(turns="n // 2048", index=index))) is not Answer.NO


@pytest.mark.parametrize("turns", ["1", "2", "3", "4", "40"])
def test_constant_from_a_loop_variable_keeps_its_turn(turns: str) -> None:
    trace = run(LOOP.format(turns=turns, index="ep * 1024"))
    assert bool(absorbed(trace)) is (turns != "1")
    assert worst_overlap(trace) is Answer.NO


@pytest.mark.parametrize("index", [*SAME, *OVERLAPPING])
@pytest.mark.parametrize("turns", ["3", "40"])
def test_known_turns_do_not_make_an_overlap_clean(index: str, turns: str) -> None:
    rule = {**SAME, **OVERLAPPING}[index]
    seen: set[int] = set()
    again = False
    for ep in range(int(turns)):
        targets = set(range(rule(ep) + 1, rule(ep) + 1025))
        again = again or bool(seen & targets)
        seen |= targets
    worst = worst_overlap(run(LOOP.format(turns=turns, index=index)))
    assert (worst is not Answer.NO) or not again


def test_an_epoch_loop_around_a_partition_comes_back() -> None:
    body = """
for epoch in range(2):
    total = 0.0
    for ci in range(n // 1024):
        total += score(ci * 1024)
        fit(ci * 1024)
"""
    assert worst_overlap(run(body)) is Answer.YES
    assert worst_overlap(run(body.replace("range(2)", "range(1)"))) is Answer.NO


# Effects that arrive later than the next turn.

DELAYED_LEGAL = {
    "queue of scored chunks": """
queue = []
for ci in range(n // 1024):
    total += score(ci * 1024)
    queue.append(ci)
    if len(queue) > 3:
        fit(queue.pop(0) * 1024)
""",
    "the chunk three back": """
for ci in range(n // 1024):
    total += score(ci * 1024)
    if ci >= 3:
        fit((ci - 3) * 1024)
""",
}

DELAYED_ILLEGAL = {
    "queue that holds chunks to come": """
queue = []
for ci in range(n // 1024 - 8):
    total += score(ci * 1024)
    queue.append(ci + 8)
    if len(queue) > 3:
        fit(queue.pop(0) * 1024)
""",
    "the chunk three ahead": """
for ci in range(n // 1024 - 3):
    total += score(ci * 1024)
    fit((ci + 3) * 1024)
""",
    "ring that holds chunks to come": """
hold = [None] * 4
for ci in range(n // 1024 - 8):
    total += score(ci * 1024)
    slot = ci % 4
    if hold[slot] is not None:
        fit(hold[slot])
    hold[slot] = (ci + 6) * 1024
""",
    "every third pass over the split": """
passes = 0
for ep in range(9):
    total = 0.0
    for ci in range(n // 1024):
        total += score(ci * 1024)
    passes += 1
    if passes % 3 == 0:
        for ci in range(n // 1024):
            fit(ci * 1024)
""",
    "every third turn on one chunk": """
seen = 0
for ep in range(12):
    total = score(0)
    seen += 1
    if seen == 3:
        fit(0)
        seen = 0
""",
    "every third turn of a while loop": """
seen = 0
while seen < int(os.environ.get("PASSES", 9)):
    total = score(0)
    seen += 1
    if seen % 3 == 0:
        fit(0)
""",
    "every fifth turn on one chunk": """
for ep in range(100):
    total += score(0)
    if ep % 5 == 4:
        fit(0)
""",
    "groups of four that share a chunk": """
for ci in range(n // 1024):
    total += score((ci // 4) * 1024)
    fit((ci // 4) * 1024)
""",
    "weights that wait three turns": """
stages = [model.state_dict() for _ in range(4)]
for ci in range(n // 1024):
    model.load_state_dict(stages[-1])
    fit(0)
    stages.append(copy.deepcopy(model.state_dict()))
    model.load_state_dict(stages.pop(0))
    total += score(0)
""",
}


@pytest.mark.parametrize("name", DELAYED_LEGAL)
def test_delayed_training_on_scored_tokens_is_no_violation(name: str) -> None:
    trace = run(DELAYED_LEGAL[name])
    assert absorbed(trace)
    assert worst_overlap(trace) is not Answer.YES


@pytest.mark.parametrize("name", DELAYED_LEGAL)
def test_delayed_training_on_scored_tokens_is_proved(name: str) -> None:
    assert worst_overlap(run(DELAYED_LEGAL[name])) is Answer.NO


@pytest.mark.parametrize("name", DELAYED_ILLEGAL)
def test_delayed_training_on_tokens_to_come_is_never_clean(name: str) -> None:
    assert worst_overlap(run(DELAYED_ILLEGAL[name])) is not Answer.NO


def test_ring_of_scored_chunks_is_no_violation() -> None:
    body = DELAYED_ILLEGAL["ring that holds chunks to come"].replace("(ci + 6) * 1024", "ci * 1024")
    assert worst_overlap(run(body)) is not Answer.YES


# Windows that overlap but score only their last stride.

WINDOWS = """
window, stride, chunk = 1024, 64, 32768
"""

SLIDING = {
    "suffixes, then the whole chunk": (
        Answer.NO,
        """
for ci in range(n // chunk):
    for ws in range(ci * chunk, (ci + 1) * chunk, stride):
        begin = max(ws + stride - window, 0)
        x, y = val[begin:ws + stride], val[begin + 1:ws + stride + 1]
        with torch.no_grad():
            nll = model.losses(x, y)
        total += nll[-stride:].sum().item()
    part = val[ci * chunk:(ci + 1) * chunk + 1]
    model(part[:-1], part[1:]).backward()
    optimizer.step()
""",
    ),
    "suffix, then its window": (
        Answer.NO,
        """
for ws in range(0, n - window, stride):
    x, y = val[ws:ws + window], val[ws + 1:ws + window + 1]
    nll = model.losses(x, y)
    total += nll[-stride:].sum().item()
    model(x, y).backward()
    optimizer.step()
""",
    ),
    "window, then its suffix": (
        Answer.YES,
        """
for ws in range(0, n - window, stride):
    x, y = val[ws:ws + window], val[ws + 1:ws + window + 1]
    model(x, y).backward()
    optimizer.step()
    nll = model.losses(x, y)
    total += nll[-stride:].sum().item()
""",
    ),
    "context of the window, then its suffix": (
        Answer.NO,
        """
for ws in range(0, n - window, stride):
    x, y = val[ws:ws + window], val[ws + 1:ws + window + 1]
    model.losses(x, y)[:-stride].mean().backward()
    optimizer.step()
    nll = model.losses(x, y)
    total += nll[-stride:].sum().item()
""",
    ),
}

SLIDING_ILLEGAL = {
    "whole windows, each trained on after its score": """
for ws in range(0, n - window, stride):
    x, y = val[ws:ws + window], val[ws + 1:ws + window + 1]
    nll = model.losses(x, y)
    total += nll.sum().item()
    model(x, y).backward()
    optimizer.step()
""",
    "suffixes of two strides": """
for ws in range(0, n - window, stride):
    x, y = val[ws:ws + window], val[ws + 1:ws + window + 1]
    nll = model.losses(x, y)
    total += nll[-2 * stride:].sum().item()
    model(x, y).backward()
    optimizer.step()
""",
    "the chunk before its suffixes": """
for ci in range(n // chunk):
    part = val[ci * chunk:(ci + 1) * chunk + 1]
    model(part[:-1], part[1:]).backward()
    optimizer.step()
    for ws in range(ci * chunk, (ci + 1) * chunk, stride):
        begin = max(ws + stride - window, 0)
        x, y = val[begin:ws + stride], val[begin + 1:ws + stride + 1]
        total += model.losses(x, y)[-stride:].sum().item()
""",
    "a chunk trained on one stride too far": """
for ci in range(n // chunk):
    for ws in range(ci * chunk, (ci + 1) * chunk, stride):
        begin = max(ws + stride - window, 0)
        x, y = val[begin:ws + stride], val[begin + 1:ws + stride + 1]
        total += model.losses(x, y)[-stride:].sum().item()
    part = val[ci * chunk:(ci + 1) * chunk + stride + 1]
    model(part[:-1], part[1:]).backward()
    optimizer.step()
""",
    "a last window moved back into a trained chunk": """
chunks = [[] for _ in range(n // chunk + 1)]
for ws in range(0, n - stride, stride):
    chunks[(ws + window - stride) // chunk].append(ws)
for ci in range(len(chunks)):
    for ws in chunks[ci]:
        end = min(ws + window, n)
        nll = model.losses(val[ws:end], val[ws + 1:end + 1])
        total += nll[end - ws - stride:].sum().item()
    a, b = ci * chunk, min((ci + 1) * chunk, n - 1)
    model(val[a:b], val[a + 1:b + 1]).backward()
    optimizer.step()
""",
}


@pytest.mark.parametrize("name", SLIDING)
def test_sliding_windows_by_their_scored_suffix(name: str) -> None:
    expected, body = SLIDING[name]
    trace = run(WINDOWS + body)
    assert absorbed(trace)
    assert worst_overlap(trace) is expected


@pytest.mark.parametrize("name", SLIDING_ILLEGAL)
def test_sliding_windows_that_score_trained_tokens_are_never_clean(name: str) -> None:
    assert worst_overlap(run(WINDOWS + SLIDING_ILLEGAL[name])) is not Answer.NO


# An adapter per document.

DOCUMENTS = """
class Adapter(nn.Module):
    def __init__(self):
        super().__init__()
        self.up = nn.Parameter(torch.zeros(64, 1024))

class Adapted(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(1024, 64)
        self.head = nn.Linear(64, 1024)

    def forward(self, x, y, adapter):
        h = self.embed(x)
        return F.cross_entropy(self.head(h) + h @ adapter.up, y)

model = Adapted()
starts = (val == 1).nonzero().flatten().tolist()
for d in range(len(starts) - 1):
    adapter = Adapter()
    inner = torch.optim.Adam(adapter.parameters(), lr=0.01)
    count = (starts[d + 1] - starts[d] + 255) // 256
    for epoch in range({epochs}):
        for c in range(count):
            a = starts[d] + c * 256
            b = min(a + 256, starts[d + 1])
            loss = model(val[a:b], val[a + 1:b + 1], adapter)
            if epoch == {epochs} - 1:
                total += loss.item()
            loss.backward()
            inner.step()
            inner.zero_grad()
"""


def test_adapter_per_document_one_epoch_is_proved() -> None:
    trace = run(DOCUMENTS.format(epochs=1))
    assert absorbed(trace)
    assert worst_overlap(trace) is Answer.NO


@pytest.mark.parametrize("epochs", [2, 3, 50])
def test_adapter_scored_in_a_later_epoch_is_a_hit(epochs: int) -> None:
    assert worst_overlap(run(DOCUMENTS.format(epochs=epochs))) is Answer.YES


def test_adapter_trained_before_its_chunk_is_a_hit() -> None:
    body = DOCUMENTS.format(epochs=1)
    first = "            if epoch == 1 - 1:\n                total += loss.item()\n"
    assert first in body
    body = body.replace(first, "").replace(
        "            inner.zero_grad()\n",
        "            inner.zero_grad()\n            total += model(val[a:b], val[a + 1:b + 1], adapter).item()\n",
    )
    assert worst_overlap(run(body)) is Answer.YES
