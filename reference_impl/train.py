"""Training: batches in, trained weights out, within the wall-clock cap.

One step is a global batch of `shares` spans. Each rank sums the gradients of its own, one flat all-reduce
adds them up, and Muon (block matrices) and Adam (embedding, vectors) move the weights. An `Observer` sees
every step; checkpoints and progress bars are observers.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from reference_impl.config import ModelConfig, TrainConfig
from reference_impl.data import BatchLoader, TokenStream, shard_paths
from reference_impl.dist import Ranks
from reference_impl.model import GPT
from reference_impl.muon import Muon, orthogonalize
from reference_impl.quantize import CONTROL_NAMES
from reference_impl.schedule import learning_rate_scale, muon_momentum
from reference_impl.scoring import Metric

Batch = list[tuple[Tensor, Tensor]]


def place_model(config: ModelConfig, ranks: Ranks) -> GPT:
    """Return a model on the rank's device that computes in the dtype asked for."""
    model = GPT(config).to(ranks.device)
    if config.compute_dtype == "auto":
        model.compute_dtype = ranks.compute_dtype
    return model


def build_model(config: ModelConfig, seed: int, ranks: Ranks) -> GPT:
    """Return a freshly initialised model on the rank's device; all ranks hold rank 0's bits."""
    torch.manual_seed(seed)
    model = place_model(config, ranks)
    for param in model.parameters():
        ranks.broadcast_(param.data)
    return model


def build_optimizers(model: GPT, config: TrainConfig, ranks: Ranks) -> list[torch.optim.Optimizer]:
    """Return Adam for the embedding, Muon for the blocks' matrices, Adam for vectors and control tensors."""
    matrices: list[torch.nn.Parameter] = []
    vectors = [model.skip_weights]
    for name, param in model.blocks.named_parameters():
        is_matrix = param.ndim == 2 and not any(part in name for part in CONTROL_NAMES)
        (matrices if is_matrix else vectors).append(param)
    betas = (config.adam_beta1, config.adam_beta2)
    muon_dtype = torch.bfloat16 if config.muon_dtype == "bfloat16" else torch.float32
    optimizers: list[torch.optim.Optimizer] = [
        torch.optim.Adam([model.tok_emb.weight], config.embed_lr, betas, config.adam_eps, fused=True),
        Muon(matrices, config.matrix_lr, config.muon_momentum, config.muon_steps, muon_dtype, ranks),
        torch.optim.Adam(vectors, config.scalar_lr, betas, config.adam_eps, fused=True),
    ]
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["base_lr"] = group["lr"]
    return optimizers


def accumulate_gradients(model: GPT, batch: Batch, config: TrainConfig, ranks: Ranks) -> Tensor:
    """Fill the gradients of the global mean loss, and return that loss on the device.

    Every share weighs 1/shares wherever it is computed; `shares_per_forward` only says how many go together.
    """
    loss_sum = torch.zeros((), device=ranks.device)
    for i in range(0, len(batch), config.shares_per_forward):
        part = batch[i : i + config.shares_per_forward]
        ids_BT = torch.cat([x for x, _ in part])
        targets_BT = torch.cat([y for _, y in part])
        loss = model(ids_BT, targets_BT).mean() * (len(part) / config.shares)
        loss.backward()
        loss_sum += loss.detach()
    ranks.sum_gradients(model.parameters())
    return ranks.sum_(loss_sum)


def train_step(
    model: GPT,
    optimizers: list[torch.optim.Optimizer],
    batch: Batch,
    config: TrainConfig,
    ranks: Ranks,
    scale: float,
    momentum: float,
) -> Tensor:
    """Take one step and return the batch's mean loss in nats per token, before the step, on the device."""
    for optimizer in optimizers:
        optimizer.zero_grad(set_to_none=True)
        for group in optimizer.param_groups:
            group["lr"] = group["base_lr"] * scale
            if isinstance(optimizer, Muon):
                group["momentum"] = momentum
    loss = accumulate_gradients(model, batch, config, ranks)
    if config.grad_clip_norm > 0:
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.grad_clip_norm)
    for optimizer in optimizers:
        optimizer.step()
    return loss


