"""The environment of a replayed run: the effective configuration of the claimed run, with its sizes shrunk.

Only sizes are touched, by the names that scripts of the field give them; what decides order and legality (which
adaptation runs, how many epochs, which mixtures are on) stays as the claimed run had it, and counts are capped
above one where they are above one.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from auditor.replay.toy.world import WorldSize


class How(Enum):
    """How a size is shrunk: to a value, to at most a value, to a value even where 0 switches it off, or cleared.

    The first two leave a size alone that is 0 or less: the claimed run had switched off what it sizes. Cleared is
    text that lists real sizes where the ones above say the same.
    """

    TO = "to"
    AT_MOST = "at most"
    FORCED = "forced"
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True)
class Size:
    """One row of the table: environment names, how, and the toy value.

    `value` names a field of `ToySizes` or is a number.
    """

    names: str
    value: str | int
    how: How = How.TO


@dataclass(frozen=True, slots=True, kw_only=True)
class ToySizes:
    """The sizes of one replay; drawn within bounds, so that no submission can know them beforehand."""

    vocabulary: int = 64
    width: int = 64
    heads: int = 4
    kv_heads: int = 2
    length: int = 32
    stride: int = 8
    chunk: int = 160
    small_chunk: int = 8
    train_tokens: int = 512
    validation_tokens: int = 2048
    batch: int = 8
    iterations: int = 3
    buckets: int = 256

    @classmethod
    def drawn(cls, chance: random.Random) -> ToySizes:
        """Sizes drawn at random; every relation between them that scripts rely on holds.

        The vocabulary is larger than what a harness is taken for (256, 512), the smallest real one has 1,024.
        """
        return cls(
            vocabulary=chance.choice((520, 544, 576)),
            chunk=chance.choice((128, 160, 192)),
            batch=chance.choice((4, 8)),
            iterations=chance.choice((3, 4)),
        )


SIZES: Final = (
    Size("VOCAB_SIZE", "vocabulary"),
    Size("MODEL_DIM|EMBEDDING_DIM|EMBED_DIM|D_MODEL", "width"),
    Size("NUM_HEADS|N_HEADS", "heads"),
    Size("NUM_KV_HEADS|N_KV_HEADS", "kv_heads"),
    Size("MLP_MULT", 2),
    Size(r"\w*SEQ_LEN|SEQ_LENGTH", "length"),
    Size("TRAIN_SEQ_SCHEDULE", 0, How.CLEARED),
    Size("SEQ_LEN_SCHEDULE", 0, How.FORCED),
    Size(r"(?:\w+_)?STRIDE", "stride"),
    Size("TRAIN_BATCH_TOKENS|GPTQ_CALIB_BATCH_TOKENS", "train_tokens"),
    Size("VAL_BATCH_SIZE|VAL_BATCH_TOKENS", "validation_tokens"),
    Size("ITERATIONS|MAX_TRAIN_STEPS|NUM_ITERS", "iterations", How.FORCED),
    Size("WARMUP_STEPS", 1, How.AT_MOST),
    Size("WARMDOWN_ITERS", 2, How.FORCED),
    Size("VAL_LOSS_EVERY", 0, How.FORCED),
    Size("TRAIN_LOG_EVERY|SWA_EVERY|LAWA_FREQ", 1, How.FORCED),
    Size(r"\w*CHUNK_TOKENS|NGRAM_CHUNK_SIZE", "chunk"),
    Size(r"TTT_\w*CHUNK_SIZE|LORA_\w*CHUNK_SIZE", "small_chunk"),
    Size(r"\w*BATCH_SEQS|TTT_BATCH_SIZE|TTT_DOC_BATCH", "batch", How.AT_MOST),
    Size(r"\w*LORA_RANK|TTT_LM_RANK", 4, How.AT_MOST),
    Size("ROPE_DIMS", 8, How.AT_MOST),
    Size(r"VE_DIM|BIGRAM_DIM|BIGRAM_EMBED_DIM|TRIGRAM_DIM|PLE_DIM|NGRAM_DIM", 16, How.AT_MOST),
    Size(r"BIGRAM_VOCAB_SIZE|TRIGRAM_VOCAB_SIZE|BIGRAM_BUCKETS|HASH_EMBED_SIZE", 128, How.AT_MOST),
    Size(r"\w*BUCKETS", "buckets", How.AT_MOST),
    Size(r"\w*BUCKETS_LOG2", 8, How.AT_MOST),
    Size(r"GPTQ_\w*BATCHES|TTT_EVAL_BATCHES", 2, How.AT_MOST),
    Size(r"GPTQ_\w*SAMPLES", 4, How.AT_MOST),
    Size(r"GPTQ_BLOCK_?SIZE|\w*GROUP_SIZE", 32, How.AT_MOST),
    Size(r"(?!MUON|MATRIX)\w*EPOCHS", 3, How.AT_MOST),
    Size(
        r"SLOT_STEPS|TTT_GRAD_STEPS|ETLB_STEPS|TEMP_CAL_STEPS|\w*SLOT_ITERS|EGGROLL_STEPS|GPTQ_REFINE_STEPS",
        3,
        How.AT_MOST,
    ),
    Size(r"\w*PREFIX_DOCS", 8, How.AT_MOST),
    Size(r"\w*MIN_DOC_LEN|\w*SHORT_DOC_LEN", 8, How.AT_MOST),
)
"""Every size by the names it goes under; the first row that fits counts."""

SIZED_ATTRIBUTES: Final = (
    "vocab_size",
    "model_dim",
    "num_heads",
    "num_kv_heads",
    "train_seq_len",
    "eval_seq_len",
    "eval_stride",
    "train_batch_tokens",
    "val_batch_size",
    "val_batch_tokens",
    "iterations",
    "warmup_steps",
    "val_loss_every",
    "max_wallclock_seconds",
    "ttt_chunk_tokens",
    "ttt_epochs",
    "ttt_batch_seqs",
    "slot_steps",
    "ngram_buckets",
    "bigram_vocab_size",
)
"""Attributes of hyperparameter classes that are sized where no environment name reaches them."""

_ROWS: Final = [(re.compile(f"(?:{size.names})\\Z"), size) for size in SIZES]


def toy_value(name: str, current: str | None, sizes: ToySizes) -> str | None:
    """The toy value of an environment name, or None if it names no size.

    Args:
        current: what the claimed run had, as text, or None if it is not known.
    """
    for pattern, size in _ROWS:
        if not pattern.match(name):
            continue
        if size.how is How.CLEARED:
            return ""
        value = getattr(sizes, size.value) if isinstance(size.value, str) else size.value
        try:
            had = float(current) if current is not None else None
        except ValueError:
            had = None
        if had is not None and had <= 0 and size.how is not How.FORCED:
            return None  # switched off
        if size.how is How.AT_MOST:
            return None if had is None or had <= value else str(value)
        return str(value)
    return None


def written_size(name: str, value: int, sizes: ToySizes) -> int | None:
    """The toy value of an argument that a signature or a call gives as a number; None to leave it."""
    if not _WRITTEN.match(name):
        return None
    toy = toy_value(name.upper(), str(value), sizes)
    return int(toy) if toy is not None and int(toy) < value else None


_WRITTEN: Final = re.compile(r"(?:\w+_)?(?:stride|chunk_tokens|seq_len|batch_seqs)\Z")
"""Arguments of evaluation functions that carry sizes."""


def written_threshold(name: str, value: int) -> int | None:
    """The toy value of a constant that a counter is compared with; None to leave it.

    A mixer that waits for some thousands of the 62 million tokens waits for a moment; in a toy stream it would
    wait for ever. A number of elements that tells matrices (real ones have 100,000 and more) from vectors (2,048
    at most) is put where it tells toy matrices from toy vectors.
    """
    if name == "numel()":
        return TOY_ELEMENTS if BETWEEN[0] <= value <= BETWEEN[1] else None
    return TOY_THRESHOLD if _COUNTER.match(name) and value > TOY_THRESHOLD else None


TOY_THRESHOLD: Final = 50
TOY_ELEMENTS: Final = 600
"""More than any toy vector has, and fewer than a toy matrix."""

BETWEEN: Final = (2048, 100_000)
_COUNTER: Final = re.compile(r"\w*tokens(?:_seen|_scored|_total)?\Z")


def toy_environment(
    names: Mapping[str, str | None], settings: Mapping[str, str], sizes: ToySizes
) -> dict[str, str]:
    """The variables of a replayed run.

    Args:
        names: variables the script reads, with their defaults where they are constants.
        settings: what the claimed run had set, by variable.
    """
    out = dict(settings)
    for name, default in names.items():
        value = toy_value(name, settings.get(name, default), sizes)
        if value is not None:
            out[name] = value
    return out


def sized_attribute(name: str, had: str, sizes: ToySizes) -> str | None:
    """The toy value of an attribute of a class of hyperparameters; None to leave it.

    Args:
        had: its value once the class is made, which may come from the environment: what that switched off, or set
            below the cap, stays so.
    """
    return toy_value(name.upper(), had, sizes) if name in SIZED_ATTRIBUTES else None


def short_attribute(name: str, _: str) -> str | None:
    """The same in a run at its own size, the training of which is cut short."""
    return _SHORT_ATTRIBUTES.get(name)


def world_size(sizes: ToySizes, chance: random.Random) -> WorldSize:
    """A world to go with the sizes; the split is no multiple of anything, as the real one."""
    return WorldSize(
        vocabulary=sizes.vocabulary,
        validation=6 * sizes.chunk + 97 + chance.randrange(8, 60),
        documents=chance.choice(((30, 130), (24, 180), (40, 110))),
    )


STEPS: Final = 4
NEVER: Final = 10**9
"""Steps of a training that is cut short, and more than any has."""

_TRAINING: Final = (
    (re.compile(r"(?:ITERATIONS|MAX_TRAIN_STEPS|NUM_ITERS)\Z"), str(STEPS)),
    (re.compile(r"WARMUP_STEPS\Z"), "1"),
    (re.compile(r"WARMDOWN_ITERS\Z"), "2"),
    (re.compile(r"VAL_LOSS_EVERY\Z"), str(NEVER)),
    (re.compile(r"(?:TRAIN_LOG_EVERY|SWA_EVERY|LAWA_FREQ)\Z"), "1"),
)
_SHORT_BATCH: Final = re.compile(r"TRAIN_BATCH_TOKENS\Z")
ROWS: Final = 8
"""Windows of a short training's batch: one for each share that eight processes deal a batch in."""

LENGTH: Final = 1024
_SHORT_ATTRIBUTES: Final = {
    "iterations": str(STEPS),
    "warmup_steps": "1",
    "warmdown_iters": "2",
    "val_loss_every": str(NEVER),
}
"""What cuts training short in a class of hyperparameters that no environment name reaches."""


def short_training(names: Mapping[str, str | None], settings: Mapping[str, str]) -> dict[str, str]:
    """The variables of a run at its own size, but for the length of its training."""
    out = dict(settings)
    length = settings.get("TRAIN_SEQ_LEN") or names.get("TRAIN_SEQ_LEN") or ""
    batch = ROWS * (int(length) if length.isdecimal() else LENGTH)
    for name in names:
        for pattern, value in _TRAINING:
            if pattern.match(name):
                out[name] = value
        had = settings.get(name) or names[name] or ""
        if _SHORT_BATCH.match(name) and had.isdecimal() and int(had) > batch:
            out[name] = str(batch)
    return out
