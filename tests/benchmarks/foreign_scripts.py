"""The other side of the benchmark: the challenge's own scripts, read from a mirror and run in this process.

Only for a scratch process and a mirror you trust: this executes what it reads. Nothing of it is stored.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import types
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from reference_impl.lora import DocumentAdapters
from reference_impl.model import GPT
from reference_impl.scoring import Validation

LORA_SCRIPT = ("refs/pull/77/head", "records/track_10min_16mb/2026-03-17_LoRA_TTT/train_gpt.py")
SLIDING_SCRIPT = ("refs/pull/50/head", "records/track_10min_16mb/2026-03-19_SlidingWindowEval/train_gpt.py")
BASELINE_SCRIPT = ("refs/heads/main", "train_gpt.py")


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Model and stream of one case."""

    layers: int
    dim: int
    heads: int
    kv_heads: int
    vocab: int
    window: int
    chunk: int
    documents: int
    batch: int
    steps: int  # of training


def load_script(mirror: str, place: tuple[str, str], name: str) -> Any:
    """Run one script of the mirror as a module of this process (its main does not run)."""
    source = subprocess.run(
        ["git", f"--git-dir={mirror}", "show", f"{place[0]}:{place[1]}"], check=True, capture_output=True
    ).stdout
    module = types.ModuleType(name)
    module.__file__ = f"<{place[0]}:{place[1]}>"
    sys.modules[name] = module
    exec(compile(source, module.__file__, "exec"), module.__dict__)  # noqa: S102  a trusted mirror, see above
    return module


@contextlib.contextmanager
def foreign_mode() -> Iterator[None]:
    """Let the other scripts run on a CPU: no inference tensors in their caches, no autocast warnings."""
    kept = torch.inference_mode
    torch.inference_mode = torch.no_grad  # type: ignore[misc,assignment]
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.inference_mode = kept  # type: ignore[misc]


def foreign_model(module: Any, model: GPT, shape: Shape) -> Any:
    """Return the other script's model with the reference's weights."""
    config = model.config
    other = module.GPT(
        vocab_size=shape.vocab, num_layers=shape.layers, model_dim=shape.dim, num_heads=shape.heads,
        num_kv_heads=shape.kv_heads, mlp_mult=config.mlp_mult, tie_embeddings=True, tied_embed_init_std=0.005,
        logit_softcap=config.logit_softcap, rope_base=config.rope_base, qk_gain_init=config.qk_gain_init,
    )  # fmt: skip
    other.load_state_dict(model.state_dict(), strict=False)
    missing = set(dict(model.named_parameters())) - set(dict(other.named_parameters()))
    if missing:
        raise SystemExit(f"the two models differ in parameters: {sorted(missing)[:4]}")
    return other.to(model.tok_emb.weight.device)


def share_start(module: Any, model: GPT, val: Validation, shape: Shape, lora_rank: int, seed: int) -> None:
    """Hand the other evaluator the reference's down-projections, document by document.

    Its batches are slices of the documents in a stable order of chunk count; every batch begins with a
    reset or, the short last one, with a construction.
    """
    documents = sorted(val.documents, key=lambda document: (document.targets - 1) // shape.chunk)
    groups = [documents[i : i + shape.batch] for i in range(0, len(documents), shape.batch)]
    state = {"next": 0}
    cls = module.BatchedTTTLoRA
    construct = cls.__init__

    def fill(lora: Any) -> None:
        group = groups[state["next"]]
        state["next"] += 1
        start = DocumentAdapters(model, group, lora_rank, seed).split(0, len(group))
        with torch.no_grad():
            for layer, block in enumerate(start.blocks):
                q_down, v_down = block.down_B2RD.chunk(2, dim=1)
                lora.q_loras[layer].A.copy_(q_down)
                lora.v_loras[layer].A.copy_(v_down)
                lora.q_loras[layer].B.zero_()
                lora.v_loras[layer].B.zero_()
            lora.lm_head_lora.A.copy_(start.head.down_BRD)
            lora.lm_head_lora.B.zero_()

    def initialize(self: Any, rows: int, base: Any, rank: int) -> None:
        construct(self, rows, base, rank)
        # The first construction is for full batches and is reset before use.
        if state.get("constructed") and rows < shape.batch:
            fill(self)
        state["constructed"] = 1

    cls.__init__ = initialize
    cls.reset = fill
    module._restart = lambda: state.update({"next": 0, "constructed": 0})