def compile_for_gpu(
    model: GPT,
    optimizers: list[torch.optim.Optimizer],
    loader: BatchLoader,
    config: TrainConfig,
    ranks: Ranks,
) -> None:
    """Compile the model and Muon, and run a few throw-away steps so that the clock starts on compiled code.

    Weights and optimisers are put back afterwards; the caller opens its training stream anew.
    """
    model.compile(dynamic=False, fullgraph=True)
    for optimizer in optimizers:
        if isinstance(optimizer, Muon):
            optimizer.orthogonalize = torch.compile(orthogonalize)
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    states = [copy.deepcopy(optimizer.state_dict()) for optimizer in optimizers]
    for _ in range(config.compile_warmup_steps):
        train_step(model, optimizers, loader.next_batch(), config, ranks, 1.0, config.muon_momentum_start)
    model.load_state_dict(weights)
    for optimizer, state in zip(optimizers, states, strict=True):
        optimizer.load_state_dict(state)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far training has come; seconds without validation."""

    step: int = 0
    train_s: float = 0.0
    tokens_read: int = 0


class Observer:
    """Is asked where to start and told of every step; this one starts at the beginning and does nothing."""

    def start(self, model: GPT, optimizers: list[torch.optim.Optimizer], stream: TokenStream) -> Progress:
        """Return where to start, after putting model, optimisers and stream there."""
        return Progress()

    def after_step(
        self, model: GPT, optimizers: list[torch.optim.Optimizer], progress: Progress, stop_at: int
    ) -> None:
        """Take note of a step; it was the last one if `progress.step` is `stop_at`."""


class Stopwatch:
    """Seconds of training so far; stands still between `stop` and `start`."""

    def __init__(self, ranks: Ranks, seconds: float) -> None:
        self.ranks, self.seconds = ranks, seconds

    def start(self) -> None:
        """Go on."""
        self.ranks.synchronize()
        self.since = time.perf_counter()

    def read(self) -> float:
        """Return the seconds so far, while running."""
        return self.seconds + time.perf_counter() - self.since

    def stop(self) -> None:
        """Stand still, with all work of the device counted."""
        self.ranks.synchronize()
        self.seconds = self.read()


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """How training ended."""

    steps: int
    train_s: float
    losses: list[float]  # of the logged steps


def train(
    model: GPT,
    config: TrainConfig,
    data_path: str,
    ranks: Ranks,
    log: Callable[[str], None],
    validate: Callable[[], Metric],
    observer: Observer,
    compile_model: bool = False,
) -> TrainResult:
    """Train until `iterations` steps or the wall-clock cap, and log in the challenge's line format.

    Args:
        model: trained in place.
        data_path: folder with the training shards.
        log: takes one line of the log.
        validate: scores the validation stream; called on all ranks.
        observer: see `Observer`.
        compile_model: whether to run under torch.compile.
    """
    optimizers = build_optimizers(model, config, ranks)
    paths = shard_paths(data_path, "train")
    loader = BatchLoader(paths, config.batch_tokens, config.shares, config.seq_len, ranks)
    if compile_model:
        compile_for_gpu(model, optimizers, loader, config, ranks)
        loader = BatchLoader(paths, config.batch_tokens, config.shares, config.seq_len, ranks)
    begun = observer.start(model, optimizers, loader.stream)
    step, stop_at = begun.step, config.iterations
    losses: list[float] = []
    watch = Stopwatch(ranks, begun.train_s)

    def log_validation() -> None:
        metric = validate()
        train_ms = 1000 * watch.seconds
        log(
            f"step:{step}/{config.iterations} val_loss:{metric.val_loss:.4f} val_bpb:{metric.val_bpb:.4f} "
            f"train_time:{train_ms:.0f}ms step_avg:{train_ms / max(step, 1):.2f}ms"
        )

    watch.start()
    while step < stop_at:
        if config.val_loss_every > 0 and step % config.val_loss_every == 0:
            watch.stop()
            log_validation()
            watch.start()
        scale, momentum = learning_rate_scale(step, watch.read(), config), muon_momentum(step, config)
        loss = train_step(model, optimizers, loader.next_batch(), config, ranks, scale, momentum)
        step += 1
        train_s = watch.read()
        if config.log_every > 0 and (step <= 10 or step % config.log_every == 0):
            losses.append(float(loss))
            log(
                f"step:{step}/{config.iterations} train_loss:{float(loss):.4f} "
                f"train_time:{1000 * train_s:.0f}ms step_avg:{1000 * train_s / step:.2f}ms"
            )
        if config.max_wallclock_s > 0 and reached_cap(train_s, config, ranks):
            stop_at = step
        progress = Progress(step=step, train_s=train_s, tokens_read=loader.stream.tokens_read)
        observer.after_step(model, optimizers, progress, stop_at)
    watch.stop()
    log_validation()
    if step < config.iterations:
        log(
            f"stopping_early: wallclock_cap train_time:{1000 * watch.seconds:.0f}ms "
            f"step:{step}/{config.iterations}"
        )
    return TrainResult(steps=step, train_s=watch.seconds, losses=losses)


def reached_cap(train_s: float, config: TrainConfig, ranks: Ranks) -> bool:
    """Whether any rank's clock has reached the cap, so that all stop after the same step."""
    reached = torch.tensor(int(train_s >= config.max_wallclock_s), device=ranks.device)
    return bool(ranks.sum_(reached).item())
