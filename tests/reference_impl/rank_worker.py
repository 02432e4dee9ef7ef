"""One rank of a small run: `python -m tests.reference_impl.rank_worker OUT DATA`, in torchrun's environment.

Scores the tiny stream with every evaluator and takes a few training steps; rank 0 writes it all to OUT.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import torch

from reference_impl.config import TrainConfig
from reference_impl.demo import demo_settings
from reference_impl.dist import Ranks, start_ranks, stop_ranks
from reference_impl.scoring import Metric
from reference_impl.train import Observer, build_model, train
from tests.reference_impl.roster import COMPLIANT, evaluate
from tests.reference_impl.tiny import make_tiny_config, make_tiny_model, make_tiny_validation


def short_training(data: Path) -> TrainConfig:
    """Return six steps of eight shares."""
    base = demo_settings(data, 0).train
    return replace(base, iterations=6, batch_tokens=512, seq_len=16, shares_per_forward=2, log_every=1)


def compute(ranks: Ranks, data: Path) -> dict[str, torch.Tensor]:
    """Return per-token scores by evaluator, the losses and the trained weights."""
    val = make_tiny_validation()
    results = {name: evaluate(name, make_tiny_model(), val, ranks).nll_N for name in COMPLIANT}
    model = build_model(replace(make_tiny_config(), vocab_size=512), 0, ranks)
    trained = train(
        model,
        short_training(data),
        str(data),
        ranks,
        lambda line: None,
        lambda: Metric(val_loss=0.0, val_bpb=0.0),
        Observer(),
    )
    results["losses"] = torch.tensor(trained.losses)
    results["weights"] = torch.cat([param.detach().flatten() for param in model.parameters()])
    return results


def main() -> None:
    """Join the group, compute, write."""
    torch.set_num_threads(1)
    ranks = start_ranks()
    results = compute(ranks, Path(sys.argv[2]))
    if ranks.first:
        torch.save(results, sys.argv[1])
    stop_ranks(ranks)


if __name__ == "__main__":
    main()
