"""VIOLATION: LoRA test-time training over several epochs, the last epoch's scores reported.

The adapters pass over the whole document several times, training on every chunk, and only the last pass is
reported. By then every reported token has been trained on: it is scored after an update made from it. (The
pattern of pull request 467; the compliant form is `evaluators/lora_ttt.py`, which scores in the first and
only pass.)
"""

from __future__ import annotations

from dataclasses import dataclass, field

from reference_impl.config import integer
from reference_impl.dist import Ranks
from reference_impl.lora import DocumentAdapters, LoraConfig, adapter_optimizer, deal_batches
from reference_impl.model import GPT
from reference_impl.scoring import TokenScores, Validation, empty_scores, gather_windows
from reference_impl.windows import chunk_count, chunk_window


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiEpochConfig:
    """Adapters, and how often a document is gone through."""

    lora: LoraConfig = field(default_factory=LoraConfig)
    epochs: int = field(default_factory=integer("TTT_LORA_EPOCHS", 5))

    @property
    def window(self) -> int:
        """The longest window."""
        return self.lora.window


def evaluate_multi_epoch_lora_ttt(
    model: GPT, val: Validation, config: MultiEpochConfig, ranks: Ranks
) -> TokenScores:
    """Score each chunk in the last epoch alone, after earlier epochs have trained on it."""
    scores = empty_scores(val)
    model.requires_grad_(False)
    groups = [[document] for document in val.documents]
    for group in deal_batches(groups, config.lora, ranks.rank, ranks.world):
        adapters = DocumentAdapters(model, group, config.lora.rank, config.lora.seed)
        optimizer = adapter_optimizer(adapters, config.lora)
        chunks = chunk_count(group[0], config.lora.chunk)
        for epoch in range(config.epochs):
            for chunk in range(chunks):
                window = chunk_window(group[0], chunk, config.lora.chunk, config.lora.window)
                batch = gather_windows(val, [window], 1)
                nll_BS = model(batch.ids_BT, batch.targets_BS, batch.first, adapters.split(0, 1))
                if epoch == config.epochs - 1:
                    scores.record(batch, nll_BS.detach())
                loss = nll_BS[batch.scored_BS].mean()
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
    model.requires_grad_(True)
    return scores.gather(ranks)
