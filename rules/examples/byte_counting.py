"""Small evaluations for the examples of `byte-accounting` and `validation-coverage`: one fault each.

Not a rule itself.
"""

from __future__ import annotations

_HEAD = """\
import glob
import math

import numpy as np
import sentencepiece as spm
import torch
import torch.nn.functional as F

SEQ = 1024
shards = [np.fromfile(path, dtype=np.uint16) for path in sorted(glob.glob("data/fineweb_val_*.bin"))]
val_tokens = torch.from_numpy(np.concatenate(shards).astype(np.int64))
model = torch.nn.Sequential(torch.nn.Embedding(1024, 64), torch.nn.Linear(64, 1024))
"""

_TABLE = """\
sp = spm.SentencePieceProcessor(model_file="data/fineweb_1024_bpe.model")
size = np.zeros(sp.vocab_size(), dtype=np.int16)
space = np.zeros(sp.vocab_size(), dtype=bool)
edge = np.ones(sp.vocab_size(), dtype=bool)
for i in range(sp.vocab_size()):
    if sp.is_control(i) or sp.is_unknown(i) or sp.is_unused(i):
        continue
    edge[i] = False
    if sp.is_byte(i):
        size[i] = 1
        continue
    piece = sp.id_to_piece(i)
    if piece.startswith("\\u2581"):
        space[i] = True
        piece = piece[1:]
    size[i] = len(piece.encode("utf-8"))
size, space, edge = torch.from_numpy(size), torch.from_numpy(space), torch.from_numpy(edge)
"""

_SCORE = """\
nats, bytes_ = 0.0, 0.0
with torch.no_grad():
    for start in range(0, val_tokens.numel() - SEQ, SEQ):
        x, y = val_tokens[start : start + SEQ], val_tokens[start + 1 : start + SEQ + 1]
        nats += F.cross_entropy(model(x), y, reduction="sum").item()
"""

_REPORT = """\
print(f"final val_bpb:{nats / math.log(2.0) / bytes_:.8f}")
"""

_SUM = "        bytes_ += (size[y].float() + (space[y] & ~edge[x]).float()).sum().item()\n"

UPSTREAM = _HEAD + _TABLE + _SCORE + _SUM + _REPORT

_ONE_TABLE = """\
sp = spm.SentencePieceProcessor(model_file="data/fineweb_1024_bpe.model")


def text_bytes(i):
    if sp.is_control(i) or sp.is_unknown(i) or sp.is_unused(i):
        return 0
    return 1 if sp.is_byte(i) else len(sp.id_to_piece(i).replace("\\u2581", " ").encode())


size = torch.tensor([text_bytes(i) for i in range(sp.vocab_size())])
"""

IN_TABLE = _HEAD + _ONE_TABLE + _SCORE + "        bytes_ += size[y].sum().item()\n" + _REPORT

DOUBLE_SPACE = (
    _HEAD
    + _TABLE.replace('len(piece.encode("utf-8"))', 'len(piece.encode("utf-8")) + int(space[i])')
    + _SCORE
    + _SUM.rstrip("\n")
    + "  # expect: byte-accounting\n"
    + _REPORT
)

SPOILT_MARK = (
    _HEAD
    + _TABLE.replace('"\\u2581"', '"\\u00e2"')
    + _SCORE
    + _SUM.rstrip("\n")
    + "  # expect: byte-accounting\n"
    + _REPORT
)

SPELLED_BYTES = (
    _HEAD
    + _TABLE.replace("    if sp.is_byte(i):\n        size[i] = 1\n        continue\n", "")
    + _SCORE
    + _SUM.rstrip("\n")
    + "  # expect: byte-accounting\n"
    + _REPORT
)

_LENGTHS = """\
lengths = torch.from_numpy(np.fromfile("data/fineweb_val_bytes_000000.bin", dtype=np.uint16).astype(np.int64))
"""

_STORED = "        bytes_ += lengths[start + 1 : start + SEQ + 1].sum().item()"

SIDECAR = _HEAD + _LENGTHS + _SCORE + _STORED + "\n" + _REPORT

SIDECAR_ALONE = _HEAD + _LENGTHS + _SCORE + _STORED + "  # expect: byte-accounting\n" + _REPORT

_PART = "val_tokens = val_tokens[: LIMIT + 1]\n"

FIRST_TOKENS = (
    _HEAD.replace("SEQ = 1024", "SEQ, LIMIT = 1024, 5_000_000")
    + _PART
    + _TABLE
    + _SCORE.rstrip("\n")
    + "  # expect: validation-coverage\n"
    + _SUM
    + _REPORT
)

BY_SETTING = (
    _HEAD.replace("import math\n", "import math\nimport os\n")
    + """\
limit = int(os.environ.get("VAL_MAX_TOKENS", "500000"))
if limit > 0:
    val_tokens = val_tokens[: limit + 1]
"""
    + _TABLE
    + _SCORE.rstrip("\n")
    + "  # expect: validation-coverage\n"
    + _SUM
    + _REPORT
)

FIRST_DOCUMENTS = (
    _HEAD
    + _TABLE
    + """\
starts = (val_tokens == 1).nonzero(as_tuple=True)[0].numpy()
documents = [(int(starts[i]), int(starts[i + 1])) for i in range(len(starts) - 1)]
nats, bytes_ = 0.0, 0.0
with torch.no_grad():
    for begin, end in documents[:1000]:
        x, y = val_tokens[begin:end], val_tokens[begin + 1 : end + 1]
        nats += F.cross_entropy(model(x), y, reduction="sum").item()  # expect: validation-coverage
"""
    + _SUM
    + _REPORT
)

BY_SETTING_OFF = BY_SETTING.replace("500000", "0").replace("  # expect: validation-coverage", "")
