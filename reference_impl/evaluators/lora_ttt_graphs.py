"""LoRA TTT as CUDA graphs: the steps of `lora_ttt_fixed`, recorded once for each window length and replayed.

Each graph goes over forward, backward and Adam. Written for a GPU and not yet run on one.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from reference_impl.dist import Ranks
from reference_impl.evaluators.lora_ttt_fixed import score_and_learn, take_steps
from reference_impl.lora import DocumentAdapters, LoraConfig, adapter_optimizer
from reference_impl.model import GPT
from reference_impl.scoring import TokenScores, Validation, WindowBatch, empty_scores


def evaluate_lora_ttt_graphs(model: GPT, val: Validation, config: LoraConfig, ranks: Ranks) -> TokenScores:
    """Score every chunk before the adapters learn from it. Raises ValueError without a GPU."""
    if val.device.type != "cuda":
        raise ValueError(
            "lora_ttt_graphs records CUDA graphs and needs a GPU; lora_ttt_fixed takes the same steps"
        )
    scores = empty_scores(val)
    adapters = DocumentAdapters(model, [], config.rank, config.seed, config.rows)
    optimizer = adapter_optimizer(adapters, config, capturable=True)
    model.freeze()
    graphs = Graphs(record_graph)
    take_steps(graphs.learn, model, adapters, optimizer, val, config, scores, ranks)
    model.freeze(False)
    return scores.gather(ranks)


def record_graph(step: Callable[[], Tensor]) -> tuple[Callable[[], object], Tensor]:
    """Record a step; return what replays it and the tensor that its scores are found in afterwards.

    Recording runs the step a few times, so that libraries have chosen their kernels, and leaves adapters changed.
    """
    side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        nll_BS = step()
    return graph.replay, nll_BS


class Graphs:
    """Steps by window length, each recorded on zeros when first asked for, in tensors that stay where they are."""

    def __init__(self, record: Callable[[Callable[[], Tensor]], tuple[Callable[[], object], Tensor]]) -> None:
        self.record = record
        self.recorded: dict[int, tuple[Callable[[], object], WindowBatch, Tensor]] = {}

    def learn(
        self,
        model: GPT,
        adapters: DocumentAdapters,
        optimizer: torch.optim.Optimizer,
        batch: WindowBatch,
        config: LoraConfig,
        rows: int,
    ) -> Tensor:
        """Take the step of `score_and_learn`; its scores stand until the next step of this length."""
        length = batch.ids_BT.size(1)
        if length not in self.recorded:
            static = WindowBatch(
                torch.zeros_like(batch.ids_BT),
                torch.zeros_like(batch.targets_BS),
                torch.zeros_like(batch.index_BS),
                batch.first,
            )
            kept = kept_state(adapters, optimizer)
            replay, nll_BS = self.record(
                lambda: score_and_learn(model, adapters, optimizer, static, config, rows)
            )
            put_back(adapters, optimizer, kept)
            self.recorded[length] = replay, static, nll_BS
        replay, static, nll_BS = self.recorded[length]
        static.ids_BT.copy_(batch.ids_BT)
        static.targets_BS.copy_(batch.targets_BS)
        static.index_BS.copy_(batch.index_BS)
        replay()
        return nll_BS


def kept_state(adapters: DocumentAdapters, optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """Return copies of the adapters and, if they have taken a step, of their moments."""
    moments = optimizer.state.get(adapters.weights_BP, {})
    return [adapters.weights_BP.detach().clone(), *(moment.clone() for moment in moments.values())]


@torch.no_grad()
def put_back(adapters: DocumentAdapters, optimizer: torch.optim.Optimizer, kept: list[Tensor]) -> None:
    """Undo what recording changed, in place: graphs know tensors by where they are."""
    adapters.weights_BP.copy_(kept[0])
    moments = list(optimizer.state[adapters.weights_BP].values())
    for moment, before in zip(
        moments, kept[1:] or [torch.zeros_like(moment) for moment in moments], strict=True
    ):
        moment.copy_(before)
