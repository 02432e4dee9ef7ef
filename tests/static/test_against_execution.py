"""Loops of windows, judged from their text and then run: what is proved clean never was seen before it was scored.

Each script is put together at random from the ways in which real ones cut a stream into chunks, documents and
windows, with the faults that real ones have: one token too many, the next chunk, overlapping windows, training first.
It is read by the witness, and it is run, on streams of several lengths, with a model that only notes which targets it
saw. The run is the judge: a proof of "no overlap" must hold in every run, a proof of "overlap" in one at least.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from auditor.trace.answer import Answer
from tests.static.conftest import run, worst_overlap

SEEDS = range(160)
LENGTHS = (1, 1023, 9999, 16385, 20000)
HELPERS = """
def learn(a, b):
    model(val[a:b], val[a + 1:b + 1]).backward()
    optimizer.step()
    optimizer.zero_grad()

def rate(a, b):
    with torch.no_grad():
        return model(val[a:b], val[a + 1:b + 1]).item()

def cut(begin, end, width):
    return [(s, min(s + width, end)) for s in range(begin, end, width)]

def stream(begin, end, width):
    for s in range(begin, end, width):
        yield s, min(s + width, end)

"""


class Maker:
    """Puts a script together; the same seed gives the same one."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def some(self, *ways: str) -> str:
        return self.random.choice(ways)

    def slip(self) -> str:
        """Mostly nothing, sometimes a few tokens too many or too few."""
        return self.random.choice(("", "", "", "", " + 1", " - 1", " + 5000", " + width"))

    def windows(self, begin: str, end: str) -> str:
        """An expression for the (start, stop) pairs of a stretch."""
        return self.some(
            f"cut({begin}, {end}, width)",
            f"stream({begin}, {end}, width)",
            f"list(stream({begin}, {end}, width))",
            f"sorted(cut({begin}, {end}, width), key=lambda w: w[1] - w[0])",
            f"reversed(cut({begin}, {end}, width))",
            f"zip(range({begin}, {end}, width), [min(s + width, {end}) for s in range({begin}, {end}, width)])",
            f"[(s, s + width) for s in range({begin}, {end} - width, width)]",
            f"[(s, min(s + width, {end})) for s in range({begin}, {end}, width // 2)]",
        )

    def change(self, begin: str, end: str) -> str:
        """A line that changes the list of windows, mostly none."""
        if self.random.random() < 0.6:
            return "pass"
        return self.some(
            f"rows.append(({begin}, {end}))",
            f"rows.append(({end}, {end} + width))",
            f"rows += cut({begin}, {end}, width)",
            f"rows = rows + [({end}, min({end} + chunk, n - 1))]",
            f"rows.extend(cut({end}, {end} + width, width))",
            f"rows.insert(0, ({begin}, {begin} + 1))",
            "rows.reverse()",
            "rows.sort()",
            "rows = sorted(rows)",
            "rows = rows[1:]",
            "rows = rows[::2]",
            "rows = [(a, z) for a, z in rows if z - a == width]",
            f"rows[0:1] = [({end}, {end} + 1)]",
            "rows = rows * 2",
            "rows = list(dict.fromkeys(rows))",
            "rows = [(a + 1, z + 1) for a, z in rows]",
        )

    def walk(self, act: str, begin: str, end: str) -> list[str]:
        """Lines that rate or learn every window of a stretch."""
        windows = self.windows(begin, end)
        match self.random.randrange(5):
            case 0:
                return [
                    f"rows = list({windows})",
                    self.change(begin, end),
                    "for b in range(0, len(rows), 4):",
                    "    for a, z in rows[b:b + 4]:",
                    f"        {act}",
                ]
            case 1:
                return [f"for i, (a, z) in enumerate({windows}):", f"    {act}"]
            case 2:
                return [
                    f"rows = {self.some('list', 'sorted')}({windows})",
                    self.change(begin, end),
                    "for i in range(len(rows)):",
                    "    a, z = rows[i]",
                    f"    {act}",
                ]
            case 3:
                return [
                    f"for a in range({begin}, {end}, width):",
                    f"    z = min(a + width, {end})",
                    f"    {act}",
                ]
            case _:
                return [f"for a, z in {windows}:", f"    {act}"]

    def pieces(self) -> tuple[list[str], str, str]:
        """The head of a loop over disjoint pieces of the stream, and the ends of a piece."""
        match self.random.randrange(6):
            case 5:
                return (
                    [
                        "parts = (n - 1) // chunk + 1",
                        "size = (n - 1) // parts",
                        "for c in range(parts):",
                        "    begin = c * size",
                        f"    end = (c + 1) * size{self.slip()} if c < parts - 1 else n - 1",
                    ],
                    "begin",
                    "end",
                )
            case 0:
                return (
                    [
                        "for c in range((n + chunk - 1) // chunk):",
                        "    begin = c * chunk",
                        "    end = min(begin + chunk, n - 1)",
                    ],
                    "begin",
                    "end",
                )
            case 1:
                return (
                    [
                        "for begin in range(0, n - 1, chunk):",
                        f"    end = min(begin + chunk{self.slip()}, n - 1)",
                    ],
                    "begin",
                    "end",
                )
            case 2:
                order = self.some("starts", "sorted(starts)", "starts[:-1]")
                return (
                    [
                        "starts = list(range(0, n - 1, chunk))",
                        "bounds = starts + [n - 1]",
                        f"docs = [(bounds[i], bounds[i + 1]{self.slip()}) for i in range(len({order}))]",
                        self.some("docs.sort(key=lambda d: d[1] - d[0])", "docs = docs[::-1]", "pass"),
                        "for begin, end in docs:",
                    ],
                    "begin",
                    "end",
                )
            case 3:
                return (
                    [
                        "groups = [[] for _ in range((n + chunk - 1) // chunk)]",
                        "for s in range(0, n - 1, width):",
                        "    groups["
                        + self.some("s // chunk", "(s + 1) // chunk", "min(s // chunk, len(groups) - 1)")
                        + "].append(s)",
                        "for group in groups:",
                    ],
                    "",
                    "",
                )
            case _:
                return (
                    [
                        "begin = 0",
                        "while begin < n - 1:",
                        "    first, begin = begin, begin + chunk",
                        "    last = min(begin, n - 1)",
                    ],
                    "first",
                    "last",
                )

    def script(self) -> str:
        chunk, width = self.random.choice(((4096, 1024), (2048, 512), (3000, 700)))
        head, begin, end = self.pieces()
        indent = "    "
        if begin:
            rating = self.walk("total += rate(a, z)", begin, end)
            ends = self.random.choice(
                (
                    (begin, end),
                    (begin, end),
                    (begin, f"{end}{self.slip()}"),
                    (f"{begin}{self.slip()}", end),
                    (end, f"min({end} + chunk, n - 1)"),
                )
            )
            learning = self.walk("learn(a, z)", *ends)
        else:
            rating = ["for s in group:", f"    total += rate(s, min(s + width{self.slip()}, n - 1))"]
            learning = ["for s in group:", f"    learn(s, min(s + width{self.slip()}, n - 1))"]
        if self.random.random() < 0.15:
            rating, learning = learning, rating
        lines = [f"chunk, width = {chunk}, {width}", *head, *(indent + line for line in [*rating, *learning])]
        return HELPERS + "\n".join(lines) + "\n"


