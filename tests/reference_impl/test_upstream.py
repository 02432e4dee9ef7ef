"""Equality with the challenge's own scripts, read from the mirror AUDITOR_CORPUS and run in a child process.

The child is `tests.benchmarks.bench_reference` or a few lines that use its loader; nothing of those scripts
is kept.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MIRROR = os.environ.get("AUDITOR_CORPUS", "")

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not MIRROR, reason="set AUDITOR_CORPUS to a git mirror of openai/parameter-golf"),
]


def run_child(*arguments: str) -> str:
    """Run Python in a scratch process on one thread and return what it printed."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


PRELUDE = f"""
import json, sys, tempfile, torch
from dataclasses import replace
from pathlib import Path
torch.set_num_threads(1)
from tests.benchmarks import bench_reference as bench
other = bench.load_script({MIRROR!r}, bench.BASELINE_SCRIPT, "foreign")
"""


@pytest.mark.slow
def test_lora_ttt_and_sliding_window_equal_the_scripts_evaluators() -> None:
    cases = ["--case", "lora_toy", "--case", "sliding_toy", "--repeat", "1"]
    out = run_child("-m", "tests.benchmarks.bench_reference", "--mirror", MIRROR, *cases)
    records = [json.loads(line) for line in out.splitlines()]
    assert [record["case"] for record in records] == ["lora_toy", "sliding_toy"]
    assert all(record["difference_bpb"] <= 1e-6 for record in records)


def test_loss_and_gradients_equal_the_baseline_model() -> None:
    out = run_child(
        "-c",
        PRELUDE
        + """
case = bench.make_case(replace(bench.TOY, steps=5), bench.Ranks(), Path(tempfile.mkdtemp()))
model, val = case.model, case.validation(bench.Ranks())
theirs = bench.foreign_model(other, model, bench.TOY)
x, y = val.tokens_N[:512].view(2, 256), val.tokens_N[1:513].view(2, 256)
a, b = model(x, y).mean(), theirs(x, y)
a.backward(), b.backward()
grads = dict(theirs.named_parameters())
worst = 0.0
for name, param in model.named_parameters():
    grad = grads[name].grad
    worst = max(worst, float((param.grad - grad).abs().max() / grad.abs().max()))
print(json.dumps([float(a.detach() - b.detach()), worst]))
""",
    )
    loss, gradient = json.loads(out)
    assert abs(loss) <= 1e-5 and gradient <= 1e-4  # the loss is near 18, so this is a few last digits


def test_int8_quantiser_equals_the_baseline_s_bit_for_bit() -> None:
    out = run_child(
        "-c",
        PRELUDE
        + """
from reference_impl.config import ModelConfig
from reference_impl.model import GPT
from reference_impl.quantize import SCHEMES, dequantize_state, quantize_state
torch.manual_seed(4)
model = GPT(ModelConfig())
with torch.no_grad():
    for param in model.parameters():
        param.normal_(std=param.size(-1) ** -0.5)
state = model.state_dict()
theirs = other.dequantize_state_dict_int8(other.quantize_state_dict_int8(state)[0])
ours = dequantize_state(quantize_state(state, SCHEMES["int8"]))
equal = all(torch.equal(theirs[name].float(), ours[name]) for name in ours)
print(json.dumps([sorted(theirs) == sorted(ours), equal]))
""",
    )
    assert json.loads(out) == [True, True]


def test_byte_table_equals_the_baseline_s(tmp_path: Path) -> None:
    out = run_child(
        "-c",
        PRELUDE
        + f"""
import sentencepiece
from pathlib import Path
from reference_impl.bpb import build_byte_table
from reference_impl.corpus_text import read_documents, train_tokenizer
path = Path({str(tmp_path)!r}) / "t.model"
path.write_bytes(train_tokenizer(read_documents()[:150], 600))
tokenizer = sentencepiece.SentencePieceProcessor(model_file=str(path))
own, opens, boundary = other.build_sentencepiece_luts(tokenizer, 600, torch.device("cpu"))
table = build_byte_table(tokenizer)
pairs = (own, table.own_bytes_V), (opens, table.opens_with_space_V), (boundary, table.swallows_space_V)
print(json.dumps([bool((a.long() == b.long()).all()) for a, b in pairs]))
""",
    )
    assert json.loads(out) == [True, True, True]


def test_batches_follow_the_baseline_for_any_rank_count(tmp_path: Path) -> None:
    out = run_child(
        "-c",
        PRELUDE
        + f"""
import numpy as np
from pathlib import Path
from reference_impl.data import BatchLoader, shard_paths, write_shard
folder = Path({str(tmp_path)!r})
for i in range(2):
    write_shard(folder / f"x_train_00000{{i}}.bin", np.random.default_rng(i).integers(0, 1000, 700))
same = []
for world in (1, 2, 4, 8):
    for rank in range(world):
        theirs = other.DistributedTokenLoader(str(folder / "x_train_*.bin"), rank, world, torch.device("cpu"))
        ours = BatchLoader(shard_paths(str(folder), "train"), 256, 8, 16, bench.Ranks(rank=rank, world=world))
        for _ in range(4):
            for x, y in ours.next_batch():
                a, b = theirs.next_batch(256, 16, 8 // world)
                same.append(torch.equal(a, x) and torch.equal(b, y))
print(json.dumps([len(same), all(same)]))
""",
    )
    assert json.loads(out) == [4 * 8 * 4, True]
