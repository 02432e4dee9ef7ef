"""One whole run, as a submission makes it: train, export, load the export, score, and log every step of it.

The log has the challenge's line format. The score is taken on a model rebuilt from the artifact's bytes
alone. `main` is the entry of the single-file script that `submission` writes.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from reference_impl.artifact import SIZE_LIMIT_BYTES, load_artifact, save_artifact
from reference_impl.bpb import build_byte_table, load_tokenizer
from reference_impl.config import EvalConfig, Settings, read_settings
from reference_impl.data import load_validation_tokens, shard_paths
from reference_impl.dist import Ranks, start_ranks, stop_ranks
from reference_impl.evaluators.flat import evaluate_flat
from reference_impl.model import GPT
from reference_impl.quantize import SCHEMES
from reference_impl.scoring import Metric, TokenScores, Validation, make_validation, summarize
from reference_impl.train import build_model, train

Evaluator = Callable[[GPT, Validation, EvalConfig, Ranks], TokenScores]
Adaptation = Callable[[GPT, Validation, EvalConfig], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What a run reports."""

    metric: Metric
    roundtrip: Metric
    steps: int
    train_s: float
    eval_s: float
    artifact_bytes: int
    code_bytes: int
    model: GPT
    val: Validation


class Log:
    """Lines to the screen and to a file, from rank 0 alone."""

    def __init__(self, path: str, ranks: Ranks) -> None:
        self.path, self.ranks = path, ranks

    def __call__(self, line: str) -> None:
        if self.ranks.first:
            print(line, flush=True)
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(line + "\n")


def score(
    label: str,
    evaluate: Evaluator,
    model: GPT,
    val: Validation,
    config: EvalConfig,
    ranks: Ranks,
    log: Callable[[str], None],
) -> tuple[Metric, float]:
    """Evaluate, log the result under `label`, and return it with the seconds it took."""
    ranks.synchronize()
    clock = time.perf_counter()
    metric = summarize(evaluate(model, val, config, ranks), val)
    ranks.synchronize()
    eval_s = time.perf_counter() - clock
    log(
        f"{label} val_loss:{metric.val_loss:.4f} val_bpb:{metric.val_bpb:.4f} eval_time:{1000 * eval_s:.0f}ms"
    )
    log(f"{label}_exact val_loss:{metric.val_loss:.8f} val_bpb:{metric.val_bpb:.8f}")
    return metric, eval_s


def export(model: GPT, settings: Settings, code_bytes: int, ranks: Ranks, log: Callable[[str], None]) -> GPT:
    """Write the artifact, log exact sizes, and return a model made from the file."""
    scheme = SCHEMES[settings.scheme]
    path = Path(settings.artifact_path)
    if ranks.first:
        path.write_bytes(save_artifact(model.state_dict(), scheme))
        model_bytes = path.stat().st_size
        log(f"Serialized model {scheme.label}: {model_bytes} bytes")
        log(f"Code size: {code_bytes} bytes")
        log(f"Total submission size {scheme.label}: {model_bytes + code_bytes} bytes")
        if model_bytes + code_bytes > SIZE_LIMIT_BYTES:
            log(f"over the limit by {model_bytes + code_bytes - SIZE_LIMIT_BYTES} bytes")
    ranks.barrier()
    restored = GPT(model.config)
    restored.load_state_dict(load_artifact(path.read_bytes(), scheme))
    restored.compute_dtype = model.compute_dtype
    return restored.to(ranks.device)


def compile_blocks(model: GPT) -> None:
    """Compile the blocks for evaluation: one graph serves all of them, for any rows and one window length.

    On a GPU windows are padded to a few lengths (`scoring.PAD_STEP`), so the graphs stay few.
    """
    torch._dynamo.config.automatic_dynamic_shapes = False
    torch._dynamo.config.recompile_limit = 64
    model.rows_vary = True
    for block in model.blocks:
        block.compile()


def run(
    settings: Settings,
    ranks: Ranks,
    code_bytes: int,
    evaluate: Evaluator,
    label: str,
    adapt: Adaptation | None = None,
    on_step: Callable[[int, int], None] = lambda done, total: None,
) -> RunResult:
    """Train and score by `settings`; return what was reported.

    Args:
        code_bytes: size of the script that ships.
        evaluate: the evaluator whose number is claimed, logged under `label`.
        adapt: called on the trained model and the validation stream before export. No compliant run has one.
        on_step: told the steps done and the total, for a progress bar.
    """
    log = Log(settings.log_path, ranks)
    log(f"Running Python {platform.python_version()}")
    log(f"Running PyTorch {torch.__version__}")
    if settings.deterministic:
        torch.use_deterministic_algorithms(True)
    compiled = settings.compile == "1" or (settings.compile == "auto" and ranks.device.type == "cuda")
    table = build_byte_table(load_tokenizer(settings.tokenizer_path, settings.model.vocab_size))
    val = make_validation(load_validation_tokens(settings.data_path), table, ranks.device)
    model = build_model(settings.model, settings.train.seed, ranks)
    config, evaluation = settings.train, settings.evaluation
    log(f"tokenizer: sentencepiece tokenizer_path:{settings.tokenizer_path}")
    train_shards = len(shard_paths(settings.data_path, "train"))
    log(f"train_loader:dataset:{Path(settings.data_path).resolve().name} train_shards:{train_shards}")
    log(f"val_loader:shards pattern={settings.data_path}/*_val_*.bin tokens:{val.targets}")
    log(f"model_params:{sum(param.numel() for param in model.parameters())}")
    log(f"world_size:{ranks.world} grad_accum_steps:{config.shares // ranks.world}")
    log(
        f"train_batch_tokens:{config.batch_tokens} train_seq_len:{config.seq_len} "
        f"iterations:{config.iterations} max_wallclock_seconds:{config.max_wallclock_s:.3f}"
    )
    log(f"seed:{config.seed}")

    def validate() -> Metric:
        return summarize(evaluate_flat(model, val, evaluation, ranks), val)

    trained = train(model, config, settings.data_path, ranks, log, validate, on_step, compiled)
    if ranks.device.type == "cuda":
        allocated, reserved = torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()
        log(f"peak memory allocated: {allocated // 2**20} MiB reserved: {reserved // 2**20} MiB")
    if adapt is not None:
        adapt(model, val, evaluation)
    restored = export(model, settings, code_bytes, ranks, log)
    if compiled:
        compile_blocks(restored)
    name = SCHEMES[settings.scheme].label.replace("+", "_")
    roundtrip, _ = score(f"final_{name}_roundtrip", evaluate_flat, restored, val, evaluation, ranks, log)
    metric, eval_s = score(label, evaluate, restored, val, evaluation, ranks, log)
    return RunResult(
        metric=metric,
        roundtrip=roundtrip,
        steps=trained.steps,
        train_s=trained.train_s,
        eval_s=eval_s,
        artifact_bytes=Path(settings.artifact_path).stat().st_size,
        code_bytes=code_bytes,
        model=restored,
        val=val,
    )


def main(evaluate: Evaluator, label: str, adapt: Adaptation | None = None) -> None:
    """Run by the environment's settings, as the only file of a submission."""
    settings = read_settings()
    ranks = start_ranks()
    run(settings, ranks, Path(__file__).stat().st_size, evaluate, label, adapt)
    stop_ranks(ranks)
