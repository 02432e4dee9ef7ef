"""The stand-in for Triton's language: its functions against Python's own."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

NUMBERS = [0, 1, 5, 255, 2**31 - 1, -1, -2, -(2**31)]


@pytest.mark.parametrize(("kind", "bits"), [("int32", 32), ("int64", 64)])
def test_population_count_is_that_of_the_two_s_complement(kind: str, bits: int) -> None:
    from auditor.replay.inside.kernels import _population_count

    counted = _population_count(torch.tensor(NUMBERS, dtype=getattr(torch, kind)))
    assert counted.tolist() == [bin(number % 2**bits).count("1") for number in NUMBERS]


def test_a_store_goes_where_the_mask_lets_it_and_an_atomic_one_adds_up() -> None:
    from auditor.replay.inside.kernels import Pointer, _atomic_add, _store

    memory = torch.zeros(6)
    start = Pointer.to_start_of(memory)
    _store(start + torch.arange(6), torch.arange(6.0), mask=torch.arange(6) % 2 == 0)
    assert memory.tolist() == [0, 0, 2, 0, 4, 0]
    _atomic_add(start + torch.tensor([1, 1, 2]), torch.ones(3))
    assert memory.tolist() == [0, 2, 3, 0, 4, 0]
