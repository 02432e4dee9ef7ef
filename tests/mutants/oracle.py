"""What a changed evaluation really does: it runs on a few tokens, and the definition of a score is asked of it.

A score is minus the logarithm of a distribution that is fixed before the token is known. So, whatever the code looks
like: with one token exchanged for every other of the vocabulary in turn, no score before it moves, and the
probabilities that the evaluation gives to it add up to one. The number printed is the sum of these scores over the
count of tokens, and over bits and bytes, which are counted here by hand.
"""

from __future__ import annotations

import enum
import math
import os
import signal
import sys
import types
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch

VOCAB = 9
SPECIAL = 4
"""Ids below it stand for no bytes."""
BOS = 1
"""Opens a document. Where documents end is taken as known, as in every evaluation by documents: one more of these may
move scores before it."""
DOCUMENTS = (5, 1, 11, 7, 2, 8)
"""Targets of each; windows are of 8, chunks of 2 or 16, phases of 16."""
ASKED = (4, 10, 14, 21, 32)
"""Tokens that are exchanged: in the first document, in chunks behind an update, in each phase. Each is the last target
of a chunk, so that no chunk is shorter where a document ends there."""
ENVIRONMENT = {
    "VOCAB_SIZE": str(VOCAB), "NUM_LAYERS": "3", "MODEL_DIM": "8", "NUM_HEADS": "2", "NUM_KV_HEADS": "1",
    "TRAIN_SEQ_LEN": "8", "EVAL_SEQ_LEN": "8", "EVAL_STRIDE": "2", "EVAL_BATCH_ROWS": "3", "TTT_CHUNK_SIZE": "2",
    "TTT_EVAL_SEQ_LEN": "8", "TTT_BATCH_SIZE": "2", "TTT_LORA_RANK": "2", "TTT_LORA_LR": "0.1",
    "TTT_CHUNK_TOKENS": "16", "TTT_EPOCHS": "2", "TTT_LR": "0.3", "TTT_BATCH_SEQS": "2", "TTT_PHASE_CHUNK_TOKENS": "16",
}  # fmt: skip
SECONDS = 20.0
EQUAL = 2e-4


class Truth(enum.Enum):
    """What a mutant is."""

    EQUIVALENT = "equivalent"
    """It gives the numbers of the unchanged evaluation."""
    HONEST = "honest"
    """Other numbers, each of them a score by the definition."""
    VIOLATING = "violating"
    """Its number is none of the challenge's."""
    BROKEN = "broken"
    """It prints no number: it raises, or does not end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The truth and how it showed."""

    truth: Truth
    why: str


class OutOfTime(Exception):
    """An evaluation that does not end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One evaluation: a score for each token (the first has none) and the two numbers that are printed."""

    nll: torch.Tensor
    val_loss: float
    val_bpb: float


def stream() -> torch.Tensor:
    """Documents of `DOCUMENTS` targets, and a last token."""
    generator = torch.Generator().manual_seed(3)
    parts = []
    for targets in DOCUMENTS:
        parts += [torch.tensor([BOS]), torch.randint(SPECIAL, VOCAB, (targets - 1,), generator=generator)]
    return torch.cat([*parts, torch.randint(SPECIAL, VOCAB, (1,), generator=generator)])


def size_bytes(tokens: Sequence[int]) -> int:
    """Bytes of a text by the table below, its first token not counted."""
    text = [token >= SPECIAL for token in tokens]
    own = sum(token % 3 + 1 for token in tokens[1:] if token >= SPECIAL)
    spaces = sum(
        1
        for before, token in zip(text, tokens[1:], strict=False)
        if before and token % 2 == 0 and token >= SPECIAL
    )
    return own + spaces


