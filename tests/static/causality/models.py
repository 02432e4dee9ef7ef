"""Small models of every kind that submissions use, and changes of each that make it look ahead.

Each model is a class `Net` with `forward_logits(ids)` and `forward(ids, targets)`; it runs in torch as it is, so that
what the static side proves can be held against what the model does.
"""

from __future__ import annotations

from dataclasses import dataclass

HEAD = """\
import math
import torch
import torch.nn as nn
import torch.nn.functional as F


class Base(nn.Module):
    def __init__(self):
        super().__init__()
        self.tok = nn.Embedding(32, 16)
        self.head = nn.Linear(16, 32)
        self.build()

    def build(self):
        pass

    def forward_logits(self, ids):
        return self.head(self.trunk(ids))

    def forward(self, ids, targets):
        logits = self.forward_logits(ids)
        return F.cross_entropy(logits.reshape(-1, 32).float(), targets.reshape(-1), reduction="none").view_as(targets)


"""

ROTARY = (
    HEAD
    + """\
def rotated(x, cos, sin):
    half = x.size(-1) // 2
    return torch.cat((x[..., :half] * cos + x[..., half:] * sin, x[..., half:] * cos - x[..., :half] * sin), dim=-1)


class Net(Base):
    def build(self):
        self.qkv = nn.Linear(16, 32, bias=False)
        self.out = nn.Linear(16, 16, bias=False)
        self.gate = nn.Parameter(torch.zeros(16))
        self.pair = nn.Embedding(64, 16)
        self.register_buffer("inv", 1.0 / (10000.0 ** (torch.arange(0, 4, 2) / 4)), persistent=False)
        self.cached = 0
        self.skip = nn.Parameter(torch.ones(2, 16))

    def table(self, length):
        if self.cached != length:
            angle = torch.outer(torch.arange(length).float(), self.inv)
            self.cos, self.sin, self.cached = angle.cos()[None, None], angle.sin()[None, None], length
        return self.cos, self.sin

    def pairs(self, ids):
        out = torch.empty_like(ids)
        out[..., 0] = 63
        out[..., 1:] = torch.bitwise_xor(36313 * ids[..., 1:], 27191 * ids[..., :-1]) % 63
        return self.pair(out)

    def attend(self, x):
        batch, length, width = x.shape
        q, k, v = self.qkv(x).split([16, 8, 8], dim=-1)
        q = q.view(batch, length, 4, 4).transpose(1, 2)
        k = k.view(batch, length, 2, 4).transpose(1, 2)
        v = v.view(batch, length, 2, 4).transpose(1, 2)
        cos, sin = self.table(length)
        q, k = rotated(F.rms_norm(q, (4,)), cos, sin), rotated(F.rms_norm(k, (4,)), cos, sin)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        return self.out(y.transpose(1, 2).contiguous().view(batch, length, width))

    def trunk(self, ids):
        x = self.tok(ids) + self.pairs(ids)
        gate = torch.sigmoid(self.gate)[None, None]
        before = torch.cat([torch.zeros_like(x[:, :1]), x[:, :-1]], dim=1)
        x = (1 - gate) * x + gate * before
        skips = []
        for number in range(2):
            x = x + self.attend(F.rms_norm(x, (x.size(-1),)))
            skips.append(x)
        for number in range(2):
            x = x + self.skip[number] * skips.pop()
        return x
"""
)

BY_HAND = (
    HEAD
    + """\
class Net(Base):
    def build(self):
        self.qkv = nn.Linear(16, 48)
        self.conv = nn.Conv1d(16, 16, 3, padding=2, groups=16)
        self.norm = nn.LayerNorm(16)
        self.register_buffer("lower", torch.tril(torch.ones(64, 64, dtype=torch.bool)), persistent=False)

    def local(self, x):
        return F.silu(self.conv(x.transpose(1, 2))[..., : x.size(1)]).transpose(1, 2)

    def windowed(self, x):
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        scores = torch.einsum("bid,bjd->bij", q, k) / 4
        i, j = torch.arange(x.size(1))[:, None], torch.arange(x.size(1))[None, :]
        mask = (j <= i) & (i - j < 6)
        return torch.softmax(scores.masked_fill(~mask, float("-inf")), dim=-1) @ v

    def chunked(self, x):
        batch, length, width = x.shape
        y = x.view(batch, length // 4, 4, width)
        inside = ((y @ y.transpose(-1, -2)) * self.lower[:4, :4]) @ y
        state = y.sum(dim=2).cumsum(dim=1)
        state = torch.cat([torch.zeros_like(state[:, :1]), state[:, :-1]], dim=1)
        return (inside + state[:, :, None]).reshape(batch, length, width)

    def trunk(self, ids):
        x = self.tok(ids)
        x = x + self.local(self.norm(x))
        x = x + self.windowed(self.norm(x))
        return x + 0.01 * self.chunked(self.norm(x))
"""
)

