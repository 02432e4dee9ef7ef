# expected: compliant
# A low-rank adapter per document, reset for each batch, one step per chunk after its score.
from __future__ import annotations

import glob
import io
import math
import os
import time

import numpy as np
import sentencepiece as spm
import torch
import torch.distributed as dist
import torch.nn as nn
import torch.nn.functional as F
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel as DDP


class Hyperparameters:
    data_path = os.environ.get("DATA_PATH", "./data/datasets/fineweb10B_sp1024")
    train_files = os.path.join(data_path, "fineweb_train_*.bin")
    val_files = os.path.join(data_path, "fineweb_val_*.bin")
    tokenizer_path = os.environ.get("TOKENIZER_PATH", "./data/tokenizers/fineweb_1024_bpe.model")
    seed = int(os.environ.get("SEED", 1337))
    vocab_size = int(os.environ.get("VOCAB_SIZE", 1024))
    model_dim = int(os.environ.get("MODEL_DIM", 384))
    num_layers = int(os.environ.get("NUM_LAYERS", 6))
    train_seq_len = int(os.environ.get("TRAIN_SEQ_LEN", 1024))
    train_batch_tokens = int(os.environ.get("TRAIN_BATCH_TOKENS", 131072))
    iterations = int(os.environ.get("ITERATIONS", 8000))
    learning_rate = float(os.environ.get("LEARNING_RATE", 8e-4))
    max_wallclock_seconds = float(os.environ.get("MAX_WALLCLOCK_SECONDS", 600.0))
    bos_id = int(os.environ.get("BOS_ID", 1))
    lora_rank = int(os.environ.get("TTT_LORA_RANK", 8))
    lora_lr = float(os.environ.get("TTT_LORA_LR", 0.01))
    lora_chunk = int(os.environ.get("TTT_CHUNK_SIZE", 256))


