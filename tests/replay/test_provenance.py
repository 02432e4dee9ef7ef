"""Nodes follow losses through torch and numpy to the numbers made of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from auditor.replay.inside.arrays import MarkedArray, install_arrays, marked
from auditor.replay.inside.provenance import Provenance, carriers, mark, nodes_of


class Carrying(TorchFunctionMode):
    """Carries nodes as the observer does, and nothing else."""

    def __init__(self, provenance: Provenance) -> None:
        super().__init__()
        self.provenance = provenance

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        out = func(*args, **kwargs)
        if list(carriers((*args, *kwargs.values()))):
            self.provenance.carry(func, name, args, kwargs, out)
        return out


@pytest.fixture
def provenance() -> Provenance:
    return Provenance()


def losses(provenance: Provenance, count: int, first: int = 0) -> Tensor:
    """Losses 1, 2, 3, … of a call."""
    tensor = torch.arange(1.0, count + 1)
    mark(tensor, provenance.leaf(len(provenance.leaves), torch.arange(first, first + count)))
    return tensor


def members(provenance: Provenance, node: int) -> list[int]:
    """The single losses below a node."""
    sums = {n: m.tolist() for n, m, _ in provenance.sums}
    unions = dict(provenance.unions)
    below = sums.get(node, unions.get(node))
    return [node] if below is None else sorted(x for child in below for x in members(provenance, child))


SHAPES: list[tuple[str, Callable[[Tensor], Tensor], list[int]]] = [
    ("slice", lambda x: x[2:5].double().sum(), [2, 3, 4]),
    ("rows", lambda x: x.reshape(2, 4)[1, :2].sum(), [4, 5]),
    ("mask", lambda x: (x * torch.tensor([1.0, 0, 1, 0, 0, 0, 0, 0])).sum(), list(range(8))),
    ("select", lambda x: x[x > 6].sum(), [6, 7]),
    ("stack", lambda x: torch.stack([x[0], x[3]]).sum(), [0, 3]),
    ("log", lambda x: (-torch.exp(-x).log()).sum(), list(range(8))),
    ("flip", lambda x: x.flip(0)[:2].sum(), [6, 7]),
    ("where", lambda x: torch.where(x > 0, x, 0.0).sum(), list(range(8))),
]


@pytest.mark.parametrize(("case", "made", "expected"), SHAPES, ids=[case for case, _, _ in SHAPES])
def test_a_sum_knows_its_losses(
    case: str, made: Callable[[Tensor], Tensor], expected: list[int], provenance: Provenance
) -> None:
    values = losses(provenance, 8)
    with Carrying(provenance):
        total = made(values)
    node = nodes_of(total)
    assert node is not None
    assert members(provenance, int(node)) == expected


def test_running_totals_join(provenance: Provenance) -> None:
    total = torch.zeros((), dtype=torch.float64)
    with Carrying(provenance):
        for first in (0, 4, 8):
            total += losses(provenance, 4, first).double().sum()
    node = nodes_of(total)
    assert node is not None
    leaves = [first + i for first, _, count in provenance.leaves for i in range(count)]
    assert members(provenance, int(node)) == leaves


def test_values_are_those_at_the_moment_of_the_sum(provenance: Provenance) -> None:
    values = losses(provenance, 3)
    with Carrying(provenance):
        halved = values * 0.5
        halved.sum()
    (_, nodes, kept), *_ = provenance.sums
    assert nodes.tolist() == [0, 1, 2]
    assert kept.tolist() == [0.5, 1.0, 1.5]


def test_two_scorers_of_one_token_are_a_mixture_and_not_a_total(provenance: Provenance) -> None:
    first, second = losses(provenance, 4), losses(provenance, 4)
    with Carrying(provenance):
        best = torch.minimum(first, second)
        mixed = torch.stack([first, second], -1).logsumexp(-1)
    for tensor in (best, mixed):
        nodes = nodes_of(tensor)
        assert nodes is not None
        assert [members(provenance, int(n)) for n in nodes] == [[i, i + 4] for i in range(4)]


def test_a_score_exchanged_for_a_mixture_made_in_python_stands_for_its_token(provenance: Provenance) -> None:
    values = losses(provenance, 4)
    with Carrying(provenance):
        kept = values.double().clone()
        kept[1] = 0.25
        kept[2] = 0.0
        array = marked(values.numpy().copy(), np.arange(4))
        array[3] = 0.5
        array[0] = 0
    nodes = nodes_of(kept)
    assert nodes is not None and nodes.tolist() == [0, 1, -1, 3]
    assert array.nodes.tolist() == [-1, 1, 2, 3]


def test_rows_of_several_tokens_are_totals(provenance: Provenance) -> None:
    with Carrying(provenance):
        totals = losses(provenance, 6).reshape(2, 3).sum(-1)
    nodes = nodes_of(totals)
    assert nodes is not None
    assert [members(provenance, int(n)) for n in nodes] == [[0, 1, 2], [3, 4, 5]]


def test_what_is_not_made_of_losses_carries_nothing(provenance: Provenance) -> None:
    values = losses(provenance, 4)
    with Carrying(provenance):
        assert nodes_of(values.argmax()) is None
        assert nodes_of(torch.zeros_like(values)) is None
        assert nodes_of(values > 2) is None


def test_numpy_keeps_the_nodes_and_tells_totals(provenance: Provenance) -> None:
    told: list[tuple[int, float]] = []
    install_arrays(provenance, lambda node, value: told.append((node, value)))
    values = np.array([1.0, 2.0, 3.0, 4.0])
    array = marked(values, np.arange(4))
    assert isinstance(array, MarkedArray)
    probability = np.exp(-array)
    blended = np.where(np.array([True, False, True, False]), 0.5 * probability + 0.1, probability)
    scored = -np.log(np.clip(blended, 1e-12, 1.0))
    assert scored[1:3].nodes.tolist() == [1, 2]
    total = float(scored[1:3].sum())
    (node, value), *_ = told
    assert value == total
    assert next(m.tolist() for n, m, _ in provenance.sums if n == node) == [1, 2]
    assert total == pytest.approx(2.0 - np.log(0.5 * np.exp(-3.0) + 0.1))
