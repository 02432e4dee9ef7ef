"""Bits per byte: how many bytes of text each token stands for, and the metric made of that.

The bytes of token t after token s are

    0                                   if t is a control, unknown or unused piece
    1                                   if t is a byte piece
    len(utf8(piece without one "▁"))    otherwise; + 1 if it had the "▁" and s is of none of those kinds

so a document's counts add up to the bytes of its decoded text: `tests/reference_impl/test_bpb.py` proves it
by decoding. That text is the *normalised* one (sentencepiece folds spaces and applies NFKC before it
encodes).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import sentencepiece
import torch
from torch import Tensor

SPACE_MARK = "▁"  # U+2581, sentencepiece's visible space


@dataclass(frozen=True)
class ByteTable:
    """Per token id: its own bytes, whether it opens with a space mark, whether it hides a space after it."""

    own_bytes_V: Tensor
    opens_with_space_V: Tensor
    swallows_space_V: Tensor

    def count(self, previous_N: Tensor, targets_N: Tensor) -> Tensor:
        """Return the bytes of each target given the token before it, int64."""
        space_N = self.opens_with_space_V[targets_N] & ~self.swallows_space_V[previous_N]
        return self.own_bytes_V[targets_N] + space_N.long()


def build_byte_table(tokenizer: sentencepiece.SentencePieceProcessor) -> ByteTable:
    """Read the byte counts off a sentencepiece model."""
    size = int(tokenizer.vocab_size())
    own = np.zeros(size, dtype=np.int64)
    opens = np.zeros(size, dtype=bool)
    swallows = np.ones(size, dtype=bool)
    for token in range(size):
        if tokenizer.is_control(token) or tokenizer.is_unknown(token) or tokenizer.is_unused(token):
            continue
        swallows[token] = False
        if tokenizer.is_byte(token):
            own[token] = 1
            continue
        piece = tokenizer.id_to_piece(token)
        opens[token] = piece.startswith(SPACE_MARK)
        own[token] = len(piece.removeprefix(SPACE_MARK).encode("utf-8"))
    return ByteTable(torch.from_numpy(own), torch.from_numpy(opens), torch.from_numpy(swallows))


def load_tokenizer(path: str, vocab_size: int) -> sentencepiece.SentencePieceProcessor:
    """Open a sentencepiece model and check that its vocabulary is the model's."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: no such tokenizer; set TOKENIZER_PATH")
    tokenizer = sentencepiece.SentencePieceProcessor(model_file=path)
    if int(tokenizer.vocab_size()) != vocab_size:
        raise ValueError(f"{path}: {tokenizer.vocab_size()} pieces, but VOCAB_SIZE={vocab_size}")
    return tokenizer


def bits_per_byte(nats: float, size_bytes: int) -> float:
    """Return total nats as bits per byte of text."""
    return nats / math.log(2.0) / size_bytes
