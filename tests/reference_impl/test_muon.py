"""Muon: what the orthogonalisation does to singular values, and a step written out by hand."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_impl.dist import Ranks
from reference_impl.muon import Muon, orthogonalize


@settings(deadline=None, max_examples=25)
@given(
    rows=st.integers(2, 40), columns=st.integers(2, 40), seed=st.integers(0, 1000), scale=st.floats(1e-6, 1e6)
)
def test_singular_values_end_in_a_band_around_one(rows: int, columns: int, seed: int, scale: float) -> None:
    # Exact for inputs of condition number <= 10: five quintic steps lift 0.1/sqrt(n) well into the band.
    generator = torch.Generator().manual_seed(seed)
    u, _ = torch.linalg.qr(torch.randn(rows, rows, generator=generator, dtype=torch.float64))
    v, _ = torch.linalg.qr(torch.randn(columns, columns, generator=generator, dtype=torch.float64))
    rank = min(rows, columns)
    spectrum = torch.linspace(1.0, 0.1, rank, dtype=torch.float64)
    matrix = scale * (u[:, :rank] * spectrum) @ v[:, :rank].T
    values = torch.linalg.svdvals(orthogonalize(matrix.float()[None], 5)[0].double())
    assert values.min() > 0.6 and values.max() < 1.25


def test_orthogonalisation_keeps_singular_vectors() -> None:
    torch.manual_seed(0)
    matrix = torch.randn(12, 20)
    u, s, vh = torch.linalg.svd(matrix, full_matrices=False)
    core = u.T @ orthogonalize(matrix[None], 5)[0] @ vh.T
    torch.testing.assert_close(core, torch.diag(torch.diagonal(core)), rtol=0, atol=1e-4)
    assert s.min() > 0 and torch.diagonal(core).min() > 0


def test_stacked_matrices_do_not_influence_each_other() -> None:
    torch.manual_seed(0)
    stack = torch.randn(3, 8, 16)
    together = orthogonalize(stack, 5)
    apart = torch.cat([orthogonalize(stack[i : i + 1], 5) for i in range(3)])
    torch.testing.assert_close(together, apart, rtol=0, atol=1e-5)


def newton_schulz_by_hand(matrix: torch.Tensor, steps: int) -> torch.Tensor:
    """Iterate p(X) = aX + b(XX')X + c(XX')²X on singular values, from the singular value decomposition."""
    u, s, vh = torch.linalg.svd(matrix.double(), full_matrices=False)
    s = s / (torch.linalg.norm(matrix.double()) + 1e-7)
    for _ in range(steps):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    return (u * s) @ vh


@pytest.mark.parametrize("shape", [(6, 10), (10, 6), (8, 8)])
def test_steps_are_nesterov_momentum_orthogonalised_and_scaled(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    start, grads = torch.randn(shape), [torch.randn(shape) for _ in range(3)]
    param = torch.nn.Parameter(start.clone())
    optimizer = Muon([param], lr=0.1, momentum=0.9, steps=5, dtype=torch.float32, ranks=Ranks())
    expected, buffer = start.double(), torch.zeros(shape, dtype=torch.float64)
    for grad in grads:
        param.grad = grad
        optimizer.step()
        buffer = 0.9 * buffer + grad
        update = newton_schulz_by_hand(grad + 0.9 * buffer, 5)
        expected = expected - 0.1 * max(1.0, shape[0] / shape[1]) ** 0.5 * update
    torch.testing.assert_close(param.detach().double(), expected, rtol=0, atol=1e-4)


def test_bfloat16_agrees_with_float32_to_its_precision() -> None:
    torch.manual_seed(0)
    stack = torch.randn(2, 16, 32)
    low, high = orthogonalize(stack.bfloat16(), 5).float(), orthogonalize(stack, 5)
    assert (low - high).abs().max() < 0.05
