"""The toy world: its files are those of the challenge, and its tokens tell their positions."""

from __future__ import annotations

import ast
import random
from pathlib import Path

import numpy as np
import pytest

from auditor.replay.inside.positions import Locator
from auditor.replay.inside.written import WrittenSizes
from auditor.replay.probes.normalisation import small_bench
from auditor.replay.toy.sizes import ToySizes, toy_environment, toy_value, world_size, written_threshold
from auditor.replay.toy.target import claimed_settings
from auditor.replay.toy.world import (
    BOS,
    FIRST_ORDINARY,
    World,
    WorldSize,
    byte_counts,
    make_world,
    pieces,
    write_world,
)
from auditor.static.domain.settings import Setting


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(WorldSize(), 3)


def test_equal_seeds_give_equal_worlds_and_others_do_not(world: World) -> None:
    again, other = make_world(WorldSize(), 3), make_world(WorldSize(), 4)
    assert np.array_equal(world.validation, again.validation)
    assert not np.array_equal(world.validation, other.validation)


def test_worlds_of_the_smallest_vocabulary_can_be_made_of_any_seed() -> None:
    for seed in range(30):
        world = small_bench(seed).world
        assert (Locator(world.validation).locate(world.training[0][None]) < 0).all()


def test_shards_have_the_format_of_the_challenge(world: World, tmp_path: Path) -> None:
    write_world(world, tmp_path, names=("fineweb10B_sp64",), sidecar=True)
    folder = tmp_path / "datasets" / "fineweb10B_sp64"
    raw = (folder / "fineweb_val_000000.bin").read_bytes()
    header = np.frombuffer(raw[:1024], dtype="<i4")
    assert header[:3].tolist() == [20240520, 1, len(world.validation)]
    assert np.array_equal(np.frombuffer(raw[1024:], dtype="<u2"), world.validation)
    sidecar = np.frombuffer((folder / "fineweb_val_bytes_000000.bin").read_bytes()[1024:], dtype="<u2")
    assert np.array_equal(sidecar, byte_counts(world.validation, 64))
    assert len(list(folder.glob("fineweb_train_*.bin"))) == 2


def test_bytes_are_those_of_the_decoded_text() -> None:
    """Against the text itself: a leading space counts unless a control piece stands before."""
    known = pieces(64)
    tokens = np.array([BOS, 9, 12, 10, 2, 9, 5])
    text = [known[int(t)][1].encode() for t in tokens]
    expected = []
    for i, token in enumerate(tokens.tolist()):
        kind, _, space = known[token]
        after_control = i == 0 or known[int(tokens[i - 1])][0] == "control"
        length = 0 if kind == "control" else 1 if kind == "byte" else len(text[i])
        expected.append(length + (1 if space and not after_control else 0))
    assert byte_counts(tokens, 64).tolist() == expected


def test_rows_of_the_stream_are_located_and_training_rows_are_not(world: World) -> None:
    locator = Locator(world.validation)
    starts = np.arange(0, 1050, 37)
    rows = np.stack([world.validation[s : s + 32] for s in starts])
    found = locator.locate(rows)
    assert np.array_equal(found, starts[:, None] + np.arange(32))
    training = np.stack([world.training[0][s : s + 32] for s in range(0, 5000, 100)])
    assert (Locator(world.validation).locate(training) < 0).all()


def test_row_inside_a_repeated_passage_goes_on_where_the_last_one_ended(world: World) -> None:
    locator = Locator(world.validation)
    for start in range(0, 1088, 8):
        found = locator.locate(world.validation[None, start : start + 8])
        assert found[0].tolist() == list(range(start, start + 8))


def test_short_row_is_known_when_it_is_asked_for_again(world: World) -> None:
    locator = Locator(world.validation)
    locator.locate(world.validation[None, 100:132])
    for _ in range(3):
        assert locator.locate(world.validation[None, 132:135])[0].tolist() == [132, 133, 134]
    assert locator.locate(world.validation[None, 135:136])[0].tolist() == [135]


def test_exchanged_token_keeps_documents_and_can_be_located(world: World) -> None:
    position = next(p for p in range(700, 800) if world.validation[p] >= FIRST_ORDINARY)
    flipped = world.flipped(position, world.alternative(position))
    assert (flipped.validation != world.validation).nonzero()[0].tolist() == [position]
    assert flipped.document_starts == world.document_starts
    rows = flipped.validation[None, position - 20 : position + 12]
    found = Locator(flipped.validation).locate(rows)
    assert found[0].tolist() == list(range(position - 20, position + 12))
    with pytest.raises(ValueError, match="control token"):
        world.alternative(world.document_starts[2])


@pytest.mark.parametrize(
    ("name", "claimed", "toy"),
    [
        ("VOCAB_SIZE", "1024", "64"),
        ("TRAIN_SEQ_LEN", "2048", "32"),
        ("EVAL_STRIDE", "64", "8"),
        ("EVAL_STRIDE", "0", None),
        ("TTT_EPOCHS", "50", "3"),
        ("TTT_EPOCHS", "1", None),
        ("TTT_CHUNK_TOKENS", "32768", "160"),
        ("TRAIN_SEQ_SCHEDULE", "1024@0.1,2048@1.0", ""),
        ("SEQ_LEN_SCHEDULE", "1", "0"),
        ("NGRAM_BUCKETS", "4194304", "256"),
        ("TTT_ENABLED", "1", None),
        ("MUON_WD", "0.04", None),
        ("MAX_WALLCLOCK_SECONDS", "600", None),
    ],
)
def test_sizes_shrink_and_switches_stay(name: str, claimed: str, toy: str | None) -> None:
    assert toy_value(name, claimed, ToySizes()) == toy