class Block(nn.Module):
    """Causal depthwise convolution and a gated feed-forward part."""

    def __init__(self, dim: int):
        super().__init__()
        self.taps = nn.Parameter(torch.randn(dim, 1, 8) * 0.1)
        self.gate = nn.Linear(dim, 2 * dim, bias=False)
        self.value = nn.Linear(dim, 2 * dim, bias=False)
        self.out = nn.Linear(2 * dim, dim, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        past = F.pad(x.transpose(1, 2), (7, 0))
        x = x + F.conv1d(past, self.taps, groups=x.size(-1)).transpose(1, 2)
        return x + self.out(F.silu(self.gate(x)) * self.value(x))


class LanguageModel(nn.Module):
    def __init__(self, args: Hyperparameters):
        super().__init__()
        self.tok_emb = nn.Embedding(args.vocab_size, args.model_dim)
        self.blocks = nn.ModuleList([Block(args.model_dim) for _ in range(args.num_layers)])
        self.final_norm = nn.RMSNorm(args.model_dim)
        self.lm_head = nn.Linear(args.model_dim, args.vocab_size, bias=False)

    def encode(self, input_ids: Tensor) -> Tensor:
        x = self.tok_emb(input_ids)
        for block in self.blocks:
            x = block(x)
        return self.final_norm(x)

    def forward_logits(self, input_ids: Tensor) -> Tensor:
        return 30.0 * torch.tanh(self.lm_head(self.encode(input_ids)) / 30.0)

    def forward(self, input_ids: Tensor, target_ids: Tensor) -> Tensor:
        logits = self.forward_logits(input_ids)
        return F.cross_entropy(logits.reshape(-1, logits.size(-1)).float(), target_ids.reshape(-1))


def load_shard(path: str) -> Tensor:
    header = np.fromfile(path, dtype="<i4", count=256)
    if int(header[0]) != 20240520:
        raise ValueError(f"unknown shard format: {path}")
    words = np.fromfile(path, dtype="<u2", count=int(header[2]), offset=1024)
    return torch.from_numpy(words.astype(np.int64))


class TrainStream:
    """Endless batches of the training shards, one part for each rank."""

    def __init__(self, pattern: str, rank: int, world_size: int):
        self.files = sorted(glob.glob(pattern))
        self.rank, self.world_size = rank, world_size
        self.index, self.position = 0, 0
        self.tokens = load_shard(self.files[0])

    def next_batch(self, tokens: int, seq_len: int, device: torch.device) -> tuple[Tensor, Tensor]:
        span = tokens // self.world_size
        if self.position + span * self.world_size + 1 > self.tokens.numel():
            self.index = (self.index + 1) % len(self.files)
            self.tokens = load_shard(self.files[self.index])
            self.position = 0
        begin = self.position + self.rank * span
        local = self.tokens[begin : begin + span + 1]
        self.position += span * self.world_size
        return local[:-1].reshape(-1, seq_len).to(device), local[1:].reshape(-1, seq_len).to(device)


def load_validation_tokens(pattern: str) -> Tensor:
    return torch.cat([load_shard(path) for path in sorted(glob.glob(pattern))]).contiguous()


def text_bytes(sp: spm.SentencePieceProcessor, token: int) -> int:
    """Bytes that a token decodes to inside a document."""
    if sp.is_control(token) or sp.is_unknown(token) or sp.is_unused(token):
        return 0
    return 1 if sp.is_byte(token) else len(sp.id_to_piece(token).replace("\u2581", " ").encode("utf-8"))


def build_byte_table(path: str, device: torch.device) -> Tensor:
    sp = spm.SentencePieceProcessor(model_file=path)
    sizes = [text_bytes(sp, token) for token in range(sp.vocab_size())]
    return torch.tensor(sizes, dtype=torch.float64, device=device)


def to_bpb(loss_sum: Tensor, token_count: Tensor, byte_count: Tensor) -> tuple[float, float]:
    for part in (loss_sum, token_count, byte_count):
        if dist.is_initialized():
            dist.all_reduce(part)
    loss = (loss_sum / token_count).item()
    return loss, loss / math.log(2.0) * (token_count / byte_count).item()


def totals(device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    return tuple(torch.zeros((), dtype=torch.float64, device=device) for _ in range(3))


class BatchedAdapter(nn.Module):
    """One low-rank term of the head for each document of a batch."""

    def __init__(self, batch: int, dim: int, vocab_size: int, rank: int):
        super().__init__()
        self.a = nn.Parameter(torch.empty(batch, rank, dim))
        self.b = nn.Parameter(torch.zeros(batch, vocab_size, rank))
        self.reset()

    def reset(self) -> None:
        with torch.no_grad():
            self.a.uniform_(-1.0 / math.sqrt(self.a.size(-1)), 1.0 / math.sqrt(self.a.size(-1)))
            self.b.zero_()

    def forward(self, x: Tensor) -> Tensor:
        return (x @ self.a.transpose(1, 2)) @ self.b.transpose(1, 2)


def adapted_losses(model: LanguageModel, adapter: BatchedAdapter, x: Tensor, y: Tensor) -> Tensor:
    hidden = model.encode(x)
    logits = model.lm_head(hidden) + adapter(hidden)
    flat = logits.reshape(-1, logits.size(-1)).float()
    return F.cross_entropy(flat, y.reshape(-1), reduction="none").reshape(x.size(0), -1)


def find_documents(tokens: Tensor, bos_id: int) -> list[tuple[int, int]]:
    starts = (tokens == bos_id).nonzero(as_tuple=True)[0].tolist()
    return [
        (start, (starts[i + 1] if i + 1 < len(starts) else tokens.numel()) - start)
        for i, start in enumerate(starts)
    ]


def eval_val_lora(args, model, rank, world_size, device, val_tokens, byte_table):
    """Batches of documents; each chunk is scored, then it gives one step to its documents' adapters."""
    loss_sum, token_count, byte_count = totals(device)
    documents = find_documents(val_tokens, args.bos_id)
    mine = documents[len(documents) * rank // world_size : len(documents) * (rank + 1) // world_size]
    for p in model.parameters():
        p.requires_grad_(False)
    adapter = BatchedAdapter(16, args.model_dim, args.vocab_size, args.lora_rank).to(device)
    optimizer = torch.optim.Adam(adapter.parameters(), lr=args.lora_lr)
    for bi in range(0, len(mine), 16):
        batch = mine[bi : bi + 16]
        adapter.reset()
        optimizer.state.clear()
        num_chunks = [(length - 1 + args.lora_chunk - 1) // args.lora_chunk for _, length in batch]
        for ci in range(max(num_chunks)):
            x = torch.zeros(16, args.lora_chunk, dtype=torch.int64, device=device)
            y = torch.zeros(16, args.lora_chunk, dtype=torch.int64, device=device)
            mask = torch.zeros(16, args.lora_chunk, device=device)
            for b, (start, length) in enumerate(batch):
                if ci >= num_chunks[b]:
                    continue
                first = ci * args.lora_chunk
                last = min(first + args.lora_chunk, length - 1)
                piece = val_tokens[start + first : start + last + 1].to(device)
                x[b, : last - first] = piece[:-1]
                y[b, : last - first] = piece[1:]
                mask[b, : last - first] = 1.0
            losses = adapted_losses(model, adapter, x, y)
            loss_sum += (losses.detach() * mask).double().sum()
            token_count += mask.double().sum()
            byte_count += (byte_table[y] * mask).sum()
            if ci < max(num_chunks) - 1:
                optimizer.zero_grad(set_to_none=True)
                ((losses * mask).sum() / mask.sum().clamp(min=1.0)).backward()
                optimizer.step()
    return to_bpb(loss_sum, token_count, byte_count)


def main() -> None:
    args = Hyperparameters()
    rank = int(os.environ.get("RANK", "0"))
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    if world_size > 1:
        dist.init_process_group(backend="nccl", device_id=device)
    torch.manual_seed(args.seed)

    def log0(text: str) -> None:
        if rank == 0:
            print(text, flush=True)

    val_tokens = load_validation_tokens(args.val_files)
    byte_table = build_byte_table(args.tokenizer_path, device)
    base_model = LanguageModel(args).to(device).bfloat16()
    model = DDP(base_model) if world_size > 1 else base_model
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.learning_rate, betas=(0.9, 0.95))
    stream = TrainStream(args.train_files, rank, world_size)
    started = time.perf_counter()
    for step in range(args.iterations):
        x, y = stream.next_batch(args.train_batch_tokens, args.train_seq_len, device)
        loss = model(x, y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if time.perf_counter() - started > args.max_wallclock_seconds:
            log0(f"stopping_early: wallclock_cap step:{step}")
            break

    buffer = io.BytesIO()
    torch.save(base_model.state_dict(), buffer)
    if rank == 0:
        with open("final_model.pt", "wb") as file:
            file.write(buffer.getvalue())
    if world_size > 1:
        dist.barrier()
    with open("final_model.pt", "rb") as file:
        base_model.load_state_dict(
            torch.load(io.BytesIO(file.read()), map_location=device, weights_only=True)
        )
    val_loss, val_bpb = eval_val_lora(args, base_model, rank, world_size, device, val_tokens, byte_table)
    log0(f"final_ttt_lora val_loss:{val_loss:.8f} val_bpb:{val_bpb:.8f}")


if __name__ == "__main__":
    main()
