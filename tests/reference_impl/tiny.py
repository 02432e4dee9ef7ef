"""Tiny inputs shared by the reference's tests, importable from spawned ranks too."""

from __future__ import annotations

import torch

from reference_impl.bpb import ByteTable
from reference_impl.config import ModelConfig, WindowConfig
from reference_impl.model import GPT
from reference_impl.scoring import Validation, make_validation

VOCAB = 24
DOCUMENT_TARGETS = (9, 1, 4, 37, 16, 2, 17, 8, 23)  # window 16, chunk 4


def make_tiny_config() -> ModelConfig:
    """Return the tiny model's shape."""
    return ModelConfig(vocab_size=VOCAB, layers=3, dim=16, heads=4, kv_heads=2)


def make_tiny_model(seed: int = 0) -> GPT:
    """Return a model whose weights are all drawn at random."""
    torch.manual_seed(seed)
    model = GPT(make_tiny_config())
    with torch.no_grad():
        for param in model.parameters():
            param.copy_(
                torch.randn_like(param) * 0.4 if param.ndim == 2 else 1 + 0.2 * torch.randn_like(param)
            )
    return model


def make_tiny_tokens(seed: int = 0) -> torch.Tensor:
    """Return a stream of documents with DOCUMENT_TARGETS targets each; ids 4.. are text, 1 is BOS."""
    generator = torch.Generator().manual_seed(seed)
    parts = []
    for targets in DOCUMENT_TARGETS:
        parts.append(torch.tensor([1]))
        parts.append(torch.randint(4, VOCAB, (targets - 1,), generator=generator))
    parts.append(torch.randint(4, VOCAB, (1,), generator=generator))  # the last document has no BOS after it
    return torch.cat(parts)


def make_tiny_table() -> ByteTable:
    """Return byte counts that differ between tokens, with specials 0..3."""
    own = torch.arange(VOCAB) % 5 + 1
    own[:4] = 0
    opens = torch.arange(VOCAB) % 3 == 0
    opens[:4] = False
    return ByteTable(own, opens, torch.arange(VOCAB) < 4)


def make_tiny_validation(tokens_N: torch.Tensor | None = None) -> Validation:
    """Return the tiny stream, or another one, ready to be scored."""
    tokens_N = make_tiny_tokens() if tokens_N is None else tokens_N
    return make_validation(tokens_N, make_tiny_table(), torch.device("cpu"))


def make_tiny_windows() -> WindowConfig:
    """Return windows of 16 with a stride of 4, five at a time."""
    return WindowConfig(window=16, stride=4, rows=5)