def test_environment_keeps_what_the_claimed_run_had() -> None:
    made = toy_environment(
        {"TTT_EPOCHS": "1", "EVAL_STRIDE": "64"}, {"TTT_EPOCHS": "10", "SLOT_ENABLED": "1"}, ToySizes()
    )
    assert made == {"TTT_EPOCHS": "3", "SLOT_ENABLED": "1", "EVAL_STRIDE": "8"}


def test_paths_of_the_claimed_runs_machine_are_left_out() -> None:
    settings = {
        "TRAIN_FILES": Setting("/dev/shm/sp8192/fineweb_train_*.bin", "log"),
        "DATA_PATH": Setting("data", "readme"),
        "QK_GAIN_INIT": Setting("5.25", "log"),
        "SAVE_TO": Setting("./runs/a.pt", "log"),
        "TRAIN_GLOB": Setting("/data/fineweb_val_*.bin", "log"),
    }
    shards = {"TRAIN_FILES": "{datasets}/fineweb_train_*.bin", "TRAIN_GLOB": "{datasets}/fineweb_val_*.bin"}
    assert claimed_settings(settings) == {"QK_GAIN_INIT": "5.25", **shards}


def test_thresholds_in_tokens_shrink_and_other_numbers_do_not() -> None:
    assert written_threshold("total_tokens", 10_000) == 50
    assert written_threshold("total_tokens", 10) is None
    assert written_threshold("vocab_size", 10_000) is None
    assert written_threshold("numel()", 65_536) == 600
    assert written_threshold("numel()", 64) is None


def test_sizes_written_into_a_text_shrink_where_they_mean_sizes() -> None:
    text = """
def evaluate(stride=64, scale=64):
    logits = model(x).reshape(-1, 8192).float()
    due = step % args.val_loss_every == 0
    kept = [p for p in parameters if p.numel() >= 10000]
    return table.view(8192) if 8192 > len(kept) else run(seq_len=2048, seed=2048)
"""
    sizes = ToySizes()
    shrunk = ast.unparse(WrittenSizes(sizes, 8192).visit(ast.parse(text)))
    expected = text
    for old, new in (
        ("stride=64", f"stride={sizes.stride}"),
        ("-1, 8192", f"-1, {sizes.vocabulary}"),
        ("view(8192)", f"view({sizes.vocabulary})"),
        (">= 10000", ">= 600"),
        ("% args.val_loss_every", "% (args.val_loss_every or 1000000000)"),
        ("seq_len=2048", f"seq_len={sizes.length}"),
    ):
        expected = expected.replace(old, new)
    assert shrunk == ast.unparse(ast.parse(expected))
    assert "8192" in ast.unparse(WrittenSizes(sizes).visit(ast.parse(text)))


def test_drawn_sizes_differ_between_seeds_and_fit_each_other() -> None:
    drawn = [ToySizes.drawn(random.Random(seed)) for seed in range(30)]
    assert len(set(drawn)) > 5
    for sizes in drawn:
        assert sizes.width % sizes.heads == 0 and sizes.heads % sizes.kv_heads == 0
        assert sizes.chunk % sizes.length == 0
        assert world_size(sizes, random.Random(1)).validation > 6 * sizes.chunk


def test_every_document_is_told_apart_by_its_first_tokens() -> None:
    for seed in range(40):
        stream = make_world(WorldSize(vocabulary=520, validation=1200), seed).validation
        for start in np.nonzero(stream == BOS)[0].tolist():
            opening = stream[start : start + 5]
            found = [i for i in range(len(stream) - 4) if np.array_equal(stream[i : i + 5], opening)]
            assert len(opening) < 5 or found == [start]


def test_a_row_too_short_for_an_anchor_opens_a_document_or_goes_on() -> None:
    stream = np.array([BOS, 20, 21, 22, 23, 24, 25, BOS, 30, 31, BOS, 32, 33, 30, 31, 40, 41, 42, 43, 44])
    locator = Locator(stream)
    padded = np.array([[BOS, 30, 31, 0, 0, 0, 0, 0]])
    assert locator.locate(padded)[0].tolist() == [7, 8, 9, -1, -1, -1, -1, -1]
    # These two stand in two places, and in no place where a document opens or a row ended.
    assert (Locator(stream).locate(np.array([[-100, 30, 31, -100]])) < 0).all()
    locator = Locator(stream)
    locator.locate(stream[None, 7:12])
    locator.locate(stream[None, 10:13])
    assert locator.locate(np.array([[30, 31, 0]]))[0].tolist() == [13, 14, -1]
    assert (locator.locate(np.array([[33, 0, 30]])) < 0).all()
    assert (locator.locate(np.array([[BOS, 31, 0]])) < 0).all()
