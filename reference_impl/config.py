"""Every hyperparameter, with the environment variable that sets it.

Names and defaults are the challenge baseline's, so its run commands work unchanged; the defaults of the
adaptation settings are those of the submission named beside them. Nothing is read at import: `read_settings`
reads the environment once, everything after it takes a `Settings`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass


def require(condition: bool, message: str) -> None:
    """Raise ValueError(message) unless `condition` holds."""
    if not condition:
        raise ValueError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """Shape of the transformer (defaults: 9 layers, width 512, 17,059,912 parameters)."""

    vocab_size: int
    layers: int
    dim: int
    heads: int
    kv_heads: int
    mlp_mult: int
    rope_base: float
    logit_softcap: float
    qk_gain_init: float
    embed_init_std: float

    def __post_init__(self) -> None:
        require(
            self.dim % self.heads == 0, f"MODEL_DIM={self.dim} is not a multiple of NUM_HEADS={self.heads}"
        )
        require(
            self.heads % self.kv_heads == 0,
            f"NUM_HEADS={self.heads} is not a multiple of NUM_KV_HEADS={self.kv_heads}",
        )
        require(
            (self.dim // self.heads) % 2 == 0,
            f"the head width {self.dim // self.heads} is odd; RoPE needs pairs",
        )
        require(self.logit_softcap > 0, f"LOGIT_SOFTCAP={self.logit_softcap} must be positive")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """Batches, learning rates, schedule and the clock."""

    seed: int
    iterations: int
    warmdown_iters: int
    compile_warmup_steps: int
    batch_tokens: int
    seq_len: int
    shares: (
        int  # a batch is this many equal spans of the stream, dealt to the ranks; fixes it for any rank count
    )
    shares_per_forward: int
    max_wallclock_s: float  # 0 means no cap
    embed_lr: float
    matrix_lr: float
    scalar_lr: float
    muon_momentum: float
    muon_momentum_start: float
    muon_momentum_warmup_steps: int
    muon_steps: int
    muon_dtype: str
    adam_beta1: float
    adam_beta2: float
    adam_eps: float
    grad_clip_norm: float  # 0 means off
    val_loss_every: int  # 0 means only after the last step
    log_every: int
    checkpoint_every: int  # steps; 0 means no checkpoints
    checkpoint_path: str

    def __post_init__(self) -> None:
        require(
            self.batch_tokens % (self.shares * self.seq_len) == 0,
            f"TRAIN_BATCH_TOKENS={self.batch_tokens} is not a multiple of {self.shares} shares x "
            f"TRAIN_SEQ_LEN={self.seq_len}",
        )
        require(
            self.muon_dtype in ("bfloat16", "float32"), f"MUON_DTYPE={self.muon_dtype!r}: bfloat16 or float32"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EvalConfig:
    """Windows, batches and test-time training of all evaluators."""

    window: int
    stride: int
    batch_rows: int  # windows in one forward pass
    lora_rank: int
    lora_lr: float
    lora_beta1: float
    lora_beta2: float
    lora_chunk: int
    lora_window: int
    lora_batch: int  # documents adapted side by side
    lora_seed: int
    lora_epochs: int  # read by the multi-epoch violation alone
    chunk_tokens: int
    chunk_epochs: int
    chunk_lr: float
    chunk_momentum: float
    chunk_optimizer: str
    chunk_rows: int  # windows in one training step, over all ranks
    chunk_clip_norm: float
    chunk_freeze_blocks: int
    slot_iterations: int
    prequant_epochs: int
    prequant_lr: float

    def __post_init__(self) -> None:
        require(
            0 < self.stride <= self.window,
            f"EVAL_STRIDE={self.stride} must lie in 1..EVAL_SEQ_LEN={self.window}",
        )
        require(
            0 < self.lora_chunk <= self.lora_window,
            f"TTT_CHUNK_SIZE={self.lora_chunk} must lie in 1..TTT_EVAL_SEQ_LEN={self.lora_window}",
        )
        require(
            self.chunk_tokens % self.window == 0,
            f"TTT_CHUNK_TOKENS={self.chunk_tokens} is not a multiple of EVAL_SEQ_LEN={self.window}",
        )
        require(
            self.chunk_optimizer in ("sgd", "adamw"), f"TTT_OPTIMIZER={self.chunk_optimizer!r}: sgd or adamw"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All of one run: where the data lies, what is trained, how it is stored and scored."""

    data_path: str
    tokenizer_path: str
    run_id: str
    log_path: str
    artifact_path: str
    scheme: str
    deterministic: bool
    compile: str  # "auto" compiles on a GPU only; "0" and "1" force it
    model: ModelConfig
    train: TrainConfig
    evaluation: EvalConfig


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for as long as the block lasts."""
    kept = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)


def read_settings() -> Settings:
    """Read all settings from the environment; an unset variable takes the default written here."""
    seed = int(os.environ.get("SEED", 1337))
    seq_len = int(os.environ.get("TRAIN_SEQ_LEN", 1024))
    run_id = os.environ.get("RUN_ID", f"train_seed{seed}")
    model = ModelConfig(
        vocab_size=int(os.environ.get("VOCAB_SIZE", 1024)),
        layers=int(os.environ.get("NUM_LAYERS", 9)),
        dim=int(os.environ.get("MODEL_DIM", 512)),
        heads=int(os.environ.get("NUM_HEADS", 8)),
        kv_heads=int(os.environ.get("NUM_KV_HEADS", 4)),
        mlp_mult=int(os.environ.get("MLP_MULT", 2)),
        rope_base=float(os.environ.get("ROPE_BASE", 10000.0)),
        logit_softcap=float(os.environ.get("LOGIT_SOFTCAP", 30.0)),
        qk_gain_init=float(os.environ.get("QK_GAIN_INIT", 1.5)),
        embed_init_std=float(os.environ.get("TIED_EMBED_INIT_STD", 0.005)),
    )
    train = TrainConfig(
        seed=seed,
        iterations=int(os.environ.get("ITERATIONS", 20000)),
        warmdown_iters=int(os.environ.get("WARMDOWN_ITERS", 1200)),
        compile_warmup_steps=int(os.environ.get("WARMUP_STEPS", 20)),
        batch_tokens=int(os.environ.get("TRAIN_BATCH_TOKENS", 524288)),
        seq_len=seq_len,
        shares=int(os.environ.get("TRAIN_SHARES", 8)),
        shares_per_forward=int(os.environ.get("TRAIN_SHARES_PER_FORWARD", 1)),
        max_wallclock_s=float(os.environ.get("MAX_WALLCLOCK_SECONDS", 600.0)),
        embed_lr=float(os.environ.get("TIED_EMBED_LR", 0.05)),
        matrix_lr=float(os.environ.get("MATRIX_LR", 0.04)),
        scalar_lr=float(os.environ.get("SCALAR_LR", 0.04)),
        muon_momentum=float(os.environ.get("MUON_MOMENTUM", 0.95)),
        muon_momentum_start=float(os.environ.get("MUON_MOMENTUM_WARMUP_START", 0.85)),
        muon_momentum_warmup_steps=int(os.environ.get("MUON_MOMENTUM_WARMUP_STEPS", 500)),
        muon_steps=int(os.environ.get("MUON_BACKEND_STEPS", 5)),
        muon_dtype=os.environ.get("MUON_DTYPE", "bfloat16"),
        adam_beta1=float(os.environ.get("BETA1", 0.9)),
        adam_beta2=float(os.environ.get("BETA2", 0.95)),
        adam_eps=float(os.environ.get("ADAM_EPS", 1e-8)),
        grad_clip_norm=float(os.environ.get("GRAD_CLIP_NORM", 0.0)),
        val_loss_every=int(os.environ.get("VAL_LOSS_EVERY", 1000)),
        log_every=int(os.environ.get("TRAIN_LOG_EVERY", 200)),
        checkpoint_every=int(os.environ.get("CHECKPOINT_EVERY", 0)),
        checkpoint_path=os.environ.get("CHECKPOINT_PATH", f"{run_id}.checkpoint.pt"),
    )
    evaluation = EvalConfig(
        window=int(os.environ.get("EVAL_SEQ_LEN", seq_len)),
        stride=int(os.environ.get("EVAL_STRIDE", 256)),
        batch_rows=int(os.environ.get("EVAL_BATCH_ROWS", 64)),
        # Score-first LoRA TTT: the values of pull request 77.
        lora_rank=int(os.environ.get("TTT_LORA_RANK", 8)),
        lora_lr=float(os.environ.get("TTT_LORA_LR", 0.01)),
        lora_beta1=float(os.environ.get("TTT_LORA_BETA1", 0.9)),
        lora_beta2=float(os.environ.get("TTT_LORA_BETA2", 0.95)),
        lora_chunk=int(os.environ.get("TTT_CHUNK_SIZE", 256)),
        lora_window=int(os.environ.get("TTT_EVAL_SEQ_LEN", seq_len)),
        lora_batch=int(os.environ.get("TTT_BATCH_SIZE", 64)),
        lora_seed=int(os.environ.get("TTT_LORA_SEED", 0)),
        lora_epochs=int(os.environ.get("TTT_LORA_EPOCHS", 5)),
        # Chunked score-first TTT: the values of pull request 549.
        chunk_tokens=int(os.environ.get("TTT_CHUNK_TOKENS", 32768)),
        chunk_epochs=int(os.environ.get("TTT_EPOCHS", 3)),
        chunk_lr=float(os.environ.get("TTT_LR", 0.002)),
        chunk_momentum=float(os.environ.get("TTT_MOMENTUM", 0.9)),
        chunk_optimizer=os.environ.get("TTT_OPTIMIZER", "sgd"),
        chunk_rows=int(os.environ.get("TTT_BATCH_SEQS", 32)),
        chunk_clip_norm=float(os.environ.get("TTT_GRAD_CLIP", 1.0)),
        chunk_freeze_blocks=int(os.environ.get("TTT_FREEZE_BLOCKS", 0)),
        slot_iterations=int(os.environ.get("SLOT_LBFGS_MAX_ITER", 25)),
        prequant_epochs=int(os.environ.get("PREQUANT_TTT_EPOCHS", 6)),
        prequant_lr=float(os.environ.get("PREQUANT_TTT_LR", 0.0005)),
    )
    return Settings(
        data_path=os.environ.get("DATA_PATH", "./data/datasets/fineweb10B_sp1024"),
        tokenizer_path=os.environ.get("TOKENIZER_PATH", "./data/tokenizers/fineweb_1024_bpe.model"),
        run_id=run_id,
        log_path=os.environ.get("LOG_PATH", f"{run_id}.log"),
        artifact_path=os.environ.get("ARTIFACT_PATH", f"{run_id}.artifact"),
        scheme=os.environ.get("QUANT_SCHEME", "int8"),
        deterministic=bool(int(os.environ.get("DETERMINISTIC", "0"))),
        compile=os.environ.get("COMPILE", "auto"),
        model=model,
        train=train,
        evaluation=evaluation,
    )
