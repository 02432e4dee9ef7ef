"""Weights that are fitted, kept, copied and put back at random, judged from the text and then by running it.

Each script fits and scores windows with two models, in loops and branches, and carries weights about as real scripts
do: aliases, clones, deep copies, files. Run, a model is the set of windows it was fitted to. A proof of the witness
must hold in every run: "no overlap" in all of them, "overlap" in one at least.
"""

from __future__ import annotations

import copy
import random
from types import SimpleNamespace

import pytest

from auditor.trace.answer import Answer
from tests.static.conftest import run, worst_overlap

SEEDS = range(160)
HELPERS = """
first = Model()
second = Model()
kept = {k: v.clone() for k, v in first.state_dict().items()}

def learn(m, i):
    x, y = tokens(i * 1024)
    o = torch.optim.SGD(m.parameters(), lr=0.01)
    m(x, y).backward()
    o.step()

def rate(m, i):
    x, y = tokens(i * 1024)
    with torch.no_grad():
        return m(x, y).item()

"""
MODELS = ("first", "second")


class Maker:
    """Puts a script together; the same seed gives the same one."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.branches = 0

    def model(self) -> str:
        return self.random.choice((*MODELS, "first"))

    def window(self, loop: str) -> str:
        ways = (loop, loop, loop, f"{loop} + 1", f"max({loop} - 1, 0)", "0", "2")
        return self.random.choice(ways) if loop else "0"

    def keep(self) -> str:
        m = self.model()
        return self.random.choice(
            (
                f"kept = {{k: v.clone() for k, v in {m}.state_dict().items()}}",
                f"kept = {{k: v.detach().cpu().clone() for k, v in {m}.state_dict().items()}}",
                f"kept = copy.deepcopy({m}.state_dict())",
                f"kept = {m}.state_dict()",
                f"torch.save({m}.state_dict(), 'w.pt'); kept = torch.load('w.pt')",
            )
        )

    def restore(self) -> str:
        m = self.model()
        return self.random.choice(
            (
                f"{m}.load_state_dict(kept)",
                f"{m}.load_state_dict(kept)",
                f"{m}.load_state_dict({self.model()}.state_dict())",
                f"{m} = copy.deepcopy({self.model()})",
                f"{m} = Model()",
                f"{m} = {self.model()}",
                f"for k, v in {m}.state_dict().items(): v.copy_(kept[k])",
            )
        )

    def statement(self, loop: str, depth: int) -> list[str]:
        chance = self.random.random()
        if chance < 0.27:
            return [f"learn({self.model()}, {self.window(loop)})"]
        if chance < 0.55:
            return [f"total += rate({self.model()}, {self.window(loop)})"]
        if chance < 0.8 or depth >= 2:
            if self.branches:
                return ["pass"]
            return [self.keep() if chance < 0.66 else self.restore()]
        return self.compound(loop, depth)

    def compound(self, loop: str, depth: int) -> list[str]:
        name = "ij"[depth] if depth < 2 else "k"
        match self.random.randrange(6):
            case 0 if loop:
                return [f"if {loop} % 2 == 0:", *self.arm(loop, depth)]
            case 1:
                head = f"if n % {self.random.choice((2, 3))} == 0:"
                return [head, *self.arm(loop, depth), "else:", *self.arm(loop, depth)]
            case 2 if loop:
                return [f"if {loop} > 2:", f"    {self.random.choice(('break', 'continue'))}"]
            case 3:
                return ["try:", *self.block(loop, depth + 1), "finally:", *self.block(loop, depth + 1)]
            case _:
                return [f"for {name} in range(n // 1024 - 1):", *self.block(name, depth + 1)]

    def arm(self, loop: str, depth: int) -> list[str]:
        """The lines of one outcome of a test.

        Nothing is put back there: what only perhaps was put back counts as fitted, which is no proof of either.
        """
        self.branches += 1
        lines = self.block(loop, depth + 1)
        self.branches -= 1
        return lines

    def block(self, loop: str, depth: int) -> list[str]:
        lines = [line for _ in range(self.random.randint(1, 3)) for line in self.statement(loop, depth)]
        return ["    " + line for line in lines]

    def script(self) -> str:
        lines = [line for _ in range(2) for line in self.statement("", 1)]
        lines += ["for i in range(n // 1024 - 1):", *self.block("i", 1), *self.block("i", 1)]
        lines += [line for _ in range(self.random.randint(0, 2)) for line in self.statement("", 1)]
        lines.append("total += rate(first, 0)" if self.random.random() < 0.1 else "pass")
        return "\n".join(lines) + "\n"


class Weights:
    """What was learnt, as a set of windows; a tensor to the script."""

    def __init__(self) -> None:
        self.seen: set[int] = set()

    def clone(self) -> Weights:
        return copy.deepcopy(self)

    def detach(self) -> Weights:
        return self

    cpu = detach

    def copy_(self, other: Weights) -> None:
        self.seen = set(other.seen)


class Model:
    def __init__(self) -> None:
        self.weights = Weights()

    def state_dict(self) -> dict[str, Weights]:
        return {"weights": self.weights}

    def load_state_dict(self, given: dict[str, Weights]) -> None:
        self.weights.copy_(given["weights"])


def seen_too_early(script: str, n: int) -> bool:
    """Whether a run rates a window with weights that were fitted to it."""
    files: dict[str, object] = {}
    early = False

    def rate(model: Model, window: int) -> float:
        nonlocal early
        early = early or window in model.weights.seen
        return 1.0

    torch = SimpleNamespace(
        save=lambda what, name: files.__setitem__(name, copy.deepcopy(what)),
        load=lambda name: copy.deepcopy(files[name]),
    )
    first = Model()
    scope: dict[str, object] = {
        "first": first,
        "second": Model(),
        "kept": copy.deepcopy(first.state_dict()),
        "Model": Model,
        "learn": lambda model, window: model.weights.seen.add(window),
        "rate": rate,
        "torch": torch,
        "copy": copy,
        "n": n,
        "total": 0.0,
    }
    exec(script, scope)  # noqa: S102  (our own text)
    return early


def proved(script: str) -> Answer | None:
    """The witness's answer; None where nothing is scored in the end, MAYBE where a doubt stands."""
    try:
        return worst_overlap(run(HELPERS + script))
    except AssertionError:
        return Answer.MAYBE


LENGTHS = (1024 * 5, 1024 * 6 + 3, 1024 * 8, 1024 * 9 + 1, 1024 * 12)
"""Streams long enough for loops over them to turn several times, as they do over the validation split."""


@pytest.mark.parametrize("seed", SEEDS)
def test_a_proof_holds_in_every_run(seed: int) -> None:
    script = Maker(seed).script()
    answer = proved(script)
    found = [seen_too_early(script, n) for n in LENGTHS]
    if answer is Answer.NO:
        assert not any(found), script
    if answer is Answer.YES:
        assert any(found), script


def test_the_scripts_are_of_all_kinds() -> None:
    """Enough of them are proved either way, or the test above would say nothing."""
    answers = [proved(Maker(seed).script()) for seed in SEEDS]
    assert answers.count(Answer.NO) >= len(SEEDS) // 20
    assert answers.count(Answer.YES) >= len(SEEDS) // 5
