"""A toy records folder for the examples of record rules: three logs, a claim, a README.

Not a rule itself. The numbers are made up so that they hold together: 40,540,160 tokens at the sp8192
family's tokens per byte, code plus model equal to the total; an example changes one of them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

SCRIPT = """\
import glob
import math

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

model = nn.Sequential(nn.Embedding(8192, 64), nn.Linear(64, 8192))


def main():
    paths = sorted(glob.glob("data/datasets/fineweb10B_sp8192/fineweb_val_*.bin"))
    val = torch.from_numpy(np.concatenate([np.fromfile(path, dtype="<u2") for path in paths]).astype(np.int64))
    loss = F.cross_entropy(model(val[:-1]), val[1:])
    print(f"final val_loss:{loss} val_bpb:{loss / math.log(2.0) * 0.268339}")


if __name__ == "__main__":
    main()
"""
LOSSES = {1: 2.9000, 2: 2.9005, 3: 2.9010}
_TOKENS_PER_BYTE = 0.268339
_MODEL_BYTES = 15_000_000


def toy_folder(**changes: object) -> Mapping[str, str]:
    """The files of the folder; `changes` replace facts of every log: seed, tokens, train_ms, eval_ms, model.

    `claimed` replaces the claim, `scale` multiplies every printed bits-per-byte value, `losses_of` gives every
    log the training losses of one seed, `without` names files to leave out.
    """
    scale = float(str(changes.get("scale", 1.0)))
    scores = {seed: loss / math.log(2.0) * _TOKENS_PER_BYTE * scale for seed, loss in LOSSES.items()}
    claimed = changes.get("claimed", round(sum(scores.values()) / len(scores), 6))
    files = {f"train_seed{seed}.log": _log(seed, scores[seed], changes) for seed in LOSSES}
    files["submission.json"] = json.dumps({"val_bpb": claimed}) + "\n"
    files["README.md"] = "# A toy entry\n"
    dropped = changes.get("without", ())
    return {
        name: text for name, text in files.items() if not isinstance(dropped, tuple) or name not in dropped
    }


def _log(seed: int, score: float, changes: Mapping[str, object]) -> str:
    model = int(str(changes.get("model", _MODEL_BYTES)))
    code = len(SCRIPT.encode())
    printed = changes.get("seed", seed)
    begun = int(str(changes.get("losses_of", seed)))
    lines = [
        f"seed:{printed}",
        "world_size:8 grad_accum_steps:1",
        "tokenizer_path: ./data/tokenizers/fineweb_8192_bpe.model",
        f"val_tokens: {changes.get('tokens', 40_540_160)}",
        f"step:0/20000 val_loss:{9.0 + begun * 0.01:.4f} val_bpb:3.4860 train_time:0ms",
        f"step:1/20000 train_loss:{9.0 + begun * 0.02:.4f} train_time:100ms",
        f"step:2/20000 train_loss:{8.5 + begun * 0.03:.4f} train_time:200ms",
        f"stopping_early: wallclock_cap train_time:{changes.get('train_ms', 588_000)}ms step:5000/20000",
        f"Code size: {code} bytes",
        f"Serialized model int6+brotli: {model} bytes",
        f"Total submission size int6+brotli: {model + code} bytes",
        f"final val_loss:{LOSSES[seed]:.8f} val_bpb:{score:.8f} "
        f"eval_time:{changes.get('eval_ms', 300_000)}ms",
    ]
    return "\n".join(lines) + "\n"
