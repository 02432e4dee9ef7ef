"""Token shards and documents: reading, writing and dealing them out. No tokenizer, no model.

A shard is the challenge's `.bin`: 256 little-endian int32 (magic 20240520, version 1, number of tokens,
zeros), then the tokens as little-endian uint16. Every document opens with the token BOS = 1; there is no
end token.
"""

from __future__ import annotations

import glob
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from reference_impl.dist import Ranks

SHARD_MAGIC, SHARD_VERSION, HEADER_INTS = 20240520, 1, 256
BOS_ID = 1


class ShardError(ValueError):
    """A shard is missing or is not in the challenge's format."""


def read_shard(path: Path) -> np.ndarray:
    """Return the tokens of one shard as uint16, checking magic, version and length."""
    header = np.fromfile(path, dtype="<i4", count=HEADER_INTS)
    if header.size != HEADER_INTS or header[0] != SHARD_MAGIC or header[1] != SHARD_VERSION:
        raise ShardError(f"{path}: not a version {SHARD_VERSION} token shard (header {header[:3].tolist()})")
    tokens_N = np.fromfile(path, dtype="<u2", offset=4 * HEADER_INTS)
    if tokens_N.size != int(header[2]):
        raise ShardError(
            f"{path}: the header promises {int(header[2])} tokens, the file holds {tokens_N.size}"
        )
    return tokens_N


def write_shard(path: Path, tokens: np.ndarray) -> None:
    """Write tokens (integers in 0..65535) as one shard."""
    if tokens.size and (int(tokens.min()) < 0 or int(tokens.max()) > 65535):
        raise ShardError(f"{path}: token {int(tokens.max())} does not fit 16 bits")
    header = np.zeros(HEADER_INTS, dtype="<i4")
    header[:3] = SHARD_MAGIC, SHARD_VERSION, tokens.size
    path.write_bytes(header.tobytes() + tokens.astype("<u2").tobytes())


def shard_paths(data_path: str, split: str) -> list[Path]:
    """Return the shards `*_<split>_*.bin` of a folder in name order."""
    paths = [Path(path) for path in sorted(glob.glob(f"{data_path}/*_{split}_*.bin"))]
    if not paths:
        raise ShardError(f"{data_path}: no shard named *_{split}_*.bin")
    return paths


def load_validation_tokens(data_path: str) -> Tensor:
    """Return the whole validation stream in order, int64, [N]."""
    return torch.from_numpy(
        np.concatenate([read_shard(path) for path in shard_paths(data_path, "val")]).astype(np.int64)
    )


@dataclass(frozen=True)
class Document:
    """A run of input positions start .. start + targets - 1; position p predicts token p + 1.

    The next document's BOS is this one's last target, so documents share out all targets but the first token.
    """

    index: int
    start: int
    targets: int


def find_documents(tokens_N: Tensor) -> list[Document]:
    """Cut a stream at every BOS; tokens before the first BOS are a document too, empty ones are left out."""
    opens_N = tokens_N == BOS_ID
    opens_N[0] = True
    starts = torch.nonzero(opens_N).flatten().tolist()
    documents: list[Document] = []
    for i in range(len(starts)):
        end = starts[i + 1] if i + 1 < len(starts) else tokens_N.numel() - 1
        if end > starts[i]:
            documents.append(Document(i, starts[i], end - starts[i]))
    return documents


class TokenStream:
    """The training shards read in order, over and over; its place is one number and so can be resumed."""

    def __init__(self, paths: list[Path]) -> None:
        self.paths = paths
        self.tokens_read = 0
        self._shard = 0
        self._offset = 0
        self._tokens = read_shard(paths[0])

    def take(self, count: int) -> np.ndarray:
        """Return the next `count` tokens, crossing from shard to shard as needed."""
        parts: list[np.ndarray] = []
        missing = count
        while missing > 0:
            part = self._tokens[self._offset : self._offset + missing]
            if part.size == 0:
                self._next_shard()
                continue
            parts.append(part)
            self._offset += part.size
            missing -= part.size
        self.tokens_read += count
        return np.concatenate(parts)

    def skip(self, count: int) -> None:
        """Move on by `count` tokens, reading no more shards than the last one needs."""
        self.tokens_read += count
        while count > 0:
            step = min(count, self._tokens.size - self._offset)
            self._offset += step
            count -= step
            if count > 0:
                self._next_shard()

    def _next_shard(self) -> None:
        self._shard = (self._shard + 1) % len(self.paths)
        self._tokens = read_shard(self.paths[self._shard])
        self._offset = 0


class BatchLoader:
    """Deals each global batch of `shares` spans to the ranks: the batch is the same for any number of ranks.

    As in the baseline, a share is batch_tokens/shares inputs and one more token for the last target, and
    share i belongs to rank i mod world.
    """

    def __init__(self, paths: list[Path], batch_tokens: int, shares: int, seq_len: int, ranks: Ranks) -> None:
        if shares % ranks.world != 0:
            raise ShardError(f"{ranks.world} ranks do not divide a batch of {shares} shares")
        self.stream = TokenStream(paths)
        self.seq_len, self.shares, self.ranks = seq_len, shares, ranks
        self.share_tokens = batch_tokens // shares

    def next_batch(self) -> list[tuple[Tensor, Tensor]]:
        """Return this rank's shares of the next batch: inputs and targets, int64, [rows, seq_len] each."""
        span = self.share_tokens + 1
        batch = torch.from_numpy(self.stream.take(span * self.shares).astype(np.int64))
        mine = []
        for share in range(self.ranks.rank, self.shares, self.ranks.world):
            local = batch[share * span : (share + 1) * span].to(self.ranks.device, non_blocking=True)
            mine.append((local[:-1].view(-1, self.seq_len), local[1:].view(-1, self.seq_len)))
        return mine
