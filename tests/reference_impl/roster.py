"""All evaluators by name, for tests that hold for each of them."""

from __future__ import annotations

from reference_impl.evaluators.chunk_ttt import evaluate_chunk_ttt
from reference_impl.evaluators.document import evaluate_document
from reference_impl.evaluators.flat import evaluate_flat
from reference_impl.evaluators.lora_ttt import evaluate_lora_ttt
from reference_impl.evaluators.sliding import evaluate_sliding, evaluate_stride
from reference_impl.run import Evaluator
from reference_impl.violations.multi_epoch_lora_ttt import evaluate_multi_epoch_lora_ttt
from reference_impl.violations.prequant_ttt import evaluate_prequant_ttt
from reference_impl.violations.slot import evaluate_slot

COMPLIANT: dict[str, Evaluator] = {
    "flat": evaluate_flat,
    "document": evaluate_document,
    "sliding": evaluate_sliding,
    "stride": evaluate_stride,
    "lora_ttt": evaluate_lora_ttt,
    "chunk_ttt": evaluate_chunk_ttt,
}
VIOLATING: dict[str, Evaluator] = {
    "multi_epoch_lora_ttt": evaluate_multi_epoch_lora_ttt,
    "slot": evaluate_slot,
    "prequant_ttt": evaluate_prequant_ttt,
}
