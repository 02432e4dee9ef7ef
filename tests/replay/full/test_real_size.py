"""The recorder at a run's own size: its slice, its findings, and one small run of each order."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from auditor.reading.reading import read_submission
from auditor.replay.full.findings import Weight
from auditor.replay.full.real_size import (
    RealSize,
    anchor_of,
    at_real_size,
    longest_window,
    real_bench,
    real_size_findings,
)
from auditor.replay.inside.positions import without
from auditor.replay.probes.flip_comparison import Flip, Moved
from auditor.replay.replay import ReplayOptions
from auditor.replay.toy.sizes import short_training
from auditor.submission.load import load_submissions
from tests.replay.full.test_preflight import shard

MOVED = Moved(position=40, call=1, before=2.0, after=2.001)
FLIP = Flip(
    place="all the rest",
    position=90,
    call=3,
    old=-1,
    new=-1,
    earlier=80,
    moved=(),
    beyond=0,
    own=(1.0, 2.0),
    distribution=math.nan,
    aligned=True,
    exchanged=30,
)
SHOWN = RealSize(tokens=128, anchor=5, scored=127, mean=3.0, claimed="x", repeated=0.0, flips=(FLIP,))


def kinds(found: RealSize) -> dict[str, Weight]:
    return {one.kind: one.weight for one in real_size_findings(found)}


def test_a_leak_is_a_violation_where_it_shows_twice_and_beyond_the_noise() -> None:
    leak = replace(FLIP, moved=(MOVED,))
    assert kinds(SHOWN) == {"real-size-shown": Weight.NOTE}
    assert kinds(replace(SHOWN, flips=(leak,))) == {"real-size-order": Weight.REVIEW}
    assert kinds(replace(SHOWN, flips=(leak, leak))) == {"real-size-order": Weight.VIOLATION}
    # 0.001 nats are within what is left to equal runs that differ by 0.0003.
    noisy = replace(SHOWN, flips=(leak, leak), repeated=3e-4)
    assert noisy.tolerance == pytest.approx(1.2e-3) and kinds(noisy) == {"real-size-shown": Weight.NOTE}
    assert kinds(replace(noisy, repeated=math.inf)) == {"real-size-not-shown": Weight.REVIEW}


def test_what_was_not_shown_is_for_a_person() -> None:
    assert kinds(replace(SHOWN, flips=())) == {"real-size-not-shown": Weight.REVIEW}
    assert kinds(replace(SHOWN, why_not="it did not run")) == {"real-size-not-shown": Weight.REVIEW}
    part = replace(SHOWN, scored=100, misprint="it prints a loss of 1.0")
    assert kinds(part)["real-size-coverage"] is Weight.REVIEW
    assert kinds(part)["real-size-misprint"] is Weight.REVIEW


def test_training_tokens_that_the_slice_holds_are_left_out() -> None:
    split = np.arange(100, 140)
    training = np.concatenate([np.arange(300, 310), split[10:20], np.arange(400, 410)])
    assert without(training, split, 5).tolist() == [*range(300, 310), *range(400, 410)]
    # What is left may come together to be a stretch of the split again.
    nested = np.concatenate([split[:3], split[20:26], split[3:6], [999]])
    assert without(nested, split, 5).tolist() == [999]


def test_positions_are_told_by_as_many_tokens_as_it_takes() -> None:
    assert anchor_of(np.arange(100)) == 5
    head = np.arange(1, 8)
    twice = np.concatenate([[*head, 100 + n] for n in range(40)])
    assert anchor_of(twice) == 8
    with pytest.raises(ValueError, match="repeats itself"):
        anchor_of(np.zeros(300, dtype=np.int64))


def test_training_alone_is_cut_short() -> None:
    names = {
        "ITERATIONS": "20000",
        "TRAIN_BATCH_TOKENS": "524288",
        "TRAIN_SEQ_LEN": "2048",
        "MODEL_DIM": "512",
    }
    short = short_training(names, {"MODEL_DIM": "640", "EVAL_STRIDE": "64"})
    assert short == {
        "MODEL_DIM": "640",
        "EVAL_STRIDE": "64",
        "ITERATIONS": "4",
        "TRAIN_BATCH_TOKENS": str(8 * 2048),
    }
    assert short_training({"TRAIN_BATCH_TOKENS": "1024"}, {}) == {}
    assert longest_window({"TRAIN_SEQ_LEN": "512", "EVAL_SEQ_LEN": "2048", "SEED": "9999"}) == 2048
    assert longest_window({}) == 1024


SCRIPT = """
import glob, os
import numpy as np, sentencepiece as spm, torch, torch.nn.functional as F

DIM, WINDOW = int(os.environ.get("MODEL_DIM", 48)), int(os.environ.get("TRAIN_SEQ_LEN", 64))
where = os.environ["DATA_PATH"]
read = lambda name: np.fromfile(sorted(glob.glob(f"{where}/*_{name}_*.bin"))[0], dtype="<u2", offset=1024)
tokens = torch.from_numpy(read("val").astype(np.int64))
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Embedding(512, DIM), torch.nn.Linear(DIM, 512))
pieces = spm.SentencePieceProcessor(model_file=os.environ["TOKENIZER_PATH"])
size = torch.tensor([len(pieces.id_to_piece(n).replace("\\u2581", "")) for n in range(512)])
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
total, count = 0.0, 0
ORDER
print("width", DIM, "window", WINDOW)
print(f"final val_loss:{total / count:.6f} val_bpb:{total / count:.6f}")
"""
SCORE = """
    with torch.no_grad():
        nll = F.cross_entropy(model(x), y, reduction="sum")
    total, count = total + nll.item(), count + len(y)
"""
LEARN = """
    F.cross_entropy(model(x), y).backward()
    optimizer.step()
    optimizer.zero_grad()
"""
LOOP = """
for start in range(0, len(tokens) - 1, WINDOW):
    x, y = tokens[start : start + WINDOW], tokens[start + 1 : start + WINDOW + 1]
    x = x[: len(y)]
"""
ORDERS = {
    "scored and then learnt": (LOOP + SCORE + LEARN, {"real-size-shown": Weight.NOTE}),
    "learnt and then scored": (LOOP + LEARN + LOOP + SCORE, {"real-size-order": Weight.VIOLATION}),
}


@pytest.mark.sandbox
@pytest.mark.parametrize("name", ORDERS)
def test_the_order_shows_at_its_own_size(name: str, tmp_path: Path) -> None:
    chance = np.random.default_rng(5)
    shard(tmp_path / "fineweb_train_000000.bin", chance.integers(8, 512, 4000).tolist())
    shard(tmp_path / "fineweb_val_000000.bin", chance.integers(8, 512, 3000).tolist())
    assert len(real_bench(tmp_path, 512, 700).world.validation) == 700
    order, expected = ORDERS[name]
    script = tmp_path / "entry" / "train_gpt.py"
    script.parent.mkdir()
    script.write_text(SCRIPT.replace("ORDER", order), encoding="utf-8")
    submission = load_submissions(str(script)).submissions[0]
    reading = read_submission(submission, overrides={"VOCAB_SIZE": "512"})
    found = at_real_size(submission, reading, tmp_path, 512, ReplayOptions(seconds=200), 700)
    weights = kinds(found)
    weights.pop("real-size-misprint", None)  # bits per byte are not what this is about
    assert weights == expected, found
    assert found.scored == 699 and found.repeated == 0.0
