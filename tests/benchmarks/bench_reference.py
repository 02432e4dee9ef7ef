"""Measure the reference against the scripts it re-implements: same weights, same tokens, same process.

    python -m tests.benchmarks.bench_reference --mirror GIT_DIR [--case lora_toy ...] [--repeat 3] [--json
    FILE]

GIT_DIR is a bare mirror of openai/parameter-golf with its pull requests (refs/pull/N/head). The other
side's scripts are read from it when measuring and run in this process, never stored: start it in a scratch
process only, on a mirror you trust. On a GPU the same command also gives peak memory and the share of the
device's peak FLOP/s.

Every case first checks that both sides compute the same number, then times them in turn, and takes the
minimum. Differences of definition: the other LoRA evaluator draws its start from one generator by batch
position (here it is handed the reference's start), and skips tokens before the first BOS; the other sliding
window scores the last `stride` tokens once per remaining window (the reference once; the comparison adds
those windows and the ratio is per scored window).

Weights are trained for some steps on the embedded text, what is scored are its held-out documents with their real
lengths, and both LoRA evaluators read shards and find documents inside the clock. Compilation is timed apart.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sentencepiece
import torch

from reference_impl.bpb import build_byte_table
from reference_impl.config import ModelConfig, TrainConfig, WindowConfig
from reference_impl.corpus_text import read_documents, write_data_set
from reference_impl.data import find_documents, load_validation_tokens, read_shard, write_shard
from reference_impl.dist import Ranks
from reference_impl.evaluators.lora_ttt import evaluate_lora_ttt
from reference_impl.evaluators.sliding import evaluate_sliding
from reference_impl.lora import LoraConfig
from reference_impl.model import GPT
from reference_impl.muon import orthogonalize
from reference_impl.run import compile_blocks
from reference_impl.scoring import (
    Metric,
    Validation,
    empty_scores,
    make_practice,
    make_validation,
    score_windows,
    summarize,
)
from reference_impl.train import Observer, build_model, build_optimizers, train, train_step
from reference_impl.windows import Window, chunk_count, chunk_window
from tests.benchmarks.foreign_scripts import (
    BASELINE_SCRIPT,
    LORA_SCRIPT,
    SLIDING_SCRIPT,
    Shape,
    foreign_mode,
    foreign_model,
    load_script,
    share_start,
)

BPB_TOLERANCE = 1e-6
GPU_TOLERANCE = 5e-3  # both sides compute in bfloat16, with different kernels
GPU_PEAK_FLOPS = {"H100": 989e12, "H200": 989e12, "A100": 312e12}  # dense bf16, vendor data sheets


TOY = Shape(
    layers=3, dim=128, heads=4, kv_heads=2, vocab=512, window=256, chunk=64, documents=64, batch=16, steps=100,
)  # fmt: skip
FULL = Shape(
    layers=9, dim=512, heads=8, kv_heads=4, vocab=1024, window=1024, chunk=256, documents=64, batch=64, steps=6,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Case:
    """A trained model, and a folder with the shards and the tokenizer that both sides read for themselves."""

    model: GPT
    folder: Path
    tokenizer: sentencepiece.SentencePieceProcessor

    def validation(self, ranks: Ranks) -> Validation:
        """Read the shards and find the documents, as the reference does."""
        return make_validation(
            load_validation_tokens(str(self.folder)), build_byte_table(self.tokenizer), ranks.device
        )

    def luts(self, module: Any, shape: Shape, ranks: Ranks) -> Any:
        """Return the other side's byte tables."""
        return module.build_sentencepiece_luts(self.tokenizer, shape.vocab, ranks.device)


