"""Muon: orthogonalised momentum for the matrices of the blocks (kellerjordan.github.io/posts/muon).

The coefficients and the five steps are that page's; Nesterov momentum 0.95, warmed up from 0.85, is the habit of
github.com/KellerJordan/modded-nanogpt; the factor sqrt(max(1, P/Q)) gives updates of tall and of wide matrices the
same effect on the size of activations (the spectral condition, arXiv:2310.17813). The baseline sets all three so.

Matrices of one shape are stacked and orthogonalised together. With several ranks each takes a slice of every stack
and one all-reduce of disjoint entries shares the updates, so the rank count does not change them.

Tensor suffixes: M matrices of one shape, P rows, Q columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from reference_impl.dist import Ranks

# A quintic tuned for slope at zero, not convergence: singular values end in about [0.7, 1.2].
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)


def orthogonalize(grad_MPQ: Tensor, steps: int) -> Tensor:
    """Push the singular values of each matrix towards 1 by a Newton-Schulz iteration.

    Computes in the input's dtype (bfloat16 as the baseline, or float32) and returns its shape.
    """
    a, b, c = NEWTON_SCHULZ
    x = grad_MPQ
    tall = x.size(-2) > x.size(-1)
    if tall:
        x = x.mT
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        gram = torch.bmm(x, x.mT)
        polynomial = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        x = torch.baddbmm(x, polynomial, x, beta=a)
    if tall:
        x = x.mT
    return x


class Muon(torch.optim.Optimizer):
    """SGD with Nesterov momentum whose step is the orthogonalised gradient, scaled by sqrt(max(1, P/Q))."""

    def __init__(
        self,
        params: Iterable[nn.Parameter],
        lr: float,
        momentum: float,
        steps: int,
        dtype: torch.dtype,
        ranks: Ranks,
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum})
        self.steps, self.dtype, self.ranks = steps, dtype, ranks
        self.orthogonalize: Callable[[Tensor, int], Tensor] = orthogonalize

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Move every matrix once; `closure` is not supported."""
        assert closure is None
        for group in self.param_groups:
            shapes: dict[torch.Size, list[nn.Parameter]] = {}
            for param in group["params"]:
                shapes.setdefault(param.shape, []).append(param)
            for shape, params in shapes.items():
                updates_MPQ = self._updates(params, group["momentum"])
                scale = max(1.0, shape[0] / shape[1]) ** 0.5
                for param, update_PQ in zip(params, updates_MPQ, strict=True):
                    param.add_(update_PQ, alpha=-group["lr"] * scale)

    def _updates(self, params: list[nn.Parameter], momentum: float) -> Tensor:
        stack_MPQ = torch.empty((len(params), *params[0].shape), dtype=self.dtype, device=params[0].device)
        for slot_PQ, param in zip(stack_MPQ, params, strict=True):
            assert param.grad is not None
            state = self.state[param]
            if "momentum" not in state:
                state["momentum"] = torch.zeros_like(param)
            state["momentum"].mul_(momentum).add_(param.grad)
            slot_PQ.copy_(param.grad.add(state["momentum"], alpha=momentum))
        if self.ranks.world == 1:
            return self.orthogonalize(stack_MPQ, self.steps)
        begin = len(params) * self.ranks.rank // self.ranks.world
        end = len(params) * (self.ranks.rank + 1) // self.ranks.world
        updates_MPQ = torch.zeros_like(stack_MPQ)
        if end > begin:
            updates_MPQ[begin:end] = self.orthogonalize(stack_MPQ[begin:end], self.steps)
        return self.ranks.sum_(updates_MPQ)
