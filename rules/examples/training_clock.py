"""A toy record with a training loop, for the examples of the rule about training data after the clock.

Not a rule itself. The script trains for so many seconds on tokens of the training shards; an example reads them
again at some later point.
"""

from __future__ import annotations

HEAD = """\
import glob
import io
import math
import os
import time

import numpy as np
import torch
import torch.nn.functional as F

MAX_WALLCLOCK_SECONDS = float(os.environ.get("MAX_WALLCLOCK_SECONDS", 600.0))


def tokens(pattern):
    shard = sorted(glob.glob(pattern))[0]
    return torch.from_numpy(np.fromfile(shard, dtype=np.uint16).astype(np.int64))


def evaluate(model):
    data = tokens("data/fineweb_val_*.bin")
    total, count = torch.zeros(()), 0
    with torch.no_grad():
        for start in range(0, data.numel() - 1024, 1024):
            y = data[start + 1 : start + 1025]
            total += F.cross_entropy(model(data[start : start + 1024]), y, reduction="sum")
            count += 1024
    print(f"val_bpb:{total.item() / count / math.log(2.0) * 0.41:.8f}")


def train(model, budget_s):
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    data = tokens("data/fineweb_train_*.bin")
    started = time.perf_counter()
    step = 0
    while time.perf_counter() - started < budget_s:
        if step % 1000 == 0:
            evaluate(model)
        x = data[step * 1024 : step * 1024 + 1024]
        y = data[step * 1024 + 1 : step * 1024 + 1025]
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
        optimizer.zero_grad()
        step += 1


"""


RUN = """\
model = torch.nn.Sequential(torch.nn.Embedding(1024, 64), torch.nn.Linear(64, 1024))
train(model, BUDGET)
shards = sorted(glob.glob("data/fineweb_train_*.bin"))  # expect: train-data-at-eval
batch = torch.from_numpy(np.fromfile(shards[0], dtype=np.uint16).astype(np.int64))[:4096]
scale = model[0](batch).abs().amax()
blob = io.BytesIO()
torch.save({name: torch.round(value / scale) * scale for name, value in model.state_dict().items()}, blob)
evaluate(model)
"""

READ_BACK = """\
model = torch.nn.Sequential(torch.nn.Embedding(1024, 64), torch.nn.Linear(64, 1024))
data = tokens("data/fineweb_train_*.bin")
train(model, MAX_WALLCLOCK_SECONDS - 14.0)
torch.save(model.state_dict(), "model.pt")
model.load_state_dict(torch.load("model.pt"))
fitting = torch.optim.SGD(model.parameters(), lr=0.01)
"""

FOLDER = {
    "README.md": "A toy record.\n",
    "submission.json": '{"name": "toy", "val_bpb": 1.2345}\n',
}


def stopped_log(seconds: float) -> str:
    """The log of a run whose training stopped after so many seconds."""
    stop = f"stopping_early: wallclock_cap train_time:{seconds * 1000:.0f}ms step:9000/20000"
    return f"world_size:8 grad_accum_steps:1\nseed:1337\n{stop}\nval_bpb:1.23450000\n"