RECURRENT = (
    HEAD
    + """\
class Net(Base):
    def build(self):
        self.gru = nn.GRU(16, 16, batch_first=True)
        self.rate = nn.Parameter(torch.zeros(16))
        self.router = nn.Linear(16, 3)
        self.experts = nn.ModuleList([nn.Linear(16, 16) for _ in range(3)])

    def scan(self, x):
        state, out = x.new_zeros(x.size(0), 16), []
        keep = torch.sigmoid(self.rate)
        for step in range(x.size(1)):
            state = keep * state + (1 - keep) * x[:, step]
            out.append(state)
        return torch.stack(out, dim=1)

    def mixture(self, x):
        share, choice = torch.softmax(self.router(x), dim=-1).topk(2, dim=-1)
        out = torch.zeros_like(x)
        for number, expert in enumerate(self.experts):
            out = out + expert(x) * (share * (choice == number)).sum(-1, keepdim=True)
        return out

    def trunk(self, ids):
        x = self.tok(ids)
        x = x + self.scan(x)
        x = x + self.gru(x)[0]
        x = x + self.mixture(x)
        return x + torch.cumsum(x, dim=1) / torch.arange(1, x.size(1) + 1)[None, :, None]
"""
)

TIME_FIRST = (
    HEAD
    + """\
class Net(Base):
    def build(self):
        self.qkv = nn.Linear(16, 48)
        self.value = nn.Embedding(32, 16)

    def attend(self, x, extra):
        time, batch, width = x.shape
        q, k, v = (y.reshape(time, batch, 2, 8).permute(1, 2, 0, 3) for y in self.qkv(x).chunk(3, -1))
        v = v + extra.reshape(time, batch, 2, 8).permute(1, 2, 0, 3)
        mask = torch.full((time, time), float("-inf")).triu(1)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return y.permute(2, 0, 1, 3).reshape(time, batch, width)

    def trunk(self, ids):
        x = self.tok(ids).transpose(0, 1)
        x = x + self.attend(F.rms_norm(x, (16,)), self.value(ids).transpose(0, 1))
        before = F.pad(ids[:, :-1], (1, 0), value=0)
        return x.transpose(0, 1) + F.one_hot(before % 16, 16).float()
"""
)

PICKED = (
    HEAD
    + """\
class Net(Base):
    def build(self):
        self.mix = nn.Linear(16, 16)

    def trunk(self, ids):
        x = self.tok(ids)
        x[:, 1:] += 0.5 * self.mix(x[:, :-1])
        return x

    def forward(self, ids, targets):
        logits = 30 * torch.tanh(self.forward_logits(ids) / 30)
        best = logits.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
        return torch.logsumexp(logits, dim=-1) - best
"""
)

