"""Hyperparameters of model, training and windows, each with the environment variable that sets it.

Names and defaults are the challenge baseline's, so its run commands work unchanged. What an evaluator alone
needs stands in its own file. Nothing is read at import: a configuration reads the environment when it is
made.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field


def broken(*conditions: tuple[bool, str]) -> list[str]:
    """Return the messages of the conditions that do not hold."""
    return [message for holds, message in conditions if not holds]


def integer(name: str, default: int) -> Callable[[], int]:
    """Return a function that reads an environment variable as a whole number."""
    return lambda: int(os.environ.get(name, default))


def real(name: str, default: float) -> Callable[[], float]:
    """Return a function that reads an environment variable as a number."""
    return lambda: float(os.environ.get(name, default))


def text(name: str, default: str) -> Callable[[], str]:
    """Return a function that reads an environment variable as it stands."""
    return lambda: os.environ.get(name, default)


def training_window() -> int:
    """Return the length that training uses, which is the default of all windows."""
    return int(os.environ.get("TRAIN_SEQ_LEN", 1024))


def run_id() -> str:
    """Return what the files of this run are called by."""
    return os.environ.get("RUN_ID", f"train_seed{os.environ.get('SEED', 1337)}")


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Shape and precision of the transformer (defaults: 9 layers, width 512, 17,059,912 parameters)."""

    vocab_size: int = field(default_factory=integer("VOCAB_SIZE", 1024))
    layers: int = field(default_factory=integer("NUM_LAYERS", 9))
    dim: int = field(default_factory=integer("MODEL_DIM", 512))
    heads: int = field(default_factory=integer("NUM_HEADS", 8))
    kv_heads: int = field(default_factory=integer("NUM_KV_HEADS", 4))
    mlp_mult: int = field(default_factory=integer("MLP_MULT", 2))
    rope_base: float = field(default_factory=real("ROPE_BASE", 10000.0))
    logit_softcap: float = field(default_factory=real("LOGIT_SOFTCAP", 30.0))
    qk_gain_init: float = field(default_factory=real("QK_GAIN_INIT", 1.5))
    embed_init_std: float = field(default_factory=real("TIED_EMBED_INIT_STD", 0.005))
    # "float32" or "upstream": see `model.GPT`.
    precision: str = field(default_factory=text("PRECISION", "float32"))
    # Of activations; "auto" is bfloat16 on a GPU and float32 on a CPU.
    compute_dtype: str = field(default_factory=text("COMPUTE_DTYPE", "auto"))

    def problems(self) -> list[str]:
        """Return what is impossible about it."""
        dim, heads, kv_heads = self.dim, self.heads, self.kv_heads
        return broken(
            (
                heads > 0 and dim % (2 * heads) == 0,
                f"MODEL_DIM={dim} is not a multiple of 2 x NUM_HEADS={heads}",
            ),
            (
                kv_heads > 0 and heads % kv_heads == 0,
                f"NUM_HEADS={heads} is not a multiple of NUM_KV_HEADS={kv_heads}",
            ),
            (self.logit_softcap > 0, f"LOGIT_SOFTCAP={self.logit_softcap} must be positive"),
            (
                self.precision in ("float32", "upstream"),
                f"PRECISION={self.precision!r} is none of float32, upstream",
            ),
            (
                self.compute_dtype in ("auto", "bfloat16", "float32"),
                f"COMPUTE_DTYPE={self.compute_dtype!r} is none of auto, bfloat16, float32",
            ),
        )


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Batches, learning rates, schedule and the clock.

    A batch is `shares` equal spans of the stream, dealt to the ranks: it is the same for any rank count.
    """

    seed: int = field(default_factory=integer("SEED", 1337))
    iterations: int = field(default_factory=integer("ITERATIONS", 20000))
    warmdown_iters: int = field(default_factory=integer("WARMDOWN_ITERS", 1200))
    compile_warmup_steps: int = field(default_factory=integer("WARMUP_STEPS", 20))
    batch_tokens: int = field(default_factory=integer("TRAIN_BATCH_TOKENS", 524288))
    seq_len: int = field(default_factory=training_window)
    shares: int = field(default_factory=integer("TRAIN_SHARES", 8))
    shares_per_forward: int = field(default_factory=integer("TRAIN_SHARES_PER_FORWARD", 1))
    # Seconds; 0 means no cap.
    max_wallclock_s: float = field(default_factory=real("MAX_WALLCLOCK_SECONDS", 600.0))
    embed_lr: float = field(default_factory=real("TIED_EMBED_LR", 0.05))
    matrix_lr: float = field(default_factory=real("MATRIX_LR", 0.04))
    scalar_lr: float = field(default_factory=real("SCALAR_LR", 0.04))
    muon_momentum: float = field(default_factory=real("MUON_MOMENTUM", 0.95))
    muon_momentum_start: float = field(default_factory=real("MUON_MOMENTUM_WARMUP_START", 0.85))
    muon_momentum_warmup_steps: int = field(default_factory=integer("MUON_MOMENTUM_WARMUP_STEPS", 500))
    muon_steps: int = field(default_factory=integer("MUON_BACKEND_STEPS", 5))
    muon_dtype: str = field(default_factory=text("MUON_DTYPE", "bfloat16"))
    adam_beta1: float = field(default_factory=real("BETA1", 0.9))
    adam_beta2: float = field(default_factory=real("BETA2", 0.95))
    adam_eps: float = field(default_factory=real("ADAM_EPS", 1e-8))
    # 0 means off.
    grad_clip_norm: float = field(default_factory=real("GRAD_CLIP_NORM", 0.0))
    # Steps; 0 means only after the last one.
    val_loss_every: int = field(default_factory=integer("VAL_LOSS_EVERY", 1000))
    log_every: int = field(default_factory=integer("TRAIN_LOG_EVERY", 200))

    def problems(self) -> list[str]:
        """Return what is impossible about it."""
        unit = self.shares * self.seq_len
        dtypes = ("bfloat16", "float32")
        return broken(
            (
                unit > 0 and self.batch_tokens % unit == 0,
                f"TRAIN_BATCH_TOKENS={self.batch_tokens} is not a multiple of TRAIN_SHARES={self.shares} x "
                f"TRAIN_SEQ_LEN={self.seq_len}",
            ),
            (self.muon_dtype in dtypes, f"MUON_DTYPE={self.muon_dtype!r} is none of {dtypes}"),
        )


@dataclass(frozen=True, kw_only=True)
class WindowConfig:
    """Windows of the evaluations that learn nothing: length, stride, and how many go through at once."""

    window: int = field(default_factory=lambda: int(os.environ.get("EVAL_SEQ_LEN", training_window())))
    stride: int = field(default_factory=lambda: int(os.environ.get("EVAL_STRIDE", training_window() // 4)))
    rows: int = field(default_factory=integer("EVAL_BATCH_ROWS", 64))

    def problems(self) -> list[str]:
        """Return what is impossible about it."""
        return broken(
            (
                0 < self.stride <= self.window,
                f"EVAL_STRIDE={self.stride} is not in 1 .. EVAL_SEQ_LEN={self.window}",
            ),
            (self.rows > 0, f"EVAL_BATCH_ROWS={self.rows} must be positive"),
        )


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A run: where things are, how the model is stored, and the configurations of model and training."""

    model: ModelConfig = field(default_factory=ModelConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    windows: WindowConfig = field(default_factory=WindowConfig)
    data_path: str = field(default_factory=text("DATA_PATH", "./data/datasets/fineweb10B_sp1024"))
    tokenizer_path: str = field(
        default_factory=text("TOKENIZER_PATH", "./data/tokenizers/fineweb_1024_bpe.model")
    )
    log_path: str = field(default_factory=lambda: os.environ.get("LOG_PATH", f"{run_id()}.log"))
    artifact_path: str = field(
        default_factory=lambda: os.environ.get("ARTIFACT_PATH", f"{run_id()}.artifact")
    )
    scheme: str = field(default_factory=text("QUANT_SCHEME", "int8"))
    # Seconds of one evaluation without its compilation; 0 means no cap.
    eval_cap_s: float = field(default_factory=real("EVAL_MAX_SECONDS", 600.0))
    deterministic: int = field(default_factory=integer("DETERMINISTIC", 0))
    # "auto" compiles on a GPU only; "0" and "1" force it.
    compile: str = field(default_factory=text("COMPILE", "auto"))

    def problems(self) -> list[str]:
        """Return what is impossible about it."""
        schemes = ("int8", "int6", "int5")
        return broken(
            (self.scheme in schemes, f"QUANT_SCHEME={self.scheme!r} is none of {', '.join(schemes)}"),
            (self.compile in ("auto", "0", "1"), f"COMPILE={self.compile!r} is none of auto, 0, 1"),
        )
