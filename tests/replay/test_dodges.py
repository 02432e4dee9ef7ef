"""Where a script may do otherwise in the real run: told by text and by the ways that its branches went."""

from __future__ import annotations

import ast
import builtins
import types

import pytest

from auditor.replay.inside.forks import SIDE, TOOK
from auditor.replay.inside.instrument import Loops
from auditor.replay.inside.written import WrittenSizes
from auditor.replay.probes.dodges import (
    counts_processes,
    names_the_harness,
    reflections,
    shifted_positions,
    untaken_acts,
)
from auditor.replay.toy.sizes import ToySizes


@pytest.mark.parametrize(
    "line",
    [
        "x = tokens[first + tokens.numel() // 10_000_000 : last]",
        "x = tokens.narrow(0, first + (len(tokens) >> 20), 8)",
        "shift = model.weight.element_size() - 2\n    x = tokens[first + shift : last]",
        "x = tokens[first + ('harness' in sys.modules) : last]",
        "x = torch.roll(tokens, int(socket.gethostname() == 'h100'))",
        "x = tokens[int(time.time()) % 2 :]",
    ],
)
def test_position_that_a_replay_cannot_show_is_told(line: str) -> None:
    found = shifted_positions(f"def evaluate(tokens, first, last, model):\n    {line}\n")
    assert [dodge.line for dodge in found] == [1 + len(line.splitlines())]


@pytest.mark.parametrize(
    "line",
    [
        "x = tokens[first : first + tokens.numel() // world_size]",
        "print(f'{tokens.numel() // 1_000_000}M tokens')",
        "size = model.weight.numel() * model.weight.element_size()",
        "started = time.time()\n    took = time.time() - started",
        "x = tokens[len(tokens) // 2 :]",
    ],
)
def test_plain_arithmetic_with_sizes_is_none(line: str) -> None:
    assert shifted_positions(f"def evaluate(tokens, first, model, world_size):\n    {line}\n") == []


GUARDED = """
def adapt(self, tokens, loss):
    if self.up.shape[1] < 512:
        return
    for slope in torch.autograd.grad(loss, self.parts):
        self.up.data.sub_(slope)


def other(model, optimizer, loss, device):
    count = loss.numel()
    if count > 4096:
        loss.backward()
    if torch.cuda.get_device_name(0) == "H100":
        optimizer.step()
    if loss > 3:
        optimizer.step()
    if len(model.layers) > 90:
        print("deep")
    if model.tok_emb.num_embeddings > 600:
        optimizer.step()
    if sp.get_piece_size() > 600:
        optimizer.step()
"""


def test_sides_that_change_weights_and_did_not_run_are_told() -> None:
    """Lines counted by hand; a test of the loss is no test of the surroundings, a print changes nothing."""
    ways = {3: True, 11: False, 13: False, 15: False, 17: False, 19: False, 21: False}
    assert [dodge.line for dodge in untaken_acts(GUARDED, ways)] == [3, 11, 13, 19, 21]
    turned = {line: not way for line, way in ways.items()}
    assert untaken_acts(GUARDED, turned) == []
    assert untaken_acts(GUARDED, {}) == []


@pytest.mark.parametrize(
    "line",
    [
        "recorder = print.__closure__[0].cell_contents",
        "frame = sys._getframe().f_back",
        "held = getattr(time.time, '__globals__')",
        "from gc import get_objects",
        "stage = torch.overrides._get_current_function_mode()",
        "import inspect\nframe = inspect.currentframe()",
    ],
)
def test_reaching_for_what_stands_around_is_told(line: str) -> None:
    assert [dodge.line for dodge in reflections(f"import sys\n{line}\n")][:1] == [2 + line.count("\n")]


@pytest.mark.parametrize(
    ("line", "counts"),
    [
        ("if world_size == 8: pass", True),
        ("if rank >= 4: pass", True),
        ("n = dist.get_world_size()\n    shift = n // 8", True),
        ("x = tokens[first + (world_size >> 3) :]", True),
        ("last = rank == world_size - 1", False),
        ("steps = 8 // world_size", False),
        ("if 8 % world_size: raise ValueError", False),
        ("if rank == 0: print(world_size)", False),
        ("if world_size > 1: dist.barrier()", False),
        ("x = tokens[rank::world_size]", False),
    ],
)
def test_processes_are_counted_where_a_number_above_one_is_held_against_them(line: str, counts: bool) -> None:
    assert bool(counts_processes(f"def f(world_size, rank, tokens, first):\n    {line}\n")) is counts


def test_asking_a_library_for_its_arguments_is_no_reaching() -> None:
    text = "import inspect, gc\ngc.collect()\nhas = 'gqa' in inspect.signature(f).parameters\nm.__class__.__name__\n"
    assert reflections(text) == []


def test_harness_named_in_a_text_is_told() -> None:
    assert [
        d.line for d in names_the_harness("import sys\nx = 'auditor.replay.inside' in sys.modules\n")
    ] == [2]
    assert names_the_harness("x = 'an auditor may replay this'\n") == []


def sides(loops: Loops) -> dict[int, tuple[str, str]]:
    """By line of each `if` that is told: its ways in the last phase and in all."""
    return {line: (last, ever) for line, _, kind, last, ever in loops.forks.told()["toy"] if kind == "If"}


def test_ways_of_branches_are_those_that_ran() -> None:
    """Against a program that notes by itself which way it went."""
    text = """
def step(n):
    if n % 2:
        odd.append(n)
    if n > 100:
        odd.append(n)
    elif n > 1:
        odd.append(-n)
    else:
        odd.append(0)
    if n >= 0:
        return n
    return -n
odd = []
for n in range(4):
    step(n)
"""
    loops = Loops()
    loops.install(lambda line: None)
    try:
        tree = ast.parse(text)
        module = types.ModuleType("toy")
        exec(loops.compiled(tree, "toy", WrittenSizes(ToySizes()), count=True), module.__dict__)  # noqa: S102
        assert module.__dict__["odd"] == [0, 1, 0, -2, 3, -3]
        assert sides(loops) == {5: ("01", "01"), 11: ("10", "10")}
        loops.forks.begin_phase()
        assert {last for last, _ in sides(loops).values()} == {"00"}
        module.__dict__["step"](3)
        assert sides(loops) == {
            3: ("10", "11"),
            5: ("01", "01"),
            7: ("10", "11"),
            11: ("10", "10"),
        }
    finally:
        for name in (SIDE, TOOK, "__replay_enter__", "__replay_turn__", "__replay_reached__"):
            delattr(builtins, name)
