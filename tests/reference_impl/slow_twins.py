"""Every compliant evaluator again, naively: one document, one window, one row at a time, textbook optimisers.

They share the model and the integer meaning of the settings with the real ones, and nothing else: no plans,
no batches, no trimming, no adapter slices.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from reference_impl.config import WindowConfig
from reference_impl.data import Document
from reference_impl.evaluators.chunk_ttt import ChunkConfig
from reference_impl.evaluators.phased_ttt import PhasedConfig
from reference_impl.lora import DocumentAdapters, LoraConfig
from reference_impl.model import GPT
from reference_impl.scoring import Validation


def window_nll(model: GPT, tokens: Tensor, begin: int, end: int) -> Tensor:
    """Return the loss of every target in a window of inputs begin .. end-1, with gradient."""
    return model(tokens[None, begin:end], tokens[None, begin + 1 : end + 1])[0]


def twin_flat(model: GPT, val: Validation, config: WindowConfig) -> Tensor:
    nll = torch.zeros(len(val.tokens_N))
    begin = 0
    while begin < len(val.tokens_N) - 1:
        end = min(begin + config.window, len(val.tokens_N) - 1)
        nll[begin + 1 : end + 1] = window_nll(model, val.tokens_N, begin, end).detach()
        begin = end
    return nll


def bos_spans(tokens: Tensor) -> list[tuple[int, int]]:
    """Return (first input, one past the last input) of every document, by walking over the stream."""
    spans, start = [], 0
    for place in range(1, len(tokens)):
        if tokens[place] == 1:
            spans.append((start, place))
            start = place
    if start < len(tokens) - 1:
        spans.append((start, len(tokens) - 1))
    return spans


def twin_document(model: GPT, val: Validation, config: WindowConfig) -> Tensor:
    nll = torch.zeros(len(val.tokens_N))
    for start, stop in bos_spans(val.tokens_N):
        for position in range(start, stop):
            begin = start + (position - start) // config.window * config.window
            nll[position + 1] = window_nll(model, val.tokens_N, begin, position + 1)[-1].detach()
    return nll


def slide(model: GPT, tokens: Tensor, origin: int, stop: int, window: int, stride: int) -> Tensor:
    """Return losses of positions origin .. stop-1, each in the window that ends with its stride."""
    out = torch.zeros(stop - origin)
    for position in range(origin, stop):
        beyond = max(0, position - origin - window + 1)
        end = min(origin + window + math.ceil(beyond / stride) * stride, stop)
        begin = max(origin, end - window)
        out[position - origin] = window_nll(model, tokens, begin, end)[position - begin].detach()
    return out


def twin_sliding(model: GPT, val: Validation, config: WindowConfig) -> Tensor:
    stop = len(val.tokens_N) - 1
    return torch.cat([torch.zeros(1), slide(model, val.tokens_N, 0, stop, config.window, config.stride)])


def twin_stride(model: GPT, val: Validation, config: LoraConfig) -> Tensor:
    nll = torch.zeros(len(val.tokens_N))
    for start, stop in bos_spans(val.tokens_N):
        losses = slide(model, val.tokens_N, start, stop, config.window, config.chunk)
        nll[start + 1 : stop + 1] = losses
    return nll


def adapt_spans(
    model: GPT, tokens: Tensor, spans: list[tuple[int, int, int]], config: LoraConfig, nll: Tensor
) -> None:
    """Fill in the losses of documents given as (number, first input, one past the last input)."""
    for index, start, stop in spans:
        # The start is the definition's, drawn for this document alone; the optimiser is a plain Adam
        # written out.
        adapters = DocumentAdapters(model, [Document(index, start, stop - start)], config.rank, config.seed)
        weights = adapters.weights_BP
        first_moment, second_moment = torch.zeros_like(weights), torch.zeros_like(weights)
        for step, begin in enumerate(range(start, stop, config.chunk), 1):
            end = min(begin + config.chunk, stop)
            window = max(start, end - config.window)
            losses = model(
                tokens[None, window:end], tokens[None, window + 1 : end + 1], 0, adapters.split(0, 1)
            )[0]
            losses = losses[begin - window :]
            nll[begin + 1 : end + 1] = losses.detach()
            (grad,) = torch.autograd.grad(losses.mean(), [weights])
            first_moment = config.beta1 * first_moment + (1 - config.beta1) * grad
            second_moment = config.beta2 * second_moment + (1 - config.beta2) * grad**2
            direction = first_moment / (1 - config.beta1**step)
            spread = (second_moment / (1 - config.beta2**step)).sqrt() + 1e-10
            with torch.no_grad():
                weights -= config.lr * direction / spread


def twin_lora_ttt(model: GPT, val: Validation, config: LoraConfig) -> Tensor:
    nll = torch.zeros(len(val.tokens_N))
    spans = [(index, *span) for index, span in enumerate(bos_spans(val.tokens_N))]
    adapt_spans(model, val.tokens_N, spans, config, nll)
    return nll


def descend(
    learner: GPT, speed: list[Tensor], tokens: Tensor, begin: int, end: int, lr: float, config: ChunkConfig
) -> None:
    """Take the epochs of clipped momentum steps on inputs begin .. end-1."""
    params = list(learner.parameters())
    for _ in range(config.epochs):
        for row in range(begin, end, config.window * config.step_rows):
            starts = range(row, min(row + config.window * config.step_rows, end), config.window)
            loss = torch.cat([window_nll(learner, tokens, s, s + config.window) for s in starts]).mean()
            grads = list(torch.autograd.grad(loss, params))
            norm = math.sqrt(sum(float((grad**2).sum()) for grad in grads))
            factor = min(1.0, config.clip_norm / (norm + 1e-6))
            with torch.no_grad():
                for param, grad, velocity in zip(params, grads, speed, strict=True):
                    velocity.mul_(config.momentum).add_(grad * factor)
                    param -= lr * velocity


def twin_chunk_ttt(model: GPT, val: Validation, config: ChunkConfig) -> Tensor:
    nll = torch.zeros(len(val.tokens_N))
    learner = copy.deepcopy(model)
    speed = [torch.zeros_like(param) for param in learner.parameters()]
    tokens, stop = val.tokens_N, len(val.tokens_N) - 1
    chunks = math.ceil(stop / config.chunk)
    for chunk in range(chunks):
        begin, end = chunk * config.chunk, min((chunk + 1) * config.chunk, stop)
        for position in range(begin, end):
            # The window of a position: the first reaches as far as `window` from the stream's start.
            last = config.window
            while last <= position or last <= begin:
                if last <= begin:
                    last = begin + config.windows.stride
                else:
                    last += config.windows.stride
            last = min(last, end)
            left = max(0, last - config.window)
            nll[position + 1] = window_nll(learner, tokens, left, last)[position - left].detach()
        lr = config.lr * 0.5 * (1 + math.cos(math.pi * chunk / max(chunks - 1, 1)))
        if chunk < chunks - 1:
            descend(learner, speed, tokens, begin, end, lr, config)
    return nll


def twin_phased_ttt(model: GPT, val: Validation, config: PhasedConfig) -> Tensor:
    nll = torch.zeros(len(val.tokens_N))
    learner = copy.deepcopy(model)
    speed = [torch.zeros_like(param) for param in learner.parameters()]
    stop = len(val.tokens_N) - 1
    for begin in range(0, stop, config.phase):
        end = min(begin + config.phase, stop)
        cut = [(max(a, begin), min(b, end)) for a, b in bos_spans(val.tokens_N) if a < end and b > begin]
        adapt_spans(learner, val.tokens_N, [(a, a, b) for a, b in cut], config.lora, nll)
        if end < stop:
            descend(learner, speed, val.tokens_N, begin, end, config.weights.lr, config.weights)
    return nll


TWINS: dict[str, Callable[[GPT, Validation, Any], Tensor]] = {
    "flat": twin_flat,
    "document": twin_document,
    "sliding": twin_sliding,
    "stride": twin_stride,
    "lora_ttt": twin_lora_ttt,
    "lora_ttt_fixed": twin_lora_ttt,
    "chunk_ttt": twin_chunk_ttt,
    "phased_ttt": twin_phased_ttt,
}
