"""Code that did not run and may run in the real run is told, whatever keeps it from running; and nothing else is."""

from __future__ import annotations

import ast
import types
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from auditor.replay.inside.forks import SIDE, TOOK, Forks
from auditor.replay.inside.instrument import Loops
from auditor.replay.inside.written import WrittenSizes
from auditor.replay.probes.runner import forks_of
from auditor.replay.probes.unrun import merged, unrun_code
from auditor.replay.runs.run_record import Forks as Told
from auditor.replay.runs.run_record import RankRecord
from auditor.replay.toy.sizes import ToySizes

PROGRAM = """
import os
import os as torch
ran = []
rank = int(os.environ.get("RANK", 0))
rope = int(os.environ.get("ROPE", 16))
width = int(os.environ.get("VOCAB_SIZE", 1024))
distributed = "RANK" in os.environ

def nothing():
    return None

class Optimizer:
    def step(self):
        ran.append("step")

def adapt(x):
    opt = Optimizer()
    opt.step()

def cross_entropy(logits, target):
    return sum(target)

def evaluate(tokens):
    x, y = tokens[:-1], tokens[1:]
    small = len(tokens) < 1000
    unknown = [small][0]
{body}
    return cross_entropy(x, y)

evaluate([3, 1, 4, 1, 5])
"""

HIDDEN = [
    "    if not small: adapt(x)",
    "    if small: pass\n    else: adapt(x)",
    "    if unknown:\n        return cross_entropy(x, y)\n    adapt(x)",
    "    for _ in range(0 if unknown else 3): adapt(x)",
    "    for _ in range(len(tokens) // 1000): y = y[1:] + y[:1]",
    "    while not unknown: adapt(x)",
    "    unknown or adapt(x)",
    "    not small and adapt(x)",
    "    nothing() if unknown else adapt(x)",
    "    [adapt, lambda _: None][unknown](x)",
    "    (lambda: None, lambda: adapt(x))[not unknown]()",
    "    try:\n        1 / unknown\n    except ZeroDivisionError:\n        adapt(x)",
    "    match unknown:\n        case False: adapt(x)",
    "    if not unknown: y = x",
    "    y = y if unknown else x",
    "    if width > 999999: adapt(x)",
    "    if os.path.exists('/dev/nvidia0x'): adapt(x)",
    "    if os.getcwd() == '/home/me': adapt(x)",
    "    if any(t > 99 for t in tokens): adapt(x)",
    "    y = [t for t, m in zip(y, [y == 7000]) if not m] or y",
]
OPEN = [
    "    if rank == 1: adapt(x)",
    "    if distributed: adapt(x)",
    "    if rope > 99: adapt(x)",
    "    for _ in range(rope - 16): adapt(x)",
    "    if not unknown: print(len(tokens))",
    "    if not unknown: raise ValueError(len(tokens))",
    "    if not unknown: rope_table = rope",
    "    if x is None: x = []",
    "    if isinstance(x, dict): x = list(x)",
    "    for t in tokens:\n        if t % 2: adapt(x)",
    "    adapt(x)",
    "    starts = x == 1",
    "    far = rope > 7000",
    "    end = len(x) if unknown else len(tokens) - 1",
]


@pytest.fixture
def loops() -> Iterator[Loops]:
    import builtins

    made = Loops()
    made.install(lambda line: None)
    yield made
    for name in (SIDE, TOOK, "__replay_enter__", "__replay_turn__", "__replay_reached__"):
        delattr(builtins, name)


def told(forks: Forks, text: str, loops: Loops) -> tuple[list[str], Told]:
    """What the program says ran, and what its forks say."""
    module = types.ModuleType("toy")
    exec(loops.compiled(ast.parse(text), "toy", WrittenSizes(ToySizes()), count=True), module.__dict__)  # noqa: S102
    sides = {
        (line, column, kind): (last, ever) for line, column, kind, last, ever in forks.told().get("toy", [])
    }
    return module.__dict__["ran"], sides


@pytest.mark.parametrize("body", HIDDEN)
def test_what_is_kept_from_running_is_told(body: str, loops: Loops) -> None:
    text = PROGRAM.replace("{body}", body)
    ran, forks = told(loops.forks, text, loops)
    assert not ran, "it is to be kept from running here"
    found = unrun_code(text, forks, settled={}, changed={"VOCAB_SIZE"})
    first = text[: text.index(body)].count("\n") + 1
    lines = range(first, first + body.count("\n") + 1)
    assert found and all(dodge.line in lines for dodge in found), found


@pytest.mark.parametrize("body", OPEN)
def test_what_settings_and_ranks_decide_or_what_does_nothing_is_not(body: str, loops: Loops) -> None:
    text = PROGRAM.replace("{body}", body)
    _, forks = told(loops.forks, text, loops)
    assert unrun_code(text, forks, settled={}, changed={"VOCAB_SIZE"}) == []


def test_setting_that_a_replay_changes_decides_nothing(loops: Loops) -> None:
    text = PROGRAM.replace("{body}", "    if rope > 99: adapt(x)")
    _, forks = told(loops.forks, text, loops)
    (found,) = unrun_code(text, forks, settled={}, changed={"ROPE"})
    assert "ROPE" in found.why
    assert unrun_code(text, forks, settled={found.line: False}, changed={"ROPE"}) == []
    assert unrun_code(text, forks, settled={found.line: True}, changed={"ROPE"}) == [found]


def test_a_side_that_ran_in_another_run_is_not_told(loops: Loops) -> None:
    """The same text where more tokens are scored than the test waits for; lines do not move."""
    text = PROGRAM.replace("{body}", "    if len(tokens) > 5: adapt(x)")
    _, forks = told(loops.forks, text, loops)
    other = Loops()
    other.install(lambda line: None)
    ran, more = told(other.forks, text.replace("5])", "5, 9])"), other)
    assert ran
    assert unrun_code(text, forks, settled={}, changed=())
    assert unrun_code(text, merged([forks, more]), settled={}, changed=()) == []


def test_training_alone_is_another_phase(loops: Loops) -> None:
    """What ran before the artifact was read back has been seen; what was not reached since is not asked for."""
    text = PROGRAM.replace("{body}", "    if not unknown: adapt(x)")
    _, forks = told(loops.forks, text, loops)
    loops.forks.begin_phase()
    later = {(a, b, kind): (last, ever) for a, b, kind, last, ever in loops.forks.told()["toy"]}
    assert unrun_code(text, forks, settled={}, changed=())
    assert unrun_code(text, later, settled={}, changed=()) == []


def record_of(*forks: tuple[int, Told]) -> RankRecord:
    """A record that compiled text 0, and says this of what ran."""
    return RankRecord(
        code=0,
        error="",
        error_kind="",
        seconds=1.0,
        tampered=(),
        crossed=True,
        files=("train_gpt.py",),
        complete=True,
        events=[{"kind": "text", "file": 0, "name": "train_gpt.py", "digest": "d"}],
        places=[],
        forks=dict(forks),
    )


def test_a_process_that_does_not_say_what_ran_is_not_taken_for_one_that_ran_all() -> None:
    place = ("train_gpt.py", 0)
    target = SimpleNamespace(layers={"d": place})
    one_way: Told = {(3, 0, "If"): ("10", "10")}
    both_told = [record_of((0, one_way)), record_of((0, {}))]
    assert forks_of(both_told, target) == ({place: {}}, set())  # type: ignore[arg-type]
    one_silent = [record_of((0, one_way)), record_of()]
    assert forks_of(one_silent, target) == ({place: one_way}, {place})  # type: ignore[arg-type]
