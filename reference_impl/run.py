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
from typing import Any

import torch

from reference_impl.artifact import SIZE_LIMIT_BYTES, load_artifact, save_artifact
from reference_impl.bpb import build_byte_table, load_tokenizer
from reference_impl.config import Settings
from reference_impl.data import load_validation_tokens, shard_paths
from reference_impl.dist import Ranks, start_ranks, stop_ranks
from reference_impl.evaluators.flat import evaluate_flat
from reference_impl.model import GPT
from reference_impl.quantize import SCHEMES
from reference_impl.scoring import Metric, TokenScores, Validation, make_practice, make_validation, summarize
from reference_impl.train import Observer, TrainResult, build_model, place_model, train

# (model, validation stream, the evaluator's configuration, ranks) to scores
Evaluator = Callable[[GPT, Validation, Any, Ranks], TokenScores]
Adaptation = Callable[[GPT, Validation], None]


class OverLimitError(RuntimeError):
    """A limit of the challenge is passed: bytes of the submission, or seconds of the evaluation."""


class Log:
    """Lines to the screen and to a file, from rank 0 alone; a file that is there already is another run's."""

    def __init__(self, path: str, ranks: Ranks, go_on: bool = False) -> None:
        self.path, self.ranks = path, ranks
        if ranks.first and not go_on and Path(path).exists():
            raise FileExistsError(f"{path} is the log of another run; remove it, or set RUN_ID or LOG_PATH")

    def __call__(self, line: str) -> None:
        if self.ranks.first:
            print(line, flush=True)
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(line + "\n")


def load_validation(settings: Settings, ranks: Ranks) -> Validation:
    """Read the validation split and count its bytes."""
    table = build_byte_table(load_tokenizer(settings.tokenizer_path, settings.model.vocab_size))
    return make_validation(load_validation_tokens(settings.data_path), table, ranks.device)


def is_compiled(settings: Settings, ranks: Ranks) -> bool:
    """Whether this run goes through torch.compile."""
    return settings.compile == "1" or (settings.compile == "auto" and ranks.device.type == "cuda")


def train_model(
    settings: Settings, ranks: Ranks, val: Validation, log: Log, observer: Observer
) -> tuple[GPT, TrainResult]:
    """Train by `settings` from its seed and log it."""
    log(f"Running Python {platform.python_version()}")
    log(f"Running PyTorch {torch.__version__}")
    if settings.deterministic:
        torch.use_deterministic_algorithms(True)
    config = settings.train
    model = build_model(settings.model, config.seed, ranks)
    log(f"tokenizer: sentencepiece tokenizer_path:{settings.tokenizer_path}")
    train_shards = len(shard_paths(settings.data_path, "train"))
    log(f"train_loader:dataset:{Path(settings.data_path).resolve().name} train_shards:{train_shards}")
    log(f"val_loader:shards pattern={settings.data_path}/*_val_*.bin tokens:{val.targets}")
    log(
        f"model_params:{sum(param.numel() for param in model.parameters())} precision:{settings.model.precision}"
    )
    log(f"world_size:{ranks.world} grad_accum_steps:{config.shares // ranks.world}")
    log(
        f"train_batch_tokens:{config.batch_tokens} train_seq_len:{config.seq_len} "
        f"iterations:{config.iterations} max_wallclock_seconds:{config.max_wallclock_s:.3f}"
    )
    log(f"seed:{config.seed}")

    def validate() -> Metric:
        return summarize(evaluate_flat(model, val, settings.windows, ranks), val)

    trained = train(
        model, config, settings.data_path, ranks, log, validate, observer, is_compiled(settings, ranks)
    )
    if ranks.device.type == "cuda":
        allocated, reserved = torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()
        log(f"peak memory allocated: {allocated // 2**20} MiB reserved: {reserved // 2**20} MiB")
    return model, trained


def export(model: GPT, settings: Settings, code_bytes: int, ranks: Ranks, log: Log) -> None:
    """Write the artifact and log exact sizes.

    Raises OverLimitError if code and model together take more than the challenge allows.
    """
    scheme, path = SCHEMES[settings.scheme], Path(settings.artifact_path)
    if ranks.first:
        path.write_bytes(save_artifact(model.state_dict(), scheme))
    ranks.barrier()
    model_bytes = path.stat().st_size
    log(f"Serialized model {scheme.label}: {model_bytes} bytes")
    log(f"Code size: {code_bytes} bytes")
    log(f"Total submission size {scheme.label}: {model_bytes + code_bytes} bytes")
    if model_bytes + code_bytes > SIZE_LIMIT_BYTES:
        over = model_bytes + code_bytes - SIZE_LIMIT_BYTES
        raise OverLimitError(f"code and model are {over} bytes over the limit of {SIZE_LIMIT_BYTES}")


