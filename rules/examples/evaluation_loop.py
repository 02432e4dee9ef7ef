"""A trainer and a chunked evaluation of a few lines, from which the examples of the order rules are put together."""

from __future__ import annotations

SETUP = """\
import glob
import math

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

SEQ = 1024


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(1024, 64)
        self.head = nn.Linear(64, 1024)

    def forward(self, tokens):
        return self.head(torch.tanh(self.embed(tokens)))


shard = sorted(glob.glob("data/fineweb_val_*.bin"))[0]
val_tokens = torch.from_numpy(np.fromfile(shard, dtype=np.uint16).astype(np.int64))
model = Model()
rows = (val_tokens.numel() - 1) // SEQ
total = torch.zeros(())
"""
"""The head that the examples of the rules about order share: a model, the split, a running total."""


STEP = """\
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
"""


REPORT = """\
print(f"final val_bpb:{total.item() / (rows * SEQ) / math.log(2.0) * 0.41:.8f}")
"""
