"""Scripts for MLX: gradients are values there, and a model is given arrays by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.audit.targets import audit_target
from auditor.judgement.result import Verdict
from rules.core.rule import Outcome

SCRIPT = """\
import glob
import math

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim
import numpy as np
import sentencepiece as spm
from mlx.utils import tree_flatten, tree_map, tree_unflatten

WIDTH, VOCAB, ROW = 64, 1024, 1024


class Attend(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.out = nn.Linear(WIDTH, WIDTH, bias=False)
        self.turn = nn.RoPE(16)

    def __call__(self, x):
        rows, length, _ = x.shape
        q, k, v = mx.split(self.qkv(x), 3, axis=-1)
        q, k, v = (part.reshape(rows, length, 4, 16).transpose(0, 2, 1, 3) for part in (q, k, v))
        y = mx.fast.scaled_dot_product_attention(self.turn(q), self.turn(k), v, scale=0.25, mask={mask})
        return self.out(y.transpose(0, 2, 1, 3).reshape(rows, length, WIDTH))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(VOCAB, WIDTH)
        self.attend = Attend()
        self.gain = mx.array(np.stack((np.ones((WIDTH,)), np.zeros((WIDTH,)))))
        self.head = nn.Linear(WIDTH, VOCAB)

    def __call__(self, ids):
        x = self.embed(ids) * self.gain[0]
        x = x * mx.rsqrt(mx.mean(x * x, axis=-1, keepdims=True) + 1e-6)
        x = x + self.attend(x)
        return 30.0 * mx.tanh(self.head(x) / 30.0)

    def loss(self, ids, targets):
        logits = self(ids).reshape(-1, VOCAB)
        return nn.losses.cross_entropy(logits.astype(mx.float32), targets.reshape(-1), reduction="mean")


def widths(pieces):
    sizes = np.zeros((VOCAB,), dtype=np.int16)
    space = np.zeros((VOCAB,), dtype=np.bool_)
    edge = np.ones((VOCAB,), dtype=np.bool_)
    for token in range(int(pieces.vocab_size())):
        if pieces.is_control(token) or pieces.is_unknown(token) or pieces.is_unused(token):
            continue
        edge[token] = False
        if pieces.is_byte(token):
            sizes[token] = 1
            continue
        text = pieces.id_to_piece(token)
        if text.startswith("\\u2581"):
            space[token] = True
            text = text[1:]
        sizes[token] = len(text.encode("utf-8"))
    return sizes, space, edge


def read(pattern):
    parts = []
    for file in sorted(glob.glob(pattern)):
        header = np.fromfile(file, dtype="<i4", count=256)
        parts.append(np.fromfile(file, dtype="<u2", count=int(header[2]), offset=1024))
    return np.concatenate(parts).astype(np.int32)


def main():
    mx.random.seed(7)
    sizes, space, edge = widths(spm.SentencePieceProcessor(model_file="data/tokenizers/fineweb_1024_bpe.model"))
    train = read("data/fineweb_train_*.bin")
    val = read("data/fineweb_val_*.bin")
    net = Net()
    learner = optim.AdamW(learning_rate=1e-3)
    scored = mx.compile(lambda x, y: net.loss(x, y), inputs=net.state, outputs=net.state)
    derived = nn.value_and_grad(net, lambda x, y: net.loss(x, y))

    def pair(start, stop, source=val):
        piece = source[start : stop + 1]
        return mx.array(piece[:-1].reshape(-1, ROW)), mx.array(piece[1:].reshape(-1, ROW))

    def fit(x, y):
        value, slopes = derived(x, y)
        learner.update(net, slopes)
        mx.eval(net.parameters(), learner.state, value)

    for step in range(1000):
        fit(*pair(step * ROW, (step + 1) * ROW, train))
    np.savez("model.npz", **dict(tree_flatten(net.parameters())))
    net.load_weights("model.npz")
    {before}
    total = mx.array(0.0, dtype=mx.float32)
    count = 0.0
    width = 0.0
    rows = (val.size - 1) // ROW
    for first in range(0, rows, 8):
        last = min(first + 8, rows)
        x, y = pair(first * ROW, last * ROW)
        {first}
        total = total + scored(x, y).astype(mx.float32) * float(y.size)
        {then}
        seen, ahead = np.array(x).reshape(-1), np.array(y).reshape(-1)
        lengths = sizes[ahead].astype(np.int16, copy=True)
        lengths += (space[ahead] & ~edge[seen]).astype(np.int16, copy=False)
        count += float(y.size)
        width += float(lengths.astype(np.float64).sum())
    mx.eval(total)
    loss = float((total / count).item())
    print(f"final val_loss:{{loss:.6f}} val_bpb:{{loss / math.log(2.0) * (count / width):.6f}}")


if __name__ == "__main__":
    main()
"""


def audited(
    path: Path, before: str = "pass", first: str = "pass", then: str = "pass", mask: str = '"causal"'
):  # type: ignore[no-untyped-def]
    script = path / "train_gpt.py"
    first, then = (part.replace("\n", "\n" + 8 * " ") for part in (first, then))
    before = before.replace("\n", "\n    ")
    script.write_text(SCRIPT.format(before=before, first=first, then=then, mask=mask))
    (result,) = audit_target(str(script))[0]
    return result


BY_HAND = "value, slopes = derived(x, y)\n{}"
TREE = "net.update(tree_map(lambda p, g: p - 0.01 * g, net.parameters(), slopes))"

LEGAL = {
    "the baseline": {},
    "an update after each score": {"then": "fit(x, y)"},
    "weights by hand after each score": {"then": BY_HAND.format(TREE)},
    "an update through `mx.grad` after each score": {
        "then": "net.update(mx.grad(lambda w, x, y: net.loss(x, y))(net.parameters(), x, y))"
    },
}


@pytest.mark.parametrize("case", LEGAL.values(), ids=LEGAL.keys())
def test_a_legal_evaluation_is_compliant(case: dict[str, str], tmp_path: Path) -> None:
    result = audited(tmp_path, **case)
    open_ = {
        r.rule: r.because
        for r in result.rules
        if r.outcome in (Outcome.FAIL, Outcome.REVIEW, Outcome.UNKNOWN)
    }
    assert result.verdict is Verdict.COMPLIANT, open_


EACH = "for at in range(0, 8):\n    fit(*pair(at * ROW, (at + 1) * ROW))"
ILLEGAL = {
    "an update before its score": {"first": "fit(x, y)"},
    "by name": {"first": "value, slopes = derived(x, y)\nlearner.update(model=net, gradients=slopes)"},
    "weights by hand": {"first": BY_HAND.format(TREE)},
    "through a dictionary": {
        "first": BY_HAND.format(
            "flat = dict(tree_flatten(slopes))\nold = dict(tree_flatten(net.parameters()))\n"
            "net.update(tree_unflatten([(k, old[k] - 0.01 * flat[k]) for k in old]))"
        )
    },
    "an optimiser that hands the arrays back": {
        "first": BY_HAND.format("net.update(learner.apply_gradients(slopes, net.parameters()))")
    },
    "one layer's weight": {
        "first": BY_HAND.format("net.head.weight = net.head.weight - 0.01 * slopes['head']['weight']")
    },
    "one layer's weight, by name": {
        "first": BY_HAND.format(
            "setattr(net.head, 'weight', net.head.weight - 0.01 * slopes['head']['weight'])"
        )
    },
    "one layer's weight, in place": {
        "first": BY_HAND.format("net.head.weight -= 0.01 * slopes['head']['weight']")
    },
    "a module is a dictionary": {
        "first": BY_HAND.format("net['head']['weight'] = net.head.weight - 0.01 * slopes['head']['weight']")
    },
    "the update of a part": {
        "first": BY_HAND.format(
            "net.head.update(tree_map(lambda p, g: p - 0.01 * g, net.head.parameters(), slopes['head']))"
        )
    },
    "the weights of a part": {
        "first": BY_HAND.format(
            "net.head.load_weights([('weight', net.head.weight - 0.01 * slopes['head']['weight'])])"
        )
    },
    "`apply`": {"first": "net.apply(lambda p: p + 1e-6 * mx.mean(y))"},
    "`mx.value_and_grad`": {
        "first": "value, slopes = mx.value_and_grad(lambda w: net.loss(x, y))(net.parameters())\n" + TREE
    },
    "training on the split before the evaluation": {"before": EACH},
    "compiled": {
        "before": "step = mx.compile(fit)\nfor at in range(8):\n    step(*pair(at * ROW, (at + 1) * ROW))"
    },
    "from one model into the other": {
        "before": EACH + "\nother = net.parameters()\nnet = Net()\nnet.update(other)",
    },
    "attention without a mask": {"mask": "None"},
}


@pytest.mark.parametrize("case", ILLEGAL.values(), ids=ILLEGAL.keys())
def test_an_illegal_evaluation_is_found(case: dict[str, str], tmp_path: Path) -> None:
    result = audited(tmp_path, **case)
    assert result.verdict is Verdict.VIOLATION, {
        r.rule: r.because for r in result.rules if r.outcome is not Outcome.PASS
    }


DOUBTFUL = {
    "a function without a table": {"first": "mx.linalg.swap_into(net, x, y)"},
    "what it gives": {"first": "net.update(mx.vmap(lambda w: w)(net.parameters(), y))"},
    "a mask by another name": {"mask": '"prefix"'},
}


@pytest.mark.parametrize("case", DOUBTFUL.values(), ids=DOUBTFUL.keys())
def test_what_no_table_tells_is_not_compliant(case: dict[str, str], tmp_path: Path) -> None:
    assert audited(tmp_path, **case).verdict is not Verdict.COMPLIANT
