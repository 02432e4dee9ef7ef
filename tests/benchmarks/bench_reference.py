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
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from reference_impl.bpb import ByteTable
from reference_impl.config import read_settings
from reference_impl.data import BOS_ID, write_shard
from reference_impl.dist import Ranks
from reference_impl.evaluators.lora_ttt import evaluate_lora_ttt
from reference_impl.evaluators.sliding import evaluate_sliding
from reference_impl.model import GPT
from reference_impl.muon import orthogonalize
from reference_impl.run import compile_blocks
from reference_impl.scoring import Validation, empty_scores, make_validation, score_windows, summarize
from reference_impl.train import build_optimizers, train_step
from reference_impl.windows import Window, chunk_count, chunk_window
from tests.benchmarks.foreign_scripts import (
    BASELINE_SCRIPT,
    LORA_SCRIPT,
    SLIDING_SCRIPT,
    Shape,
    foreign_luts,
    foreign_mode,
    foreign_model,
    load_script,
    share_start,
)

BPB_TOLERANCE = 1e-6
GPU_TOLERANCE = 5e-3  # both sides compute in bfloat16, with different kernels
GPU_PEAK_FLOPS = {"H100": 989e12, "H200": 989e12, "A100": 312e12}  # dense bf16, vendor data sheets


TOY = Shape(
    layers=3, dim=128, heads=4, kv_heads=2, vocab=512, window=256, chunk=64, documents=30, mean_targets=330,
    sigma=1.0, batch=16,
)  # fmt: skip
FULL = Shape(
    layers=9, dim=512, heads=8, kv_heads=4, vocab=1024, window=1024, chunk=256, documents=6,
    mean_targets=1240, sigma=1.0, batch=6,
)  # fmt: skip


def make_case(
    shape: Shape, seed: int, ranks: Ranks, compiled: bool = True
) -> tuple[GPT, Validation, np.ndarray]:
    """Return a model with live weights and a stream of long-tailed documents of Zipf-distributed tokens."""
    rng = np.random.default_rng(seed)
    lengths = rng.lognormal(math.log(shape.mean_targets) - shape.sigma**2 / 2, shape.sigma, shape.documents)
    parts = []
    for length in np.maximum(lengths.astype(int), 4):
        ids = 4 + (rng.zipf(1.2, size=length) % (shape.vocab - 4))
        parts.append(np.concatenate([[BOS_ID], ids]))
    tokens = np.concatenate(parts).astype(np.uint16)
    torch.manual_seed(seed)
    config = replace(
        read_settings().model, layers=shape.layers, dim=shape.dim, heads=shape.heads, kv_heads=shape.kv_heads,
        vocab_size=shape.vocab,
    )  # fmt: skip
    model = GPT(config)
    with torch.no_grad():
        for param in model.parameters():
            if param.ndim == 2 and param.size(0) > 2:
                param.copy_(torch.randn_like(param) / math.sqrt(param.size(1)))
        model.skip_weights.fill_(1.0)
        model.tok_emb.weight.mul_(4.0)
    model.to(ranks.device)
    if ranks.device.type == "cuda":
        model.compute_dtype = ranks.compute_dtype
        if compiled:
            compile_blocks(model)
    table = ByteTable(
        torch.ones(shape.vocab, dtype=torch.int64), torch.zeros(shape.vocab, dtype=torch.bool),
        torch.zeros(shape.vocab, dtype=torch.bool),
    )  # fmt: skip
    return model, make_validation(torch.from_numpy(tokens.astype(np.int64)), table, ranks.device), tokens


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


