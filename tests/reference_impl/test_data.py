"""Shards, documents and the dealing of batches."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reference_impl.data import (
    BatchLoader,
    ShardError,
    TokenStream,
    find_documents,
    load_validation_tokens,
    read_shard,
    shard_paths,
    write_shard,
)
from reference_impl.dist import Ranks


def test_shard_has_the_challenge_layout(tmp_path: Path) -> None:
    path = tmp_path / "x_val_000000.bin"
    write_shard(path, np.array([1, 500, 65535]))
    raw = path.read_bytes()
    assert struct.unpack("<256i", raw[:1024]) == (20240520, 1, 3) + (0,) * 253
    assert struct.unpack("<3H", raw[1024:]) == (1, 500, 65535)
    assert read_shard(path).tolist() == [1, 500, 65535]


@pytest.mark.parametrize("damage", ["magic", "version", "short", "long"])
def test_damaged_shards_are_refused(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "x.bin"
    write_shard(path, np.arange(9))
    raw = bytearray(path.read_bytes())
    if damage == "magic":
        raw[0] ^= 1
    elif damage == "version":
        raw[4] = 2
    path.write_bytes({"short": raw[:-2], "long": raw + b"\0\0"}.get(damage, raw))
    with pytest.raises(ShardError, match=r"x\.bin"):
        read_shard(path)


def test_tokens_beyond_16_bits_and_missing_shards_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ShardError, match="65536"):
        write_shard(tmp_path / "x.bin", np.array([65536]))
    with pytest.raises(ShardError, match="_val_"):
        load_validation_tokens(str(tmp_path))


@settings(deadline=None)
@given(st.lists(st.sampled_from([1, 5, 6]), min_size=2, max_size=40))
def test_documents_share_out_all_targets(tokens: list[int]) -> None:
    documents = find_documents(torch.tensor(tokens))
    covered = [p for d in documents for p in range(d.start, d.start + d.targets)]
    assert covered == list(range(len(tokens) - 1))
    assert all(tokens[d.start] == 1 or d.start == 0 for d in documents)
    assert all(1 not in tokens[d.start + 1 : d.start + d.targets] for d in documents)


def write_two_shards(folder: Path) -> list[Path]:
    write_shard(folder / "c_train_000000.bin", np.arange(100, 117))
    write_shard(folder / "c_train_000001.bin", np.arange(200, 205))
    return shard_paths(str(folder), "train")


def test_stream_crosses_shards_and_starts_over(tmp_path: Path) -> None:
    stream = TokenStream(write_two_shards(tmp_path))
    expected = [*range(100, 117), *range(200, 205)] * 3
    taken = [token for count in (5, 13, 1, 20, 10) for token in stream.take(count).tolist()]
    assert taken == expected[:49]
    assert stream.tokens_read == 49


@settings(deadline=None)
@given(skipped=st.integers(0, 100), taken=st.integers(1, 30))
def test_skipping_is_taking_without_looking(
    tmp_path_factory: pytest.TempPathFactory, skipped: int, taken: int
) -> None:
    paths = write_two_shards(tmp_path_factory.mktemp("shards"))
    one, other = TokenStream(paths), TokenStream(paths)
    one.skip(skipped)
    other.take(skipped) if skipped else None
    assert one.take(taken).tolist() == other.take(taken).tolist()
    assert one.tokens_read == other.tokens_read


@pytest.mark.parametrize("world", [2, 4])
def test_ranks_split_the_batch_that_one_rank_sees(tmp_path: Path, world: int) -> None:
    paths = write_two_shards(tmp_path)
    alone = BatchLoader(paths, 24, 4, 3, Ranks()).next_batch()
    dealt = [BatchLoader(paths, 24, 4, 3, Ranks(rank=r, world=world)).next_batch() for r in range(world)]
    for share, (x, y) in enumerate(alone):
        other_x, other_y = dealt[share % world][share // world]
        assert torch.equal(x, other_x) and torch.equal(y, other_y)
        assert torch.equal(x.flatten()[1:], y.flatten()[:-1])


def test_ranks_that_do_not_divide_the_shares_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ShardError, match="3 ranks"):
        BatchLoader(write_two_shards(tmp_path), 24, 4, 3, Ranks(rank=0, world=3))