def seen_too_early(script: str, n: int) -> bool:
    """Whether a run rates a target that it has learnt from before."""
    learnt: set[int] = set()
    early = False

    def learn(a: int, z: int) -> None:
        learnt.update(range(max(a, 0) + 1, min(z, n - 1) + 1))

    def rate(a: int, z: int) -> float:
        nonlocal early
        early = early or any(t in learnt for t in range(max(a, 0) + 1, min(z, n - 1) + 1))
        return 1.0

    body = script.split("def cut", 1)[1]
    exec("def cut" + body, {"learn": learn, "rate": rate, "n": n, "total": 0.0})  # noqa: S102  (our own text)
    return early


def runs(script: str, lengths: Sequence[int] = LENGTHS) -> list[bool]:
    return [seen_too_early(script, n) for n in lengths]


def proved(script: str) -> Answer:
    try:
        return worst_overlap(run(script))
    except AssertionError:
        return Answer.MAYBE  # a doubt stands, so nothing is claimed


@pytest.mark.parametrize("seed", SEEDS)
def test_a_proof_holds_in_every_run(seed: int) -> None:
    script = Maker(seed).script()
    answer = proved(script)
    found = runs(script)
    if answer is Answer.NO:
        assert not any(found), script
    if answer is Answer.YES:
        assert any(found), script


def test_the_scripts_are_of_all_kinds() -> None:
    """Enough of them are proved either way, or the test above would say nothing."""
    answers = [proved(Maker(seed).script()) for seed in SEEDS]
    assert answers.count(Answer.NO) >= len(SEEDS) // 5
    assert answers.count(Answer.YES) >= len(SEEDS) // 20
