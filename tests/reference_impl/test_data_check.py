"""A folder of shards is checked against what a run needs and against what the challenge publishes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from reference_impl.__main__ import main
from reference_impl.data import SHARD_MAGIC, read_shard, write_shard
from reference_impl.data_check import TextError, build_from_texts, inspect


@pytest.fixture
def folder(toy_data: Path, tmp_path: Path) -> Path:
    """A copy of the embedded set that a test may break."""
    copy = tmp_path / "data"
    copy.mkdir()
    for path in toy_data.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    return copy


def test_a_small_set_is_usable_and_not_the_challenge_s(folder: Path) -> None:
    report = inspect(folder)
    assert report.usable and not report.is_challenge
    tokens = read_shard(folder / "corpus_val_000000.bin")
    documents = int((tokens == 1).sum())
    assert f"validation split: {documents:,} documents, {tokens.size - 1:,} targets" in report.facts
    assert "1 training shards and not 80" in report.differences
    assert "cached_challenge_fineweb.py --variant sp1024" in report.text()
    digest = hashlib.sha256((folder / "corpus_val_000000.bin").read_bytes()).hexdigest()
    assert f"{digest}  corpus_val_000000.bin\n" in report.hash_list()


def test_what_breaks_a_run_is_named(folder: Path) -> None:
    val = folder / "corpus_val_000000.bin"
    whole = val.read_bytes()
    val.write_bytes(whole[:-2])
    assert any("the header promises" in error for error in inspect(folder).errors)
    val.write_bytes((SHARD_MAGIC + 1).to_bytes(4, "little") + whole[4:])
    assert any("not a version 1 token shard" in error for error in inspect(folder).errors)
    write_shard(val, np.array([1, 5, 600]))
    assert inspect(folder).errors == ["token 600 is none of the 512 pieces of corpus_512_bpe.model"]
    write_shard(val, np.array([5, 5, 5]))
    assert inspect(folder).errors == ["the validation split begins with token 5 and not with BOS = 1"]
    val.unlink()
    assert "no file is named *_val_*.bin" in inspect(folder).errors
    assert inspect(folder / "nowhere").errors == [f"{folder / 'nowhere'} is no folder"]


def test_a_gap_between_shards_is_a_broken_download(folder: Path) -> None:
    shard = folder / "corpus_train_000000.bin"
    (folder / "corpus_train_000002.bin").write_bytes(shard.read_bytes())
    assert inspect(folder).errors == ["train shards are not numbered 000000 to 000001: no 000001"]


def test_hashes_are_compared_with_a_list(folder: Path, tmp_path: Path) -> None:
    listed = tmp_path / "hashes.txt"
    assert main(["data", str(folder), "--write-hashes", str(listed)]) == 0
    assert main(["data", str(folder), "--hashes", str(listed)]) == 0
    shard = folder / "corpus_train_000000.bin"
    raw = bytearray(shard.read_bytes())
    raw[-1] ^= 1
    shard.write_bytes(raw)
    (error,) = inspect(folder, listed).errors
    assert error.startswith("corpus_train_000000.bin has SHA-256 ")
    assert main(["data", str(folder), "--hashes", str(listed)]) == 1
    (folder / "corpus_512_bpe.model").unlink()
    assert "corpus_512_bpe.model of hashes.txt is missing" in inspect(folder, listed).errors


def test_the_challenge_s_layout_is_known_by_its_manifest_and_tokenizers(folder: Path, tmp_path: Path) -> None:
    challenge = tmp_path / "c" / "datasets" / "fineweb10B_sp1024"
    challenge.mkdir(parents=True)
    (tmp_path / "c" / "tokenizers").mkdir()
    for path in folder.glob("*.bin"):
        (challenge / path.name.replace("corpus", "fineweb")).write_bytes(path.read_bytes())
    (tmp_path / "c" / "tokenizers" / "fineweb_1024_bpe.model").write_bytes(
        (folder / "corpus_512_bpe.model").read_bytes()
    )
    manifest = {"datasets": [{"name": "fineweb10B_sp1024", "stats": {"files_val": 1, "files_train": 80}}]}
    (tmp_path / "c" / "manifest.json").write_text(json.dumps(manifest))
    assert inspect(challenge).errors == []
    manifest["datasets"][0]["stats"]["files_val"] = 2  # type: ignore[index]
    (tmp_path / "c" / "manifest.json").write_text(json.dumps(manifest))
    assert inspect(challenge).errors == ["manifest.json promises 2 validation shards"]


def test_a_set_is_made_from_any_texts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [
        "the",
        "quick",
        "brown",
        "fox",
        "jumps",
        "over",
        "a",
        "lazy",
        "dog",
        "and",
        "0123456789",
        "other",
        "letters,",
        "such",
        "as",
        "é",
    ]
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(words, 40)) for _ in range(48)]
    (tmp_path / "a.txt").write_text("\n\n".join(texts[:40]))
    (tmp_path / "b.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts[40:]))
    built = tmp_path / "built"
    command = ["data", str(built), "--build", str(tmp_path / "a.txt"), str(tmp_path / "b.jsonl")]
    assert main([*command, "--vocab-size", "300"]) == 0
    assert "validation split: 4 documents" in capsys.readouterr().out
    assert int((read_shard(built / "corpus_train_000000.bin") == 1).sum()) == 44
    with pytest.raises(TextError, match="no tokenizer of 60000 pieces"):
        build_from_texts([tmp_path / "a.txt"], built, 60_000)
    (tmp_path / "few.txt").write_text("one\n\ntwo")
    assert main(["data", str(built), "--build", str(tmp_path / "few.txt")]) == 2
    assert "2 documents; 24 are needed" in capsys.readouterr().err


def test_commands_that_need_shards_say_so_before_anything_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "entry"
    for words in (["submission", str(out)], ["train"]):
        assert main([*words, "--data", str(tmp_path / "nowhere")]) == 2
        assert "no *_val_*.bin in" in capsys.readouterr().err
    assert not out.exists()