def make_case(shape: Shape, ranks: Ranks, folder: Path, compiled: bool = True) -> Case:
    """Train a model for some steps on the embedded text and keep the first held-out documents to score.

    Lengths are those of the text: from a few tokens to many windows.
    """
    data = write_data_set(read_documents(), folder, shape.vocab)
    val = folder / "corpus_val_000000.bin"
    tokens_N = read_shard(val)
    ends = [document.start for document in find_documents(torch.from_numpy(tokens_N.astype("int64")))]
    write_shard(val, tokens_N[: ends[shape.documents]] if shape.documents < len(ends) else tokens_N)
    model_config = ModelConfig(
        layers=shape.layers, dim=shape.dim, heads=shape.heads, kv_heads=shape.kv_heads, vocab_size=shape.vocab
    )
    config = TrainConfig(
        seed=0, iterations=shape.steps, warmdown_iters=shape.steps // 3, batch_tokens=4 * shape.window, shares=1,
        seq_len=shape.window, max_wallclock_s=0.0, val_loss_every=0, log_every=0, muon_dtype="float32",
        muon_momentum_warmup_steps=20,
    )  # fmt: skip
    model = build_model(model_config, 0, ranks)
    nothing = Metric(val_loss=0.0, val_bpb=0.0)
    train(model, config, str(folder), ranks, lambda line: None, lambda: nothing, Observer())
    model.zero_grad()
    if ranks.device.type == "cuda" and compiled:
        compile_blocks(model)
    tokenizer = sentencepiece.SentencePieceProcessor(model_file=str(data.tokenizer_path))
    return Case(model=model, folder=folder, tokenizer=tokenizer)


def interleave(
    repeat: int, ours: Callable[[], Any], other: Callable[[], Any], ranks: Ranks
) -> tuple[float, float]:
    """Time both sides in turn and return the best seconds of each."""
    best = [math.inf, math.inf]
    for _ in range(repeat):
        for side, action in enumerate((ours, other)):
            ranks.synchronize()
            begin = time.perf_counter()
            action()
            ranks.synchronize()
            best[side] = min(best[side], time.perf_counter() - begin)
    return best[0], best[1]


def bench_lora(
    mirror: str, name: str, shape: Shape, repeat: int, ranks: Ranks, folder: Path
) -> dict[str, Any]:
    """LoRA test-time training against pull request 77's own evaluator; both read the shards inside the clock."""
    module = load_script(mirror, LORA_SCRIPT, "foreign_lora")
    case = make_case(shape, ranks, folder)
    other = foreign_model(module, case.model, shape)
    config = LoraConfig(chunk=shape.chunk, window=shape.window, rows=shape.batch)
    val = case.validation(ranks)
    share_start(module, case.model, val, shape, config.rank, config.seed)
    args = module.Hyperparameters()
    args.val_files = f"{folder}/*_val_*.bin"
    args.ttt_chunk_size, args.ttt_eval_seq_len = shape.chunk, shape.window
    args.ttt_batch_size, args.ttt_lora_rank, args.ttt_lora_lr = shape.batch, config.rank, config.lr
    args.beta1, args.beta2 = config.beta1, config.beta2

    def theirs() -> float:
        module._restart()
        with foreign_mode():
            luts = case.luts(module, shape, ranks)
            bpb: float = module.eval_val_ttt_lora(args, other, 0, 1, ranks.device, *luts)[1]
        return bpb

    def ours() -> float:
        stream = case.validation(ranks)
        return summarize(evaluate_lora_ttt(case.model, stream, config, ranks), stream).val_bpb

    compile_s = 0.0
    if ranks.device.type == "cuda":
        begin = time.perf_counter()
        evaluate_lora_ttt(case.model, make_practice(shape.window, val.pad, ranks.device), config, ranks)
        ranks.synchronize()
        compile_s = time.perf_counter() - begin
    difference = abs(ours() - theirs())
    ours_s, theirs_s = interleave(repeat, ours, theirs, ranks)
    forward_tokens = 0
    for document in val.documents:
        chunks = chunk_count(document, shape.chunk)
        for chunk in range(chunks):
            # The base is frozen: going back costs about one forward pass.
            passes = 2 if chunk < chunks - 1 else 1
            forward_tokens += passes * chunk_window(document, chunk, shape.chunk, shape.window).length
    extra = {
        "tokens": val.targets, "documents": len(val.documents), "forward_tokens": forward_tokens,
        "compile_s": round(compile_s, 1),
    }  # fmt: skip
    return report(name, difference, ours_s, theirs_s, extra)


