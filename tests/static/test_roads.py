"""Roads by which a loop reaches its tokens: lists, queues, generators, gathers, views, and copies of the split.

Every turn scores what it reached and then trains on it, so the number is honest exactly where no token is
reached twice. `LEGAL` roads reach each token once and may never be called a violation; those in `PROVED` are
proved. `ILLEGAL` roads reach some token again and may never be called clean. Each has its twin.
"""

from __future__ import annotations

import pytest

from auditor.trace.answer import Answer
from tests.static.conftest import run, worst_overlap

STEP = """
import collections, itertools, random

def step(x, y):
    global total
    loss = model(x, y)
    total += loss.item()
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()

def at(s):
    step(val[s:s + 1024], val[s + 1:s + 1025])

starts = list(range(0, n - 1025, 1024))
"""

PROVED = {
    "list": "for s in starts:\n    at(s)\n",
    "reversed list": "for s in reversed(starts):\n    at(s)\n",
    "shuffled list": "random.shuffle(starts)\nfor s in starts:\n    at(s)\n",
    "enumerated list": "for i, s in enumerate(starts):\n    at(s)\n",
    "neighbours zipped": "for a, b in zip(starts, starts[1:]):\n    step(val[a:b], val[a + 1:b + 1])\n",
    "every eighth": "for s in starts[3::8]:\n    at(s)\n",
    "share of a rank": (
        "per = (len(starts) + 7) // 8\n"
        "for k in range(3 * per, min(4 * per, len(starts))):\n    at(starts[k])\n"
    ),
    "batches stacked": (
        "for k in range(0, len(starts), 4):\n"
        "    part = starts[k:k + 4]\n"
        "    x = torch.stack([val[s:s + 1024] for s in part])\n"
        "    y = torch.stack([val[s + 1:s + 1025] for s in part])\n"
        "    step(x, y)\n"
    ),
    "two a turn": "for a in range(0, n - 5000, 2048):\n    at(a)\n    at(a + 1024)\n",
    "filtered": "for s in filter(lambda k: k % 2048 == 0, starts):\n    at(s)\n",
    "generator expression": "for s in (k * 1024 for k in range(n // 2048)):\n    at(s)\n",
    "while": "s = 0\nwhile s < n - 1025:\n    at(s)\n    s += 1024\n",
    "walrus": "s = -1024\nwhile (s := s + 1024) < n - 1025:\n    at(s)\n",
    "position in a closure": (
        "def make():\n    p = -1024\n    def ahead():\n        nonlocal p\n        p += 1024\n        return p\n"
        "    return ahead\nahead = make()\nfor i in range(99):\n    at(ahead())\n"
    ),
    "position in an object": (
        "class Reader:\n    position = 0\nreader = Reader()\nfor i in range(99):\n    at(reader.position)\n"
        "    reader.position += 1024\n"
    ),
    "dict items": "d = {i: i * 1024 for i in range(99)}\nfor i, s in d.items():\n    at(s)\n",
    "gather": "for ep in range(n // 2048):\n    i = torch.arange(1024) + ep * 1024\n    step(val[i], val[i + 1])\n",
    "batches": "for k in range(0, len(starts), 4):\n    for s in starts[k:k + 4]:\n        at(s)\n",
    "two loops": "for a in range(10):\n    for b in range(10):\n        at((a * 10 + b) * 1024)\n",
    "narrow": (
        "for k in range(n // 2048):\n"
        "    step(val.narrow(0, k * 1024, 1024), val.narrow(0, k * 1024 + 1, 1024))\n"
    ),
    "index_select": (
        "for k in range(n // 2048):\n    i = torch.arange(k * 1024, k * 1024 + 1024)\n"
        "    step(val.index_select(0, i), val.index_select(0, i + 1))\n"
    ),
    "dict by key": "d = {i: i * 1024 for i in range(99)}\nfor i in d:\n    at(d[i])\n",
    "generator": "def walk():\n    for i in range(n // 2048):\n        yield i * 1024\nfor s in walk():\n    at(s)\n",
    "generator from": "def walk():\n    yield from starts\nfor s in walk():\n    at(s)\n",
    "map": "for s in map(lambda k: k * 1024, range(n // 2048)):\n    at(s)\n",
}

