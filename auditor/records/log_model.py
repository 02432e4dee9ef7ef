"""What a training log says, as typed values: runs of metric lines, steps, sizes and times.

`logs` fills these from text; claims, sizes, seeds and times are judged elsewhere. Every value keeps the line
it was read from, so that a finding can point at it.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Located(Generic[T]):
    """A value with the line (counted from 1) that states it."""

    value: T
    line: int


class MetricKind(enum.Enum):
    """What a metric line is about, from its shape and words."""

    FINAL = "final"
    STEP = "step"
    DIAGNOSTIC = "diagnostic"
    PROGRESS = "progress"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricLine:
    """One printed score.

    Attributes:
        label: the words before the numbers, prefixes (rank, time, colour) removed.
        text: the line as it stands, prefixes removed.
        key: the name of the bits-per-byte value on the line, such as "val_bpb" or "mix_bpb".
        val_loss: nats per token, None where the line has none.
        bpb_decimals, loss_decimals: digits printed after the point.
        eval_tokens, eval_bytes: evaluated tokens and bytes where the line itself states them.
    """

    path: str
    line: int
    text: str
    label: str
    key: str
    kind: MetricKind
    val_bpb: float
    bpb_decimals: int
    val_loss: float | None = None
    loss_decimals: int = 0
    eval_time_ms: float | None = None
    step: int | None = None
    eval_tokens: int | None = None
    eval_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLine:
    """One line of the training loop; losses as printed text, so that equality is exact."""

    line: int
    step: int
    total_steps: int | None
    train_loss: str | None = None
    val_loss: str | None = None
    val_bpb: str | None = None
    train_time_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeLine:
    """One printed size; `codec` is the words between its name and the number, such as "int6+lzma"."""

    line: int
    size_bytes: int
    codec: str

    @property
    def compressed(self) -> bool:
        """Whether the line calls itself the size of a compressed copy."""
        return "compressed" in self.codec and "uncompressed" not in self.codec


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A quantiser calibration the log reports: how long it took, and from which data as far as it says.

    `data` is "train", "val", "generated" or "unknown".
    """

    line: int
    seconds: float | None
    data: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run as its log tells it; a log with several sections gives the last, the others under `earlier`.

    Attributes:
        path: of the log, as in the submission.
        first_line, last_line: the section within the log, counted from 1.
        digest: of the whole log, so that copies are found.
        smoke: the section calls itself a smoke or preflight run.
        train_time_ms: the last training time printed; `stop` the line that says why training ended.
        raw_model, models: uncompressed and compressed model sizes; `codes`, `totals` likewise.
        total_eval_s: evaluation time in seconds where one line sums it up.
        hyperparameters: name → printed text.
        source: the script's own text where the log holds it.
    """

    path: str
    first_line: int
    last_line: int
    digest: str
    smoke: bool = False
    metrics: tuple[MetricLine, ...] = ()
    steps: tuple[StepLine, ...] = ()
    seed: Located[int] | None = None
    world_size: Located[int] | None = None
    val_tokens: Located[int] | None = None
    tokenizer: Located[str] | None = None
    vocab_size: Located[int] | None = None
    data_path: Located[str] | None = None
    train_shards: Located[int] | None = None
    train_time_ms: Located[float] | None = None
    stop: Located[str] | None = None
    reserve_s: Located[float] | None = None
    raw_models: tuple[SizeLine, ...] = ()
    models: tuple[SizeLine, ...] = ()
    codes: tuple[SizeLine, ...] = ()
    totals: tuple[SizeLine, ...] = ()
    total_eval_s: Located[float] | None = None
    calibrations: tuple[Calibration, ...] = ()
    hyperparameters: Mapping[str, Located[str]] = field(default_factory=dict)
    source: Located[str] | None = None
    earlier: tuple[Run, ...] = ()

    @property
    def is_log(self) -> bool:
        """Whether the text is a training or evaluation log at all, and no table or note."""
        facts = (
            self.seed,
            self.world_size,
            self.val_tokens,
            self.train_time_ms,
            self.stop,
            self.total_eval_s,
        )
        return bool(self.steps) or (bool(self.metrics) and (any(facts) or bool(self.models or self.totals)))

    @property
    def final_metrics(self) -> tuple[MetricLine, ...]:
        return tuple(line for line in self.metrics if line.kind is MetricKind.FINAL)

    def first_losses(self, count: int = 4) -> tuple[str, ...]:
        """The losses printed for steps 0 to `count` - 1, as text: the fingerprint of seed and data order."""
        seen: dict[tuple[int, str], str] = {}
        for step in self.steps:
            if step.step >= count:
                continue
            if step.val_loss is not None:
                seen.setdefault((step.step, "val"), step.val_loss)
            if step.train_loss is not None:
                seen.setdefault((step.step, "train"), step.train_loss)
        return tuple(f"{kind}{step}={text}" for (step, kind), text in sorted(seen.items()))