def bench_sliding(
    mirror: str, name: str, shape: Shape, stride: int, targets: int, repeat: int, ranks: Ranks, folder: Path
) -> dict[str, Any]:
    """The flat sliding window against pull request 50's evaluator, per scored window; both are handed the stream."""
    module = load_script(mirror, SLIDING_SCRIPT, "foreign_sliding")
    case = make_case(shape, ranks, folder)
    shard = folder / "corpus_val_000000.bin"
    write_shard(shard, read_shard(shard)[: targets + 1])
    val = case.validation(ranks)
    model, luts = case.model, case.luts(module, shape, ranks)
    other = foreign_model(module, model, shape)
    config = WindowConfig(window=shape.window, stride=stride, rows=32)
    args = module.Hyperparameters()
    args.train_seq_len = shape.window

    def theirs() -> tuple[float, float]:
        with foreign_mode():
            result: tuple[float, float] = module.eval_val_sliding(
                args, other, 0, 1, ranks.device, val.tokens_N, *luts, stride
            )
        return result

    def ours() -> torch.Tensor:
        return evaluate_sliding(model, val, config, ranks).nll_N

    # The other's sum: ours, and the tail windows it scores on top.
    once = ours().double().sum().item()
    tail = [
        Window(start, val.targets - start, val.targets - start - stride)
        for start in range(0, val.targets, stride)
        if start + shape.window > val.targets and val.targets - start >= stride and start > 0
    ]
    repeated = 0.0
    for window in tail:
        scores = empty_scores(val)
        score_windows(model, val, [window], 1, scores, ranks)
        repeated += scores.nll_N.double().sum().item()
    theirs_nats = theirs()[0] * (val.targets + stride * len(tail))
    difference = abs(once + repeated - theirs_nats) / math.log(2) / val.targets
    ours_s, theirs_s = interleave(repeat, ours, theirs, ranks)
    windows = math.ceil((val.targets - shape.window) / stride) + 1
    extra = {"tokens": val.targets, "windows": windows, "other_windows": windows + len(tail)}
    extra["forward_tokens"] = windows * shape.window
    result = report(name, difference, ours_s, theirs_s, extra)
    result["ratio_per_window"] = round(theirs_s / (windows + len(tail)) * windows / ours_s, 3)
    return result


def bench_step(
    mirror: str, name: str, shape: Shape, rows: int, repeat: int, ranks: Ranks, folder: Path
) -> dict[str, Any]:
    """One training step (forward, backward, optimisers) against the baseline's, from the same weights."""
    module = load_script(mirror, BASELINE_SCRIPT, "foreign_baseline")
    case = make_case(shape, ranks, folder, compiled=False)
    model, val = case.model, case.validation(ranks)
    other = foreign_model(module, model, shape)
    config = TrainConfig(
        batch_tokens=rows * shape.window, seq_len=shape.window, shares=1, shares_per_forward=1
    )
    span = val.tokens_N[: rows * shape.window + 1].to(ranks.device)
    x, y = span[:-1].view(rows, -1), span[1:].view(rows, -1)
    optimizers: list[Any] = list(build_optimizers(model, config, ranks))

    blocks = list(other.blocks.named_parameters())
    control = module.CONTROL_TENSOR_NAME_PATTERNS
    matrices = [p for n, p in blocks if p.ndim == 2 and not any(c in n for c in control)]
    scalars = [p for n, p in blocks if p.ndim < 2 or any(c in n for c in control)] + [other.skip_weights]
    adam = {"betas": (config.adam_beta1, config.adam_beta2), "eps": config.adam_eps, "fused": True}
    theirs_opt: list[Any] = [
        torch.optim.Adam([other.tok_emb.weight], lr=config.embed_lr, **adam),
        module.Muon(matrices, lr=config.matrix_lr, momentum=config.muon_momentum_start,
        backend_steps=config.muon_steps), torch.optim.Adam(scalars, lr=config.scalar_lr, **adam),
    ]  # fmt: skip

    if ranks.device.type == "cuda":
        model.compile(dynamic=False, fullgraph=True)
        optimizers[1].orthogonalize = torch.compile(orthogonalize)
        module.zeropower_via_newtonschulz5 = torch.compile(module.zeropower_via_newtonschulz5)
        other = torch.compile(other, dynamic=False, fullgraph=True)

    def theirs() -> torch.Tensor:
        for optimizer in theirs_opt:
            optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cuda", torch.bfloat16, enabled=ranks.device.type == "cuda"):
            loss = other(x, y)
        loss.backward()
        for optimizer in theirs_opt:
            optimizer.step()
        return loss.detach()

    def ours() -> torch.Tensor:
        return train_step(
            model, optimizers, [(x, y)], config, ranks, scale=1.0, momentum=config.muon_momentum_start
        )

    first = abs(float(ours()) - float(theirs())) / math.log(2)
    # bf16 Newton-Schulz rounds differently when matrices are stacked: one step on, losses agree less closely.
    after_step = abs(float(ours()) - float(theirs())) / math.log(2)
    ours_s, theirs_s = interleave(max(repeat, 3), ours, theirs, ranks)
    tokens = rows * shape.window
    extra = {"tokens": tokens, "forward_tokens": 3 * tokens, "difference_after_step": after_step}
    return report(name, first, ours_s, theirs_s, extra)