LEGAL = {
    "permutation": "for s in torch.randperm(n // 1024 - 1).tolist():\n    at(s * 1024)\n",
    "rows of a view": (
        "w = val[:n // 1025 * 1025].view(-1, 1025)\nfor k in range(w.shape[0]):\n    step(w[k][:-1], w[k][1:])\n"
    ),
    "split": "for w in val.split(1025):\n    step(w[:-1], w[1:])\n",
    "unfold": "w = val.unfold(0, 1025, 1025)\nfor k in range(w.shape[0]):\n    step(w[k][:-1], w[k][1:])\n",
    "arange": "for s in np.arange(0, n - 1025, 1024):\n    at(int(s))\n",
    "bounds": (
        "e = np.linspace(0, n - 1, 100).astype(int)\n"
        "for a, b in zip(e[:-1], e[1:]):\n    step(val[a:b], val[a + 1:b + 1])\n"
    ),
    "count": "for k in itertools.count():\n    if k * 1024 > n - 1025:\n        break\n    at(k * 1024)\n",
    "deque": "queue = collections.deque(starts)\nwhile queue:\n    at(queue.popleft())\n",
    "list emptied": "while starts:\n    at(starts.pop(0))\n",
}

ILLEGAL = {
    "list twice": "for s in starts * 2:\n    at(s)\n",
    "list and list": "for s in starts + starts:\n    at(s)\n",
    "sorted twice": "for s in sorted(starts + starts):\n    at(s)\n",
    "chain": "for s in itertools.chain(starts, starts):\n    at(s)\n",
    "cycle": "for s in itertools.cycle(starts):\n    at(s)\n",
    "product": "for s, _ in itertools.product(starts, range(2)):\n    at(s)\n",
    "product of passes": "for _, s in itertools.product(range(2), starts):\n    at(s)\n",
    "next of a cycle": "it = itertools.cycle(starts)\nfor _ in range(10000):\n    at(next(it))\n",
    "extended by itself": "starts.extend(starts)\nfor s in starts:\n    at(s)\n",
    "one inserted": "starts.insert(7, 0)\nfor s in starts:\n    at(s)\n",
    "one appended": "starts.append(0)\nfor s in starts:\n    at(s)\n",
    "one added": "starts += [0]\nfor s in starts:\n    at(s)\n",
    "one replaced": "starts[5] = 0\nfor s in starts:\n    at(s)\n",
    "queued again": (
        "queue = collections.deque(starts)\nfor _ in range(100000):\n    s = queue.popleft()\n    at(s)\n"
        "    queue.append(s)\n"
    ),
    "rotated": "q = collections.deque(starts)\nfor _ in range(100000):\n    at(q[0])\n    q.rotate(3)\n",
    "drawn": "for _ in range(1000):\n    at(random.choice(starts))\n",
    "drawn with repeats": "for s in random.choices(starts, k=1000):\n    at(s)\n",
    "sampled each epoch": "for _ in range(3):\n    for s in random.sample(starts, 10):\n        at(s)\n",
    "neighbours, both": "for a, b in zip(starts, starts[1:]):\n    at(a)\n    at(b)\n",
    "both ends": "for a, b in zip(starts, reversed(starts)):\n    at(a)\n    at(b)\n",
    "half the index": "for i, s in enumerate(starts):\n    at(starts[i // 2])\n",
    "there and back": "for s in starts:\n    at(s)\nfor s in reversed(starts):\n    at(s)\n",
    "dict of halves": "d = {i: i // 2 * 1024 for i in range(999)}\nfor i in d:\n    at(d[i])\n",
    "generator twice": "def walk():\n    yield from starts\n    yield from starts\nfor s in walk():\n    at(s)\n",
    "endless generator": (
        "def walk():\n    while True:\n        for s in starts:\n            yield s\nfor s in walk():\n    at(s)\n"
    ),
    "recursion": "def go(s):\n    at(s)\n    if s < n - 3000:\n        go(s + 64)\ngo(0)\n",
    "while that starts over": (
        "s = 0\nfor _ in range(10000):\n    at(s)\n    s += 1024\n    if s > n - 1025:\n        s = 0\n"
    ),
    "while of small steps": "s = 0\nwhile s < n - 1025:\n    at(s)\n    s += 64\n",
    "while of shrinking steps": (
        "s = 0\nahead = 1024\nwhile s < n - 1025:\n    at(s)\n    s += ahead\n    ahead -= 1\n"
    ),
    "while that steps back once": (
        "s = 0\nback = 0\nwhile s < n - 1025:\n    at(s)\n    s += 1024\n"
        "    if s == 10240 and back < 3:\n        s -= 2048\n        back += 1\n"
    ),
    "walrus of small steps": "s = 0\nwhile (s := s + 64) < n - 1025:\n    at(s)\n",
    "object of small steps": (
        "class Reader:\n    position = 0\nreader = Reader()\nfor i in range(999):\n    at(reader.position)\n"
        "    reader.position += 64\n"
    ),
    "second attempt": (
        "for ep in range(100):\n    for attempt in range(2):\n        try:\n            at(ep * 1024)\n"
        "        except RuntimeError:\n            continue\n"
    ),
    "rolled": "for ep in range(100):\n    v = torch.roll(val, -ep * 64)\n    step(v[:1024], v[1:1025])\n",
    "rest from a turn on": "for ep in range(100):\n    v = val[ep * 64:]\n    step(v[:1024], v[1:1025])\n",
    "unfold that overlaps": "w = val.unfold(0, 1025, 64)\nfor k in range(w.shape[0]):\n    step(w[k][:-1], w[k][1:])\n",
    "half the rows": (
        "w = val[:n // 1025 * 1025].view(-1, 1025)\n"
        "for k in range(w.shape[0]):\n    step(w[k // 2][:-1], w[k // 2][1:])\n"
    ),
    "strided": "w = val.as_strided((99, 1025), (64, 1))\nfor k in range(99):\n    step(w[k][:-1], w[k][1:])\n",
    "gather that overlaps": "for k in range(100):\n    i = torch.arange(1024) + k * 64\n    step(val[i], val[i + 1])\n",
    "gather around": (
        "for k in range(1000):\n    i = (torch.arange(1024) + k * 1024) % 5000\n    step(val[i], val[i + 1])\n"
    ),
    "narrow that overlaps": (
        "for k in range(100):\n    step(val.narrow(0, k * 64, 1024), val.narrow(0, k * 64 + 1, 1024))\n"
    ),
    "random windows": (
        "for _ in range(100):\n    i = torch.randint(0, n - 1025, (8,))\n"
        "    step(torch.stack([val[k:k + 1024] for k in i]), torch.stack([val[k + 1:k + 1025] for k in i]))\n"
    ),
    "two strides": (
        "for k in range(100):\n    step(val[k::1024], val[k + 1::1024])\n    step(val[k::999], val[k + 1::999])\n"
    ),
    "forth and flipped": (
        "w = val.flip(0)\nfor k in range(n // 1024 - 1):\n    s = k * 1024\n    at(s)\n"
        "    step(w[s:s + 1024], w[s + 1:s + 1025])\n"
    ),
    "read twice": (
        "w = torch.from_numpy(np.concatenate([np.fromfile(f, dtype='<u2') for f in shards]).astype(np.int64))\n"
        "for s in starts:\n    step(w[s:s + 1024], w[s + 1:s + 1025])\nfor s in starts:\n    at(s)\n"
    ),
    "from the end": "for k in range(n // 1024):\n    at((k - 9) * 1024)\n",
    "from both ends": "for k in range(n // 1024 - 1):\n    at(-k * 1024 - 2048)\n    at(k * 1024)\n",
    "in one byte": "for k in range(n // 2048):\n    at(torch.tensor(k * 1024).to(torch.uint8).item())\n",
    "mapped": "list(map(at, starts + starts))\n",
    "mapped by threads": (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(1) as pool:\n    list(pool.map(at, starts + starts))\n"
    ),
} | {
    name: (
        f"w = {made}\nfor k in range(w.numel() // 1024 - 1):\n    s = k * 1024\n"
        "    step(w[s:s + 1024], w[s + 1:s + 1025])\n"
    )
    for name, made in {
        "split and split": "torch.cat([val, val])",
        "parts that overlap": "torch.cat([val[:99999], val[1000:]])",
        "repeated": "val.repeat(2)",
        "tiled": "torch.from_numpy(np.tile(val.numpy(), 2))",
        "expanded": "val[:1025].expand(50, 1025).reshape(-1)",
        "shards and shards": (
            "torch.from_numpy(np.concatenate([np.fromfile(f, dtype='<u2') for f in shards + shards])"
            ".astype(np.int64))"
        ),
    }.items()
}


@pytest.mark.parametrize("name", PROVED)
def test_road_is_proved(name: str) -> None:
    assert worst_overlap(run(STEP + PROVED[name])) is Answer.NO


@pytest.mark.parametrize("name", LEGAL)
def test_legal_road_is_no_violation(name: str) -> None:
    assert worst_overlap(run(STEP + LEGAL[name])) is not Answer.YES


@pytest.mark.parametrize("name", ILLEGAL)
def test_illegal_road_is_never_clean(name: str) -> None:
    trace = run(STEP + ILLEGAL[name])
    assert trace.doubts_of(trace.reports[-1]) or worst_overlap(trace) is not Answer.NO
