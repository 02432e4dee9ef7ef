"""Stand-ins for NCCL: gloo, with the collectives that gloo lacks made of those it has; all of them are counted."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import torch
import torch.distributed as dist

from auditor.replay.inside.devices import CPU
from auditor.replay.inside.exchange import Exchange
from auditor.replay.inside.patching import replace

COUNTED: Final = (
    "all_gather",
    "all_gather_into_tensor",
    "all_gather_object",
    "all_reduce",
    "all_to_all",
    "all_to_all_single",
    "barrier",
    "broadcast",
    "broadcast_object_list",
    "gather",
    "gather_object",
    "monitored_barrier",
    "recv",
    "reduce",
    "reduce_scatter",
    "reduce_scatter_tensor",
    "scatter",
    "scatter_object_list",
    "send",
)


class Collectives:
    """How many collectives this process has begun: the clock that processes share, since each waits for the others.

    What one process knows of another before its n-th collective, the other had before its own n-th.
    """

    __slots__ = ("begun",)

    def __init__(self) -> None:
        self.begun = 0

    def counted(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, counted when it is called."""

        def call(*args: Any, **kwargs: Any) -> Any:
            self.begun += 1
            return function(*args, **kwargs)

        return call


class _Done:
    """What an asynchronous collective gives back; it is over already."""

    def wait(self, *_: Any) -> bool:
        return True

    def is_completed(self) -> bool:
        return True

    def get_future(self) -> _Done:
        return self


def install_ranks(collectives: Collectives, exchange: Exchange | None = None) -> None:
    """Make `torch.distributed` work over gloo in place of NCCL; single processes have a group if they ask for one.

    Args:
        exchange: what all processes together add up and gather by instead, where there is one.
    """
    plain: Any = dist
    start, barrier, reduce, gather = dist.init_process_group, dist.barrier, dist.all_reduce, dist.all_gather
    begun = dist.is_initialized
    ended: list[bool] = []

    def init_process_group(backend: str | None = None, *args: Any, **kwargs: Any) -> None:
        kwargs.pop("device_id", None)
        if begun():
            ended.clear()
            return
        # A script that asks for a group whatever it was started by is a group of one here.
        for name, value in (("RANK", "0"), ("LOCAL_RANK", "0"), ("WORLD_SIZE", "1")):
            os.environ.setdefault(name, value)
        start("gloo", *args, **kwargs)

    def destroy_process_group(group: Any = None) -> None:
        """The group is only said to be gone: to end gloo's threads while another rank is ahead can hang."""
        if group is None:
            ended.append(True)

    def all_reduce(
        tensor: torch.Tensor, op: Any = dist.ReduceOp.SUM, group: Any = None, async_op: bool = False
    ) -> _Done:
        mean = op == dist.ReduceOp.AVG
        if exchange is not None and _is_whole(tensor, group) and op in _COMBINED:
            _combine(exchange, tensor, _COMBINED[op])
        else:
            reduce(tensor, op=dist.ReduceOp.SUM if mean else op, group=group)
        if mean:
            tensor.div_(dist.get_world_size(group))
        return _Done()

    def reduce_scatter_tensor(
        output: torch.Tensor,
        input: torch.Tensor,
        op: Any = dist.ReduceOp.SUM,
        group: Any = None,
        async_op: bool = False,
    ) -> _Done:
        whole = input.clone()
        all_reduce(whole, op=op, group=group)
        part = whole.reshape(dist.get_world_size(group), -1)[dist.get_rank(group)]
        output.copy_(part.reshape(output.shape))
        return _Done()

    def reduce_scatter(
        output: torch.Tensor,
        input_list: Any,
        op: Any = dist.ReduceOp.SUM,
        group: Any = None,
        async_op: bool = False,
    ) -> _Done:
        return reduce_scatter_tensor(output, torch.stack(list(input_list)), op, group)

    def all_gather_into_tensor(
        output: torch.Tensor, input: torch.Tensor, group: Any = None, async_op: bool = False
    ) -> _Done:
        parts = [torch.empty_like(input) for _ in range(dist.get_world_size(group))]
        gather(parts, input.contiguous(), group=group)
        output.copy_(torch.cat([part.reshape(-1) for part in parts]).reshape(output.shape))
        return _Done()

    def all_gather(outputs: Any, tensor: torch.Tensor, group: Any = None, async_op: bool = False) -> _Done:
        gather(outputs, tensor.contiguous(), group=group)
        return _Done()

    replace(
        plain,
        init_process_group=init_process_group,
        destroy_process_group=destroy_process_group,
        is_initialized=lambda: begun() and not ended,
        barrier=lambda *_, **__: barrier(),
        all_reduce=all_reduce,
        reduce_scatter_tensor=reduce_scatter_tensor,
        reduce_scatter=reduce_scatter,
        all_gather_into_tensor=all_gather_into_tensor,
        all_gather=all_gather,
        is_nccl_available=lambda: True,
    )
    replace(plain, **{name: collectives.counted(getattr(plain, name)) for name in COUNTED})
    _install_data_parallel()


_COMBINED: Final[dict[Any, Any]] = {
    dist.ReduceOp.SUM: np.add,
    dist.ReduceOp.AVG: np.add,
    dist.ReduceOp.MAX: np.maximum,
    dist.ReduceOp.MIN: np.minimum,
}
_PLAIN: Final = frozenset(
    (torch.float16, torch.float32, torch.float64, torch.int32, torch.int64, torch.uint8)
)


def _is_whole(tensor: torch.Tensor, group: Any) -> bool:
    """Whether all processes take part, with a tensor whose memory is numbers of a kind that numpy has."""
    everyone = group is None or group is dist.group.WORLD
    return everyone and tensor.dtype in _PLAIN and tensor.layout is torch.strided


def _combine(exchange: Exchange, tensor: torch.Tensor, combine: Any) -> None:
    """Put what all processes' tensors give in the place of this one, in the order of their ranks."""
    with torch._C.DisableTorchFunction():
        plain = tensor.detach()
        own = plain.contiguous().numpy()
        parts = [part.view(own.dtype) for part in exchange.all(own.reshape(-1).view(np.uint8))]
        total = parts[0]
        for part in parts[1:]:
            total = combine(total, part)
        # As gloo does, into the memory itself: no version of the tensor is counted for it.
        plain.numpy()[...] = total.reshape(own.shape)


def _install_data_parallel() -> None:
    parallel: Any = torch.nn.parallel.DistributedDataParallel
    begin = parallel.__init__

    def init(
        self: Any, module: Any, device_ids: Any = None, output_device: Any = None, **kwargs: Any
    ) -> None:
        begin(self, module.to(CPU), **kwargs)

    replace(parallel, __init__=init)
