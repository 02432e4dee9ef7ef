"""The demonstration: train on the embedded text, score one model with every evaluator, and show the ablation.

The rows and their order are those of pull request 77's table: flat stream, document-isolated, with stride,
with LoRA adaptation. At this size the model is undertrained, so test-time training gains far more than on
FineWeb; the order is what carries over.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean

from reference_impl.config import Settings, read_settings
from reference_impl.corpus_text import build_data_set
from reference_impl.dist import Ranks
from reference_impl.evaluators.chunk_ttt import evaluate_chunk_ttt
from reference_impl.evaluators.document import evaluate_document
from reference_impl.evaluators.flat import evaluate_flat
from reference_impl.evaluators.lora_ttt import evaluate_lora_ttt
from reference_impl.evaluators.sliding import evaluate_sliding, evaluate_stride
from reference_impl.run import Evaluator, run
from reference_impl.scoring import summarize

PINNED_SEEDS = (0, 1, 2)
ABLATION: dict[str, Evaluator] = {
    "flat": evaluate_flat,
    "document": evaluate_document,
    "stride": evaluate_stride,
    "lora_ttt": evaluate_lora_ttt,
}
OTHERS: dict[str, Evaluator] = {"sliding": evaluate_sliding, "chunk_ttt": evaluate_chunk_ttt}
ROW_NAMES = {
    "flat": "flat stream",
    "document": "+ document-isolated",
    "stride": "+ stride (chunk 32)",
    "lora_ttt": "+ LoRA TTT",
}


def demo_settings(folder: Path, seed: int) -> Settings:
    """Return settings small enough for one CPU core: 2 layers of width 128, 512 pieces, windows of 128."""
    base = read_settings()
    return replace(
        base,
        data_path=str(folder),
        tokenizer_path=str(folder / "corpus_512_bpe.model"),
        run_id=f"demo_seed{seed}",
        log_path=str(folder / f"demo_seed{seed}.log"),
        artifact_path=str(folder / f"demo_seed{seed}.artifact"),
        compile="0",
        model=replace(base.model, vocab_size=512, layers=2, dim=128, heads=4, kv_heads=2),
        train=replace(
            base.train,
            seed=seed,
            iterations=900,
            warmdown_iters=300,
            batch_tokens=1024,
            seq_len=128,
            shares_per_forward=8,
            max_wallclock_s=0.0,
            muon_momentum_warmup_steps=100,
            muon_dtype="float32",
            val_loss_every=0,
            log_every=100,
            checkpoint_every=0,
        ),
        evaluation=replace(
            base.evaluation,
            window=128,
            stride=32,
            lora_window=128,
            lora_chunk=32,
            lora_batch=32,
            chunk_tokens=2048,
            chunk_rows=16,
            chunk_lr=0.01,
        ),
    )


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
        return {name: self.average(name) for name in ABLATION}

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


def run_demo(
    folder: Path,
    seeds: tuple[int, ...] = PINNED_SEEDS,
    on_step: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> DemoResult:
    """Build the data set in `folder`, train one model per seed and score it with every evaluator."""
    clock = time.perf_counter()
    build_data_set(folder, 512)
    rows: dict[int, dict[str, float]] = {}
    for seed in seeds:
        settings = demo_settings(folder, seed)

        def told(done: int, total: int, seed: int = seed) -> None:
            on_step(f"training, seed {seed}", done, total)

        result = run(settings, Ranks(), 0, evaluate_flat, "final_flat", on_step=told)
        rows[seed] = {"flat": result.metric.val_bpb}
        evaluators = {**ABLATION, **OTHERS}
        for done, (name, evaluate) in enumerate(evaluators.items()):
            on_step(f"scoring, seed {seed}", done, len(evaluators))
            if name not in rows[seed]:
                scores = evaluate(result.model, result.val, settings.evaluation, Ranks())
                rows[seed][name] = summarize(scores, result.val).val_bpb
    return DemoResult(bpb_by_seed=rows, wall_s=time.perf_counter() - clock)
