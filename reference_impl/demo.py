"""The demonstration: train on the embedded text, score one model with every evaluator, and show the ablation.

The rows and their order are those of pull request 77's table: flat stream, document-isolated, with stride,
with LoRA adaptation. At this size the model is undertrained, so test-time training gains far more than on
FineWeb; the order is what carries over.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import torch

from reference_impl.config import Settings
from reference_impl.corpus_text import build_data_set
from reference_impl.dist import Ranks
from reference_impl.reproduce import make_plan, of_seed, reproduce
from reference_impl.roster import EVALUATIONS
from reference_impl.settings import read_settings
from reference_impl.train import Observer

PINNED_SEEDS = (0, 1, 2)
VOCAB_SIZE = 512
OTHERS = ("sliding", "chunk_ttt")
ROW_NAMES = {
    "flat": "flat stream",
    "document": "+ document-isolated",
    "stride": "+ stride (chunk 32)",
    "lora_ttt": "+ LoRA TTT",
}


def demo_environment(data: Path) -> dict[str, str]:
    """Return the variables of a run small enough for one CPU core: 2 layers of width 128, windows of 128."""
    return {
        "DATA_PATH": str(data),
        "TOKENIZER_PATH": str(data / f"corpus_{VOCAB_SIZE}_bpe.model"),
        "VOCAB_SIZE": str(VOCAB_SIZE),
        "NUM_LAYERS": "2",
        "MODEL_DIM": "128",
        "NUM_HEADS": "4",
        "NUM_KV_HEADS": "2",
        "ITERATIONS": "900",
        "WARMDOWN_ITERS": "300",
        "TRAIN_BATCH_TOKENS": "1024",
        "TRAIN_SEQ_LEN": "128",
        "TRAIN_SHARES_PER_FORWARD": "8",
        "MAX_WALLCLOCK_SECONDS": "0",
        "MUON_MOMENTUM_WARMUP_STEPS": "100",
        "MUON_DTYPE": "float32",
        "VAL_LOSS_EVERY": "0",
        "TRAIN_LOG_EVERY": "100",
        "EVAL_STRIDE": "32",
        "TTT_CHUNK_SIZE": "32",
        "TTT_BATCH_SIZE": "32",
        "TTT_CHUNK_TOKENS": "2048",
        "TTT_BATCH_SEQS": "16",
        "TTT_LR": "0.01",
        "COMPILE": "0",
    }


def demo_settings(folder: Path, seed: int) -> Settings:
    """Return the demo's settings for one seed; logs and artifacts go to `folder`, where the data is."""
    return of_seed(read_settings(demo_environment(folder))[0], folder, seed)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoResult:
    """Bits per byte by evaluator and seed, and how long it all took."""

    bpb_by_seed: dict[int, dict[str, float]]
    wall_s: float

    def average(self, name: str) -> float:
        """Return one evaluator's mean over the seeds."""
        return mean(row[name] for row in self.bpb_by_seed.values())

    @property
    def ablation(self) -> dict[str, float]:
        """The four rows of the table, averaged over the seeds."""
        return {name: self.average(name) for name in ROW_NAMES}

    def order_errors(self) -> list[str]:
        """Say where the order fails: LoRA < stride < document on every seed, document <= flat on average."""
        errors = []
        for seed, row in self.bpb_by_seed.items():
            for better, worse in (("stride", "document"), ("lora_ttt", "stride")):
                if not row[better] < row[worse]:
                    errors.append(
                        f"seed {seed}: {better} {row[better]:.4f} is not below {worse} {row[worse]:.4f}"
                    )
        if not self.average("document") <= self.average("flat"):
            errors.append(f"on average document {self.average('document'):.4f} is above flat")
        return errors

    def as_json(self) -> dict[str, object]:
        """Return the result as plain data."""
        return {
            "ablation": self.ablation,
            "others": {name: self.average(name) for name in OTHERS},
            "seeds": {str(seed): row for seed, row in self.bpb_by_seed.items()},
            "order_errors": self.order_errors(),
            "wall_s": round(self.wall_s, 1),
        }

    def table(self) -> str:
        """Return the ablation as a Markdown table."""
        seeds = list(self.bpb_by_seed)
        lines = [
            "| Condition | " + " | ".join(f"seed {seed}" for seed in seeds) + " | mean bpb | Delta bpb |",
            "| --- " * (len(seeds) + 3) + "|",
        ]
        for name, title in ROW_NAMES.items():
            row = " | ".join(f"{self.bpb_by_seed[seed][name]:.4f}" for seed in seeds)
            delta = self.average(name) - self.average("flat")
            lines.append(f"| {title} | {row} | {self.average(name):.4f} | {delta:+.4f} |")
        return "\n".join(lines)


def read_result(path: Path) -> DemoResult:
    """Read back what `as_json` wrote."""
    record = json.loads(path.read_text(encoding="utf-8"))
    rows = {int(seed): row for seed, row in record["seeds"].items()}
    return DemoResult(bpb_by_seed=rows, wall_s=record["wall_s"])


def run_demo(
    folder: Path,
    seeds: tuple[int, ...] = PINNED_SEEDS,
    on_step: Callable[[int], Observer] = lambda seed: Observer(),
) -> DemoResult:
    """Build the data set in `folder`, train one model per seed and score it with every evaluator."""
    clock = time.perf_counter()
    # Sums in one order: the same numbers however many cores there are; and no spinning.
    torch.set_num_threads(1)
    build_data_set(folder, VOCAB_SIZE)
    names = [*ROW_NAMES, *OTHERS]
    settings, *configs = read_settings(
        demo_environment(folder), *(EVALUATIONS[name].load()[1] for name in names)
    )
    plan = make_plan(dict(zip(names, configs, strict=True)))
    result = reproduce(settings, plan, list(seeds), folder, Ranks(), 0, on_step=on_step)
    rows = {
        seed: {name: score.metric.val_bpb for name, score in one.scores.items()}
        for seed, one in result.seeds.items()
    }
    return DemoResult(bpb_by_seed=rows, wall_s=time.perf_counter() - clock)
