"""Which evaluators there are: where each is defined, how its result is logged, and what a table calls it."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

PACKAGE = "reference_impl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What a script claims: an evaluator with its configuration, and what is done to the model before export."""

    module: str
    function: str
    config: str
    label: str
    adapt: str | None = None

    def load(self) -> tuple[Callable[..., Any], Callable[[], Any]]:
        """Import the evaluator and the class of its configuration (needs torch)."""
        module = importlib.import_module(f"{PACKAGE}.{self.module}")
        return getattr(module, self.function), getattr(module, self.config)


def compliant(name: str, config: str, label: str | None = None) -> Evaluation:
    """Return the evaluator of `evaluators/<name>.py`."""
    return Evaluation(
        module=f"evaluators.{name}",
        function=f"evaluate_{name}",
        config=config,
        label=label or f"final_{name}",
    )


EVALUATIONS = {
    "flat": compliant("flat", "WindowConfig"),
    "document": compliant("document", "WindowConfig"),
    "sliding": compliant("sliding", "WindowConfig", "final_sliding_window"),
    "stride": compliant("stride", "LoraConfig"),
    "lora_ttt": compliant("lora_ttt", "LoraConfig"),
    "lora_ttt_fixed": compliant("lora_ttt_fixed", "LoraConfig"),
    "chunk_ttt": compliant("chunk_ttt", "ChunkConfig"),
    "phased_ttt": compliant("phased_ttt", "PhasedConfig"),
}
GPU_ONLY = {"lora_ttt_graphs": compliant("lora_ttt_graphs", "LoraConfig")}
COMPLIANT = {**EVALUATIONS, **GPU_ONLY}
VIOLATIONS = {
    "multi_epoch_lora_ttt": Evaluation(
        module="violations.multi_epoch_lora_ttt",
        function="evaluate_multi_epoch_lora_ttt",
        config="MultiEpochConfig",
        label="final_multi_epoch_lora_ttt",
    ),
    "slot": Evaluation(
        module="violations.slot", function="evaluate_slot", config="SlotConfig", label="final_slot"
    ),
    "prequant_ttt": Evaluation(
        module="violations.prequant_ttt",
        function="evaluate_flat",
        config="WindowConfig",
        label="final_prequant_ttt",
        adapt="adapt_to_validation",
    ),
}