def restore(settings: Settings, ranks: Ranks) -> GPT:
    """Return a model made from the artifact's bytes alone, ready to be scored."""
    model = place_model(settings.model, ranks)
    model.load_state_dict(load_artifact(Path(settings.artifact_path).read_bytes(), SCHEMES[settings.scheme]))
    if is_compiled(settings, ranks):
        compile_blocks(model)
    return model


def compile_blocks(model: GPT) -> None:
    """Compile the blocks for evaluation: one graph serves all of them, for any rows and one window length.

    On a GPU windows are padded to a few lengths (`Validation.pad`), so the graphs stay few.
    """
    torch._dynamo.config.automatic_dynamic_shapes = False
    torch._dynamo.config.recompile_limit = 64
    model.rows_vary = True
    for block in model.blocks:
        block.compile()


@dataclass(frozen=True, kw_only=True)
class Score:
    """A metric, the seconds it took, and those that compilation took before."""

    metric: Metric
    eval_s: float
    compile_s: float


def score(
    label: str,
    evaluate: Evaluator,
    config: Any,
    model: GPT,
    val: Validation,
    settings: Settings,
    ranks: Ranks,
    log: Callable[[str], None],
) -> Score:
    """Evaluate and log the result under `label`.

    Compiled code is compiled first, on random tokens in windows of all sizes, and timed apart. Raises
    OverLimitError, and logs no result, if the evaluation itself took longer than the cap.
    """
    seconds = [0.0, 0.0]
    if is_compiled(settings, ranks):
        clock = time.perf_counter()
        evaluate(
            model, make_practice(config.window, val.pad, ranks.device), config, Ranks(device=ranks.device)
        )
        ranks.synchronize()
        seconds[0] = time.perf_counter() - clock
        log(f"{label} compile_time:{1000 * seconds[0]:.0f}ms")
    ranks.barrier()
    clock = time.perf_counter()
    metric = summarize(evaluate(model, val, config, ranks), val)
    ranks.synchronize()
    seconds[1] = time.perf_counter() - clock
    if 0 < settings.eval_cap_s < seconds[1]:
        raise OverLimitError(
            f"{label} took {seconds[1]:.1f} s, EVAL_MAX_SECONDS={settings.eval_cap_s:.0f} (0 for no cap)"
        )
    log(
        f"{label} val_loss:{metric.val_loss:.4f} val_bpb:{metric.val_bpb:.4f} "
        f"eval_time:{1000 * seconds[1]:.0f}ms"
    )
    log(f"{label}_exact val_loss:{metric.val_loss:.8f} val_bpb:{metric.val_bpb:.8f}")
    return Score(metric=metric, eval_s=seconds[1], compile_s=seconds[0])


def score_roundtrip(model: GPT, val: Validation, settings: Settings, ranks: Ranks, log: Log) -> Score:
    """Score the restored model as the baseline does, under the baseline's label."""
    label = f"final_{SCHEMES[settings.scheme].label.replace('+', '_')}_roundtrip"
    return score(label, evaluate_flat, settings.windows, model, val, settings, ranks, log)


def main(
    evaluate: Evaluator, make_config: Callable[[], Any], label: str, adapt: Adaptation | None = None
) -> None:
    """Run by the environment's settings, as the only file of a submission.

    Args:
        evaluate, label: whose number is claimed, and how it is logged.
        make_config: reads the evaluator's settings.
        adapt: called on the trained model and the validation stream before export. No compliant run has one.
    """
    settings, config = Settings(), make_config()
    ranks = start_ranks()
    log = Log(settings.log_path, ranks)
    val = load_validation(settings, ranks)
    model, _ = train_model(settings, ranks, val, log, Observer())
    if adapt is not None:
        adapt(model, val)
    export(model, settings, Path(__file__).stat().st_size, ranks, log)
    restored = restore(settings, ranks)
    score_roundtrip(restored, val, settings, ranks, log)
    score(label, evaluate, config, restored, val, settings, ranks, log)
    stop_ranks(ranks)