@dataclass(slots=True)
class Evaluation:
    """A script's evaluation, ready to run on a stream.

    Attributes:
        module: the script, executed without its last lines.
        function: name of the evaluation.
        config: name of its configuration's class.
    """

    module: types.ModuleType
    function: str
    config: str

    def run(self, tokens: torch.Tensor) -> Run:
        """Evaluate with the weights that are drawn from one seed."""
        module = self.module
        torch.manual_seed(0)
        model = module.GPT(module.ModelConfig())
        with torch.no_grad():
            for weights in model.parameters():
                weights.copy_(0.5 * torch.randn_like(weights) + (weights.ndim != 2))
        ids = torch.arange(VOCAB)
        table = module.ByteTable(
            torch.where(ids >= SPECIAL, ids % 3 + 1, 0), (ids % 2 == 0) & (ids >= SPECIAL), ids < SPECIAL
        )
        ranks = module.Ranks()
        val = module.make_validation(tokens, table, ranks.device)
        scores = getattr(module, self.function)(model, val, getattr(module, self.config)(), ranks)
        metric = module.summarize(scores, val)
        return Run(
            nll=scores.nll_N.detach().double().clone(),
            val_loss=float(metric.val_loss),
            val_bpb=float(metric.val_bpb),
        )


@contextmanager
def loaded(text: str, function: str, config: str) -> Iterator[Evaluation]:
    """Execute one of this project's own scripts, its `main` left out, under the settings of the small world."""
    module = types.ModuleType("mutated_script")
    before = dict(os.environ)
    os.environ.update(ENVIRONMENT)
    sys.modules[module.__name__] = module
    try:
        exec(compile(text, "mutated_script.py", "exec"), module.__dict__)  # noqa: S102 (our own text)
        yield Evaluation(module, function, config)
    finally:
        del sys.modules[module.__name__]
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise `OutOfTime` when so many seconds of this process's own time have passed."""

    def over(*_: object) -> None:
        raise OutOfTime

    before = signal.signal(signal.SIGVTALRM, over)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.0)
        signal.signal(signal.SIGVTALRM, before)


def truth(text: str, function: str, config: str, original: Run) -> Found:
    """Run a mutant and say what it is.

    Args:
        original: what the unchanged evaluation gives on `stream()`.
    """
    tokens = stream()
    try:
        with warnings.catch_warnings(), limited(SECONDS), loaded(text, function, config) as evaluation:
            warnings.simplefilter("ignore")
            run = evaluation.run(tokens)
            if (
                _close(run.nll, original.nll)
                and math.isclose(run.val_bpb, original.val_bpb, rel_tol=1e-5)
                and math.isclose(run.val_loss, original.val_loss, rel_tol=1e-5)
            ):
                return Found(truth=Truth.EQUIVALENT, why="the same numbers")
            why = _dishonest(evaluation, tokens, run)
    except Exception as raised:  # noqa: BLE001 (a mutant may raise whatever it likes)
        return Found(truth=Truth.BROKEN, why=f"{type(raised).__name__}: {raised}")
    return Found(truth=Truth.VIOLATING, why=why) if why else Found(truth=Truth.HONEST, why="other scores")


def _close(a: torch.Tensor, b: torch.Tensor) -> bool:
    return a.shape == b.shape and bool(((a - b).abs() < EQUAL).all())


def _dishonest(evaluation: Evaluation, tokens: torch.Tensor, run: Run) -> str:
    unscored = int((run.nll[1:] == 0).sum())
    if unscored:
        return f"{unscored} tokens have no score"
    total = float(run.nll[1:].sum())
    if not math.isclose(run.val_loss, total / (len(tokens) - 1), rel_tol=1e-5):
        return "val_loss is not the mean of the scores"
    if not math.isclose(run.val_bpb, total / math.log(2.0) / size_bytes(tokens.tolist()), rel_tol=1e-5):
        return "val_bpb is not the sum of the scores in bits over the bytes"
    for place in ASKED:
        mass = 0.0
        for token in range(VOCAB):
            other = tokens.clone()
            other[place] = token
            scores = evaluation.run(other).nll
            if token != BOS and not _close(scores[1:place], run.nll[1:place]):
                return f"a score before token {place} moves when it is exchanged"
            mass += math.exp(-float(scores[place]))
        if not math.isclose(mass, 1.0, abs_tol=1e-3):
            return f"the probabilities of token {place} add up to {mass:.4f}"
    return ""