def report(
    name: str, difference: float, ours_s: float, theirs_s: float, extra: dict[str, Any]
) -> dict[str, Any]:
    """Return one case's record."""
    tolerance = GPU_TOLERANCE if torch.cuda.is_available() else BPB_TOLERANCE
    if difference > tolerance:
        print(f"{name}: the two sides differ by {difference:.3g} bit", file=sys.stderr)
    return {
        "case": name, "difference_bpb": difference, "equal": difference <= tolerance, "reference_s":
        round(ours_s, 4), "other_s": round(theirs_s, 4), "ratio": round(theirs_s / ours_s, 3),
        "reference_tokens_per_s": round(extra["tokens"] / ours_s, 1), **extra,
    }  # fmt: skip


CASES: dict[str, Callable[[str, int, Ranks, Path], dict[str, Any]]] = {
    "lora_toy": lambda mirror, *rest: bench_lora(mirror, "lora_toy", TOY, *rest),
    "lora_full": lambda mirror, *rest: bench_lora(mirror, "lora_full", FULL, *rest),
    "sliding_toy": lambda mirror, *rest: bench_sliding(mirror, "sliding_toy", TOY, 16, 6000, *rest),
    "sliding_full": lambda mirror, *rest: bench_sliding(mirror, "sliding_full", FULL, 128, 3072, *rest),
    "step_toy": lambda mirror, *rest: bench_step(mirror, "step_toy", TOY, 8, *rest),
    "step_full": lambda mirror, *rest: bench_step(mirror, "step_full", FULL, 1, *rest),
}


def model_flops(shape: Shape, tokens: int) -> float:
    """Return the FLOPs of one forward pass over `tokens` tokens, with attention over the full window."""
    kv = shape.dim * shape.kv_heads // shape.heads
    matrices = shape.layers * (2 * shape.dim * shape.dim + 2 * shape.dim * kv + 4 * shape.dim * shape.dim)
    return 2.0 * tokens * (matrices + shape.dim * shape.vocab + shape.layers * shape.dim * shape.window)


def main() -> int:
    """Run the chosen cases and print one line each; exit 1 if the two sides disagree anywhere."""
    parser = argparse.ArgumentParser(description="reference against the scripts it re-implements")
    parser.add_argument("--mirror", required=True, help="bare git mirror of openai/parameter-golf")
    parser.add_argument("--case", action="append", choices=sorted(CASES), help="repeatable; default: all")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", help="write the records here")
    options = parser.parse_args()
    if torch.cuda.is_available():
        ranks = Ranks(device=torch.device("cuda", 0))
        device = torch.cuda.get_device_name(0)
    else:
        torch.set_num_threads(1)
        ranks, device = Ranks(), "cpu, 1 thread"
    print(f"torch {torch.__version__}, {device}", file=sys.stderr)
    records = []
    for case in options.case or list(CASES):
        if ranks.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats()
        with tempfile.TemporaryDirectory() as folder:
            record = CASES[case](options.mirror, options.repeat, ranks, Path(folder))
        if ranks.device.type == "cuda":
            record["peak_memory_mib"] = torch.cuda.max_memory_allocated() // 2**20
            shape = FULL if case.endswith("full") else TOY
            peak = next((flops for gpu, flops in GPU_PEAK_FLOPS.items() if gpu in device), None)
            if peak is not None:
                flops = model_flops(shape, record["forward_tokens"])
                record["share_of_peak"] = round(flops / record["reference_s"] / peak, 4)
        records.append(record)
        print(json.dumps(record), flush=True)
    if options.json:
        Path(options.json).write_text(
            json.dumps({"device": device, "torch": torch.__version__, "cases": records}, indent=1)
        )
    return 0 if all(record["equal"] for record in records) else 1


if __name__ == "__main__":
    raise SystemExit(main())
