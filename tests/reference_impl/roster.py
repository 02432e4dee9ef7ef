"""All evaluators by name, for tests that hold for each of them, and how to call one on a tiny stream."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from reference_impl.dist import Ranks
from reference_impl.evaluators.chunk_ttt import ChunkConfig
from reference_impl.evaluators.phased_ttt import PhasedConfig
from reference_impl.lora import LoraConfig
from reference_impl.model import GPT
from reference_impl.roster import EVALUATIONS, VIOLATIONS
from reference_impl.run import Evaluator
from reference_impl.scoring import TokenScores, Validation
from reference_impl.violations.multi_epoch_lora_ttt import MultiEpochConfig
from reference_impl.violations.prequant_ttt import PrequantConfig, evaluate_prequant_ttt
from reference_impl.violations.slot import SlotConfig
from tests.reference_impl.tiny import make_tiny_windows

COMPLIANT: dict[str, Evaluator] = {name: entry.load()[0] for name, entry in EVALUATIONS.items()}
VIOLATING: dict[str, Evaluator] = {
    **{name: entry.load()[0] for name, entry in VIOLATIONS.items()},
    # By itself: training before the export, the export, and the scoring after it.
    "prequant_ttt": evaluate_prequant_ttt,
}

LORA = {"rank": 2, "lr": 0.05, "chunk": 4, "window": 16, "rows": 4}
CHUNK = {"chunk": 32, "epochs": 2, "lr": 0.05, "step_rows": 2}
CONFIGS: dict[str, Any] = {
    **dict.fromkeys(("flat", "document", "sliding"), make_tiny_windows()),
    "stride": LoraConfig(**LORA),
    "lora_ttt": LoraConfig(**LORA),
    "lora_ttt_fixed": LoraConfig(**LORA),
    "chunk_ttt": ChunkConfig(windows=make_tiny_windows(), **CHUNK),
    "phased_ttt": PhasedConfig(
        lora=LoraConfig(**LORA), weights=ChunkConfig(windows=make_tiny_windows(), **CHUNK), phase=48
    ),
    "multi_epoch_lora_ttt": MultiEpochConfig(lora=LoraConfig(**LORA), epochs=3),
    "slot": SlotConfig(windows=make_tiny_windows(), iterations=10),
    "prequant_ttt": PrequantConfig(windows=make_tiny_windows(), epochs=2, lr=0.02),
}
"""Settings in which every evaluator crosses every kind of boundary on the tiny stream."""


def is_own(config: Any, key: str) -> bool:
    """Whether a configuration has a field of this name itself."""
    return key in {field.name for field in fields(config)}


def evaluate(
    name: str, model: GPT, val: Validation, ranks: Ranks | None = None, **changes: Any
) -> TokenScores:
    """Score `val` with the evaluator called `name`, its tiny configuration changed as said."""
    config = CONFIGS[name]
    for part in ("windows", "lora"):  # what a configuration is made of is changed where it stands
        if hasattr(config, part):
            inner = getattr(config, part)
            own = {
                key: changes.pop(key)
                for key in list(changes)
                if hasattr(inner, key) and not is_own(config, key)
            }
            config = replace(config, **{part: replace(inner, **own)})
    config = replace(config, **changes)
    return {**COMPLIANT, **VIOLATING}[name](model, val, config, ranks or Ranks())
