"""Ranks: which process this is, on which device, and the one collective operation used.

One process without torchrun is rank 0 of 1 and never touches `torch.distributed`. Every sum over ranks in
this package adds disjoint entries (exact in any order) or gradients (one flat buffer, so one order per rank
count).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn

CPU = torch.device("cpu")


@dataclass(frozen=True, kw_only=True)
class Ranks:
    """This process among `world`, and the device it computes on."""

    rank: int = 0
    world: int = 1
    device: torch.device = CPU

    @property
    def first(self) -> bool:
        """Whether this is the rank that writes files and logs."""
        return self.rank == 0

    @property
    def compute_dtype(self) -> torch.dtype:
        """bfloat16 on a GPU, float32 on a CPU."""
        return torch.bfloat16 if self.device.type == "cuda" else torch.float32

    def sum_(self, tensor: Tensor) -> Tensor:
        """Add `tensor` up over all ranks, in place."""
        if self.world > 1:
            dist.all_reduce(tensor, op=dist.ReduceOp.SUM)
        return tensor

    def sum_gradients(self, params: Iterable[nn.Parameter]) -> None:
        """Add the gradients of `params` up over all ranks, in place, as one flat buffer."""
        if self.world > 1:
            grads = [param.grad for param in params if param.grad is not None]
            flat = self.sum_(torch.cat([grad.flatten() for grad in grads]))
            for grad, total in zip(grads, torch.split(flat, [grad.numel() for grad in grads]), strict=True):
                grad.copy_(total.view_as(grad))

    def broadcast_(self, tensor: Tensor) -> Tensor:
        """Overwrite `tensor` with rank 0's, in place."""
        if self.world > 1:
            dist.broadcast(tensor, src=0)
        return tensor

    def barrier(self) -> None:
        """Wait until every rank has come this far."""
        if self.world > 1:
            dist.barrier()

    def synchronize(self) -> None:
        """Wait for the device, so that a clock read next tells the truth."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()


def start_ranks() -> Ranks:
    """Join the process group that torchrun's environment names (NCCL on GPUs, gloo on CPUs), if any."""
    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    if torch.cuda.is_available():
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
        torch.set_float32_matmul_precision("high")
    else:
        device = torch.device("cpu")
    if world > 1:
        dist.init_process_group(backend="nccl" if device.type == "cuda" else "gloo")
    return Ranks(rank=rank, world=world, device=device)


def stop_ranks(ranks: Ranks) -> None:
    """Leave the process group: the last thing a rank does.

    With gloo the process ends here. A gloo thread may still hold a tensor when Python shuts down, and then
    aborts the process (seen in one run of ten), although all results are written.
    """
    if ranks.world == 1:
        return
    dist.barrier()
    gloo = dist.get_backend() == "gloo"
    dist.destroy_process_group()
    if gloo:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
