"""VIOLATION: LoRA test-time training over several epochs, the last epoch's scores reported.

The adapters pass over the whole document several times, training on every chunk, and only the last pass is
reported. By then every reported token has been trained on: it is scored after an update made from it. (The
pattern of pull request 467; the compliant form is `evaluators/lora_ttt.py`, which scores in the first and
only pass.)
"""

from __future__ import annotations

from reference_impl.config import EvalConfig
from reference_impl.dist import Ranks
from reference_impl.lora import DocumentAdapters, adapter_optimizer, deal_batches
from reference_impl.model import GPT
from reference_impl.scoring import TokenScores, Validation, empty_scores, gather_windows
from reference_impl.windows import chunk_count, chunk_window


def evaluate_multi_epoch_lora_ttt(
    model: GPT, val: Validation, config: EvalConfig, ranks: Ranks
) -> TokenScores:
    """Score each chunk in the last epoch alone, after earlier epochs have trained on it."""
    scores = empty_scores(val)
    model.requires_grad_(False)
    groups = [[document] for document in val.documents]
    for group in deal_batches(groups, ranks.rank, ranks.world):
        adapters = DocumentAdapters(model, group, config.lora_rank, config.lora_seed)
        optimizer = adapter_optimizer(adapters, config.lora_lr, config.lora_beta1, config.lora_beta2)
        chunks = chunk_count(group[0], config.lora_chunk)
        for epoch in range(config.lora_epochs):
            for chunk in range(chunks):
                window = chunk_window(group[0], chunk, config.lora_chunk, config.lora_window)
                batch = gather_windows(val, [window], 1)
                nll_BS = model(batch.ids_BT, batch.targets_BS, batch.first, adapters.split(0, 1))
                if epoch == config.lora_epochs - 1:
                    scores.record(batch, nll_BS.detach())
                loss = nll_BS[batch.scored_BS].mean()
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
    model.requires_grad_(True)
    return scores.gather(ranks)
