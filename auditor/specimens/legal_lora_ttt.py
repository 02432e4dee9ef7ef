# expected: compliant
# A small language model whose evaluation adapts as it goes, and in the allowed order: every chunk of a
# document is scored first, and only then gives one step of a low-rank adapter that is thrown away with it.
from __future__ import annotations

import glob
import io
import math
import os
import time
import zlib

import numpy as np
import sentencepiece as spm
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor


class Settings:
    data_path = os.environ.get("DATA_PATH", "./data/datasets/fineweb10B_sp1024")
    tokenizer_path = os.environ.get("TOKENIZER_PATH", "./data/tokenizers/fineweb_1024_bpe.model")
    seed = int(os.environ.get("SEED", 1337))
    vocab_size = int(os.environ.get("VOCAB_SIZE", 1024))
    width = int(os.environ.get("MODEL_DIM", 256))
    depth = int(os.environ.get("NUM_LAYERS", 4))
    seq_len = int(os.environ.get("TRAIN_SEQ_LEN", 1024))
    batch_seqs = int(os.environ.get("BATCH_SEQS", 16))
    iterations = int(os.environ.get("ITERATIONS", 2000))
    learning_rate = float(os.environ.get("LEARNING_RATE", 1e-3))
    max_wallclock_seconds = float(os.environ.get("MAX_WALLCLOCK_SECONDS", 600.0))
    adapter_rank = int(os.environ.get("TTT_LORA_RANK", 8))
    adapter_lr = float(os.environ.get("TTT_LORA_LR", 0.01))
    chunk_tokens = int(os.environ.get("TTT_CHUNK_SIZE", 256))


class Adapter(nn.Module):
    """A low-rank term beside a frozen head; zero when new."""

    def __init__(self, width: int, vocab_size: int, rank: int):
        super().__init__()
        self.down = nn.Parameter(torch.randn(width, rank) / math.sqrt(width))
        self.up = nn.Parameter(torch.zeros(rank, vocab_size))

    def forward(self, hidden: Tensor) -> Tensor:
        return hidden @ self.down @ self.up


class Layer(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.mix = nn.GRU(width, width, batch_first=True)
        self.norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, 4 * width)
        self.narrow = nn.Linear(4 * width, width)

    def forward(self, hidden: Tensor) -> Tensor:
        mixed, _ = self.mix(hidden)
        hidden = hidden + mixed
        return hidden + self.narrow(F.relu(self.widen(self.norm(hidden))).square())


class Model(nn.Module):
    def __init__(self, s: Settings):
        super().__init__()
        self.embed = nn.Embedding(s.vocab_size, s.width)
        self.layers = nn.ModuleList(Layer(s.width) for _ in range(s.depth))
        self.norm = nn.LayerNorm(s.width)
        self.head = nn.Linear(s.width, s.vocab_size, bias=False)

    def hidden(self, tokens: Tensor) -> Tensor:
        state = self.embed(tokens)
        for layer in self.layers:
            state = layer(state)
        return self.norm(state)

    def forward(self, tokens: Tensor, targets: Tensor, adapter: Adapter | None = None) -> Tensor:
        hidden = self.hidden(tokens)
        logits = self.head(hidden)
        if adapter is not None:
            logits = logits + adapter(hidden)
        return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), reduction="none")


def read_shard(path: str) -> Tensor:
    header = np.fromfile(path, dtype="<i4", count=256)
    words = np.fromfile(path, dtype="<u2", count=int(header[2]), offset=1024)
    return torch.from_numpy(words.astype(np.int64))


def validation_tokens(s: Settings) -> Tensor:
    shards = sorted(glob.glob(os.path.join(s.data_path, "fineweb_val_*.bin")))
    return torch.cat([read_shard(shard) for shard in shards])


def text_bytes(sp: spm.SentencePieceProcessor, token: int) -> int:
    """Bytes that a token decodes to inside a document."""
    if sp.is_control(token) or sp.is_unknown(token) or sp.is_unused(token):
        return 0
    return 1 if sp.is_byte(token) else len(sp.id_to_piece(token).replace("\u2581", " ").encode())


def byte_lengths(s: Settings) -> Tensor:
    pieces = spm.SentencePieceProcessor(model_file=s.tokenizer_path)
    lengths = [text_bytes(pieces, token) for token in range(pieces.vocab_size())]
    return torch.tensor(lengths, dtype=torch.float64)


def train(model: Model, s: Settings, device: torch.device) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=s.learning_rate)
    shards = sorted(glob.glob(os.path.join(s.data_path, "fineweb_train_*.bin")))
    stream = torch.cat([read_shard(shard) for shard in shards])
    span = s.batch_seqs * s.seq_len
    started = time.perf_counter()
    for step in range(s.iterations):
        if time.perf_counter() - started > s.max_wallclock_seconds:
            break
        begin = (step * span) % (stream.numel() - span - 1)
        window = stream[begin : begin + span + 1].to(device)
        inputs = window[:-1].reshape(s.batch_seqs, s.seq_len)
        targets = window[1:].reshape(s.batch_seqs, s.seq_len)
        loss = model(inputs, targets).mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)


def evaluate(
    model: Model, s: Settings, tokens: Tensor, lengths: Tensor, device: torch.device
) -> tuple[float, float]:
    """Score every document once; the adapter sees a chunk after the chunk's loss is final."""
    model.requires_grad_(False)
    starts = (tokens == 1).nonzero().flatten().tolist()
    loss_sum = torch.zeros((), dtype=torch.float64, device=device)
    byte_sum = torch.zeros((), dtype=torch.float64, device=device)
    token_count = 0
    for number in range(len(starts)):
        begin = starts[number]
        end = starts[number + 1] if number + 1 < len(starts) else tokens.numel() - 1
        adapter = Adapter(s.width, s.vocab_size, s.adapter_rank).to(device)
        optimizer = torch.optim.Adam(adapter.parameters(), lr=s.adapter_lr)
        chunks = (end - begin + s.chunk_tokens - 1) // s.chunk_tokens
        for chunk in range(chunks):
            first = begin + chunk * s.chunk_tokens
            last = min(first + s.chunk_tokens, end)
            inputs = tokens[first:last].to(device)[None]
            targets = tokens[first + 1 : last + 1].to(device)[None]
            losses = model(inputs, targets, adapter)
            loss_sum += losses.detach().double().sum()
            byte_sum += lengths[targets.flatten()].sum()
            token_count += last - first
            if chunk + 1 < chunks:
                losses.mean().backward()
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
    nats = (loss_sum / token_count).item()
    return nats, nats / math.log(2.0) * (token_count / byte_sum.item())


def main() -> None:
    s = Settings()
    torch.manual_seed(s.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = Model(s).to(device)
    train(model, s, device)
    blob = io.BytesIO()
    torch.save({name: value.half() for name, value in model.state_dict().items()}, blob)
    packed = zlib.compress(blob.getvalue(), 9)
    with open("final_model.ptz", "wb") as file:
        file.write(packed)
    print(f"Total submission size: {len(packed) + os.path.getsize(__file__)} bytes")
    with open("final_model.ptz", "rb") as file:
        state = torch.load(io.BytesIO(zlib.decompress(file.read())), weights_only=True)
    model.load_state_dict({name: value.float() for name, value in state.items()})
    val_loss, val_bpb = evaluate(model, s, validation_tokens(s), byte_lengths(s).to(device), device)
    print(f"final_ttt_lora val_loss:{val_loss:.8f} val_bpb:{val_bpb:.8f}")


if __name__ == "__main__":
    main()
