"""Training: batches in, trained weights out, within the wall-clock cap.

One step is a global batch of `shares` spans. Each rank sums the gradients of its own, one flat all-reduce
adds them up, and Muon (block matrices) and Adam (embedding, vectors) move the weights. Killed at any
moment, a run with checkpoints goes on from the last one and, without a wall-clock cap, on the same losses
to the last bit.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from reference_impl.checkpoint import Progress, load_checkpoint, save_checkpoint
from reference_impl.config import ModelConfig, TrainConfig
from reference_impl.data import BatchLoader, shard_paths
from reference_impl.dist import Ranks
from reference_impl.model import GPT
from reference_impl.muon import Muon, orthogonalize
from reference_impl.quantize import CONTROL_NAMES
from reference_impl.schedule import learning_rate_scale, muon_momentum
from reference_impl.scoring import Metric

Batch = list[tuple[Tensor, Tensor]]


def build_model(config: ModelConfig, seed: int, ranks: Ranks) -> GPT:
    """Return a freshly initialised model on the rank's device; all ranks hold rank 0's bits."""
    torch.manual_seed(seed)
    model = GPT(config).to(ranks.device)
    model.compute_dtype = ranks.compute_dtype
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
    if ranks.world > 1:
        grads = [param.grad for param in model.parameters() if param.grad is not None]
        flat = ranks.sum_(torch.cat([grad.flatten() for grad in grads]))
        parts = torch.split(flat, [grad.numel() for grad in grads])
        for grad, part_sum in zip(grads, parts, strict=True):
            grad.copy_(part_sum.view_as(grad))
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


@dataclass(frozen=True, slots=True, kw_only=True)
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
    on_step: Callable[[int, int], None] = lambda done, total: None,
    compile_model: bool = False,
) -> TrainResult:
    """Train until `iterations` steps or the wall-clock cap, and log in the challenge's line format.

    Args:
        model: trained in place.
        data_path: folder with the training shards.
        log: takes one line of the log; called on rank 0 alone.
        validate: scores the validation stream; called on all ranks.
        on_step: told the steps done and the total, for a progress bar.
        compile_model: whether to run under torch.compile.
    """
    say = log if ranks.first else (lambda line: None)
    optimizers = build_optimizers(model, config, ranks)
    paths = shard_paths(data_path, "train")
    loader = BatchLoader(paths, config.batch_tokens, config.shares, config.seq_len, ranks)
    if compile_model:
        compile_for_gpu(model, optimizers, loader, config, ranks)
        loader = BatchLoader(paths, config.batch_tokens, config.shares, config.seq_len, ranks)
    checkpoint = Path(config.checkpoint_path)
    resumed = load_checkpoint(checkpoint, model, optimizers) if config.checkpoint_every else None
    progress = resumed or Progress(step=0, train_s=0.0, tokens_read=0)
    if resumed:
        loader.stream.skip(resumed.tokens_read)
        say(f"resumed: step:{resumed.step}/{config.iterations} train_time:{1000 * resumed.train_s:.0f}ms")

    step, train_s = progress.step, progress.train_s
    losses: list[float] = []
    stop_at = config.iterations
    ranks.synchronize()
    clock = time.perf_counter()
    while True:
        if step >= stop_at or (config.val_loss_every > 0 and step % config.val_loss_every == 0):
            ranks.synchronize()
            train_s += time.perf_counter() - clock
            metric = validate()
            train_ms, step_ms = 1000 * train_s, 1000 * train_s / max(step, 1)
            say(
                f"step:{step}/{config.iterations} val_loss:{metric.val_loss:.4f} "
                f"val_bpb:{metric.val_bpb:.4f} train_time:{train_ms:.0f}ms step_avg:{step_ms:.2f}ms"
            )
            ranks.synchronize()
            clock = time.perf_counter()
        if step >= stop_at:
            break
        elapsed_s = train_s + time.perf_counter() - clock
        scale = learning_rate_scale(step, elapsed_s, config)
        loss = train_step(
            model, optimizers, loader.next_batch(), config, ranks, scale, muon_momentum(step, config)
        )
        step += 1
        on_step(step, config.iterations)
        elapsed_s = train_s + time.perf_counter() - clock
        if config.log_every > 0 and (step <= 10 or step % config.log_every == 0):
            losses.append(float(loss))
            say(
                f"step:{step}/{config.iterations} train_loss:{float(loss):.4f} "
                f"train_time:{1000 * elapsed_s:.0f}ms step_avg:{1000 * elapsed_s / step:.2f}ms"
            )
        if config.max_wallclock_s > 0 and reached_cap(elapsed_s, config, ranks):
            stop_at = min(stop_at, step)
        due = config.checkpoint_every and (step % config.checkpoint_every == 0 or step >= stop_at)
        if due and ranks.first:
            save_checkpoint(
                checkpoint,
                model,
                optimizers,
                Progress(step=step, train_s=elapsed_s, tokens_read=loader.stream.tokens_read),
            )
    if step < config.iterations:
        say(
            f"stopping_early: wallclock_cap train_time:{1000 * train_s:.0f}ms step:{step}/{config.iterations}"
        )
    return TrainResult(steps=step, train_s=train_s, losses=losses)


def reached_cap(elapsed_s: float, config: TrainConfig, ranks: Ranks) -> bool:
    """Whether any rank's clock has reached the cap, so that all stop after the same step."""
    reached = torch.tensor(int(elapsed_s >= config.max_wallclock_s), device=ranks.device)
    return bool(ranks.sum_(reached).item())