def bench_lora(mirror: str, name: str, shape: Shape, repeat: int, ranks: Ranks) -> dict[str, Any]:
    """LoRA test-time training against pull request 77's own evaluator."""
    module = load_script(mirror, LORA_SCRIPT, "foreign_lora")
    model, val, tokens = make_case(shape, 0, ranks)
    other = foreign_model(module, model, shape)
    config = replace(
        read_settings().evaluation, lora_chunk=shape.chunk, lora_window=shape.window, lora_batch=shape.batch
    )
    share_start(module, model, val, shape, config.lora_rank, config.lora_seed)
    with tempfile.TemporaryDirectory() as folder:
        write_shard(Path(folder) / "x_val_000.bin", tokens)
        args = module.Hyperparameters()
        args.val_files = f"{folder}/x_val_*.bin"
        args.ttt_chunk_size, args.ttt_eval_seq_len = shape.chunk, shape.window
        args.ttt_batch_size, args.ttt_lora_rank, args.ttt_lora_lr = (
            shape.batch,
            config.lora_rank,
            config.lora_lr,
        )
        args.beta1, args.beta2 = config.lora_beta1, config.lora_beta2

        def theirs() -> tuple[float, float]:
            module._restart()
            with foreign_mode():
                result: tuple[float, float] = module.eval_val_ttt_lora(
                    args, other, 0, 1, ranks.device, *foreign_luts(shape, ranks.device)
                )
            return result

        def ours() -> float:
            return summarize(evaluate_lora_ttt(model, val, config, ranks), val).val_bpb

        difference = abs(ours() - theirs()[1])
        ours_s, theirs_s = interleave(repeat, ours, theirs, ranks)
    forward_tokens = 0
    for document in val.documents:
        chunks = chunk_count(document, shape.chunk)
        for chunk in range(chunks):
            # The base is frozen: going back costs about one forward pass.
            passes = 2 if chunk < chunks - 1 else 1
            forward_tokens += passes * chunk_window(document, chunk, shape.chunk, shape.window).length
    extra = {"tokens": val.targets, "documents": len(val.documents), "forward_tokens": forward_tokens}
    return report(name, difference, ours_s, theirs_s, extra)


def bench_sliding(
    mirror: str, name: str, shape: Shape, stride: int, targets: int, repeat: int, ranks: Ranks
) -> dict[str, Any]:
    """The flat sliding window against pull request 50's evaluator, per scored window."""
    module = load_script(mirror, SLIDING_SCRIPT, "foreign_sliding")
    model, val, tokens = make_case(replace(shape, documents=4, mean_targets=targets), 1, ranks)
    tokens = tokens[: targets + 1]
    val = make_validation(
        torch.from_numpy(tokens.astype(np.int64)),
        ByteTable(
            torch.ones(shape.vocab, dtype=torch.int64), torch.zeros(shape.vocab, dtype=torch.bool),
            torch.zeros(shape.vocab, dtype=torch.bool),
        ),
        ranks.device,
    )  # fmt: skip
    other = foreign_model(module, model, shape)
    config = replace(read_settings().evaluation, window=shape.window, stride=stride, batch_rows=32)
    args = module.Hyperparameters()
    args.train_seq_len = shape.window
    foreign_tokens = torch.from_numpy(tokens.astype(np.int64))

    def theirs() -> tuple[float, float]:
        with foreign_mode():
            result: tuple[float, float] = module.eval_val_sliding(
                args, other, 0, 1, ranks.device, foreign_tokens, *foreign_luts(shape, ranks.device), stride
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


def bench_step(mirror: str, name: str, shape: Shape, rows: int, repeat: int, ranks: Ranks) -> dict[str, Any]:
    """One training step (forward, backward, optimisers) against the baseline's, from the same weights."""
    module = load_script(mirror, BASELINE_SCRIPT, "foreign_baseline")
    model, val, _ = make_case(
        replace(shape, documents=2, mean_targets=rows * shape.window + 64), 2, ranks, compiled=False
    )
    other = foreign_model(module, model, shape)
    settings = read_settings()
    config = replace(
        settings.train, batch_tokens=rows * shape.window, seq_len=shape.window, shares=1, shares_per_forward=1
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


CASES: dict[str, Callable[[str, int, Ranks], dict[str, Any]]] = {
    "lora_toy": lambda mirror, repeat, ranks: bench_lora(mirror, "lora_toy", TOY, repeat, ranks),
    "lora_full": lambda mirror, repeat, ranks: bench_lora(mirror, "lora_full", FULL, repeat, ranks),
    "sliding_toy": lambda mirror, repeat, ranks: bench_sliding(mirror, "sliding_toy", TOY, 16, 6000, repeat,
    ranks), "sliding_full": lambda mirror, repeat, ranks: bench_sliding(mirror, "sliding_full", FULL, 128,
    3072, repeat, ranks), "step_toy": lambda mirror, repeat, ranks: bench_step(mirror, "step_toy", TOY, 8,
    repeat, ranks), "step_full": lambda mirror, repeat, ranks: bench_step(mirror, "step_full", FULL, 1,
    repeat, ranks),
}  # fmt: skip


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
        record = CASES[case](options.mirror, options.repeat, ranks)
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