MODELS = {
    "rotary": ROTARY,
    "by hand": BY_HAND,
    "recurrent": RECURRENT,
    "time first": TIME_FIRST,
    "picked": PICKED,
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """A change that makes a model look ahead.

    Attributes:
        reach: how far after its target the furthest row sees, at the length of the proof; 0 is the target itself,
            None for what depends on the length.
    """

    model: str
    old: str
    new: str
    reach: int | None


MUTANTS = {
    "no mask": Mutant("rotary", "is_causal=True", "is_causal=False", None),
    "smear of the next token": Mutant(
        "rotary",
        "torch.cat([torch.zeros_like(x[:, :1]), x[:, :-1]], dim=1)",
        "torch.cat([x[:, 1:], torch.zeros_like(x[:, :1])], dim=1)",
        0,
    ),
    "pairs of the next token": Mutant(
        "rotary",
        "out[..., 0] = 63\n        out[..., 1:] = torch",
        "out[..., -1] = 63\n        out[..., :-1] = torch",
        0,
    ),
    "mean over time": Mutant("rotary", "skips = []", "skips, x = [], x - x.mean(dim=1, keepdim=True)", None),
    "roll backwards": Mutant(
        "rotary",
        "self.tok(ids) + self.pairs(ids)",
        "self.tok(ids) + self.tok(torch.roll(ids, -2, dims=1))",
        None,
    ),
    "norm over time": Mutant("rotary", "F.rms_norm(x, (x.size(-1),))", "F.rms_norm(x, x.shape[-2:])", None),
    "view for transpose": Mutant(
        "rotary", "y.transpose(1, 2).contiguous().view(", "y.contiguous().view(", None
    ),
    "batch flipped": Mutant("rotary", "skips.pop()", "skips.pop().flip(0)", None),
    "symmetric convolution": Mutant("by hand", "padding=2, groups", "padding=1, groups", 0),
    "convolution cut at the start": Mutant("by hand", "[..., : x.size(1)]", "[..., -x.size(1) :]", 1),
    "window both ways": Mutant("by hand", "(j <= i) & (i - j < 6)", "(i - j).abs() < 6", 4),
    "state of the own chunk": Mutant(
        "by hand", "torch.cat([torch.zeros_like(state[:, :1]), state[:, :-1]], dim=1)", "state + 0", 2
    ),
    "chunk without triangle": Mutant("by hand", " * self.lower[:4, :4]", "", 2),
    "scan backwards": Mutant("recurrent", "in range(x.size(1)):", "in reversed(range(x.size(1))):", None),
    "recurrence both ways": Mutant(
        "recurrent",
        "nn.GRU(16, 16, batch_first=True)",
        "nn.GRU(16, 8, batch_first=True, bidirectional=True)",
        None,
    ),
    "experts choose tokens": Mutant(
        "recurrent",
        "(choice == number)",
        "(choice == number) * (share >= share.topk(3, dim=1).values[:, -1:])",
        None,
    ),
    "running sum backwards": Mutant(
        "recurrent", "torch.cumsum(x, dim=1)", "torch.cumsum(x.flip(1), dim=1)", None
    ),
    "triangle upside down": Mutant("time first", ".triu(1)", ".tril(-1)", None),
    "padded the other way": Mutant("time first", "ids[:, :-1], (1, 0)", "ids[:, 1:], (0, 1)", 0),
    "value of a later token": Mutant(
        "time first", "self.value(ids)", "self.value(torch.cat((ids[:, 3:], ids[:, :3]), 1))", None
    ),
    "target's embedding": Mutant(
        "picked",
        "self.forward_logits(ids) / 30",
        "(self.forward_logits(ids) + self.tok(targets).sum(-1, True)) / 30",
        0,
    ),
    "bonus on the target": Mutant(
        "picked", "best =", "logits = logits + 5.0 * F.one_hot(targets, 32)\n        best =", 0
    ),
    "bonus scattered": Mutant(
        "picked",
        "best =",
        "one = torch.ones(*targets.shape, 1, dtype=logits.dtype)\n"
        "        logits = logits.scatter_add(2, targets[..., None], one)\n        best =",
        0,
    ),
    "bonus by comparison": Mutant(
        "picked", "best =", "logits[..., 1] += 5.0 * (targets == 1)\n        best =", 0
    ),
    "bonus by equality of places": Mutant(
        "picked",
        "best =",
        "logits = logits + 2.0 * (torch.arange(32) == targets[..., None])\n        best =",
        0,
    ),
    "in place from the next": Mutant(
        "picked", "x[:, 1:] += 0.5 * self.mix(x[:, :-1])", "x[:, :-1] += 0.5 * self.mix(x[:, 1:])", 0
    ),
}


def mutated(mutant: Mutant) -> str:
    """The changed source; the text to change stands in it once or, for the rotary norm, where it is first."""
    source = MODELS[mutant.model]
    assert mutant.old in source, mutant.old
    return source.replace(mutant.old, mutant.new)
